//! The process of a client testee: commands in, answers and events out, one JSON object a line.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::faults::EventFault;
use super::person::Person;
use crate::codec::CommandLine;
use crate::live::log::Log;
use crate::live::outcome::{Failure, Stop};
use crate::results::{Direction, Status, Testee as Description};

/// How long a testee may take for anything that needs no network.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running testee.
#[derive(Debug)]
pub struct Testee {
    name: String,
    player: Player,
    events: BTreeMap<String, VecDeque<Value>>,
    answers: BTreeMap<u64, Value>,
    /// Commands whose answers the fault changes.
    falsified: BTreeSet<u64>,
    next_id: u64,
    fault: Option<EventFault>,
    log: Log,
}

/// How testees are started.
#[derive(Clone, Debug)]
pub enum Launch {
    /// A program that speaks the protocol.
    Command(CommandLine),
    /// A person at the terminal.
    Person(Person),
}

/// Who plays the testee.
#[derive(Debug)]
enum Player {
    Process(Box<Process>),
    Person(Person),
}

/// A running program.
#[derive(Debug)]
struct Process {
    child: Child,
    input: ChildStdin,
    lines: mpsc::UnboundedReceiver<Line>,
}

/// What came from standard output.
#[derive(Debug)]
enum Line {
    Json(Value),
    Garbage(String),
}

impl Testee {
    /// Starts the command, and reads what it says about itself.
    ///
    /// # Errors
    /// It does not start, or does not speak the protocol.
    pub async fn start(
        name: &str,
        launch: &Launch,
        fault: Option<EventFault>,
        log: Log,
    ) -> Result<(Self, Description), Stop> {
        let (player, what) = match launch {
            Launch::Command(command) => {
                let process = Process::start(command)?;
                (Player::Process(Box::new(process)), command.to_string())
            }
            Launch::Person(person) => (Player::Person(person.clone()), "the person".to_owned()),
        };
        let mut testee = Self {
            name: name.to_owned(),
            player,
            events: BTreeMap::new(),
            answers: BTreeMap::new(),
            falsified: BTreeSet::new(),
            next_id: 0,
            fault,
            log,
        };
        let hello = testee
            .command("hello", json_map(json!({"protocol": 1})))
            .await?;
        let failed = |why: String| Stop::Testee(format!("{what}: {why}"));
        let description = describe(&hello).map_err(failed)?;
        Ok((testee, description))
    }

    /// Gives a command, and waits for its answer.
    ///
    /// # Errors
    /// The testee ended, is silent, or says something that is not its protocol.
    pub async fn command(&mut self, op: &str, fields: Map<String, Value>) -> Result<Value, Stop> {
        let id = self.give(op, fields).await?;
        self.answer(id).await
    }

    /// Gives a command; the id is for its answer.
    ///
    /// # Errors
    /// The testee ended.
    pub async fn give(&mut self, op: &str, fields: Map<String, Value>) -> Result<u64, Stop> {
        let fault = self
            .fault
            .as_ref()
            .and_then(|fault| fault.answer.as_deref());
        let falsified = fault == Some(op);
        let id = self.put(op, fields).await?;
        if falsified {
            self.falsified.insert(id);
        }
        Ok(id)
    }

    /// Waits until the testee has answered something; no fault has to do with it.
    ///
    /// # Errors
    /// The testee ended, is silent, or says something that is not its protocol.
    pub async fn probe(&mut self) -> Result<(), Stop> {
        if matches!(self.player, Player::Process(_)) {
            let id = self.put("state", Map::new()).await?;
            self.answer(id).await?;
        }
        Ok(())
    }

    async fn put(&mut self, op: &str, fields: Map<String, Value>) -> Result<u64, Stop> {
        self.next_id += 1;
        let id = self.next_id;
        let process = match &mut self.player {
            Player::Process(process) => process,
            Player::Person(person) => {
                let mut answer = person.command(op, &fields);
                answer["id"] = id.into();
                self.answers.insert(id, answer);
                return Ok(id);
            }
        };
        let mut line = fields;
        line.insert("id".into(), id.into());
        line.insert("op".into(), op.into());
        let mut text = Value::Object(line).to_string();
        self.log
            .push(&self.name, Direction::Sent, text.clone(), Vec::new());
        text.push('\n');
        match process.input.write_all(text.as_bytes()).await {
            Ok(()) => Ok(id),
            Err(_) => Err(process.ended(&format!("the command {op} taken")).await),
        }
    }

