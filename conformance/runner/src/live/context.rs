//! A case that runs: what its steps share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::clock::Patience;
use super::connection::Connection;
use super::faults::Fault;
use super::log::{Log, described};
use super::look::Probe;
use super::outcome::Stop;
use super::random::Random;
use super::state::{Seen, State};
use super::step::Verbs;
use super::value::{self, Scope};
use crate::wire::hex;
use crate::wire::link::End;
use crate::wire::protocol::Protocol;
use crate::wire::scram::{Keys, hash};

/// What all cases of a run share.
#[derive(Debug)]
pub struct Environment {
    /// The protocol.
    pub protocol: Arc<Protocol>,
    /// How long to wait.
    pub patience: Patience,
    /// Seed of the run.
    pub seed: u64,
    /// Salted passwords.
    pub keys: Keys,
    /// The steps there are.
    pub verbs: Verbs,
    /// Asks the testee whether it has its turns.
    pub probe: Probe,
}

/// An account of the testee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// Id, hexadecimal; empty while unknown.
    pub user_id: String,
}

/// Where a server listens.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Transport to `host:port`, with a path behind it for WebSocket.
    pub addresses: BTreeMap<String, String>,
    /// Certificate, PEM.
    pub certificate: Option<String>,
}

/// What a script may do to the process of a server.
#[async_trait]
pub trait Control: Send + Sync + std::fmt::Debug {
    /// `stop`, `kill`, `start` or `restart`; gives the addresses that hold from now on.
    async fn process(&mut self, what: &str) -> Result<Endpoints, Stop>;
    /// `disable` or `enable` an account.
    async fn account(&mut self, what: &str, name: &str) -> Result<(), Stop>;
    /// Logs a device of an account out.
    async fn log_out(&mut self, name: &str, device: &str) -> Result<(), Stop>;

    /// Makes a bot or a token, or takes one away; gives what was made.
    async fn bot(&mut self, order: &Value) -> Result<Value, Stop>;

    /// Imports a directory: two CSV files; `false` when it is refused.
    async fn import(&mut self, departments: &str, members: &str) -> Result<bool, Stop>;
}

