//! A process on a device: the client, and an application that reads what it tells.

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use eim_client::auth::SaltedPasswords;
use eim_client::environment::Environment;
use eim_client::event::{End, Event, Events};
use eim_client::options::Attach;
use eim_client::{Client, ConnectionState, Options, Settled};

use super::DeviceNode;
use crate::observation::{Ending, Observation, Process};
use crate::server::{PASSWORD, user_id, user_name};
use crate::world::{Life, Randomness};

/// Passwords are salted once for all runs.
static SALTED: LazyLock<SaltedPasswords> = LazyLock::new(SaltedPasswords::default);

impl DeviceNode {
    /// Runs the main program as process `number`.
    pub(super) fn launch(&self, number: u32, life: &Life) {
        let (node, process) = (self.clone(), life.clone());
        life.spawn(async move {
            let end = match node.open(number, &process, Attach::Full).await {
                Ok((client, events)) => {
                    node.go_on(number, &process, &client);
                    node.read(number, events, None).await
                }
                Err(error) => End::Store(error),
            };
            node.over(number, &process, end);
        });
    }

    /// Ends a process that is over.
    pub(super) fn over(&self, number: u32, life: &Life, end: End) {
        let mut state = self.lock();
        state.over |= state.main == number && end != End::Requested;
        if let Some(running) = state.running.get_mut(&number) {
            running.ending = Some(match end {
                End::Requested => Ending::Orderly,
                other => Ending::Over(other),
            });
        }
        drop(state);
        life.end();
    }

    /// Begins a client.
    pub(super) async fn open(
        &self,
        number: u32,
        life: &Life,
        attach: Attach,
    ) -> Result<(Client, Events), String> {
        let inner = &self.0;
        let store = inner.disk.store(life);
        let name = user_name(inner.user);
        let server = "tcp://127.0.0.1:1"
            .parse()
            .map_err(|_| "no URL".to_owned())?;
        let mut options = Options::new(server, &name, Some(PASSWORD), store);
        options.connector = Some(inner.network.connector(inner.number, life.clone()));
        options.attach = attach;
        options.adopt_outbox = attach == Attach::Full;
        options.outbox_limit = inner.outbox_limit;
        options.calls = inner.phone;
        options.salted = SALTED.clone();
        let mut first_sync = inner.dice.fork("first sync");
        options.first_sync = *first_sync.pick(&[0, 3, 40, 256]).unwrap_or(&256);
        let dice = inner.dice.fork_nth("randomness", u64::from(number));
        options.environment = Environment {
            clock: Arc::new(inner.clock.clone()),
            random: Arc::new(Randomness::new(dice)),
        };
        let (client, engine) = Client::prepare(options)
            .await
            .map_err(|error| error.to_string())?;
        inner.ids.set(inner.number, client.device());
        let events = client.events().ok_or_else(|| "no events".to_owned())?;
        if let Some(running) = self.lock().running.get_mut(&number) {
            running.client = Some(client.clone());
        }
        inner.recorder.saw(Observation::DeviceStarted {
            process: self.process(number),
            device: client.device(),
            user: user_id(inner.user),
            send_only: attach == Attach::SendOnly,
        });
        life.spawn(engine);
        Ok((client, events))
    }

    /// Reads what a client tells until its end, or until `settled` messages have their results.
    pub(super) async fn read(
        &self,
        number: u32,
        mut events: Events,
        mut settled: Option<usize>,
    ) -> End {
        let process = self.process(number);
        let mut end = End::Requested;
        while settled != Some(0) {
            while self.0.pausing.load(Ordering::Relaxed) {
                self.0.reads.notified().await;
            }
            let Some(event) = events.next().await else {
                return end;
            };
            match &event {
                Event::State(ConnectionState::Closed(why)) => end = why.clone(),
                Event::Settled(_) => settled = settled.map(|left| left.saturating_sub(1)),
                _ => {}
            }
            self.told(process, event);
        }
        end
    }

    /// Records what a client told.
    fn told(&self, process: Process, event: Event) {
        let recorder = &self.0.recorder;
        recorder.saw(match event {
            Event::State(state) => Observation::Connection { process, state },
            Event::Message(message) => Observation::Delivered {
                process,
                message: Box::new(message),
            },
            Event::Settled(Settled { item, outcome }) => match outcome {
                Ok(sent) => Observation::Acked { process, sent },
                Err(refused) => Observation::Refused {
                    process,
                    key: item.client_msg_id,
                    code: refused.code,
                },
            },
            Event::Postponed(postponed) => Observation::Postponed {
                process,
                key: postponed.client_msg_id,
                code: postponed.refused.code,
                retry_after_ms: postponed.retry_after_ms,
                late: self.0.paused.load(Ordering::Relaxed),
            },
            Event::Disconnected(why) => Observation::Disconnected { process, why },
            Event::Requeued(messages) => Observation::Requeued { process, messages },
            Event::CaughtUp => Observation::CaughtUp { process },
            Event::Presence(users) => {
                self.shown(process, &users);
                Observation::Presence { process, users }
            }
            Event::Call { signal, rings } => self.heard(process, signal, rings),
            Event::CallGone(call) => self.call_gone(process, call),
            Event::Typing {
                conversation,
                user,
                typing,
            } => Observation::Typing {
                process,
                conversation,
                user,
                typing,
            },
            _ => return,
        });
    }

    /// Waits until a process that was asked to end has done so, for a while.
    pub(super) async fn farewell(client: &Client, patience: Duration) {
        // What hangs is found at the end of the run.
        let _ = tokio::time::timeout(patience, client.close()).await;
    }
}
