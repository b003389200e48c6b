//! One process of a testee: lines to it, lines from it, and how it ended.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::command::CommandLine;

/// Largest line that a testee may answer with, in octets.
pub const REPLY_OCTETS: usize = 64 * 1024 * 1024;

/// Octets of standard error that are kept: the last ones.
const STDERR_OCTETS: usize = 4096;

/// Lines that are read ahead.
const LINES: usize = 256;

/// How long the end of standard error is waited for: a child of the testee may hold it open.
const STDERR_PATIENCE: Duration = Duration::from_millis(500);

/// Pause between two looks at a process that is about to end, and how many there are.
const ENDING: (Duration, u32) = (Duration::from_millis(5), 200);

/// What came from standard output.
#[derive(Debug)]
pub(super) enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// The beginning of a line longer than [`REPLY_OCTETS`].
    TooLong(Vec<u8>),
    /// Standard output ended, inside a line if there are octets.
    End(Vec<u8>),
    /// Nothing came in time.
    Nothing,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Death {
    /// Exit code or signal, in words.
    pub(super) how: String,
    /// The end of standard error.
    pub(super) stderr: String,
    /// Whether it ended by itself with exit code 0.
    pub(super) in_order: bool,
}

/// A running testee. Killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    to: Option<Sender<Vec<u8>>>,
    from: Receiver<Line>,
    stderr: Arc<Mutex<VecDeque<u8>>>,
    /// Disconnected once standard error ended.
    stderr_end: Receiver<()>,
}

impl Process {
    /// Starts a testee.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn spawn(command: &CommandLine) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{command}: {error}");
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (to, lines) = channel::<Vec<u8>>();
        let (replies, from) = sync_channel(LINES);
        let (end, stderr_end) = channel();
        let stderr = Arc::new(Mutex::new(VecDeque::new()));
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(errors)) = pipes else {
            return Err(format!("{command}: no pipes"));
        };
        // The thread ends when the process does not read any more, or nothing more will be written.
        background("testee stdin", move || {
            for octets in lines {
                if stdin.write_all(&octets).is_err() {
                    return;
                }
            }
        })
        .map_err(failed)?;
        background("testee stdout", move || {
            read_lines(BufReader::with_capacity(1 << 16, stdout), &replies);
        })
        .map_err(failed)?;
        let tail = Arc::clone(&stderr);
        background("testee stderr", move || {
            keep_tail(errors, &tail);
            drop(end);
        })
        .map_err(failed)?;
        Ok(Self {
            child,
            to: Some(to),
            from,
            stderr,
            stderr_end,
        })
    }

    /// Queues octets for standard input.
    pub(super) fn write(&self, octets: Vec<u8>) {
        if let Some(to) = &self.to {
            // A process that is gone shows at the next read.
            let _ = to.send(octets);
        }
    }

    /// The next line, waited for at most so long.
    pub(super) fn read(&self, patience: Duration) -> Line {
        match self.from.recv_timeout(patience) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => Line::Nothing,
            Err(RecvTimeoutError::Disconnected) => Line::End(Vec::new()),
        }
    }

    /// Closes standard input and waits a second for the end; then kills.
    pub(super) fn end(&mut self) -> Death {
        self.to = None;
        let (pause, looks) = ENDING;
        for _ in 0..looks {
            match self.child.try_wait() {
                Ok(Some(status)) => return self.death(Some(status)),
                Ok(None) => thread::park_timeout(pause),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.death(None)
    }

    /// The end of standard error so far.
    pub(super) fn stderr(&self) -> String {
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let octets: Vec<u8> = tail.iter().copied().collect();
        String::from_utf8_lossy(&octets).into_owned()
    }

    fn death(&self, status: Option<ExitStatus>) -> Death {
        let _: Result<(), RecvTimeoutError> = self.stderr_end.recv_timeout(STDERR_PATIENCE);
        let how = match status {
            Some(status) => in_words(status),
            None => "it did not end although its standard input did, and was killed".to_owned(),
        };
        Death {
            how,
            stderr: self.stderr(),
            in_order: status.is_some_and(|status| status.success()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("ended by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "ended".to_owned(),
    }
}

/// A thread at the edge: pipes of a child can only be read by blocking.
fn background(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
}

fn read_lines(mut from: impl BufRead, to: &SyncSender<Line>) {
    loop {
        let mut line = Vec::new();
        let most = u64::try_from(REPLY_OCTETS).unwrap_or(u64::MAX);
        let read = (&mut from).take(most + 1).read_until(b'\n', &mut line);
        let ended = read.is_err() || line.last() != Some(&b'\n');
        let line = if !ended {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            Line::Whole(line)
        } else if line.len() > REPLY_OCTETS {
            line.truncate(STDERR_OCTETS);
            Line::TooLong(line)
        } else {
            Line::End(line)
        };
        if to.send(line).is_err() || ended {
            return;
        }
    }
}

fn keep_tail(mut from: impl Read, tail: &Mutex<VecDeque<u8>>) {
    let mut octets = [0; 1024];
    while let Ok(read @ 1..) = from.read(&mut octets) {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(octets.iter().take(read));
        let surplus = tail.len().saturating_sub(STDERR_OCTETS);
        tail.drain(..surplus);
    }
}