/// A running case.
#[derive(Debug)]
pub struct Context {
    /// What all cases share.
    pub environment: Arc<Environment>,
    /// Id of the case.
    pub id: String,
    /// Transport of this run.
    pub transport: String,
    /// Whether steps that let time pass are allowed.
    pub timing: bool,
    /// The server under test, if that is what is tested.
    pub endpoints: Endpoints,
    /// Its process.
    pub control: Option<Box<dyn Control>>,
    /// Roles to accounts.
    pub users: BTreeMap<String, Account>,
    /// Limits of the server, where the suite has set them or knows the default.
    pub limits: BTreeMap<String, u64>,
    /// Connections by name.
    pub connections: BTreeMap<String, Connection>,
    /// Variables of `set`, `capture` and `as`.
    pub variables: BTreeMap<String, Value>,
    /// Counts of the loops around this step, the innermost last.
    pub loops: Vec<u64>,
    /// Log.
    pub log: Log,
    /// Random octets.
    pub random: Random,
    /// Fault of this run.
    pub fault: Option<Arc<Mutex<Fault>>>,
    /// When the step before began.
    pub step_began: Instant,
    /// When it ended.
    pub before: Instant,
    /// The least time that the step before demanded, and of which connection.
    pub least_before: Option<(String, Instant)>,
    /// The same for this step.
    pub least: Option<(String, Instant)>,
    /// From where the next `not_before_ms` counts, if the script has said so.
    pub mark: Option<Instant>,
    /// What the client suite adds.
    pub extension: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Context {
    /// The protocol.
    #[must_use]
    pub fn protocol(&self) -> &Protocol {
        &self.environment.protocol
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// An error of the script.
    pub fn evaluate(&mut self, value: &Value) -> Result<Value, Stop> {
        value::evaluate(value, self).map_err(Stop::Script)
    }

    /// The values of all fields.
    ///
    /// # Errors
    /// An error of the script.
    pub fn object(&mut self, fields: &Map<String, Value>) -> Result<Map<String, Value>, Stop> {
        value::object(fields, self).map_err(Stop::Script)
    }

    /// The value of an expression that is a number.
    ///
    /// # Errors
    /// An error of the script.
    pub fn number(&mut self, value: &Value) -> Result<u64, Stop> {
        let value = self.evaluate(value)?;
        value::unsigned(&value).map_err(Stop::Script)
    }

    /// A connection.
    ///
    /// # Errors
    /// The script has not opened it.
    pub fn connection(&self, name: &str) -> Result<&Connection, Stop> {
        let found = self.connections.get(name);
        found.ok_or_else(|| Stop::script(format!("no connection {name}")))
    }

    /// A connection, to change it.
    ///
    /// # Errors
    /// The script has not opened it.
    pub fn connection_mut(&mut self, name: &str) -> Result<&mut Connection, Stop> {
        let found = self.connections.get_mut(name);
        found.ok_or_else(|| Stop::script(format!("no connection {name}")))
    }

    /// The account of a role.
    ///
    /// # Errors
    /// There is no such role.
    pub fn user(&self, role: &str) -> Result<&Account, Stop> {
        let found = self.users.get(role);
        found.ok_or_else(|| Stop::script(format!("no user {role}")))
    }

    /// The id of a device: the same for the same case, user and name.
    #[must_use]
    pub fn device_id(&self, user: &str, device: &str) -> String {
        let seed = self.environment.seed;
        let text = format!("{seed} {} {} {user} {device}", self.id, self.transport);
        let id = hash(text.as_bytes());
        hex::encode(id.get(..16).unwrap_or_default())
    }

    /// Stores captured values.
    ///
    /// # Errors
    /// A path that has no value.
    pub fn capture(
        &mut self,
        capture: &BTreeMap<String, String>,
        view: &Value,
    ) -> Result<(), Stop> {
        for (name, path) in capture {
            let found = if path.is_empty() {
                Some(view)
            } else {
                value::at(view, path)
            };
            let found = found.ok_or_else(|| {
                Stop::failed(
                    format!("a value at {path} to capture"),
                    "nothing there".to_owned(),
                )
            })?;
            self.variables.insert(name.clone(), found.clone());
        }
        Ok(())
    }

    /// Gives the fault of this run the values that variables have by now.
    pub fn prepare_fault(&mut self) {
        if let Some(fault) = self.fault.clone() {
            let mut fault = fault.lock().unwrap_or_else(PoisonError::into_inner);
            fault.prepare(self);
        }
    }
}

/// How the connection has ended, if it has.
#[must_use]
pub fn ending(state: &State) -> Option<String> {
    let unread = state.error.as_ref().filter(|_| !state.error_read);
    if state.error_read && matches!(state.end, Some((End::Orderly, _))) {
        return None;
    }
    let error = unread.map(|error| described(&state.protocol, &error.frame, &error.view));
    match (error, &state.end) {
        (Some(error), Some((end, _))) => Some(format!("{error}, then {end}")),
        (Some(error), None) => Some(error),
        (None, Some((end, _))) => Some(end.to_string()),
        (None, None) => None,
    }
}

/// What has arrived and was not expected yet.
#[must_use]
pub fn inboxes(state: &State) -> String {
    let show = |seen: &Seen| described(&state.protocol, &seen.frame, &seen.view);
    let waiting: Vec<String> = state
        .results
        .iter()
        .chain(&state.pushes)
        .chain(&state.control)
        .take(8)
        .map(show)
        .collect();
    if waiting.is_empty() {
        "nothing".into()
    } else {
        waiting.join(" | ")
    }
}

impl Scope for Context {
    fn lookup(&mut self, name: &str) -> Result<Value, String> {
        match name {
            "uuid" => return Ok(hex::encode(&self.random.uuid()).into()),
            "random16" => return Ok(hex::encode(&self.random.octets::<16>()).into()),
            "random32" => return Ok(hex::encode(&self.random.octets::<32>()).into()),
            "i" => {
                let count = self.loops.last().ok_or("$i outside of `repeat`")?;
                return Ok(json!(count));
            }
            _ => {}
        }
        if let Some(users) = name
            .strip_prefix("direct(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return self.direct(users);
        }
        if let Some(user) = name
            .strip_prefix("personal(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return self.personal(user);
        }
        let (head, path) = name.split_once('.').unwrap_or((name, ""));
        if let Some(value) = self.variables.get(head) {
            let found = if path.is_empty() {
                Some(value)
            } else {
                value::at(value, path)
            };
            return found
                .cloned()
                .ok_or_else(|| format!("${name} has no value"));
        }
        if let Some(account) = self.users.get(head) {
            return match path {
                "" if account.user_id.is_empty() => Err(format!("the id of {head} is unknown")),
                "" => Ok(account.user_id.clone().into()),
                "name" => Ok(account.name.clone().into()),
                "password" => Ok(account.password.clone().into()),
                other => Err(format!("a user has no {other}")),
            };
        }
        if let Some(connection) = self.connections.get(head) {
            return of_connection(connection, path);
        }
        Err(format!("no variable ${name}"))
    }
}

impl Context {
    fn personal(&self, role: &str) -> Result<Value, String> {
        let account = self.users.get(role.trim());
        let account = account.ok_or_else(|| format!("no user {role}"))?;
        let id = hex::decode(&account.user_id)?;
        let id = hash(&[b"eim/1 personal", id.as_slice()].concat());
        Ok(hex::encode(id.get(..16).unwrap_or_default()).into())
    }

    fn direct(&self, users: &str) -> Result<Value, String> {
        let ids: Result<Vec<Vec<u8>>, String> = users
            .split(',')
            .map(|role| {
                let account = self.users.get(role.trim());
                let account = account.ok_or_else(|| format!("no user {role}"))?;
                hex::decode(&account.user_id)
            })
            .collect();
        let mut ids = ids?;
        ids.sort();
        if ids.len() != 2 {
            return Err("$direct needs two users".into());
        }
        let id = hash(&[b"eim/1 direct", ids.concat().as_slice()].concat());
        Ok(hex::encode(id.get(..16).unwrap_or_default()).into())
    }
}

fn of_connection(connection: &Connection, path: &str) -> Result<Value, String> {
    let state = connection.state();
    let missing = || format!("${}.{path} has no value", connection.name());
    match path {
        "sent" => return Ok(json!(state.numbers.sent)),
        "received" => return Ok(json!(state.numbers.received)),
        "sent_octets" => return Ok(json!(state.numbers.sent_octets)),
        "received_octets" => return Ok(json!(state.numbers.received_octets)),
        "device" => {
            let id = connection.facts.device.get("device_id");
            return id.cloned().ok_or_else(missing);
        }
        "binding" => {
            let binding = state.binding().ok_or_else(missing)?;
            return Ok(hex::encode(&binding).into());
        }
        _ => {}
    }
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let found = match head {
        "welcome" => value::at(&state.welcome, rest),
        "scram" => value::at(&connection.facts.scram, rest),
        "credit" => {
            return value::at(&state.numbers.credit.view(), rest)
                .cloned()
                .ok_or_else(missing);
        }
        "granted" => {
            return value::at(&state.numbers.granted.view(), rest)
                .cloned()
                .ok_or_else(missing);
        }
        _ => value::at(&state.auth_ok, path),
    };
    found.cloned().ok_or_else(missing)
}
