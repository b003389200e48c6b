//! Fragments to a payload, within bounds.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{First, Fragment, FragmentError};
use crate::error::Rejected;
use crate::limits::{CompressionSet, VERSION};
use crate::registry::{Compression, Direction, ErrorCode, FrameType, limits};
use crate::{Frame, grow};

/// Bounds of reassembly in one direction of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReassemblerLimits {
    /// Messages open at once, failed ones included.
    pub messages: u32,
    /// Octets reserved for all open messages.
    pub octets: u32,
}

impl ReassemblerLimits {
    /// `messages` open at once, with `octets` reserved for all of them.
    #[must_use]
    pub const fn new(messages: u32, octets: u32) -> Self {
        Self { messages, octets }
    }
}

impl Default for ReassemblerLimits {
    fn default() -> Self {
        Self::new(
            limits::FRAGMENTED_MESSAGES.default,
            limits::REASSEMBLY_OCTETS.default,
        )
    }
}

/// What a fragment led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reassembly {
    /// More fragments of the message follow.
    More {
        /// Id of the message.
        id: u32,
    },
    /// The last fragment: the message is whole.
    Complete(Assembled),
    /// The last fragment of a message that was refused at its first one.
    Failed {
        /// Id of the message.
        id: u32,
        /// Frame type of the message.
        inner_type: FrameType,
        /// MESSAGE_TOO_LARGE or OVERLOADED.
        code: ErrorCode,
    },
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// Id of the message; not open any more.
    pub id: u32,
    /// Frame type of the message.
    pub inner_type: FrameType,
    /// Compression of the payload.
    pub compression: Compression,
    /// The payload that one frame would have had.
    pub payload: Bytes,
}

impl Assembled {
    /// The payload without compression.
    ///
    /// # Errors
    /// [`Rejected`] at the compression stage, as [`Frame::content`].
    // impl[EIM-FRG-029]
    pub fn content(&self) -> Result<Bytes, Rejected> {
        self.clone()
            .into_frame(0)
            .content()
            .map_err(|rejected| Rejected::from(rejected.fault))
    }

    /// The one frame that the message would have been, at the place of its last fragment.
    #[must_use]
    pub fn into_frame(self, sequence: u32) -> Frame {
        Frame {
            version: VERSION,
            frame_type: self.inner_type,
            sequence,
            compression: self.compression,
            payload: self.payload,
        }
    }
}

/// Puts the fragments of one direction of a session together. A message is given all its room at
/// its first fragment, or fails alone. Empty, it holds no memory.
#[derive(Clone, Debug)]
pub struct Reassembler {
    limits: ReassemblerLimits,
    reserved: u64,
    open: Vec<Open>,
}

#[derive(Clone, Debug)]
struct Open {
    id: u32,
    first: First,
    received: u32,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Collecting(Vec<u8>),
    Failed(ErrorCode),
}

impl Reassembler {
    /// Nothing is open.
    #[must_use]
    pub const fn new(limits: ReassemblerLimits) -> Self {
        Self {
            limits,
            reserved: 0,
            open: Vec::new(),
        }
    }

    /// Takes the next fragment, which came from `sender`. `compressions` are those that WELCOME listed.
    ///
    /// # Errors
    /// [`FragmentError`]: the connection cannot go on.
    pub fn accept(
        &mut self,
        fragment: Fragment,
        sender: Direction,
        compressions: CompressionSet,
    ) -> Result<Reassembly, FragmentError> {
        let place = match fragment.first {
            Some(first) => self.begin(&fragment, first, (sender, compressions))?,
            None => self.find(fragment.id)?,
        };
        let open = self
            .open
            .get_mut(place)
            .ok_or(FragmentError::NotOpen { id: fragment.id })?;
        open.append(&fragment)?;
        if open.received < open.first.total {
            return Ok(Reassembly::More { id: fragment.id });
        }
        self.close(place).finish()
    }

    /// Abandons an open message.
    ///
    /// # Errors
    /// [`FragmentError::NotOpen`].
    // impl[EIM-FRG-033, EIM-FRG-035]
    pub fn cancel(&mut self, id: u32) -> Result<(), FragmentError> {
        let place = self.find(id)?;
        self.close(place);
        Ok(())
    }

    /// Abandons all open messages: a new session begins.
    // impl[EIM-FRG-037]
    pub fn clear(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Messages that are open.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open.len()
    }

    /// Octets that are reserved.
    #[must_use]
    pub const fn reserved(&self) -> u64 {
        self.reserved
    }

    fn find(&self, id: u32) -> Result<usize, FragmentError> {
        self.open
            .iter()
            .position(|open| open.id == id)
            .ok_or(FragmentError::NotOpen { id })
    }

