//! Transfers of blobs on one connection: what arrives is written, what is asked for is read, a part
//! at a time and no more than the connection has room for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use eim_codec::connection::BlobEvent;
use eim_codec::payload::response;
use eim_codec::registry::ErrorCode;
use metrics::counter;

use super::open::{Done, Session};
use crate::metrics::names;
use crate::service::blobs::{Hash, Transfer, Writer};
use crate::service::{Answer, Refusal};
use crate::store::BlobView;

/// All transfers of a connection.
#[derive(Default)]
pub(super) struct Transfers {
    /// Number of the last one; 0 before the first.
    last: u32,
    uploads: BTreeMap<u32, Upload>,
    downloads: BTreeMap<u32, Download>,
    /// Octets taken from what all transfers may hold.
    pub(super) held: usize,
}

struct Upload {
    blob: Arc<BlobView>,
    writer: Writer,
    /// Octets that have arrived, those before the transfer included.
    received: u64,
    /// Octets that are written.
    written: u64,
    /// The part that fills.
    buffer: BytesMut,
    /// Parts that wait for the one before.
    full: VecDeque<Bytes>,
    /// `None` while a step is under way.
    hash: Option<Hash>,
    /// Octets whose credit is held back.
    owed: usize,
    holds: usize,
}

struct Download {
    blob: Arc<BlobView>,
    /// The next octet to be read.
    next: u64,
    end: u64,
    holds: usize,
}

/// What a step of a transfer came to.
pub(super) enum Step {
    /// Of an upload: hashed, and written through this octet.
    Written(u32, u64, Result<Hash, Refusal>),
    /// Of an upload: everything is there, or it is not what it should be.
    Finished(u32, Result<(), Refusal>),
    /// Of a download.
    Read(u32, Result<Bytes, Refusal>),
}

impl Upload {
    /// Takes octets into parts.
    fn take(&mut self, mut octets: Bytes) {
        self.received = self.received.saturating_add(octets.len() as u64);
        let part = usize::try_from(self.blob.part_octets).unwrap_or(usize::MAX);
        while !octets.is_empty() {
            let room = part.saturating_sub(self.buffer.len());
            let some = octets.split_to(room.min(octets.len()));
            self.buffer.extend_from_slice(&some);
            if self.buffer.len() >= part {
                self.full.push_back(self.buffer.split().freeze());
            }
        }
        if self.received >= self.blob.size && !self.buffer.is_empty() {
            self.full
                .push_back(std::mem::take(&mut self.buffer).freeze());
        }
    }
}

impl Session {
    /// Refuses to begin a transfer that there is no room for.
    // impl[EIM-BLB-030, EIM-LIM-008]
    pub(super) fn admit_transfer(&mut self, answer: Answer) -> Answer {
        let (Some(transfer), Some(blobs)) = (&answer.transfer, &self.shared.blobs) else {
            return answer;
        };
        let holds = match &**transfer {
            Transfer::Upload { blob, .. } => 3 * usize_of(blob.part_octets),
            Transfer::Download { .. } => usize_of(blobs.options.window_octets),
        };
        let transfers = self.transfers.get_or_insert_default();
        let refusal =
            if transfers.uploads.len() + transfers.downloads.len() >= blobs.options.transfers {
                Refusal::new(ErrorCode::LIMIT_REACHED, "too many transfers at once")
            } else if !blobs.memory.take(holds) {
                Refusal::new(ErrorCode::OVERLOADED, "too many transfers everywhere")
            } else {
                transfers.held += holds;
                return answer;
            };
        let mut answer = answer;
        answer.transfer = None;
        answer.response.body = None;
        answer.response.error = Some(refusal.into());
        answer
    }

    /// The number that the next transfer gets, for its response.
    pub(super) fn number_transfer(&mut self, body: &mut Option<response::Body>) {
        let transfers = self.transfers.get_or_insert_default();
        transfers.last = transfers.last.saturating_add(1);
        match body {
            Some(response::Body::BlobCreate(answer)) => answer.transfer = transfers.last,
            Some(response::Body::BlobRead(answer)) => answer.transfer = transfers.last,
            _ => {}
        }
    }

    /// Begins what a response has announced.
    // impl[EIM-BLB-031]
    pub(super) fn begin_transfer(&mut self, transfer: Transfer) {
        let (Some(transfers), Some(blobs)) = (&mut self.transfers, &self.shared.blobs) else {
            return;
        };
        let number = transfers.last;
        let window = blobs.options.window_octets;
        match transfer {
            Transfer::Upload {
                blob,
                offset,
                writer,
            } => {
                let endpoint = self.driver.endpoint_mut();
                endpoint.blob_receive(number, offset, blob.size, window);
                let upload = Upload {
                    received: offset,
                    written: offset,
                    buffer: BytesMut::new(),
                    full: VecDeque::new(),
                    hash: None,
                    owed: 0,
                    holds: 3 * usize_of(blob.part_octets),
                    blob: Arc::new(blob),
                    writer,
                };
                let blob = Arc::clone(&upload.blob);
                transfers.uploads.insert(number, upload);
                let (blobs, tenant) = (Arc::clone(blobs), self.origin.tenant);
                self.start(async move {
                    let hash = blobs.rehash(tenant, (*blob).clone(), offset).await;
                    Done::Transferred(Box::new(Step::Written(number, offset, hash)))
                });
            }
            Transfer::Download { blob, offset, end } => {
                self.driver.endpoint_mut().blob_send(number, offset, end);
                let download = Download {
                    blob: Arc::new(blob),
                    next: offset,
                    end,
                    holds: usize_of(window),
                };
                transfers.downloads.insert(number, download);
            }
        }
    }

