//! What the senders' histories say while they are written: how many messages were sent and how
//! many were acknowledged, on one clock.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{Clock, beside, pause};

/// How often the files are looked at.
const STEP: Duration = Duration::from_millis(20);
/// Octets read from a file at once.
const CHUNK: usize = 256 * 1024;

/// Counts of one sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Messages asked for.
    pub(crate) sent: u64,
    /// Durable, as their results said.
    pub(crate) acked: u64,
    /// Refused for good.
    pub(crate) failed: u64,
}

impl Count {
    /// Sent, and nothing heard of yet.
    pub(crate) const fn unsettled(&self) -> u64 {
        self.sent.saturating_sub(self.acked + self.failed)
    }
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Second {
    /// Messages asked for.
    pub(crate) sent: u64,
    /// Results that said durable.
    pub(crate) acked: u64,
    /// Without a result at the end of the second.
    pub(crate) unsettled: u64,
}

/// Follows the histories of all senders.
#[derive(Debug)]
pub(crate) struct Meter {
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    counts: Vec<Count>,
    seconds: Vec<Second>,
}

impl Meter {
    /// Follows these files, one a sender; they may not exist yet.
    pub(crate) fn start(clock: Clock, files: Vec<PathBuf>) -> Self {
        let state = Arc::new(Mutex::new(State {
            counts: vec![Count::default(); files.len()],
            ..State::default()
        }));
        let over = Arc::new(AtomicBool::new(false));
        let follower = Follower {
            clock,
            files: files.into_iter().map(Followed::new).collect(),
            state: Arc::clone(&state),
            over: Arc::clone(&over),
        };
        Self {
            state,
            over,
            thread: Some(beside(move || follower.run())),
        }
    }

    /// Counts of each sender now.
    pub(crate) fn counts(&self) -> Vec<Count> {
        lock(&self.state).counts.clone()
    }

    /// Messages without a result now.
    pub(crate) fn unsettled(&self) -> u64 {
        self.counts().iter().map(Count::unsettled).sum()
    }

    /// Looks a last time and ends; returns the seconds since the clock's beginning.
    pub(crate) fn finish(mut self) -> Vec<Second> {
        self.stop();
        std::mem::take(&mut lock(&self.state).seconds)
    }

    fn stop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Follower {
    clock: Clock,
    files: Vec<Followed>,
    state: Arc<Mutex<State>>,
    over: Arc<AtomicBool>,
}

impl Follower {
    fn run(mut self) {
        loop {
            let last = self.over.load(Relaxed);
            self.look();
            if last {
                return;
            }
            pause(STEP);
        }
    }

    fn look(&mut self) {
        let news: Vec<News> = self.files.iter_mut().map(Followed::read).collect();
        let ms = self.clock.ms();
        let second = usize::try_from(ms / 1000).unwrap_or(usize::MAX);
        let mut state = lock(&self.state);
        let State { counts, seconds } = &mut *state;
        while seconds.len() <= second {
            seconds.push(Second::default());
        }
        let mut unsettled = 0;
        for (count, news) in counts.iter_mut().zip(&news) {
            count.sent += news.sent;
            count.acked += news.acked;
            count.failed += news.failed;
            unsettled += count.unsettled();
        }
        if let Some(now) = seconds.last_mut() {
            now.sent += news.iter().map(|news| news.sent).sum::<u64>();
            now.acked += news.iter().map(|news| news.acked).sum::<u64>();
            now.unsettled = unsettled;
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct News {
    sent: u64,
    acked: u64,
    failed: u64,
}

/// A file that others append lines to.
struct Followed {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line whose end is not there yet.
    partial: Vec<u8>,
    buffer: Vec<u8>,
}

impl Followed {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            partial: Vec::new(),
            buffer: vec![0; CHUNK],
        }
    }

    fn read(&mut self) -> News {
        let mut news = News::default();
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else {
            return news;
        };
        while let Ok(read @ 1..) = file.read(&mut self.buffer) {
            let mut octets = self.buffer.get(..read).unwrap_or_default();
            while let Some(end) = octets.iter().position(|&octet| octet == b'\n') {
                let (line, rest) = octets.split_at(end);
                self.partial.extend_from_slice(line);
                news.count(&self.partial);
                self.partial.clear();
                octets = rest.get(1..).unwrap_or_default();
            }
            self.partial.extend_from_slice(octets);
        }
        news
    }
}

impl News {
    /// Only the kind of a line matters here; the checker reads all of it.
    fn count(&mut self, line: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Kind<'a> {
            op: Option<&'a str>,
        }
        match serde_json::from_slice(line) {
            Ok(Kind { op: Some("send") }) => self.sent += 1,
            Ok(Kind { op: Some("ack") }) => self.acked += 1,
            Ok(Kind { op: Some("fail") }) => self.failed += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn whole_lines_are_counted_once_even_if_they_come_in_pieces() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("history");
        let mut followed = Followed::new(path.clone());
        assert_eq!(followed.read(), News::default());
        let mut file = File::create(&path).expect("file");
        write!(
            file,
            "{{\"history\":1}}\n{{\"op\":\"send\",\"key\":\"1\"}}\n{{\"op\":\"a"
        )
        .expect("written");
        let first = followed.read();
        assert_eq!((first.sent, first.acked), (1, 0));
        write!(file, "ck\",\"key\":\"1\"}}\n{{\"op\":\"fail\"}}\n").expect("written");
        let second = followed.read();
        assert_eq!((second.sent, second.acked, second.failed), (0, 1, 1));
        assert_eq!(followed.read(), News::default());
    }

    #[test]
    fn what_is_unsettled_is_what_has_no_result() {
        let count = Count {
            sent: 10,
            acked: 6,
            failed: 1,
        };
        assert_eq!(count.unsettled(), 3);
    }
}
