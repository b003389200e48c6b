//! Credit that a side grants: the first of a session, and when more is due.

use super::WindowSize;
use super::violation::Violation;
use crate::payload::Window;
use crate::registry::limits;

/// Checks the first credit of a session, announced with `max_frame_octets`.
// impl[EIM-WIN-007]
pub(crate) fn check_first(
    window: Option<&Window>,
    max_frame_octets: u32,
) -> Result<Window, Violation> {
    let window = window.ok_or_else(|| Violation::value("the first credit is missing"))?;
    let least = u64::from(least_octets(max_frame_octets));
    if window.received_through != 0 || window.frames == 0 || window.octets < least {
        return Err(Violation::value(
            "the first credit is below one maximal frame",
        ));
    }
    Ok(*window)
}

/// Least octets of a first credit.
// impl[EIM-WIN-006]
pub(crate) fn least_octets(max_frame_octets: u32) -> u32 {
    max_frame_octets
        .saturating_add(limits::HEADER_OCTETS.default)
        .max(limits::WINDOW_OCTETS.minimum)
}

/// What this side lets the other send.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    size: WindowSize,
    /// One maximal frame.
    least_octets: u32,
    /// Last advertised, or about to be.
    frames: u64,
    octets: u64,
}

impl Grant {
    /// Nothing is granted before the first renewal.
    pub(crate) fn new(size: WindowSize, max_frame_octets: u32) -> Self {
        let least_octets = least_octets(max_frame_octets);
        let size = WindowSize {
            frames: size.frames.max(1),
            octets: size.octets.max(least_octets),
        };
        Self {
            size,
            least_octets,
            frames: 0,
            octets: 0,
        }
    }

    /// Uses a larger size from now on.
    pub(crate) fn grow(&mut self, size: WindowSize) {
        self.size.frames = self.size.frames.max(size.frames);
        self.size.octets = self.size.octets.max(size.octets);
    }

    pub(crate) const fn size(&self) -> WindowSize {
        self.size
    }

    /// Frames and octets granted.
    pub(crate) const fn current(&self) -> (u64, u64) {
        (self.frames, self.octets)
    }

    /// Raises the grant to what `used` (frames and octets whose memory is free again) allows, never
    /// beyond ordinal `most`.
    // impl[EIM-WIN-008, EIM-WIN-019]
    pub(crate) fn renew(&mut self, used: (u64, u64), most: u64) {
        let (frames, octets) = self.possible(used, most);
        self.frames = frames;
        self.octets = octets;
    }

    fn possible(&self, used: (u64, u64), most: u64) -> (u64, u64) {
        let frames = used.0.saturating_add(self.size.frames.into()).min(most);
        let octets = used.1.saturating_add(self.size.octets.into());
        (frames.max(self.frames), octets.max(self.octets))
    }

    /// Whether renewing is worth a WINDOW: half of the window can be renewed, or everything that the
    /// other side sent is used up and what it has left does not cover one maximal frame.
    // impl[EIM-WIN-013, EIM-WIN-014]
    pub(crate) fn is_due(&self, sent: (u64, u64), used: (u64, u64), most: u64) -> bool {
        let (frames, octets) = self.possible(used, most);
        let gained = (
            frames.saturating_sub(self.frames),
            octets.saturating_sub(self.octets),
        );
        if gained == (0, 0) {
            return false;
        }
        let half = (self.size.frames.div_ceil(2), self.size.octets.div_ceil(2));
        gained.0 >= half.0.into()
            || gained.1 >= half.1.into()
            || (sent == used
                && (sent.0 == self.frames
                    || self.octets.saturating_sub(sent.1) < self.least_octets.into()))
    }
}