    pub(super) fn blob(&mut self, event: BlobEvent) {
        match event {
            BlobEvent::Octets { transfer, octets } => self.arrived(transfer, octets),
            BlobEvent::Room { transfer, octets } => self.read(transfer, octets),
            BlobEvent::Sent { transfer } => {
                self.driver.endpoint_mut().blob_close(transfer);
                self.forget(transfer);
            }
            BlobEvent::Ended { transfer, .. } => {
                self.forget(transfer);
            }
            _ => {}
        }
    }

    fn arrived(&mut self, transfer: u32, octets: Bytes) {
        let upload = self.transfers.as_mut();
        let Some(upload) = upload.and_then(|all| all.uploads.get_mut(&transfer)) else {
            return;
        };
        let count = octets.len();
        counter!(names::BLOB_OCTETS, "direction" => "up").increment(count as u64);
        upload.take(octets);
        if upload.full.is_empty() || upload.hash.is_some() {
            self.driver.endpoint_mut().blob_consumed(transfer, count);
        } else {
            // The disk is slower than the client.
            upload.owed = upload.owed.saturating_add(count);
        }
        self.write(transfer);
    }

    /// Writes the next full part of an upload, or finishes it.
    fn write(&mut self, transfer: u32) {
        let (Some(transfers), Some(blobs)) = (&mut self.transfers, &self.shared.blobs) else {
            return;
        };
        let Some(upload) = transfers.uploads.get_mut(&transfer) else {
            return;
        };
        let (blobs, tenant) = (Arc::clone(blobs), self.origin.tenant);
        let blob = Arc::clone(&upload.blob);
        if upload.written >= blob.size {
            let Some(hash) = upload.hash.take() else {
                return;
            };
            return self.start(async move {
                let finished = blobs.finish(tenant, &blob, hash).await;
                Done::Transferred(Box::new(Step::Finished(transfer, finished)))
            });
        }
        if upload.full.is_empty() || upload.hash.is_none() {
            return;
        }
        let (Some(hash), Some(part)) = (upload.hash.take(), upload.full.pop_front()) else {
            return;
        };
        let (writer, offset) = (upload.writer.clone(), upload.written);
        self.start(async move {
            let through = offset.saturating_add(part.len() as u64);
            let hash = blobs
                .write(tenant, &blob, &writer, offset, part, hash)
                .await;
            Done::Transferred(Box::new(Step::Written(transfer, through, hash)))
        });
    }

    /// Reads what the connection has room for.
    fn read(&mut self, transfer: u32, most: usize) {
        let (Some(transfers), Some(blobs)) = (&mut self.transfers, &self.shared.blobs) else {
            return;
        };
        let Some(download) = transfers.downloads.get_mut(&transfer) else {
            return;
        };
        let (blobs, tenant) = (Arc::clone(blobs), self.origin.tenant);
        let (blob, next, end) = (Arc::clone(&download.blob), download.next, download.end);
        self.start(async move {
            let octets = blobs.read(tenant, &blob, next, end, most).await;
            Done::Transferred(Box::new(Step::Read(transfer, octets)))
        });
    }

    pub(super) fn transferred(&mut self, step: Step) {
        match step {
            Step::Written(transfer, through, Ok(hash)) => {
                let upload = self.transfers.as_mut();
                let upload = upload.and_then(|all| all.uploads.get_mut(&transfer));
                let Some(upload) = upload else { return };
                (upload.written, upload.hash) = (through, Some(hash));
                let owed = std::mem::take(&mut upload.owed);
                self.driver.endpoint_mut().blob_consumed(transfer, owed);
                self.write(transfer);
            }
            Step::Finished(transfer, Ok(())) => {
                self.driver.endpoint_mut().blob_end(transfer, None);
                self.forget(transfer);
            }
            Step::Read(transfer, Ok(octets)) => {
                let download = self.transfers.as_mut();
                let download = download.and_then(|all| all.downloads.get_mut(&transfer));
                let Some(download) = download else { return };
                let count = octets.len() as u64;
                counter!(names::BLOB_OCTETS, "direction" => "down").increment(count);
                download.next = download.next.saturating_add(count);
                if let Err(error) = self.driver.endpoint_mut().blob_push(transfer, octets) {
                    tracing::warn!(%error, "octets of a blob that nobody takes");
                    self.forget(transfer);
                }
            }
            Step::Written(transfer, _, Err(refusal))
            | Step::Finished(transfer, Err(refusal))
            | Step::Read(transfer, Err(refusal)) => self.give_up(transfer, refusal),
        }
    }

    /// Ends a transfer because of `refusal`.
    fn give_up(&mut self, transfer: u32, refusal: Refusal) {
        if self.forget(transfer) {
            let error = Some(refusal.into());
            self.driver.endpoint_mut().blob_end(transfer, error);
        }
    }

    /// `false` for a transfer that is over.
    fn forget(&mut self, transfer: u32) -> bool {
        let Some(transfers) = &mut self.transfers else {
            return false;
        };
        let upload = transfers.uploads.remove(&transfer);
        let download = transfers.downloads.remove(&transfer);
        let holds = upload.map(|upload| upload.holds);
        let Some(holds) = holds.or_else(|| download.map(|download| download.holds)) else {
            return false;
        };
        transfers.held = transfers.held.saturating_sub(holds);
        if let Some(blobs) = &self.shared.blobs {
            blobs.memory.give(holds);
        }
        true
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
