//! A process that has said hello: numbered requests, and their replies in order.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::command::CommandLine;
use super::hello::{self, Hello};
use super::process::{Death, Line, Process};

/// How long a testee may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For a reply, at least.
    pub floor: Duration,
    /// For the reply to `hello`, which includes the start of the process.
    pub start: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            floor: Duration::from_secs(10),
            start: Duration::from_secs(20),
        }
    }
}

/// A reply may take so many times as long as the fastest one so far.
const ROUND_TRIPS: u32 = 100;

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The testee ended.
    Crashed(Death),
    /// Nothing came in time.
    TimedOut {
        after: Duration,
        /// The end of standard error.
        stderr: String,
    },
    /// Something else came: what, and the line.
    Garbage { what: String, line: String },
}

/// A line that carries the id of its request.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    line: Vec<u8>,
    /// Where the line goes on behind the id; 0 when the id is not at its beginning.
    tail: usize,
}

impl Reply {
    /// What stands behind the id at the beginning of the line. Equal ones are equal replies.
    pub(super) fn tail(&self) -> Option<&[u8]> {
        (self.tail > 0).then(|| &self.line[self.tail..])
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }

    pub(super) fn value(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.line).map_err(|error| format!("no JSON: {error}"))
    }
}

/// A testee that answers.
#[derive(Debug)]
pub(super) struct Session {
    process: Process,
    next: u64,
    deadlines: Deadlines,
    round_trip: Duration,
    pub(super) hello: Hello,
}

impl Session {
    /// Starts a testee and asks who it is.
    ///
    /// # Errors
    /// It does not start, or does not answer as it should.
    pub(super) fn open(command: &CommandLine, deadlines: Deadlines) -> Result<Self, String> {
        let mut session = Self {
            process: Process::spawn(command)?,
            next: 0,
            deadlines,
            round_trip: deadlines.start,
            hello: Hello::default(),
        };
        let id = session.send(hello::REQUEST);
        let reply = session.receive(id, deadlines.start);
        let failed = |why: String| format!("hello: {why}");
        let reply = reply.map_err(|trouble| failed(trouble.to_string()))?;
        session.hello = Hello::read(&reply).map_err(failed)?;
        session.round_trip = deadlines.floor;
        Ok(session)
    }

    /// Asks for what no testee has, which also measures how fast it answers.
    ///
    /// # Errors
    /// It does not say that it lacks it.
    pub(super) fn probe(&mut self, probes: &[String]) -> Result<(), String> {
        for probe in probes {
            let began = now();
            let id = self.send(probe);
            let reply = self.receive(id, self.deadlines.floor);
            let failed = |why: String| format!("asked for what no testee has, {{{probe}}}: {why}");
            let reply = reply.map_err(|trouble| failed(trouble.to_string()))?;
            self.round_trip = self.round_trip.min(began.elapsed());
            hello::check_probe(&reply).map_err(failed)?;
        }
        Ok(())
    }

