//! Waiting for something another process does, with a bound and a reason.

use std::time::Duration;

use crate::Failure;

/// A bounded wait in small steps. The runner is outside the processes it judges, so it has to look
/// again and again; nothing is concluded from time alone except giving up.
#[derive(Debug)]
pub(crate) struct Patience {
    left: Duration,
}

const STEP: Duration = Duration::from_millis(20);

impl Patience {
    /// Waits at most this long altogether.
    pub(crate) fn new(total: Duration) -> Self {
        Self { left: total }
    }

    /// One step of waiting for `what`.
    #[expect(
        clippy::disallowed_methods,
        reason = "polls other processes, which give no event"
    )]
    pub(crate) fn wait(&mut self, what: &str) -> Result<(), Failure> {
        self.left = self
            .left
            .checked_sub(STEP)
            .ok_or_else(|| Failure::Run(format!("gave up waiting for {what}")))?;
        std::thread::sleep(STEP);
        Ok(())
    }
}
