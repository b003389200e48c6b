//! Requests: what is asked, what is under way, and answers whose large entries follow apart.

use std::collections::{BTreeMap, VecDeque};

use eim_codec::connection::SendError;
use eim_codec::connection::client::ClientConnection;
use eim_codec::id::{CallId, ConversationId, RequestId};
use eim_codec::payload::{self, history_entry, request, response};
use eim_codec::registry::Operation;
use eim_codec::time::Timestamp;

use super::blobs::Begin;
use super::command::Question;
use super::postponed::Postponed;
use crate::environment::Environment;

/// Why something is asked.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The application wants to know.
    Application(Question),
    /// A page of conversations.
    Heads,
    /// A page of the timeline after this number.
    Sync { asked: u64 },
    /// A page of a hole in a conversation.
    Hole { first: u64, last: u64 },
    /// What is recent, for the first screen.
    Recent,
    /// A page of the only hole in a conversation, newest first.
    HoleDown { last: u64 },
    /// A page downwards, towards what is known.
    Down { last: u64 },
    /// The body of an own message.
    Hollow,
    /// Marks of this user.
    Mark,
    /// Presence of the users that the application watches.
    Presence,
    /// Calls of this user.
    Calls,
    /// Signals of a call after a number.
    Signals { call: CallId, after: u64 },
    /// From where on the signals of a call can be read.
    Floor { call: CallId },
    /// Somebody transfers a blob.
    Transfer(Box<Begin>),
    /// Nobody waits for the answer.
    Ephemeral,
}

/// An answer that is complete.
#[derive(Debug)]
pub(super) struct Answered {
    pub purpose: Purpose,
    pub outcome: Result<response::Body, payload::ErrorInfo>,
    /// Ordinals of the ENTRY frames that carried its large entries.
    pub ordinals: Vec<u64>,
}

/// All requests of the engine.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<(RequestId, Purpose, payload::Request)>,
    under_way: BTreeMap<RequestId, (Purpose, payload::Request)>,
    assembling: BTreeMap<RequestId, Assembly>,
    postponed: Postponed,
}

/// An answer whose large entries follow.
#[derive(Debug)]
struct Assembly {
    purpose: Purpose,
    request: payload::Request,
    body: response::Body,
    missing: usize,
    ordinals: Vec<u64>,
}

impl Requests {
    /// Asks, as soon as the connection takes it.
    pub(super) fn ask(
        &mut self,
        id: RequestId,
        operation: Operation,
        body: request::Body,
        purpose: Purpose,
    ) {
        let request = payload::Request {
            request_id: id.to_bytes(),
            operation: operation.0,
            max_octets: 0,
            body: Some(body),
        };
        self.waiting.push_back((id, purpose, request));
    }

    /// Hands waiting requests to the connection while it takes them.
    pub(super) fn transmit(&mut self, connection: &mut ClientConnection, now: Timestamp) {
        self.waiting.extend(self.postponed.due(now));
        while let Some((id, purpose, request)) = self.waiting.pop_front() {
            match connection.request(&request) {
                Ok(()) => {
                    self.under_way.insert(id, (purpose, request));
                }
                Err(SendError::TooLarge { .. }) => {
                    if let Purpose::Application(question) = purpose {
                        let error = crate::error::RequestError::Refused {
                            code: eim_codec::registry::ErrorCode::INVALID_REQUEST,
                            detail: "the request is too large".to_owned(),
                            retryable: false,
                            retry_after_ms: 0,
                        };
                        // The asker may have gone away.
                        let _ = question.answer.send(Err(error));
                    }
                }
                Err(_) => {
                    self.waiting.push_front((id, purpose, request));
                    return;
                }
            }
        }
    }