    /// Takes over what another process of the same testee has shown.
    pub(super) fn as_fast_as(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    pub(super) const fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Sends a request, given without its braces and its id.
    pub(super) fn send(&mut self, body: &str) -> u64 {
        let id = self.next;
        self.next += 1;
        let line = format!("{{\"id\":{id},{body}}}\n");
        self.process.write(line.into_bytes());
        id
    }

    /// How long the reply to a request of so many octets may take.
    pub(super) fn patience(&self, octets: usize) -> Duration {
        let usual = self.deadlines.floor.max(self.round_trip * ROUND_TRIPS);
        // A second more for each MiB.
        let size = Duration::from_micros(u64::try_from(octets).unwrap_or(u64::MAX));
        usual.saturating_add(size)
    }

    /// The reply to request `id`, which is the next one.
    pub(super) fn receive(&mut self, id: u64, patience: Duration) -> Result<Reply, Trouble> {
        let garbage = |what: String, line: &[u8]| Trouble::Garbage {
            what,
            line: shown(line),
        };
        match self.process.read(patience) {
            Line::Whole(line) => {
                let tail = match identified(&line, id) {
                    Ok(tail) => tail,
                    Err(what) => return Err(garbage(what, &line)),
                };
                Ok(Reply { line, tail })
            }
            Line::TooLong(line) => Err(garbage("a line of more than 64 MiB".into(), &line)),
            Line::End(rest) => {
                let mut death = self.process.end();
                if !rest.is_empty() {
                    death.how.push_str(", inside the line ");
                    death.how.push_str(&shown(&rest));
                }
                Err(Trouble::Crashed(death))
            }
            Line::Nothing => Err(Trouble::TimedOut {
                after: patience,
                stderr: self.process.stderr(),
            }),
        }
    }

    /// Says `bye` and waits for the end.
    ///
    /// # Errors
    /// The testee does not answer, or does not end with exit code 0.
    pub(super) fn close(mut self) -> Result<(), String> {
        let id = self.send("\"op\":\"bye\"");
        let failed = |why: &dyn std::fmt::Display| format!("bye: {why}");
        self.receive(id, self.patience(0)).map_err(|e| failed(&e))?;
        let death = self.process.end();
        if death.in_order {
            return Ok(());
        }
        Err(failed(&death.how))
    }
}

/// Whether a line is a JSON object with this id, and where it goes on behind it.
fn identified(line: &[u8], id: u64) -> Result<usize, String> {
    if let Some(tail) = tail(line, id) {
        return Ok(tail);
    }
    let value: Value = serde_json::from_slice(line)
        .map_err(|_| "a line on standard output that is no JSON".to_owned())?;
    match value.get("id") {
        _ if !value.is_object() => Err("a line that is no JSON object".into()),
        None => Err("a reply without id".into()),
        Some(got) if got.as_u64() == Some(id) => Ok(0),
        Some(got) => Err(format!("a reply with id {got} where {id} is due")),
    }
}

/// Where the usual form of a reply goes on behind its id.
fn tail(line: &[u8], id: u64) -> Option<usize> {
    let rest = line.strip_prefix(b"{\"id\":")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let digits = rest.iter().take_while(|octet| octet.is_ascii_digit());
    let (number, rest) = rest.split_at(digits.count());
    let same = std::str::from_utf8(number).ok()?.parse() == Ok(id);
    (same && rest.first() == Some(&b',')).then(|| line.len() - rest.len())
}

/// At most 200 characters of a line.
pub(super) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.get(..800).unwrap_or(line));
    let mut shown: String = text.chars().take(200).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Crashed(death) => {
                write!(f, "the testee {}{}", death.how, last_words(&death.stderr))
            }
            Self::TimedOut { after, stderr } => {
                write!(f, "no answer within {after:.1?}{}", last_words(stderr))
            }
            Self::Garbage { what, line } => write!(f, "{what}: {line}"),
        }
    }
}

fn last_words(stderr: &str) -> String {
    match stderr.trim_end() {
        "" => String::new(),
        stderr => format!("; its standard error ends with:\n{stderr}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge: how long a testee takes"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_at_the_beginning_and_elsewhere() {
        assert_eq!(identified(br#"{"id":7,"frames":[]}"#, 7), Ok(7));
        assert_eq!(identified(br#"{"id": 7, "frames": []}"#, 7), Ok(8));
        assert_eq!(identified(br#"{"frames":[],"id":7}"#, 7), Ok(0));
        assert_eq!(identified(br#"{"id":7}"#, 7), Ok(0));
        for line in [
            &br#"{"id":8,"frames":[]}"#[..],
            br#"{"id":"7"}"#,
            br#"{"id":7.5}"#,
            br#"{"frames":[]}"#,
            b"[7]",
            b"DEBUG decoding",
            b"",
        ] {
            assert!(identified(line, 7).is_err(), "{}", shown(line));
        }
    }

    #[test]
    fn long_lines_are_shown_in_part() {
        assert_eq!(shown(b"abc"), "abc");
        assert_eq!(shown(&[b'a'; 900]).chars().count(), 201);
    }
}
