//! Answers to requests.

use eim_codec::payload::{self, HistoryResponse, SyncResponse, history_entry, response};
use eim_codec::registry::ErrorCode;

use super::Engine;
use super::pull::Walk;
use super::requests::{Answered, Purpose};
use super::staging::Source;
use crate::error::RequestError;
use crate::store::{Arrival, Modifier, UserRecord};
use crate::sync::{Push, conversation_record, message};

impl Engine {
    /// An answer is complete.
    pub(super) fn answered(&mut self, answered: Answered) {
        let Answered {
            purpose,
            outcome,
            ordinals,
        } = answered;
        self.staging.follow.consumed.extend(ordinals);
        match (purpose, outcome) {
            (Purpose::Application(question), Ok(body)) => {
                self.learn(&body);
                self.presence_asked(&question.body, &body);
                // The asker may have gone away.
                let _ = question.answer.send(Ok(body));
            }
            (Purpose::Application(question), Err(error)) => {
                let _ = question.answer.send(Err(refused(&error)));
            }
            (Purpose::Transfer(begin), outcome) => self.transfer_answered(*begin, outcome),
            (Purpose::Heads, Ok(response::Body::Heads(page))) => self.heads_page(&page),
            (Purpose::Recent, Ok(response::Body::Snapshot(page))) => self.recent_page(page),
            (Purpose::HoleDown { last }, Ok(response::Body::History(page))) => {
                match self.history_arrivals(page, Source::Backlog) {
                    Some((lowest, _)) if lowest <= last => self.backlogs.filled_down(lowest),
                    _ => self.backlog_done(),
                }
            }
            (Purpose::Sync { asked }, Ok(response::Body::Sync(page))) => {
                self.sync_page(asked, page);
            }
            (Purpose::Hole { first, last }, Ok(response::Body::History(page))) => {
                self.hole_page(first, last, page);
            }
            (Purpose::Down { last }, Ok(response::Body::History(page))) => {
                self.down_page(last, page);
            }
            (Purpose::Hollow, Ok(response::Body::History(page))) => {
                self.history_arrivals(page, Source::Hollow);
            }
            (Purpose::Mark, Ok(response::Body::Mark(marked))) => self.marked(&marked),
            (Purpose::Mark, Err(error)) => self.marks_refused(&error),
            (Purpose::Presence, Ok(response::Body::Presence(told))) => {
                self.presence_told(&told.presences);
            }
            (Purpose::Calls, Ok(response::Body::Calls(answer))) => self.calls_listed(&answer),
            (Purpose::Signals { call, after }, Ok(response::Body::CallSignals(page))) => {
                self.signals_read(call, after, &page);
            }
            (Purpose::Floor { call }, Ok(response::Body::Calls(answer))) => {
                self.floor_told(call, &answer);
            }
            (Purpose::Ephemeral, Ok(_)) => {}
            (purpose, Err(error)) => self.pull_refused(&purpose, &error),
            (_, Ok(_)) => {
                self.misbehaved(ErrorCode::INVALID_VALUE, "an answer of another operation");
            }
        }
    }

    fn pull_refused(&mut self, purpose: &Purpose, error: &payload::ErrorInfo) {
        let code = ErrorCode(u16::try_from(error.code).unwrap_or(0));
        tracing::debug!(?purpose, %code, "a pull was refused");
        match purpose {
            Purpose::Heads => self.heads_failed(error.retry_after_ms),
            // All that it brings comes with HEADS and HISTORY as well.
            Purpose::Recent => self.go_on_to_heads(),
            Purpose::Sync { .. } => {
                self.timeline.pull_failed();
                if code == ErrorCode::TOO_OLD {
                    self.walk_heads(Walk::Snapshot);
                } else {
                    self.pause_pulling(error.retry_after_ms);
                }
            }
            Purpose::Hole { .. } | Purpose::HoleDown { .. } | Purpose::Down { .. }
                if error.retryable =>
            {
                self.backlogs.disconnected();
                self.pause_pulling(error.retry_after_ms);
            }
            Purpose::Hole { .. } | Purpose::HoleDown { .. } | Purpose::Down { .. } => {
                self.backlog_done();
            }
            Purpose::Signals { call, .. } => self.signals_refused(*call, error),
            Purpose::Calls | Purpose::Floor { .. } => self.calls_refused(error),
            // It stays marked in the store and is asked for at the next start.
            Purpose::Hollow
            | Purpose::Mark
            | Purpose::Presence
            | Purpose::Ephemeral
            | Purpose::Transfer(_)
            | Purpose::Application(_) => {}
        }
    }

