//! What the application asks, and what it sends.

use super::Engine;
use super::command::{Command, Outgoing};
use super::requests::Purpose;

/// Commands or messages taken before the store is looked at again.
const AT_ONCE: usize = 512;

impl Engine {
    pub(super) fn commanded(&mut self, first: Command) {
        self.command(first);
        for _ in 1..AT_ONCE {
            if self.closing.is_some() {
                return;
            }
            let Ok(command) = self.commands.try_recv() else {
                return;
            };
            self.command(command);
        }
    }

    pub(super) fn sent(&mut self, first: Outgoing) {
        self.enqueue(first);
        for _ in 1..AT_ONCE {
            if !self.accepts_messages() {
                return;
            }
            let Ok(outgoing) = self.messages.try_recv() else {
                return;
            };
            self.enqueue(*outgoing);
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Request(question) => {
                let id = self.request_id();
                let (operation, body) = (question.operation, question.body.clone());
                self.requests
                    .ask(id, operation, body, Purpose::Application(*question));
            }
            Command::Transfer(command) => self.transfer(command),
            Command::Mark(marking) => self.mark(marking),
            Command::Typing(conversation, typing) => self.tell_typing(conversation, typing),
            Command::Network(available) => self.network(available),
            Command::Background(next_contact) => self.background(next_contact),
            Command::Close(told) => self.close(Some(told)),
        }
    }

    /// Messages wait while the outbox is full. Commands do not: one of them may be what brings the
    /// network back, or the end.
    pub(super) fn accepts_messages(&self) -> bool {
        let outbox = self.outbox.len() + self.staging.batch.outbox.len();
        self.closing.is_none() && outbox < self.options.outbox_limit
    }
}
