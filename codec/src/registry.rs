//! The numbers of the protocol, generated from `spec/registry`.
//!
//! Wire numbers are open newtypes: any value can be held, compared and sent on; known values have
//! constants, names and an info row. Unknown ones print as hexadecimal.

use core::fmt;

pub use crate::generated::registry::limits;
use crate::generated::registry::{
    CAPABILITIES, COMPRESSIONS, ERROR_CLASSES, ERRORS, EVENTS, FRAME_NAMES, FRAMES, OPERATIONS,
    RANGES,
};

macro_rules! open_number {
    ($($(#[$doc:meta])* $name:ident($number:ty), $width:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $number);

        impl From<$number> for $name {
            fn from(value: $number) -> Self {
                Self(value)
            }
        }

        impl From<$name> for $number {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        /// The registered name, or the number in hexadecimal.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, concat!("{:#0", $width, "x}"), self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

open_number! {
    /// The `type` octet of a frame.
    FrameType(u8), 4;
    /// The `compression` octet of a frame.
    Compression(u8), 4;
    /// An error code: class octet, then detail octet.
    ErrorCode(u16), 6;
    /// The class octet of an error code.
    ErrorClass(u8), 4;
    /// A capability that HELLO offers and WELCOME selects.
    Capability(u32), 6;
    /// An operation of REQUEST and RESPONSE.
    Operation(u32), 6;
    /// The number of an EVENT.
    EventNumber(u32), 6;
}

/// Which side sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to server.
    Client,
    /// Server to client.
    Server,
    /// Both.
    Both,
}

/// A phase of the connection, as seen by the receiver of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing is agreed yet.
    Hello,
    /// Between WELCOME and AUTH_OK.
    Auth,
    /// After AUTH_OK.
    Open,
    /// After GOAWAY.
    Draining,
}

/// A set of phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Phases(pub(crate) u8);

impl Phases {
    pub(crate) const fn of(phases: &[Phase]) -> Self {
        let (mut bits, mut rest) = (0, phases);
        while let [phase, tail @ ..] = rest {
            bits |= 1 << *phase as u8;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether the set holds `phase`.
    #[must_use]
    pub const fn contains(self, phase: Phase) -> bool {
        self.0 & (1 << phase as u8) != 0
    }
}

/// What a receiver does with a type of a range that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// End the connection.
    Close,
    /// Server: answer UNSUPPORTED. Client: keep it opaque and show its fallback text.
    Unsupported,
    /// Ignore it.
    Ignore,
}

/// A range of frame types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeInfo {
    /// First type of the range.
    pub first: FrameType,
    /// Last type of the range.
    pub last: FrameType,
    /// Name, as in the registry.
    pub name: &'static str,
    /// Rule for unknown types.
    pub unknown: Unknown,
}

/// An active frame type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTypeInfo {
    /// The type.
    pub frame_type: FrameType,
    /// Who sends it.
    pub direction: Direction,
    /// It carries a non-zero sequence and consumes credit.
    pub sequenced: bool,
    /// Its compression octet may be non-zero.
    pub compression: bool,
    /// Phases in which a receiver accepts it.
    pub phases: Phases,
    /// Cap on the payload in octets: on the wire, and after decompression and reassembly.
    pub max_octets: u32,
    /// Protobuf message (alternatives separated by `|`) or `binary:<layout>`.
    pub payload: &'static str,
}

/// How much an error ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The connection; the session may be resumed.
    Connection,
    /// The session with the connection.
    Session,
    /// The result of one message.
    Message,
    /// One RESPONSE.
    Request,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Malformed octets.
    Octets,
    /// The peer misbehaved.
    Peer,
    /// A valid frame asks for what cannot be done.
    Request,
    /// A limit was met.
    Capacity,
    /// The answering side failed.
    Environment,
}

/// A known error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCodeInfo {
    /// The code.
    pub code: ErrorCode,
    /// Its class.
    pub class: ErrorClass,
    /// How much it ends by default.
    pub scope: Scope,
    /// The same act can succeed later without change.
    pub retryable: bool,
    /// It ends the connection.
    pub closes: bool,
}

