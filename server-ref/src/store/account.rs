//! Users, devices and resume tokens.

use eim_codec::id::{DeviceId, SessionId, UserId};

use super::{LogoutReason, TokenId};

/// A user account. Only SCRAM verifiers are stored, never passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Its id; never reused.
    pub user: UserId,
    /// Login name, unique in the tenant, stored normalised.
    pub name: String,
    /// Shown to people.
    pub display_name: String,
    /// Disabled accounts cannot authenticate.
    pub disabled: bool,
    /// SCRAM-SHA-256 verifier.
    pub verifier: ScramVerifier,
    /// Creation time in Unix milliseconds.
    pub created_ms: u64,
    /// Raised when all resume tokens given so far become useless.
    pub token_generation: u64,
}

/// SCRAM-SHA-256 verifier (RFC 5803 fields).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    /// PBKDF2 iterations.
    pub iterations: u32,
    /// Salt.
    pub salt: Vec<u8>,
    /// StoredKey, 32 octets.
    pub stored_key: Vec<u8>,
    /// ServerKey, 32 octets.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramVerifier")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// A device and what the server keeps for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The device.
    pub device: DeviceId,
    /// Device class number of the wire.
    pub class: i32,
    /// Shown to the user.
    pub name: String,
    /// Generation of its newest connection.
    pub generation: u64,
    /// Epoch of the cursor.
    pub cursor_epoch: u64,
    /// The device has stored its timeline through this number.
    pub cursor: u64,
    /// When it last connected, Unix milliseconds.
    pub seen_ms: u64,
    /// When it proved more than a token last, Unix milliseconds.
    pub logged_in_ms: u64,
    /// Number of its login: tokens given under another one are worth nothing.
    pub login: u64,
    /// Why it is logged out, if it is.
    pub logged_out: Option<LogoutReason>,
    /// The token that a bot logged in with.
    pub token: Option<TokenId>,
}

/// A resume token as stored: hashes only, bound to a device, one generation of grace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// Its device.
    pub device: DeviceId,
    /// SHA-256 of the current token.
    pub token_hash: [u8; 32],
    /// SHA-256 of the token before it, accepted once more.
    pub previous_hash: Option<[u8; 32]>,
    /// When the token stops working, Unix milliseconds.
    pub expires_ms: u64,
    /// The session that this fresh one came after; its token dies when the one of this session is used.
    pub predecessor: Option<SessionId>,
    /// [`UserRecord::token_generation`] when the token was given.
    pub token_generation: u64,
    /// [`DeviceRecord::login`] when the token was given.
    pub login: u64,
}
