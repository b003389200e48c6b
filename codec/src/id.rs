//! Identifiers: 16 opaque octets each, one type a kind so that they cannot be confused.

use core::fmt;
use core::str::FromStr;

use bytes::Bytes;

/// Octets in every identifier.
pub const ID_OCTETS: usize = 16;

/// Octets or text that are not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// Not 16 octets.
    #[error("an id has 16 octets, not {got}")]
    Length {
        /// Octets given.
        got: usize,
    },
    /// Not 32 hexadecimal digits.
    #[error("an id is written as 32 hexadecimal digits")]
    Text,
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; ID_OCTETS]);

        impl $name {
            /// Reads an id from exactly 16 octets.
            ///
            /// # Errors
            /// [`InvalidId::Length`] for any other number of octets.
            pub fn from_slice(octets: &[u8]) -> Result<Self, InvalidId> {
                <[u8; ID_OCTETS]>::try_from(octets)
                    .map(Self)
                    .map_err(|_| InvalidId::Length { got: octets.len() })
            }

            /// The 16 octets.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; ID_OCTETS] {
                &self.0
            }

            /// The 16 octets as a Protobuf field.
            #[must_use]
            pub fn to_bytes(self) -> Bytes {
                Bytes::copy_from_slice(&self.0)
            }
        }

        impl From<[u8; ID_OCTETS]> for $name {
            fn from(octets: [u8; ID_OCTETS]) -> Self {
                Self(octets)
            }
        }

        impl From<$name> for [u8; ID_OCTETS] {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidId;

            fn try_from(octets: &[u8]) -> Result<Self, InvalidId> {
                Self::from_slice(octets)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

id! {
    /// A user; never reused.
    UserId;
    /// A device: one installation of a client.
    DeviceId;
    /// A conversation, direct or group.
    ConversationId;
    /// The idempotency key of a message: a UUIDv7 chosen by the client.
    ClientMsgId;
    /// A session; survives connections.
    SessionId;
    /// Pairs a RESPONSE with its REQUEST; the idempotency key of mutating requests: a UUIDv7.
    RequestId;
    /// A call, chosen by the device that calls: a UUIDv7.
    CallId;
    /// A blob: octets outside the log, as one user has uploaded them.
    BlobId;
}

impl ConversationId {
    /// The direct conversation of two users, in either order: the first 16 octets of
    /// SHA-256(`"eim/1 direct"` ‖ lower id ‖ higher id).
    #[cfg(feature = "connection")]
    #[must_use]
    pub fn direct(a: UserId, b: UserId) -> Self {
        use sha2::{Digest, Sha256};

        let digest = Sha256::new()
            .chain_update(b"eim/1 direct")
            .chain_update(a.min(b).0)
            .chain_update(a.max(b).0)
            .finalize();
        Self::first_octets(&digest)
    }

    /// The personal log of a user: the first 16 octets of SHA-256(`"eim/1 personal"` ‖ id).
    // impl[EIM-CTC-001]
    #[cfg(feature = "connection")]
    #[must_use]
    pub fn personal(user: UserId) -> Self {
        use sha2::{Digest, Sha256};

        let digest = Sha256::new()
            .chain_update(b"eim/1 personal")
            .chain_update(user.0)
            .finalize();
        Self::first_octets(&digest)
    }

    #[cfg(feature = "connection")]
    fn first_octets(digest: &[u8]) -> Self {
        let mut id = [0; ID_OCTETS];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

fn parse_hex(text: &str) -> Result<[u8; ID_OCTETS], InvalidId> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != ID_OCTETS || !rest.is_empty() {
        return Err(InvalidId::Text);
    }
    let mut id = [0; ID_OCTETS];
    for (octet, [high, low]) in id.iter_mut().zip(pairs) {
        *octet = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Ok(id)
}

fn nibble(digit: u8) -> Result<u8, InvalidId> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(InvalidId::Text)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn text_form_is_lower_hex_and_reads_back() {
        let id = UserId::from([0xAB; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!("AB".repeat(16).parse(), Ok(id));
    }

    #[test]
    fn anything_but_16_octets_is_refused() {
        for got in [0, 15, 17] {
            let octets = alloc::vec![0; got];
            assert_eq!(
                DeviceId::from_slice(&octets),
                Err(InvalidId::Length { got })
            );
        }
        for text in [
            "",
            "0",
            &"0".repeat(31),
            &"0".repeat(33),
            &"0".repeat(34),
            &"g".repeat(32),
        ] {
            assert_eq!(text.parse::<DeviceId>(), Err(InvalidId::Text), "{text}");
        }
    }

    #[cfg(feature = "connection")]
    #[test]
    fn direct_conversation_does_not_depend_on_order() {
        let (a, b) = (UserId::from([1; 16]), UserId::from([2; 16]));
        assert_eq!(ConversationId::direct(a, b), ConversationId::direct(b, a));
        assert_ne!(ConversationId::direct(a, b), ConversationId::direct(a, a));
        // Known answer, computed outside this crate.
        assert_eq!(
            ConversationId::direct(a, b).to_string(),
            "16f9835e879caf622118bfd976c8ef7a",
        );
    }

    #[cfg(feature = "connection")]
    #[test]
    fn a_personal_log_belongs_to_one_user() {
        let (a, b) = (UserId::from([1; 16]), UserId::from([2; 16]));
        assert_ne!(ConversationId::personal(a), ConversationId::personal(b));
        // Known answer, computed outside this crate.
        assert_eq!(
            ConversationId::personal(a).to_string(),
            "10cbafd1104021454ce22cd74682b996",
        );
    }
}