    // impl[EIM-FRG-009, EIM-FRG-012, EIM-FRG-018, EIM-FRG-019, EIM-FRG-025]
    fn begin(
        &mut self,
        fragment: &Fragment,
        first: First,
        terms: (Direction, CompressionSet),
    ) -> Result<usize, FragmentError> {
        let id = fragment.id;
        if self.find(id).is_ok() {
            return Err(FragmentError::Open { id });
        }
        first.check(terms)?;
        first.check_end(fragment)?;
        let max = self.limits.messages;
        if u32::try_from(self.open.len()).map_or(true, |open| open >= max) {
            return Err(FragmentError::TooMany { max });
        }
        let state = match self.reserve(first) {
            Ok(()) => State::Collecting(Vec::new()),
            Err(code) => State::Failed(code),
        };
        self.open.push(Open {
            id,
            first,
            received: 0,
            state,
        });
        Ok(self.open.len().saturating_sub(1))
    }

    // impl[EIM-FRG-020, EIM-FRG-021]
    fn reserve(&mut self, first: First) -> Result<(), ErrorCode> {
        let cap = first.inner_type.max_octets();
        if first.total > cap || first.uncompressed > cap {
            return Err(ErrorCode::MESSAGE_TOO_LARGE);
        }
        let reserved = self.reserved.saturating_add(first.room());
        if reserved > u64::from(self.limits.octets) {
            return Err(ErrorCode::OVERLOADED);
        }
        self.reserved = reserved;
        Ok(())
    }

    fn close(&mut self, place: usize) -> Open {
        let open = self.open.swap_remove(place);
        if matches!(open.state, State::Collecting(_)) {
            self.reserved = self.reserved.saturating_sub(open.first.room());
        }
        if self.open.is_empty() {
            self.open = Vec::new();
        }
        open
    }
}

impl First {
    /// Octets to set aside for the message.
    fn room(self) -> u64 {
        let plain = if self.compression == Compression::NONE {
            0
        } else {
            self.uncompressed
        };
        u64::from(self.total).saturating_add(u64::from(plain))
    }

    // impl[EIM-FRG-013, EIM-FRG-014, EIM-FRG-015, EIM-FRG-016]
    fn check(
        self,
        (sender, compressions): (Direction, CompressionSet),
    ) -> Result<(), FragmentError> {
        let Self {
            inner_type,
            compression,
            total,
            uncompressed,
        } = self;
        let fragmentable = matches!(inner_type.range().name, "message" | "operation");
        if !fragmentable && inner_type != FrameType::ENTRY {
            return Err(FragmentError::InnerType(inner_type));
        }
        if let Some(info) = inner_type.info()
            && ![Direction::Both, sender].contains(&info.direction)
            && sender != Direction::Both
        {
            return Err(FragmentError::Direction(inner_type));
        }
        if compression == Compression::NONE {
            if total != uncompressed {
                return Err(FragmentError::Sizes {
                    total,
                    uncompressed,
                });
            }
        } else if !inner_type.is_compressible() || !compressions.contains(compression) {
            return Err(FragmentError::Compression {
                inner_type,
                compression,
            });
        }
        Ok(())
    }

    fn check_end(self, fragment: &Fragment) -> Result<(), FragmentError> {
        let octets = u64::try_from(fragment.data.len()).unwrap_or(u64::MAX);
        let got = u64::from(fragment.offset).saturating_add(octets);
        if got > u64::from(self.total) {
            return Err(FragmentError::Beyond {
                got,
                total: self.total,
            });
        }
        Ok(())
    }
}

impl Open {
    // impl[EIM-FRG-010, EIM-FRG-011, EIM-FRG-012, EIM-FRG-023]
    fn append(&mut self, fragment: &Fragment) -> Result<(), FragmentError> {
        if fragment.offset != self.received {
            return Err(FragmentError::Offset {
                got: fragment.offset,
                expected: self.received,
            });
        }
        self.first.check_end(fragment)?;
        if let State::Collecting(payload) = &mut self.state {
            let total = usize::try_from(self.first.total).unwrap_or(usize::MAX);
            grow::append(payload, &fragment.data, total);
        }
        let octets = u32::try_from(fragment.data.len()).unwrap_or(u32::MAX);
        self.received = self.received.saturating_add(octets);
        Ok(())
    }

    // impl[EIM-FRG-017]
    fn finish(self) -> Result<Reassembly, FragmentError> {
        let Self {
            id,
            first:
                First {
                    inner_type,
                    compression,
                    uncompressed,
                    ..
                },
            ..
        } = self;
        let payload = match self.state {
            State::Collecting(payload) => payload,
            State::Failed(code) => {
                return Ok(Reassembly::Failed {
                    id,
                    inner_type,
                    code,
                });
            }
        };
        if compression != Compression::NONE && !payload.starts_with(&uncompressed.to_be_bytes()) {
            return Err(FragmentError::DeclaredSize { uncompressed });
        }
        let payload = Bytes::from(payload);
        Ok(Reassembly::Complete(Assembled {
            id,
            inner_type,
            compression,
            payload,
        }))
    }
}
