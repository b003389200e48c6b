//! Transfers of blobs: chunks in order, under credit of their own, behind everything else that leaves.
//!
//! A transfer is known by the number that the server has given it; it ends with the connection. What
//! its octets are, where they come from and where they go is for the application.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::SendError;
use super::agreed::Agreed;
use super::line::Line;
use super::live::{Live, decode};
use super::violation::Violation;
use crate::frame::Frame;
use crate::header::{HEADER_OCTETS, Header};
use crate::payload::{BlobCredit, BlobEnd, ErrorInfo};
use crate::registry::{Compression, ErrorCode, FrameType, limits};
use crate::time::Timestamp;

/// Octets before those of the blob: transfer and offset.
// impl[EIM-BLB-015]
pub const CHUNK_HEADER_OCTETS: usize = 12;

/// Octets of one transfer that wait to be sent.
const QUEUED_OCTETS: usize = 128 * 1024;

/// What a connection tells about transfers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BlobEvent {
    /// The next octets of a transfer that this side receives. Say
    /// `blob_consumed` when done with them: their credit returns.
    Octets {
        /// The transfer.
        transfer: u32,
        /// In order, without a hole.
        octets: Bytes,
    },
    /// `blob_push` takes so many octets of a transfer that this side sends. Told once, until some are
    /// pushed.
    Room {
        /// The transfer.
        transfer: u32,
        /// Most octets; not 0.
        octets: usize,
    },
    /// All octets of a transfer have left.
    Sent {
        /// The transfer.
        transfer: u32,
    },
    /// The peer has ended a transfer; without an error, what was uploaded is durable.
    Ended {
        /// The transfer.
        transfer: u32,
        /// Why it ended early.
        error: Option<ErrorInfo>,
    },
}

/// The transfers of a connection; nothing while there are none.
#[derive(Debug, Default)]
pub(crate) struct Blobs(Option<Box<Table>>);

#[derive(Debug, Default)]
struct Table {
    incoming: BTreeMap<u32, Incoming>,
    outgoing: BTreeMap<u32, Outgoing>,
    /// Numbers through this one were used: those not under way have ended.
    highest: u32,
    /// The transfer that had its turn last.
    last: u32,
}

#[derive(Debug)]
struct Incoming {
    next: u64,
    end: u64,
    consumed: u64,
    granted: u64,
    window: u32,
    /// BLOB_CREDIT has not left.
    due: bool,
}

#[derive(Debug)]
struct Outgoing {
    next: u64,
    end: u64,
    granted: u64,
    queue: VecDeque<Bytes>,
    queued: usize,
    /// The application knows that there is room.
    told: bool,
}

impl Outgoing {
    fn room(&self) -> usize {
        let pushed = self.next.saturating_add(octets_of(self.queued));
        let credit = self.granted.min(self.end).saturating_sub(pushed);
        let credit = usize::try_from(credit).unwrap_or(usize::MAX);
        credit.min(QUEUED_OCTETS.saturating_sub(self.queued))
    }

    /// Says that there is room, when it is worth it.
    fn tell(&mut self, transfer: u32) -> Option<BlobEvent> {
        let octets = self.room();
        if self.told || octets == 0 || self.queued > QUEUED_OCTETS / 2 {
            return None;
        }
        self.told = true;
        Some(BlobEvent::Room { transfer, octets })
    }
}

impl Blobs {
    fn table(&mut self) -> &mut Table {
        self.0.get_or_insert_default()
    }

    /// Takes chunks of `transfer` from now on: octets from `offset` up to `end`.
    pub(crate) fn receive(&mut self, transfer: u32, offset: u64, end: u64, window: u32) {
        let table = self.table();
        table.highest = table.highest.max(transfer);
        let incoming = Incoming {
            next: offset,
            end,
            consumed: offset,
            granted: offset.saturating_add(window.into()).min(end),
            window,
            due: true,
        };
        table.incoming.insert(transfer, incoming);
    }

    /// Sends chunks of `transfer` from now on: octets from `offset` up to `end`, as credit comes.
    pub(crate) fn send(&mut self, transfer: u32, offset: u64, end: u64) {
        let table = self.table();
        table.highest = table.highest.max(transfer);
        let outgoing = Outgoing {
            next: offset,
            end,
            granted: offset,
            queue: VecDeque::new(),
            queued: 0,
            told: false,
        };
        table.outgoing.insert(transfer, outgoing);
    }

