//! Runs a connection over a link.

use std::boxed::Box;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::time::{Instant, Sleep, sleep_until};
use bytes::Bytes;

use super::{Link, Received};
use crate::connection::Endpoint;
use crate::time::Timestamp;

/// Reads after a failed write; what a peer may send then is bounded by the credit it had.
const RESCUED_READS: usize = 16;

/// Lingers that the octets before the end have to leave, as long as some leave in each: a slow line
/// that is busy with up to 64 KiB when the end comes still brings the ERROR.
const LINGERS: u32 = 15;

/// Runs a connection of either role over a link.
///
/// The driver's time begins at [`Timestamp::ZERO`] when it is made: make the endpoint with that
/// time, right before.
///
/// Everything happens inside [`next`](Self::next), which therefore has to be polled all the time,
/// also while the application waits for something else (`select!`). After `Closed` go on calling it
/// until it returns `None`: it flushes, half-closes and lingers, so that a sent ERROR arrives.
pub struct Driver<E, L> {
    endpoint: E,
    link: L,
    /// Handed out by the endpoint, not written entirely. Empty while nothing is in flight.
    unsent: Bytes,
    unflushed: bool,
    end: End,
    alarm: Option<Alarm>,
    epoch: Instant,
}

/// How far the orderly end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Not closed.
    Open,
    /// Closed; octets still leave, then the direction is shut down. Given up when none has left
    /// until the first time, or not all until the second.
    Flushing(Timestamp, Timestamp),
    /// Everything left; reads and discards until the time.
    Lingering(Timestamp),
    Done,
}

struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: Timestamp,
}

impl<E: Endpoint, L: Link> Driver<E, L> {
    /// Runs `endpoint` over `link`.
    pub fn new(endpoint: E, link: L) -> Self {
        Self {
            endpoint,
            link,
            unsent: Bytes::new(),
            unflushed: false,
            end: End::Open,
            alarm: None,
            epoch: clock(),
        }
    }

    /// The driver's time.
    pub fn now(&self) -> Timestamp {
        Timestamp::ZERO.saturating_add(clock().saturating_duration_since(self.epoch))
    }

    /// The connection.
    pub const fn endpoint(&self) -> &E {
        &self.endpoint
    }

    /// The connection, to call it. What it wants to transmit leaves with the next
    /// [`next`](Self::next).
    pub const fn endpoint_mut(&mut self) -> &mut E {
        &mut self.endpoint
    }

    /// The transport.
    pub const fn link(&self) -> &L {
        &self.link
    }

    /// The connection, for its session. The transport is dropped.
    pub fn into_endpoint(self) -> E {
        self.endpoint
    }

    /// An event that is there already. No IO.
    pub fn try_next(&mut self) -> Option<E::Event> {
        self.endpoint.poll_event()
    }