/// A limit: what a side uses by default, must at least support, and may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<T> {
    /// Used unless configured or negotiated otherwise.
    pub default: T,
    /// Least value that may be configured or announced.
    pub minimum: T,
    /// Hard cap.
    pub maximum: T,
}

impl<T: Copy + PartialOrd> Limit<T> {
    /// Whether `value` may be configured or announced.
    pub fn allows(&self, value: T) -> bool {
        self.minimum <= value && value <= self.maximum
    }
}

impl FrameType {
    /// The registered name, also of reserved types.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(FRAME_NAMES, self, |row| row.0).map(|row| row.1)
    }

    /// The registry row of an active type; `None` for unknown and for reserved types, which
    /// receivers treat as unknown.
    #[must_use]
    pub fn info(self) -> Option<&'static FrameTypeInfo> {
        FRAMES.get(usize::from(self.0)).and_then(|row| row.as_ref())
    }

    /// The range that holds the type.
    #[must_use]
    pub fn range(self) -> &'static RangeInfo {
        match RANGES.iter().find(|range| self <= range.last) {
            Some(range) => range,
            // The ranges cover every octet: the drift test checks it.
            None => &RANGES[0],
        }
    }

    /// Whether the type carries a sequence and consumes credit: by its row, and for unknown types
    /// of the message and operation ranges always. `None` for other unknown types.
    #[must_use]
    pub fn is_sequenced(self) -> Option<bool> {
        match (self.info(), self.range().unknown) {
            (Some(info), _) => Some(info.sequenced),
            (None, Unknown::Unsupported) => Some(true),
            (None, Unknown::Ignore) => Some(false),
            (None, Unknown::Close) => None,
        }
    }
}

impl Compression {
    /// The registered name, also of reserved algorithms.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(COMPRESSIONS, self, |row| row.0).map(|row| row.1)
    }
}

impl Capability {
    /// The registered name, also of reserved capabilities.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(CAPABILITIES, self, |row| row.0).map(|row| row.1)
    }
}

impl Operation {
    /// The registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(OPERATIONS, self, |row| row.0).map(|row| row.1)
    }

    /// Whether the `request_id` is an idempotency key; `None` for unknown operations.
    #[must_use]
    pub fn is_mutating(self) -> Option<bool> {
        find(OPERATIONS, self, |row| row.0).map(|row| row.2)
    }
}

impl EventNumber {
    /// The registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(EVENTS, self, |row| row.0).map(|row| row.1)
    }
}

impl ErrorClass {
    /// The registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(ERROR_CLASSES, self, |row| row.0).map(|row| row.1)
    }

    /// Who is at fault; an unknown class blames the peer that sent it.
    #[must_use]
    pub fn blame(self) -> Blame {
        find(ERROR_CLASSES, self, |row| row.0).map_or(Blame::Peer, |row| row.2)
    }
}

impl ErrorCode {
    /// The registered name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        find(ERRORS, self, |row| row.0).map(|row| row.1)
    }

    /// The class octet.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        let [class, _detail] = self.0.to_be_bytes();
        ErrorClass(class)
    }

    /// The registry row; `None` for unknown codes.
    #[must_use]
    pub fn info(self) -> Option<&'static ErrorCodeInfo> {
        find(ERRORS, self, |row| row.0).map(|row| &row.2)
    }

    /// Whether the error ends the connection; an unknown detail follows the rule of its class.
    #[must_use]
    pub fn closes(self) -> bool {
        let by_class = || matches!(self.class().blame(), Blame::Octets | Blame::Peer);
        self.info().map_or_else(by_class, |info| info.closes)
    }

    /// Whether the same act can succeed later without change; an unknown detail is retryable when
    /// its class blames limits or the answering side.
    #[must_use]
    pub fn retryable(self) -> bool {
        let by_class = || matches!(self.class().blame(), Blame::Capacity | Blame::Environment);
        self.info().map_or_else(by_class, |info| info.retryable)
    }

    /// Whether to try again after a peer has sent this code with `retryable` as `received`. A code that
    /// the registry lists means what the peer says. Of another one the class decides: session, capacity
    /// and server errors mean what the peer says; of all others, and of unknown classes, nothing is
    /// gained by trying again.
    // impl[EIM-ERR-013, EIM-ERR-014]
    #[must_use]
    pub fn may_retry(self, received: bool) -> bool {
        let by_class = || {
            let class = self.class();
            matches!(
                class,
                ErrorClass::SESSION | ErrorClass::CAPACITY | ErrorClass::SERVER
            )
        };
        received && (self.info().is_some() || by_class())
    }
}