    /// The application is done with octets that it was given.
    // impl[EIM-BLB-018]
    pub(crate) fn consumed(&mut self, transfer: u32, octets: usize) {
        let incoming = self.0.as_mut().and_then(|t| t.incoming.get_mut(&transfer));
        let Some(incoming) = incoming else { return };
        let consumed = incoming.consumed.saturating_add(octets_of(octets));
        incoming.consumed = consumed.min(incoming.next);
        if incoming.consumed == incoming.end {
            return self.close_incoming(transfer);
        }
        let wanted = incoming.consumed.saturating_add(incoming.window.into());
        let wanted = wanted.min(incoming.end);
        let more = wanted.saturating_sub(incoming.granted);
        if more >= u64::from(incoming.window / 2) || (more > 0 && wanted == incoming.end) {
            incoming.granted = wanted;
            incoming.due = true;
        }
    }

    /// Gives the next octets of a transfer.
    pub(crate) fn push(&mut self, transfer: u32, octets: Bytes) -> Result<(), SendError> {
        let outgoing = self.0.as_mut().and_then(|t| t.outgoing.get_mut(&transfer));
        let outgoing = outgoing.ok_or(SendError::NotOpen)?;
        if octets.len() > outgoing.room() {
            return Err(SendError::QueueFull);
        }
        outgoing.told = false;
        if !octets.is_empty() {
            outgoing.queued = outgoing.queued.saturating_add(octets.len());
            outgoing.queue.push_back(octets);
        }
        Ok(())
    }

    fn close_incoming(&mut self, transfer: u32) {
        if let Some(table) = &mut self.0 {
            table.incoming.remove(&transfer);
        }
    }

    /// Forgets a transfer without a word.
    pub(crate) fn close(&mut self, transfer: u32) {
        if let Some(table) = &mut self.0 {
            table.incoming.remove(&transfer);
            table.outgoing.remove(&transfer);
        }
    }

    /// Ends a transfer, and says so.
    pub(crate) fn end(&mut self, transfer: u32, error: Option<ErrorInfo>, line: &mut Line) {
        self.close(transfer);
        // A BLOB_END is smaller than any frame limit.
        let _ = line.put(FrameType::BLOB_END, &BlobEnd { transfer, error });
    }

    /// Takes a frame of the range `blob` that may come now.
    pub(crate) fn frame(
        &mut self,
        frame: &Frame,
        agreed: &Agreed,
        live: &mut Live,
        now: Timestamp,
    ) -> Result<Option<BlobEvent>, Violation> {
        // impl[EIM-BLB-002]
        if !agreed.blobs() {
            return Err(Violation::new(
                ErrorCode::EXTENSION_NOT_NEGOTIATED,
                "blobs were not negotiated",
            ));
        }
        match frame.frame_type {
            FrameType::BLOB_CHUNK => self.chunk(frame.payload.clone(), live, now),
            FrameType::BLOB_CREDIT => self.credit(&decode(frame)?, live, now),
            _ => self.ended(decode(frame)?, live, now),
        }
    }

    // impl[EIM-BLB-015, EIM-BLB-016, EIM-BLB-017]
    fn chunk(
        &mut self,
        mut payload: Bytes,
        live: &mut Live,
        now: Timestamp,
    ) -> Result<Option<BlobEvent>, Violation> {
        if payload.len() <= CHUNK_HEADER_OCTETS {
            return Err(Violation::malformed(FrameType::BLOB_CHUNK));
        }
        let (transfer, offset) = (payload.get_u32(), payload.get_u64());
        let table = self.table();
        let Some(incoming) = table.incoming.get_mut(&transfer) else {
            return past(transfer, table.highest, live, now);
        };
        if offset != incoming.next {
            return Err(Violation::value("a chunk that is not the next one"));
        }
        let next = offset.saturating_add(octets_of(payload.len()));
        if next > incoming.granted {
            return Err(Violation::new(
                ErrorCode::CREDIT_EXCEEDED,
                "a chunk beyond the credit of its transfer",
            ));
        }
        incoming.next = next;
        Ok(Some(BlobEvent::Octets {
            transfer,
            octets: payload,
        }))
    }