    /// The next event; `None` after the end, when the transport has been shut down. Reads, writes
    /// and fires timers meanwhile. Cancel-safe: dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<E::Event> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<E::Event>> {
        loop {
            if let Some(event) = self.endpoint.poll_event() {
                return Poll::Ready(Some(event));
            }
            if self.end == End::Done {
                return Poll::Ready(None);
            }
            let now = self.now();
            if self.end == End::Open && self.endpoint.is_closed() {
                let linger = self.endpoint.linger();
                let last = now.saturating_add(linger.saturating_mul(LINGERS));
                self.end = End::Flushing(now.saturating_add(linger), last);
            }
            let reads = self.endpoint.wants_read();
            let progress = match self.end {
                End::Open => self.transmit(cx, now) | self.receive(cx, now) | self.fire(cx, now),
                End::Flushing(..) | End::Lingering(_) | End::Done => self.finish(cx, now),
            };
            if !progress {
                // Transmitting can make room in a queue, or finish the last thing before the end.
                if let Some(event) = self.endpoint.poll_event() {
                    return Poll::Ready(Some(event));
                }
                // An endpoint that reads again has to hear of what arrives.
                if reads || self.end != End::Open || !self.endpoint.wants_read() {
                    return Poll::Pending;
                }
            }
        }
    }

    /// Writes what is due while the link takes it. Returns whether the endpoint changed.
    fn transmit(&mut self, cx: &mut Context<'_>, now: Timestamp) -> bool {
        match self.poll_write(cx, now) {
            Poll::Ready(Err(_)) => {
                self.rescue(cx, now);
                self.endpoint.transport_closed(now);
                true
            }
            Poll::Ready(Ok(())) | Poll::Pending => false,
        }
    }

    /// Writing failed: the peer may have said why before it hung up, and that has arrived already.
    fn rescue(&mut self, cx: &mut Context<'_>, now: Timestamp) {
        for _ in 0..RESCUED_READS {
            let received = self.link.poll_receive(cx);
            match received {
                Poll::Ready(Ok(Received::Octets(octets) | Received::Message(octets))) => {
                    self.endpoint.receive(now, octets);
                }
                _ => return,
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, now: Timestamp) -> Poll<io::Result<()>> {
        loop {
            if self.unsent.is_empty() {
                match self.endpoint.poll_transmit(now) {
                    Some(chunk) => self.unsent = chunk,
                    None => break,
                }
            }
            self.unflushed = true;
            match self.link.poll_send(cx, &mut self.unsent) {
                Poll::Ready(Ok(())) => self.unsent = Bytes::new(),
                other => return other,
            }
        }
        if self.unflushed {
            match self.link.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has arrived. Returns whether the endpoint changed.
    fn receive(&mut self, cx: &mut Context<'_>, now: Timestamp) -> bool {
        if !self.endpoint.wants_read() {
            return false;
        }
        match self.link.poll_receive(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(Received::Octets(octets))) => self.endpoint.receive(now, octets),
            Poll::Ready(Ok(Received::Message(octets))) => {
                self.endpoint.receive(now, octets);
                self.endpoint.receive_boundary(now);
            }
            Poll::Ready(Ok(Received::Text)) => self.endpoint.receive_text(now),
            Poll::Ready(Ok(Received::End) | Err(_)) => self.endpoint.transport_closed(now),
        }
        true
    }

    /// Arms the alarm and fires it. Returns whether the endpoint changed.
    fn fire(&mut self, cx: &mut Context<'_>, now: Timestamp) -> bool {
        let Some(at) = self.endpoint.poll_timeout() else {
            return false;
        };
        if at <= now {
            self.endpoint.handle_timeout(now);
            return true;
        }
        self.poll_alarm(cx, at)
    }

    /// Whether the alarm rang. It is moved only to earlier times: a later deadline is found when it
    /// rings too early, so that traffic does not touch the timer wheel.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, at: Timestamp) -> bool {
        let deadline = self.epoch + at.saturating_since(Timestamp::ZERO);
        let alarm = self.alarm.get_or_insert_with(|| Alarm {
            sleep: Box::pin(sleep_until(deadline)),
            at,
        });
        if at < alarm.at {
            alarm.sleep.as_mut().reset(deadline);
            alarm.at = at;
        }
        if alarm.sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        // It rang for a time that has passed, maybe earlier than `at`: the next poll arms it anew.
        alarm.sleep.as_mut().reset(deadline);
        alarm.at = at;
        true
    }

    // impl[EIM-CON-021, EIM-CON-023, EIM-TRN-003]
    /// Flushes, shuts down, lingers. Returns whether something changed.
    fn finish(&mut self, cx: &mut Context<'_>, now: Timestamp) -> bool {
        match self.end {
            End::Flushing(until, last) if now < until.min(last) => {
                let before = self.unsent.as_ptr();
                let written = match self.poll_write(cx, now) {
                    Poll::Ready(Ok(())) => self.link.poll_shutdown(cx),
                    other => other,
                };
                let again = now.saturating_add(self.endpoint.linger());
                match written {
                    Poll::Ready(Ok(())) => self.end = End::Lingering(again),
                    Poll::Ready(Err(_)) => self.end = End::Done,
                    // A peer that has stopped reading may have filled our direction: go on reading
                    // so that both sides come to an end.
                    Poll::Pending => {
                        let moves = self.unsent.as_ptr() != before;
                        let until = if moves { again } else { until };
                        self.end = End::Flushing(until, last);
                        return self.discard(cx) || self.poll_alarm(cx, until.min(last));
                    }
                }
                true
            }
            End::Lingering(until) if now < until => self.discard(cx) || self.poll_alarm(cx, until),
            _ => {
                if self.poll_write(cx, now).is_ready() {
                    let _ = self.link.poll_shutdown(cx);
                }
                self.end = End::Done;
                true
            }
        }
    }

    /// Reads and forgets. Returns whether something arrived.
    fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        match self.link.poll_receive(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(Received::Octets(_) | Received::Message(_) | Received::Text)) => true,
            Poll::Ready(Ok(Received::End) | Err(_)) => {
                self.end = End::Done;
                true
            }
        }
    }
}

impl<E: fmt::Debug, L> fmt::Debug for Driver<E, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("endpoint", &self.endpoint)
            .field("unsent", &self.unsent.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

// impl[EIM-LIM-004, EIM-LIM-005]
#[expect(
    clippy::disallowed_methods,
    reason = "the one edge where the connection meets a clock"
)]
fn clock() -> Instant {
    Instant::now()
}