/// Looks a number up in a table sorted by number.
fn find<R, N: Ord>(table: &'static [R], number: N, key: impl Fn(&R) -> N) -> Option<&'static R> {
    let place = table.binary_search_by(|row| key(row).cmp(&number)).ok()?;
    table.get(place)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn known_numbers_print_their_name_and_unknown_ones_hexadecimal() {
        assert_eq!(FrameType::TEXT.to_string(), "TEXT");
        assert_eq!(FrameType(0x3F).to_string(), "0x3f");
        assert_eq!(ErrorCode(0x05FF).to_string(), "0x05ff");
        assert_eq!(Capability::SEND_ONLY.to_string(), "send-only");
        assert_eq!(Operation(9999).to_string(), "0x270f");
    }

    #[test]
    fn types_without_a_row_are_unknown_to_receivers() {
        assert_eq!(FrameType(0x7F).name(), None);
        assert_eq!(FrameType(0x7F).info(), None);
        assert_eq!(FrameType(0x4F).range().unknown, Unknown::Unsupported);
    }

    #[test]
    fn every_octet_has_a_range_and_every_row_its_own_number() {
        for octet in 0..=u8::MAX {
            let frame_type = FrameType(octet);
            let range = frame_type.range();
            assert!(range.first <= frame_type && frame_type <= range.last);
            if let Some(info) = frame_type.info() {
                assert_eq!(info.frame_type, frame_type);
                assert_eq!(frame_type.is_sequenced(), Some(info.sequenced));
            }
        }
        assert_eq!(FrameType(0).range().name, "invalid");
        assert_eq!(FrameType(0xFF).range().name, "invalid");
        assert_eq!(FrameType(0xE5).is_sequenced(), Some(false));
    }

    #[test]
    fn unknown_error_details_follow_their_class() {
        assert!(ErrorCode(0x01FF).closes() && !ErrorCode(0x01FF).retryable());
        assert!(!ErrorCode(0x05FF).closes() && !ErrorCode(0x05FF).retryable());
        assert!(!ErrorCode(0x06FF).closes() && ErrorCode(0x06FF).retryable());
        assert!(ErrorCode::SHUTTING_DOWN.closes() && ErrorCode::SHUTTING_DOWN.retryable());
        assert!(
            ErrorCode(0xFF01).closes(),
            "an unknown class ends the connection"
        );
    }

    // test[EIM-ERR-013]
    #[test]
    fn only_known_codes_and_classes_are_tried_again_because_a_peer_says_so() {
        for (code, heeded) in [
            (ErrorCode::OVERLOADED.0, true),
            (ErrorCode::INVALID_TYPE.0, true),
            (0x04FE, true),
            (0x06FE, true),
            (0x07FE, true),
            (0x01FE, false),
            (0x02FE, false),
            (0x03FE, false),
            (0x05FE, false),
            (0x08FE, false),
            (0xFFFF, false),
            (0, false),
        ] {
            assert_eq!(ErrorCode(code).may_retry(true), heeded, "{code:#06x}");
            assert!(!ErrorCode(code).may_retry(false), "{code:#06x}");
        }
    }
}
