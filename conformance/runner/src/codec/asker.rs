//! A testee that is asked about any octets, outside of cases: its opinions, without a judge.

use super::command::CommandLine;
use super::hello::is_unsupported;
use super::reply::{Octets, Verdict};
use super::session::{Deadlines, Reply, Session, Trouble};
use super::words;

/// What a testee makes of octets, in a form in which two testees can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// A verdict.
    Verdict {
        /// Frames that were whole, one line each with all that is said about them.
        frames: Vec<String>,
        /// `nothing more`, `incomplete 7`, `reject header INVALID_TYPE`.
        end: String,
    },
    /// It lacks the operation.
    Unsupported,
    /// It crashed, hung or wrote something else: never a verdict, and never like another one.
    Trouble(String),
}

impl Opinion {
    /// The kind of opinion, without the octets of frames.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Verdict { frames, end } => {
                let word = end.split(' ').next().unwrap_or_default();
                let end = if word == "incomplete" { word } else { end };
                format!("{} frames, {end}", frames.len())
            }
            Self::Unsupported => "unsupported".to_owned(),
            Self::Trouble(_) => "trouble".to_owned(),
        }
    }

    fn read(reply: &Reply, stages_only: bool) -> Self {
        let verdict = match reply.value() {
            Ok(value) if is_unsupported(&value) => return Self::Unsupported,
            Ok(value) => Verdict::read(value),
            Err(why) => Err(why),
        };
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(why) => return Self::Trouble(format!("{why}: {}", reply.text())),
        };
        let end = match (&verdict.incomplete, &verdict.reject) {
            (Some(incomplete), _) => format!("incomplete {}", incomplete.need_at_least),
            (_, Some(reject)) => match &reject.code {
                Some(code) if !stages_only => format!("reject {} {code}", reject.stage),
                _ => format!("reject {}", reject.stage),
            },
            (None, None) => "nothing more".to_owned(),
        };
        let frames = verdict.frames().iter().map(|frame| {
            let octets =
                |octets: &Option<Octets>| octets.as_ref().map_or(String::new(), Octets::shown);
            format!(
                "version {} {} sequence {} compression {} payload {} content {} canonical {}",
                frame.version,
                words::type_name(frame.r#type),
                frame.sequence,
                frame.compression,
                octets(&frame.payload_hex),
                octets(&frame.content_hex),
                octets(&frame.canonical_hex)
            )
        });
        Self::Verdict {
            frames: frames.collect(),
            end,
        }
    }
}

impl std::fmt::Display for Opinion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verdict { frames, end } => {
                write!(f, "{} frames, then {end}", frames.len())?;
                frames
                    .iter()
                    .try_for_each(|frame| write!(f, "\n    {frame}"))
            }
            Self::Unsupported => f.write_str("unsupported"),
            Self::Trouble(why) => write!(f, "no verdict: {why}"),
        }
    }
}

/// A testee, started again whenever it ends.
#[derive(Debug)]
pub struct Asker {
    command: CommandLine,
    deadlines: Deadlines,
    session: Option<Session>,
    name: String,
    stages_only: bool,
}

impl Asker {
    /// Starts a testee.
    ///
    /// # Errors
    /// It does not start, or does not say hello as it should.
    pub fn open(command: CommandLine, deadlines: Deadlines) -> Result<Self, String> {
        let session = Session::open(&command, deadlines)?;
        let testee = &session.hello.testee;
        Ok(Self {
            name: format!("{} ({})", testee.name, testee.language),
            stages_only: session.hello.stages_only,
            command,
            deadlines,
            session: Some(session),
        })
    }

    /// Its name and language.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it tells stages of rejections and no codes.
    #[must_use]
    pub const fn stages_only(&self) -> bool {
        self.stages_only
    }

    /// Asks all of it ahead, then reads the opinions, in order. Requests come without braces and id. Where
    /// the testee fails, it is started again and asked the rest one by one.
    ///
    /// # Errors
    /// It does not start again.
    pub fn ask(&mut self, requests: &[String], stages_only: bool) -> Result<Vec<Opinion>, String> {
        let session = self.session()?;
        let ids: Vec<u64> = requests.iter().map(|it| session.send(it)).collect();
        let mut opinions = Vec::with_capacity(requests.len());
        for (request, id) in requests.iter().zip(ids) {
            match self.receive(id, request.len())? {
                Ok(reply) => opinions.push(Opinion::read(&reply, stages_only)),
                Err(_) => {
                    // Whoever did it, these have no opinion yet.
                    self.session = None;
                    break;
                }
            }
        }
        for request in requests.iter().skip(opinions.len()) {
            let id = self.session()?.send(request);
            opinions.push(match self.receive(id, request.len())? {
                Ok(reply) => Opinion::read(&reply, stages_only),
                Err(trouble) => {
                    self.session = None;
                    Opinion::Trouble(trouble.to_string())
                }
            });
        }
        Ok(opinions)
    }

    fn receive(&mut self, id: u64, octets: usize) -> Result<Result<Reply, Trouble>, String> {
        let session = self.session()?;
        Ok(session.receive(id, session.patience(octets)))
    }

    fn session(&mut self) -> Result<&mut Session, String> {
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.command, self.deadlines)?,
        };
        Ok(self.session.insert(session))
    }
}
