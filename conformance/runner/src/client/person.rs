//! A person as a testee: instructions and questions on the terminal.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::sync::Mutex;

use crate::live::outcome::Stop;

/// The terminal, one question at a time.
#[derive(Clone, Debug)]
pub struct Person {
    input: Arc<Mutex<Lines<BufReader<Stdin>>>>,
}

impl Person {
    /// The person at this terminal.
    #[must_use]
    pub fn new() -> Self {
        let input = BufReader::new(tokio::io::stdin()).lines();
        Self {
            input: Arc::new(Mutex::new(input)),
        }
    }

    /// Says something.
    pub fn say(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A terminal that is gone shows at the next question.
        let _ = writeln!(out, "  {text}").and_then(|()| out.flush());
    }

    /// Asks until the answer is one; `s` leaves the case out.
    ///
    /// # Errors
    /// The person skips the case, or has gone.
    pub async fn ask(&self, question: &str) -> Result<bool, Stop> {
        let mut input = self.input.lock().await;
        loop {
            self.say(&format!("? {question} [y/n/s(kip)] "));
            let line = input.next_line().await.ok().flatten();
            match line.as_deref().map(str::trim) {
                Some("y" | "yes") => return Ok(true),
                Some("n" | "no") => return Ok(false),
                Some("s" | "skip") => {
                    return Err(Stop::NotApplicable("skipped by the person".into()));
                }
                Some(_) => {}
                None => return Err(Stop::Testee("standard input has ended".into())),
            }
        }
    }

    /// Asks, and takes no for a failure.
    ///
    /// # Errors
    /// The answer is no, or there is none.
    pub async fn confirms(&self, question: &str) -> Result<(), Stop> {
        if self.ask(question).await? {
            return Ok(());
        }
        Err(Stop::failed(question, "the person says no"))
    }

    /// A command, as an instruction.
    #[must_use]
    pub fn command(&self, op: &str, fields: &Map<String, Value>) -> Value {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        match op {
            "hello" => return hello(),
            "connect" => {
                let (endpoint, user) = (text("endpoint"), text("user"));
                self.say(&format!("> connect to {endpoint}"));
                self.say(&format!("    as {user}, password {}", text("password")));
                if !text("certificate").is_empty() {
                    self.say("    trusting exactly this certificate:");
                    text("certificate").lines().for_each(|line| self.say(line));
                }
            }
            "send" => {
                let target = format!("{}{}", text("to_user"), text("conversation"));
                let shown = text("text");
                let shown = if shown.len() > 200 {
                    format!("a text of {} octets", shown.len())
                } else {
                    shown.to_owned()
                };
                self.say(&format!("> send to {target} (bob): {shown}"));
            }
            "close" => self.say("> leave: log out or quit, in order"),
            "state" => {}
            _ => return json!({"unsupported": true}),
        }
        json!({"ok": true})
    }

    /// What an event is to a person.
    #[must_use]
    pub fn question(event: &str, matching: &Map<String, Value>) -> String {
        let fields = if matching.is_empty() {
            String::new()
        } else {
            format!(" ({})", Value::Object(matching.clone()))
        };
        match event {
            "open" => format!("is the app connected{fields}?"),
            "closed" => format!("does the app say that the connection ended{fields}?"),
            "message" => format!("does the app show this message, once{fields}?"),
            "result" => format!("does the app show what became of the message{fields}?"),
            other => format!("did this happen: {other}{fields}?"),
        }
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

fn hello() -> Value {
    json!({
        "ok": true,
        "impl": {"name": "manual", "version": ""},
        "features": ["compression.lz4", "compression.snappy", "compression.zstd",
            "compression.zstd-dict-1", "fragments",
            "resume", "tls", "websocket"],
    })
}
