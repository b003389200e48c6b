//! A device that was logged out: its connection ends when what it asked for is answered.

use crate::store::LogoutReason;

/// The store tells of a logout before it answers whoever asked for it, and that may be the device
/// itself: it gets the answer before the error.
// impl[EIM-DEV-004]
#[derive(Debug, Default)]
pub(super) struct Leave(Option<LogoutReason>);

impl Leave {
    /// The device was logged out.
    pub(super) const fn begin(&mut self, reason: LogoutReason) {
        self.0 = Some(reason);
    }

    /// Whether nothing new is begun.
    pub(super) const fn has_begun(&self) -> bool {
        self.0.is_some()
    }

    /// Why the connection ends now; `None` while answers are due, or when the device is logged in.
    pub(super) fn due(&mut self, answers: usize) -> Option<LogoutReason> {
        if answers == 0 { self.0.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // test[EIM-DEV-004]
    #[test]
    fn a_logged_out_device_gets_its_answers_first() {
        let mut leave = Leave::default();
        assert_eq!((leave.has_begun(), leave.due(0)), (false, None));
        leave.begin(LogoutReason::User);
        assert!(leave.has_begun());
        assert_eq!(leave.due(2), None);
        assert_eq!(leave.due(1), None);
        assert_eq!(leave.due(0), Some(LogoutReason::User));
    }
}