    /// Waits for the answer of a command.
    ///
    /// # Errors
    /// The testee ended, is silent, or says something that is not its protocol.
    pub async fn answer(&mut self, id: u64) -> Result<Value, Stop> {
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return Ok(answer);
            }
            self.next_line(PATIENCE, &format!("an answer to command {id}"))
                .await?;
        }
    }

    /// Waits for the next event of this name.
    ///
    /// # Errors
    /// None came in time, or the testee ended or broke its protocol.
    pub async fn event(&mut self, name: &str, limit: Duration) -> Result<Value, Stop> {
        let expected = format!("the event {name}");
        let found = timeout(limit, async {
            loop {
                if let Some(event) = self.events.get_mut(name).and_then(VecDeque::pop_front) {
                    return Ok(event);
                }
                self.next_line(limit, &expected).await?;
            }
        });
        found
            .await
            .unwrap_or_else(|_| Err(Stop::timed_out(expected, format!("none for {limit:?}"))))
    }

    /// An event of this name that is there after everything the testee has written so far.
    ///
    /// # Errors
    /// The testee ended or broke its protocol.
    pub async fn pending(&mut self, name: &str) -> Result<Option<Value>, Stop> {
        // Answers come behind the events before them.
        self.command("state", Map::new()).await?;
        Ok(self.events.get_mut(name).and_then(VecDeque::pop_front))
    }

    /// Puts an event in that the testee never sent.
    pub fn insert(&mut self, event: Value) {
        self.route_event(event);
    }

    /// Ends the process.
    pub async fn kill(&mut self) {
        if let Player::Process(process) = &mut self.player {
            // It may have ended by itself.
            let _ = process.child.kill().await;
        }
    }

    /// The person who plays the testee.
    #[must_use]
    pub fn person(&self) -> Option<Person> {
        match &self.player {
            Player::Person(person) => Some(person.clone()),
            Player::Process(_) => None,
        }
    }

    async fn next_line(&mut self, limit: Duration, expected: &str) -> Result<(), Stop> {
        let Player::Process(process) = &mut self.player else {
            return Err(Stop::script("a person writes no lines"));
        };
        let Ok(line) = timeout(limit, process.lines.recv()).await else {
            return Err(Stop::timed_out(
                expected,
                format!("silence of the testee for {limit:?}"),
            ));
        };
        match line {
            Some(Line::Json(value)) => {
                let direction = Direction::Received;
                self.log
                    .push(&self.name, direction, value.to_string(), Vec::new());
                self.route(value)
            }
            Some(Line::Garbage(text)) => Err(wrong(
                Status::Garbage,
                expected,
                &format!("a line that is not of the protocol: {text}"),
            )),
            None => Err(process.ended(expected).await),
        }
    }

    fn route(&mut self, value: Value) -> Result<(), Stop> {
        if let Some(id) = value["id"].as_u64() {
            let mut value = value;
            if let Some(fault) = self.fault.as_mut().filter(|_| self.falsified.remove(&id)) {
                fault.answered(&mut value).map_err(Stop::Script)?;
            }
            if id == 0 || id > self.next_id || self.answers.insert(id, value).is_some() {
                let problem = format!("an answer to command {id}, which waits for none");
                return Err(wrong(Status::Garbage, "lines of the protocol", &problem));
            }
            return Ok(());
        }
        if value["event"].is_string() {
            for event in EventFault::apply(&mut self.fault, value) {
                self.route_event(event);
            }
            return Ok(());
        }
        let problem = format!("a line with neither id nor event: {value}");
        Err(wrong(Status::Garbage, "lines of the protocol", &problem))
    }

    fn route_event(&mut self, event: Value) {
        let name = event["event"].as_str().unwrap_or_default().to_owned();
        self.events.entry(name).or_default().push_back(event);
    }
}

impl Process {
    fn start(command: &CommandLine) -> Result<Self, Stop> {
        let failed = |error: &dyn std::fmt::Display| Stop::Testee(format!("{command}: {error}"));
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        let input = child.stdin.take().ok_or_else(|| failed(&"no input"))?;
        let output = child.stdout.take().ok_or_else(|| failed(&"no output"))?;
        Ok(Self {
            child,
            input,
            lines: read(output),
        })
    }

    async fn ended(&mut self, expected: &str) -> Stop {
        let status = timeout(PATIENCE, self.child.wait()).await;
        let how = match status {
            Ok(Ok(status)) => format!("the testee ended ({status})"),
            _ => "the testee closed its output".to_owned(),
        };
        wrong(Status::Crashed, expected, &how)
    }
}

fn wrong(status: Status, expected: &str, actual: &str) -> Stop {
    Stop::Failed(Box::new(Failure {
        status,
        expected: expected.to_owned(),
        actual: actual.to_owned(),
    }))
}

fn read(output: ChildStdout) -> mpsc::UnboundedReceiver<Line> {
    let (sender, lines) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut output = BufReader::new(output).lines();
        while let Ok(Some(text)) = output.next_line().await {
            let line = match serde_json::from_str(&text) {
                Ok(value @ Value::Object(_)) => Line::Json(value),
                _ => Line::Garbage(text),
            };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn describe(hello: &Value) -> Result<Description, String> {
    let text = |name: &str| hello["impl"][name].as_str().unwrap_or_default().to_owned();
    let features = hello["features"].as_array().ok_or("hello lacks features")?;
    let mut features: Vec<String> = features
        .iter()
        .filter_map(|feature| feature.as_str().map(str::to_owned))
        .collect();
    features.sort();
    if text("name").is_empty() {
        return Err("hello lacks impl.name".into());
    }
    Ok(Description {
        name: text("name"),
        version: text("version"),
        language: text("language"),
        features,
    })
}

/// The members of an object; none of anything else.
#[must_use]
pub fn json_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