    /// When something that was refused for a time is asked again.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.postponed.next()
    }

    /// The connection is gone: what the application asked is asked again, under the same id,
    /// which makes repeating it safe; the rest begins anew by itself.
    // impl[EIM-RSM-027, EIM-CON-055]
    pub(super) fn disconnected(&mut self) {
        let under_way = std::mem::take(&mut self.under_way);
        let assembling = std::mem::take(&mut self.assembling)
            .into_iter()
            .map(|(id, assembly)| (id, (assembly.purpose, assembly.request)));
        let mut waiting: VecDeque<_> = under_way
            .into_iter()
            .chain(assembling)
            .map(|(id, (purpose, request))| (id, purpose, request))
            .collect();
        waiting.append(&mut self.waiting);
        waiting.retain(|(_, purpose, _)| matches!(purpose, Purpose::Application(_)));
        self.waiting = waiting;
    }

    /// The server dropped entries that were to follow: those answers are asked for again.
    // impl[EIM-SYN-030]
    pub(super) fn lagged(&mut self) {
        for (id, assembly) in std::mem::take(&mut self.assembling) {
            self.waiting
                .push_back((id, assembly.purpose, assembly.request));
        }
    }

    // impl[EIM-SYN-003, EIM-CON-054]
    /// A RESPONSE came. `None` while large entries are still to follow, when it is asked again later,
    /// or for an id that was not asked.
    pub(super) fn response(
        &mut self,
        response: payload::Response,
        now: Timestamp,
        environment: &Environment,
    ) -> Option<Answered> {
        let id = RequestId::from_slice(&response.request_id).ok()?;
        let (purpose, request) = self.under_way.remove(&id)?;
        let outcome = match (response.error, response.body) {
            (Some(error), _) => Err(error),
            (None, Some(body)) => Ok(body),
            // Neither: nothing to go on with.
            (None, None) => Err(payload::ErrorInfo {
                code: u32::from(eim_codec::registry::ErrorCode::INTERNAL.0),
                detail: "an answer without a body".to_owned(),
                retryable: false,
                retry_after_ms: 0,
            }),
        };
        if let (Purpose::Application(_), Err(error)) = (&purpose, &outcome)
            && let Some(pause) = self.postponed.pause(id, error, environment)
        {
            let until = now.saturating_add(pause);
            self.postponed.keep(id, until, purpose, request);
            return None;
        }
        self.postponed.answered(id);
        let missing = outcome.as_ref().map_or(0, detached);
        match outcome {
            Ok(body) if missing > 0 => {
                let ordinals = Vec::new();
                let assembly = Assembly {
                    purpose,
                    request,
                    body,
                    missing,
                    ordinals,
                };
                self.assembling.insert(id, assembly);
                None
            }
            outcome => Some(Answered {
                purpose,
                outcome,
                ordinals: Vec::new(),
            }),
        }
    }

    /// A large entry came. `Err` gives its ordinal back when nobody waits for it.
    // impl[EIM-SYN-031]
    pub(super) fn entry(
        &mut self,
        ordinal: u64,
        detached: payload::DetachedEntry,
    ) -> Result<Option<Answered>, u64> {
        let id = RequestId::from_slice(&detached.request_id).map_err(|_| ordinal)?;
        let assembly = self.assembling.get_mut(&id).ok_or(ordinal)?;
        let entry = detached.entry.ok_or(ordinal)?;
        if !put(&mut assembly.body, entry, detached.state) {
            return Err(ordinal);
        }
        assembly.ordinals.push(ordinal);
        assembly.missing -= 1;
        if assembly.missing > 0 {
            return Ok(None);
        }
        let Some(Assembly {
            purpose,
            body,
            ordinals,
            ..
        }) = self.assembling.remove(&id)
        else {
            return Ok(None);
        };
        Ok(Some(Answered {
            purpose,
            outcome: Ok(body),
            ordinals,
        }))
    }
}

/// Entries of a page that are still to follow.
fn detached(body: &response::Body) -> usize {
    match body {
        response::Body::Sync(page) => page.entries.iter().filter(|entry| entry.detached).count(),
        response::Body::History(page) => page.items.iter().filter(|item| item.detached).count(),
        _ => 0,
    }
}

/// Puts a large entry into its place.
fn put(
    body: &mut response::Body,
    entry: payload::Entry,
    state: Option<payload::EntryState>,
) -> bool {
    let place = match body {
        response::Body::Sync(page) => page
            .entries
            .iter_mut()
            .filter(|slot| slot.detached)
            .find_map(|slot| {
                same(slot.entry.as_ref()?, &entry).then(|| {
                    slot.detached = false;
                    &mut slot.entry
                })
            }),
        response::Body::History(page) => {
            let slot = page.items.iter_mut().find(|slot| {
                slot.detached
                    && matches!(&slot.item, Some(history_entry::Item::Entry(head)) if same(head, &entry))
            });
            return match slot {
                Some(slot) => {
                    slot.detached = false;
                    slot.state = state;
                    slot.item = Some(history_entry::Item::Entry(entry));
                    true
                }
                None => false,
            };
        }
        _ => None,
    };
    match place {
        Some(place) => {
            *place = Some(entry);
            true
        }
        None => false,
    }
}

fn same(head: &payload::Entry, entry: &payload::Entry) -> bool {
    head.conversation == entry.conversation
        && head.conv_seq == entry.conv_seq
        && head.log_epoch == entry.log_epoch
}

/// HISTORY of a range.
pub(crate) fn history(
    conversation: ConversationId,
    first: u64,
    last: u64,
    newest_first: bool,
) -> request::Body {
    request::Body::History(payload::HistoryRequest {
        conversation: conversation.to_bytes(),
        first,
        last,
        newest_first,
    })
}
