//! Resume tokens: 256 random bits, stored hashed, bound to a device, rotated at each use with one
//! generation of grace.

use bytes::Bytes;
use eim_codec::id::{DeviceId, SessionId, UserId};
use eim_codec::payload::Auth;
use eim_codec::registry::ErrorCode;
use sha2::{Digest, Sha256};

use super::{AuthService, Identity, Rejection, Step, enabled};
use crate::store::{DeviceRecord, SessionRecord, StoreError, UserRecord};

/// Octets of a token.
pub const TOKEN_OCTETS: usize = 32;

/// For which session a token is given, and what it supersedes.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// The session.
    pub session: SessionId,
    /// Hash of the token the client came with, which stays valid until the new one is used.
    pub presented: Option<[u8; 32]>,
    /// The session whose token the client came with, where another one begins.
    pub predecessor: Option<SessionId>,
}

impl AuthService {
    // impl[EIM-AUT-036, EIM-AUT-039]
    pub(super) async fn resume(&self, auth: &Auth, device: DeviceId) -> Result<Step, Rejection> {
        let rejected = || Rejection::new(ErrorCode::RESUME_REJECTED, "the token is not valid");
        if auth.data.len() != TOKEN_OCTETS {
            return Err(rejected());
        }
        let session = SessionId::from_slice(&auth.session_id).map_err(|_| rejected())?;
        let record = self
            .store
            .session(self.tenant, session)
            .await?
            .ok_or_else(rejected)?;
        let hash: [u8; 32] = Sha256::digest(&auth.data).into();
        // impl[EIM-AUT-034]: both comparisons always run, each in constant time.
        let current = same(&hash, &record.token_hash);
        let previous = same(&hash, &record.previous_hash.unwrap_or(record.token_hash));
        if record.device != device || record.expires_ms <= self.clock.now_ms() {
            return Err(rejected());
        }
        if !(current | previous) {
            // impl[EIM-AUT-043]: a token of the past of this session is in other hands.
            let dead = SessionRecord {
                expires_ms: 0,
                ..record
            };
            self.store.put_session(self.tenant, dead).await?;
            return Err(rejected());
        }
        let user = self
            .store
            .user(self.tenant, record.user)
            .await?
            .ok_or_else(rejected)?;
        // impl[EIM-AUT-041]
        enabled(&user)?;
        // impl[EIM-AUT-042]
        if record.token_generation != user.token_generation {
            return Err(rejected());
        }
        let identity = Identity {
            user,
            data: Bytes::new(),
            resumed: Some((record, hash)),
            token: None,
        };
        Ok(Step::Proven(Box::new(identity)))
    }

    /// A new token. It goes into AUTH_OK and nowhere else; the store gets its hash.
    // impl[EIM-AUT-033]
    #[must_use]
    pub fn new_token(&self) -> [u8; TOKEN_OCTETS] {
        self.random.octets()
    }

    /// Makes `token` the token of a session.
    ///
    /// # Errors
    /// When the store fails.
    // impl[EIM-AUT-034, EIM-AUT-037, EIM-AUT-038]
    pub async fn put_token(
        &self,
        user: &UserRecord,
        device: &DeviceRecord,
        token: &[u8; TOKEN_OCTETS],
        given: Given,
    ) -> Result<(), StoreError> {
        let Given {
            session,
            presented,
            predecessor,
        } = given;
        let record = SessionRecord {
            session,
            user: user.user,
            device: device.device,
            token_hash: Sha256::digest(token).into(),
            previous_hash: presented,
            expires_ms: self.clock.now_ms().saturating_add(self.token_ms),
            predecessor,
            token_generation: user.token_generation,
            login: device.login,
        };
        self.store.put_session(self.tenant, record).await
    }

    /// Puts a token back as it was before it was presented: its session did not go on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn restore_token(&self, record: SessionRecord) -> Result<(), StoreError> {
        let record = SessionRecord {
            expires_ms: self.clock.now_ms().saturating_add(self.token_ms),
            ..record
        };
        self.store.put_session(self.tenant, record).await
    }

    /// The session is over for good: its token, and the one it came after, become useless.
    ///
    /// # Errors
    /// When the store fails.
    // impl[EIM-CON-028, EIM-AUT-042]
    pub async fn end_session(
        &self,
        session: SessionId,
        user: UserId,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        let record = self.store.session(self.tenant, session).await?;
        if let Some(before) = record.and_then(|record| record.predecessor) {
            self.revoke(before, user, device).await?;
        }
        self.revoke(session, user, device).await
    }

    /// Makes the tokens of `session` useless.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke(
        &self,
        session: SessionId,
        user: UserId,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        let (token_hash, previous_hash) = ([0; 32], None);
        let record = SessionRecord {
            session,
            user,
            device,
            token_hash,
            previous_hash,
            expires_ms: 0,
            predecessor: None,
            token_generation: 0,
            login: 0,
        };
        self.store.put_session(self.tenant, record).await
    }
}

/// Compares in a time that does not depend on the content.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter()
        .zip(b)
        .fold(0, |difference, (x, y)| difference | (x ^ y))
        == 0
}
