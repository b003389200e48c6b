//! Transfers of blobs: the engine hands octets and room between the connection and whoever transfers.
//!
//! A transfer ends with its connection; whoever began it sees the channel close, and begins again.

use std::collections::BTreeMap;

use bytes::Bytes;
use eim_codec::connection::BlobEvent;
use eim_codec::payload::{ErrorInfo, request, response};
use eim_codec::registry::{ErrorCode, Operation, limits};
use tokio::sync::mpsc;

use super::requests::Purpose;
use super::{Engine, Phase};
use crate::error::RequestError;

/// Octets of a download that may be under way.
const WINDOW: u32 = 4 * limits::BLOB_WINDOW_OCTETS.default;

/// Names a transfer: its number means nothing on another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransferKey {
    connection: u64,
    transfer: u32,
}

/// What the engine tells of a transfer.
#[derive(Debug)]
pub(crate) enum TransferEvent {
    /// It begins, unless there is nothing to transfer.
    Opened(TransferKey, Box<response::Body>),
    /// It does not begin.
    Refused(RequestError, u64),
    /// So many octets may be pushed, once.
    Room(usize),
    /// The next octets.
    Octets(Bytes),
    /// The server has ended it.
    Ended(Option<ErrorInfo>),
}

/// Where it is told. Bounded by the credit of the transfer.
pub(crate) type Told = mpsc::UnboundedSender<TransferEvent>;

/// What somebody who transfers asks.
#[derive(Debug)]
pub(crate) enum TransferCommand {
    /// Asks BLOB_CREATE or BLOB_READ.
    Begin(Box<Begin>),
    /// The next octets.
    Push(TransferKey, Bytes),
    /// Octets are stored.
    Consumed(TransferKey, usize),
    /// All octets are stored.
    Done(TransferKey),
}

/// A transfer to begin.
#[derive(Debug)]
pub(crate) struct Begin {
    pub operation: Operation,
    pub body: request::Body,
    pub told: Told,
}

/// Transfers of the connection at hand.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// Counts connections.
    connection: u64,
    told: BTreeMap<u32, Told>,
}

impl Engine {
    pub(super) fn transfer(&mut self, command: TransferCommand) {
        match command {
            TransferCommand::Begin(begin) => {
                self.end_given_up();
                let id = self.request_id();
                let (operation, body) = (begin.operation, begin.body.clone());
                self.requests
                    .ask(id, operation, body, Purpose::Transfer(begin));
            }
            TransferCommand::Push(key, octets) if key.connection == self.transfers.connection => {
                if let Phase::Online(online) = &mut self.phase {
                    let connection = online.driver.endpoint_mut();
                    if let Err(error) = connection.blob_push(key.transfer, octets) {
                        tracing::debug!(%error, "octets of a transfer that is over");
                    }
                }
            }
            TransferCommand::Consumed(key, octets)
                if key.connection == self.transfers.connection =>
            {
                if let Phase::Online(online) = &mut self.phase {
                    let connection = online.driver.endpoint_mut();
                    connection.blob_consumed(key.transfer, octets);
                }
            }
            TransferCommand::Done(key) if key.connection == self.transfers.connection => {
                self.transfers.told.remove(&key.transfer);
            }
            TransferCommand::Push(..)
            | TransferCommand::Consumed(..)
            | TransferCommand::Done(_) => {}
        }
    }

    /// The answer to BLOB_CREATE or BLOB_READ. The connection is told at once: chunks and credit
    /// follow the response.
    pub(super) fn transfer_answered(
        &mut self,
        begin: Begin,
        outcome: Result<response::Body, ErrorInfo>,
    ) {
        let Begin { body, told, .. } = begin;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                let wait = error.retry_after_ms;
                let refused = super::answers::refused(&error);
                // Whoever asked may have gone away.
                let _ = told.send(TransferEvent::Refused(refused, wait));
                return;
            }
        };
        let Phase::Online(online) = &mut self.phase else {
            return;
        };
        let connection = online.driver.endpoint_mut();
        let number = match (&body, &answer) {
            (request::Body::BlobCreate(asked), response::Body::BlobCreate(answer)) => {
                if !answer.complete {
                    connection.blob_send(answer.transfer, answer.offset, asked.size);
                }
                answer.transfer
            }
            (request::Body::BlobRead(_), response::Body::BlobRead(answer)) => {
                let end = answer.offset.saturating_add(answer.length);
                if answer.transfer != 0 {
                    connection.blob_receive(answer.transfer, answer.offset, end, WINDOW);
                }
                answer.transfer
            }
            _ => {
                return self.misbehaved(ErrorCode::INVALID_VALUE, "an answer of another operation");
            }
        };
        let key = TransferKey {
            connection: self.transfers.connection,
            transfer: number,
        };
        if number != 0 {
            self.transfers.told.insert(number, told.clone());
        }
        self.tell_transfer(&told, key, TransferEvent::Opened(key, Box::new(answer)));
    }

    pub(super) fn transferred(&mut self, event: BlobEvent) {
        let (number, event) = match event {
            BlobEvent::Octets { transfer, octets } => (transfer, TransferEvent::Octets(octets)),
            BlobEvent::Room { transfer, octets } => (transfer, TransferEvent::Room(octets)),
            BlobEvent::Ended { transfer, error } => (transfer, TransferEvent::Ended(error)),
            // The server says when they are durable.
            _ => return,
        };
        let told = match &event {
            TransferEvent::Ended(_) => self.transfers.told.remove(&number),
            _ => self.transfers.told.get(&number).cloned(),
        };
        let key = TransferKey {
            connection: self.transfers.connection,
            transfer: number,
        };
        if let Some(told) = told {
            self.tell_transfer(&told, key, event);
        }
    }

    /// Whoever has gone away wants no more of it.
    fn tell_transfer(&mut self, told: &Told, key: TransferKey, event: TransferEvent) {
        if told.send(event).is_ok() || self.transfers.told.remove(&key.transfer).is_none() {
            return;
        }
        self.cancel_transfer(key.transfer);
    }

    /// Ends the transfers of those who have gone away while nothing was to be told: each takes one of
    /// the few that the server has for a connection.
    fn end_given_up(&mut self) {
        let told = self.transfers.told.iter();
        let given_up = told.filter(|(_, told)| told.is_closed());
        let given_up: Vec<u32> = given_up.map(|(transfer, _)| *transfer).collect();
        for transfer in given_up {
            self.transfers.told.remove(&transfer);
            self.cancel_transfer(transfer);
        }
    }

    fn cancel_transfer(&mut self, transfer: u32) {
        if let Phase::Online(online) = &mut self.phase {
            let error = ErrorInfo {
                code: u32::from(ErrorCode::CANCELLED.0),
                ..ErrorInfo::default()
            };
            let connection = online.driver.endpoint_mut();
            connection.blob_end(transfer, Some(error));
        }
    }

    /// The connection is gone, and its transfers with it.
    pub(super) fn transfers_lost(&mut self) {
        self.transfers.connection += 1;
        self.transfers.told.clear();
    }
}