    fn sync_page(&mut self, asked: u64, page: SyncResponse) {
        if self.is_taking_snapshot() {
            return self.timeline.pull_failed();
        }
        if page.log_epoch != self.timeline.cursor().log_epoch {
            self.timeline.pull_failed();
            return self.walk_heads(Walk::Snapshot);
        }
        for entry in page.entries {
            let message = match message(entry.entry, entry.user_seq, None) {
                Ok(message) => message,
                Err(error) => {
                    return self.misbehaved(ErrorCode::INVALID_VALUE, &error.to_string());
                }
            };
            let arrival = Arrival {
                message,
                echo: entry.echo,
                presented: true,
            };
            if let Push::Next(next) = self.timeline.push(arrival) {
                self.accept(next);
            }
        }
        if !self.timeline.page(asked, page.user_seq, page.more) {
            tracing::warn!(asked, head = page.user_seq, "SYNC leads nowhere");
        }
        if self.timeline.is_caught_up() {
            self.staging.follow.caught_up = true;
        }
    }

    fn hole_page(&mut self, first: u64, last: u64, page: HistoryResponse) {
        match self.history_arrivals(page, Source::Backlog) {
            Some((_, highest)) if highest >= first => self.backlogs.filled(highest.min(last)),
            _ => self.backlog_done(),
        }
    }

    fn down_page(&mut self, last: u64, page: HistoryResponse) {
        let begin = self.staging.batch.arrivals.len();
        let answered = self.history_arrivals(page, Source::Backlog);
        let end = self.staging.batch.arrivals.len();
        match answered {
            Some((lowest, _)) if lowest <= last && begin < end => {
                self.staging.follow.went_down = Some((lowest, begin..end));
            }
            // Nothing readable down there: what remains are holes.
            _ => self.backlogs.went_down(0, true),
        }
    }

    /// Takes the entries of a page; returns the lowest and highest number it answered.
    pub(super) fn history_arrivals(
        &mut self,
        page: HistoryResponse,
        source: Source,
    ) -> Option<(u64, u64)> {
        let (mut lowest, mut highest) = (u64::MAX, 0);
        let mut arrivals = Vec::with_capacity(page.items.len());
        let mut modifiers = Vec::new();
        for item in page.items {
            match item.item {
                Some(history_entry::Item::Entry(entry)) => match message(Some(entry), 0, None) {
                    Ok(message) => {
                        if let Some(state) = &item.state {
                            modifiers.extend(Modifier::of_state(&message, state));
                        }
                        lowest = lowest.min(message.conv_seq);
                        highest = highest.max(message.conv_seq);
                        let presented = source == Source::Backlog;
                        arrivals.push(Arrival {
                            message,
                            echo: false,
                            presented,
                        });
                    }
                    Err(error) => {
                        self.misbehaved(ErrorCode::INVALID_VALUE, &error.to_string());
                        return None;
                    }
                },
                // impl[EIM-SYN-053] Not readable is not the same as never sent.
                Some(history_entry::Item::Unavailable(range)) => {
                    lowest = lowest.min(range.first);
                    highest = highest.max(range.last);
                }
                None => {}
            }
        }
        self.staging.batch.modifiers.extend(modifiers);
        for arrival in arrivals {
            self.settle_by_entry(&arrival.message);
            self.staging.arrive(arrival, source);
        }
        (lowest <= highest).then_some((lowest, highest))
    }

    /// Keeps what an answer to the application says about users, conversations and entries.
    fn learn(&mut self, body: &response::Body) {
        match body {
            response::Body::Users(users) => {
                let users = users.users.iter().filter_map(|user| {
                    Some(UserRecord {
                        user: user.user_id.as_ref().try_into().ok()?,
                        name: user.name.clone(),
                        display_name: user.display_name.clone(),
                    })
                });
                self.staging.batch.users.extend(users);
            }
            response::Body::Conversation(payload::ConversationResponse {
                conversation: Some(conversation),
                ..
            })
            | response::Body::GroupCreate(payload::GroupCreateResponse {
                conversation: Some(conversation),
            }) => {
                if let Ok(record) = conversation_record(conversation) {
                    self.know(record);
                }
            }
            response::Body::History(page) => {
                self.history_arrivals(page.clone(), Source::Lookup);
            }
            _ => {}
        }
    }
}

/// A refusal, as the application sees it.
pub(super) fn refused(error: &payload::ErrorInfo) -> RequestError {
    RequestError::Refused {
        code: ErrorCode(u16::try_from(error.code).unwrap_or(0)),
        detail: error.detail.clone(),
        retryable: error.retryable,
        retry_after_ms: error.retry_after_ms,
    }
}