    // impl[EIM-BLB-019]
    fn credit(
        &mut self,
        credit: &BlobCredit,
        live: &mut Live,
        now: Timestamp,
    ) -> Result<Option<BlobEvent>, Violation> {
        let table = self.table();
        let Some(outgoing) = table.outgoing.get_mut(&credit.transfer) else {
            return past(credit.transfer, table.highest, live, now);
        };
        if credit.through < outgoing.granted || credit.through > outgoing.end {
            return Err(Violation::new(
                ErrorCode::CREDIT_REDUCED,
                "credit of a transfer that was lowered or is beyond its end",
            ));
        }
        if credit.through == outgoing.granted {
            live.count(now)?;
        }
        outgoing.granted = credit.through;
        Ok(outgoing.tell(credit.transfer))
    }

    fn ended(
        &mut self,
        end: BlobEnd,
        live: &mut Live,
        now: Timestamp,
    ) -> Result<Option<BlobEvent>, Violation> {
        let BlobEnd { transfer, error } = end;
        let table = self.table();
        let known =
            table.incoming.remove(&transfer).is_some() | table.outgoing.remove(&transfer).is_some();
        if known {
            return Ok(Some(BlobEvent::Ended { transfer, error }));
        }
        past(transfer, table.highest, live, now)
    }

    /// Puts BLOB_CREDIT where it is due.
    pub(crate) fn put_credit(&mut self, line: &mut Line) {
        let Some(table) = &mut self.0 else { return };
        for (transfer, incoming) in &mut table.incoming {
            if core::mem::take(&mut incoming.due) {
                let credit = BlobCredit {
                    transfer: *transfer,
                    through: incoming.granted,
                };
                // A BLOB_CREDIT is smaller than any frame limit.
                let _ = line.put(FrameType::BLOB_CREDIT, &credit);
            }
        }
    }

    /// The next chunk, for when nothing else leaves; transfers take turns. With it, what the
    /// application is told.
    // impl[EIM-BLB-020, EIM-BLB-021]
    pub(crate) fn next_chunk(&mut self, agreed: &Agreed) -> Option<(Bytes, Option<BlobEvent>)> {
        let table = self.0.as_mut()?;
        let after = table.last.saturating_add(1);
        let waits = |(_, outgoing): &(&u32, &Outgoing)| outgoing.queued > 0;
        let transfer = *table
            .outgoing
            .range(after..)
            .chain(table.outgoing.range(..after))
            .find(waits)?
            .0;
        table.last = transfer;
        let outgoing = table.outgoing.get_mut(&transfer)?;
        let most = agreed.peer_max.min(limits::FRAME_OCTETS.default);
        let most = usize_of(most).saturating_sub(CHUNK_HEADER_OCTETS);
        let most = most.min(usize_of(limits::BLOB_CHUNK_OCTETS.default));
        let front = outgoing.queue.front_mut()?;
        let octets = front.split_to(most.min(front.len()));
        if front.is_empty() {
            outgoing.queue.pop_front();
        }
        let frame = encode(transfer, outgoing.next, &octets, agreed);
        outgoing.queued = outgoing.queued.saturating_sub(octets.len());
        outgoing.next = outgoing.next.saturating_add(octets_of(octets.len()));
        let event = if outgoing.next == outgoing.end {
            Some(BlobEvent::Sent { transfer })
        } else {
            outgoing.tell(transfer)
        };
        Some((frame, event))
    }
}

/// A frame of a transfer that is not under way: it may have ended while the frame was on its way.
// impl[EIM-BLB-022]
fn past(
    transfer: u32,
    highest: u32,
    live: &mut Live,
    now: Timestamp,
) -> Result<Option<BlobEvent>, Violation> {
    if transfer == 0 || transfer > highest {
        return Err(Violation::value("a transfer that never was"));
    }
    live.count(now).map(|()| None)
}

fn encode(transfer: u32, offset: u64, octets: &[u8], agreed: &Agreed) -> Bytes {
    let payload = CHUNK_HEADER_OCTETS.saturating_add(octets.len());
    let header = Header {
        version: agreed.version,
        frame_type: FrameType::BLOB_CHUNK,
        sequence: 0,
        compression: Compression::NONE,
        // Smaller than the frame limit of the peer.
        length: u32::try_from(payload).unwrap_or(u32::MAX),
    };
    let mut out = BytesMut::with_capacity(HEADER_OCTETS.saturating_add(payload));
    out.put_slice(&header.to_bytes());
    out.put_u32(transfer);
    out.put_u64(offset);
    out.put_slice(octets);
    out.freeze()
}

fn octets_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
