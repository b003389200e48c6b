//! The life of a process: from its start to its end, which may come at any instant.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};

/// A place in the code of a process at which it may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Octets arrived from the network.
    Received,
    /// Octets were handed to the network.
    Sent,
    /// A batch was written, not synced yet.
    Written,
    /// A batch was synced; nobody has heard of it.
    Synced,
    /// Sessions were told of a batch; whoever sent it has not heard of it.
    Announced,
    /// A task of the process is about to go on.
    Polled,
}

/// When something happens to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// At once.
    Now,
    /// When the process reaches `point` for the `count`th time from now, 1 being the next time.
    At {
        /// The place.
        point: Point,
        /// Which time.
        count: u32,
    },
}

/// What to do at the end.
type Last = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    dead: bool,
    armed: Vec<(Point, u32)>,
    wakers: Vec<Waker>,
    last: Vec<Last>,
}

/// One incarnation of a process. All its tasks, its disk and its ends of the network hold a clone.
///
/// When it ends, its tasks never run again: each is dropped before its next poll, and what one of
/// them is doing at that instant does not reach anything outside, because the disk and the network
/// ask first.
#[derive(Clone, Default)]
pub struct Life(Arc<Mutex<State>>);

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life")
            .field("alive", &self.is_alive())
            .finish()
    }
}

impl Life {
    /// A process that begins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the process has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.lock().dead
    }

    /// The process is at `point`, which may be its end. `false` when it has ended: the caller must
    /// have no effect any more.
    #[must_use]
    pub fn reach(&self, point: Point) -> bool {
        let mut state = self.lock();
        if state.dead {
            return false;
        }
        let mut due = false;
        for (at, left) in &mut state.armed {
            if *at == point {
                *left = left.saturating_sub(1);
                due |= *left == 0;
            }
        }
        drop(state);
        if due {
            self.end();
        }
        !due
    }

    /// As [`reach`](Self::reach); does not return when the process has ended.
    pub async fn pass(&self, point: Point) {
        if !self.reach(point) {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the process now or when it gets there.
    pub fn arm(&self, trigger: Trigger) {
        match trigger {
            Trigger::Now => self.end(),
            Trigger::At { point, count } => self.lock().armed.push((point, count.max(1))),
        }
    }

    /// Forgets all that [`arm`](Self::arm) was told and that has not come.
    pub fn disarm(&self) {
        self.lock().armed.clear();
    }

    /// Ends the process now.
    pub fn end(&self) {
        let (wakers, last) = {
            let mut state = self.lock();
            if state.dead {
                return;
            }
            state.dead = true;
            state.armed.clear();
            (
                std::mem::take(&mut state.wakers),
                std::mem::take(&mut state.last),
            )
        };
        for last in last {
            last();
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Calls `last` when the process ends, at that instant; at once if it has ended. It must not
    /// touch what the ending code may hold locked.
    pub fn at_end(&self, last: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        if state.dead {
            drop(state);
            last();
        } else {
            state.last.push(Box::new(last));
        }
    }

    /// Waits for the end.
    pub async fn ended(&self) {
        poll_fn(|cx| self.poll_ended(cx)).await;
    }

    /// Registers for the end.
    pub fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.dead {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Runs a task of this process, until its end at most.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.within(task));
    }

    /// `task` as one of this process.
    pub fn within(&self, task: impl Future<Output = ()> + Send + 'static) -> Within {
        Within {
            life: self.clone(),
            task: Some(Box::pin(task)),
            registered: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that ends with its process.
pub struct Within {
    life: Life,
    task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    registered: bool,
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").finish_non_exhaustive()
    }
}

impl Future for Within {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !this.life.reach(Point::Polled) {
            this.task = None;
            return Poll::Ready(());
        }
        if !this.registered {
            this.registered = true;
            if this.life.poll_ended(cx).is_ready() {
                this.task = None;
                return Poll::Ready(());
            }
        }
        let Some(task) = &mut this.task else {
            return Poll::Ready(());
        };
        let done = task.as_mut().poll(cx).is_ready();
        if done || !this.life.is_alive() {
            this.task = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
