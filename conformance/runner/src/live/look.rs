//! Waiting for what has to come, and when it is too late.
//!
//! Clocks go on while a machine has no time for the testee, or its disk does not answer. So a limit is not over
//! when the clock says so, but when the testee and the disk have answered promptly for a while after it, and what was
//! awaited still has not come. What comes too early is measured from causes: a moment at which the testee cannot
//! have begun to count yet, however late the suite noticed something.

use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::clock;
use super::context::{Context, ending, inboxes};
use super::outcome::Stop;
use super::state::State;

/// When something has to arrive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Not before this.
    pub earliest: Option<Instant>,
    /// Not after this.
    pub deadline: Instant,
}

/// What a look at the inboxes gave.
#[derive(Debug)]
pub enum Look<T> {
    /// What was looked for.
    Found(T),
    /// Not yet.
    Wait,
    /// Something else.
    Wrong(String),
}

/// Asks the testee for something that it can do at once, and waits until it has.
pub type Probe = for<'a> fn(&'a mut Context) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// How long a limit has been over, and since when everything is prompt again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overtime {
    began: Option<Instant>,
    prompt: Option<Instant>,
}

/// Timers are coarse; a frame this much early is on time.
const SLACK: Duration = Duration::from_millis(20);

impl Context {
    /// The limits of a step.
    ///
    /// `not_before_ms` counts from `mark`, or from the last frame that the step before has sent on this connection;
    /// if it sent none, from the least time of the step before, or else from its beginning: the testee cannot have
    /// counted from earlier. `within_ms` counts from the end of the step before.
    ///
    /// # Errors
    /// There is no such connection.
    pub fn limits(
        &mut self,
        conn: &str,
        within_ms: Option<u64>,
        not_before_ms: Option<u64>,
    ) -> Result<Limits, Stop> {
        let connection = self.connection(conn)?;
        let round_trip = connection.facts.round_trip;
        let patience = self.environment.patience.limit(round_trip);
        let sent = connection.state().last_sent;
        let sent = sent.filter(|sent| *sent >= self.step_began);
        let least = self.least_before.as_ref();
        let least = least.filter(|(name, _)| name == conn).map(|(_, at)| *at);
        let since = sent.or(least).unwrap_or(self.step_began);
        let earliest = not_before_ms.map(|ms| {
            let since = self.mark.take().unwrap_or(since);
            since + Duration::from_millis(ms)
        });
        if let Some(earliest) = earliest {
            self.least = Some((conn.to_owned(), earliest));
        }
        let deadline = match within_ms {
            Some(ms) => self.before + Duration::from_millis(ms) + SLACK,
            None => earliest.unwrap_or_else(clock::now).max(clock::now()) + patience,
        };
        Ok(Limits {
            earliest: earliest.map(|at| at.checked_sub(SLACK).unwrap_or(at)),
            deadline,
        })
    }

    /// Looks at a connection until something is found; everything that ends the connection or
    /// breaks a rule of all frames is a failure.
    ///
    /// # Errors
    /// The failure, told with what was expected.
    pub async fn look<T: Send>(
        &mut self,
        conn: &str,
        expected: &str,
        limits: Limits,
        mut pick: impl FnMut(&mut State) -> Look<(T, Instant)> + Send,
    ) -> Result<T, Stop> {
        let found = self
            .wait_for(conn, limits.deadline, |state| {
                if let Some(violation) = &state.violation {
                    let text = format!("{}: {}", violation.requirement, violation.text);
                    return Some(Err(text));
                }
                match pick(state) {
                    Look::Found(found) => Some(Ok(found)),
                    Look::Wrong(actual) => Some(Err(actual)),
                    Look::Wait => ending(state).map(Err),
                }
            })
            .await?;
        match found {
            Some(Ok((found, at))) => match limits.earliest {
                Some(earliest) if at < earliest => {
                    let early = clock::ms(earliest.saturating_duration_since(at));
                    Err(Stop::failed(
                        expected,
                        format!("it came {early} ms too early"),
                    ))
                }
                _ => Ok(found),
            },
            Some(Err(actual)) => Err(Stop::failed(expected, actual)),
            None => {
                let waiting = inboxes(&self.connection(conn)?.state());
                let ms = clock::ms(limits.deadline.saturating_duration_since(self.before));
                let over = clock::ms(clock::now().saturating_duration_since(limits.deadline));
                Err(Stop::timed_out(
                    expected,
                    format!(
                        "nothing of that within {ms} ms and {over} ms more; in the inboxes: {waiting}"
                    ),
                ))
            }
        }
    }

    /// Waits until `pick` gives something; `None` when it is too late.
    ///
    /// # Errors
    /// There is no such connection.
    pub async fn wait_for<T: Send>(
        &mut self,
        conn: &str,
        deadline: Instant,
        mut pick: impl FnMut(&mut State) -> Option<T> + Send,
    ) -> Result<Option<T>, Stop> {
        let mut over = Overtime::default();
        let mut until = Some(deadline);
        while let Some(deadline) = until {
            let found = self.connection(conn)?.wait(deadline, &mut pick).await;
            if found.is_some() {
                return Ok(found);
            }
            until = self.overtime(&mut over).await;
        }
        Ok(None)
    }

    /// A limit has passed and nothing has come: until when to go on waiting. `None` when testee and disk have
    /// answered promptly for a tenth of the patience, or nothing has been prompt for eight times the patience.
    pub async fn overtime(&mut self, over: &mut Overtime) -> Option<Instant> {
        let floor = self.environment.patience.floor;
        let asked = clock::now();
        let began = *over.began.get_or_insert(asked);
        let since = |at: Instant| asked.saturating_duration_since(at);
        let prompt = over.prompt.is_some_and(|at| since(at) >= floor / 10);
        if prompt || since(began) >= floor * 8 {
            return None;
        }
        let probe = self.environment.probe;
        let _ = tokio::time::timeout(floor * 8, async {
            let disk = tokio::task::spawn_blocking(sync);
            probe(self).await;
            let _ = disk.await;
        })
        .await;
        let now = clock::now();
        let took = now.saturating_duration_since(asked);
        if took <= floor / 20 {
            over.prompt.get_or_insert(asked);
            return Some(now + floor / 20);
        }
        over.prompt = None;
        let ms = clock::ms(took);
        self.log.note(
            "suite",
            format!("over the limit, but the machine is slow: an answer takes {ms} ms"),
        );
        Some(now + took)
    }
}

/// Writes to the disk on which launched testees keep their data, and waits until it is there. Without such a
/// disk there is nothing to wait for.
fn sync() {
    if let Ok(mut file) = tempfile::tempfile() {
        let _ = file.write_all(&[0x5a; 512]);
        let _ = file.sync_all();
    }
}
