//! Who connects: SCRAM with stored verifiers, resume tokens, and tokens of bots.
//!
//! Every failure that a stranger can cause looks the same from outside, for unknown names too.

mod resume;
pub mod scram;
mod throttle;
mod token;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::AuthAttempt;
use eim_codec::id::DeviceId;
use eim_codec::registry::ErrorCode;
use hmac::{Hmac, Mac};
use sha2::Sha256;

pub use resume::{Given, TOKEN_OCTETS};
pub use token::{TOKEN_PREFIX, new_bot_token};

use self::throttle::Throttle;
use super::password::normalise_name;
use crate::clock::Clock;
use crate::limits::{Limited, neighbourhood};
use crate::random::Random;
use crate::store::{
    Refused, ScramVerifier, SessionRecord, Store, StoreError, TenantId, TokenId, UserRecord,
};

/// Wire name of the resume token mechanism.
pub const RESUME: &str = "EIM-RESUME";
/// Wire name of the mechanism of bots.
pub const TOKEN: &str = "EIM-TOKEN";

/// Authentication ends without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Wire code.
    pub code: ErrorCode,
    /// For people.
    pub detail: Cow<'static, str>,
    /// When another attempt may do better.
    pub retry_after: Option<Duration>,
}

impl Rejection {
    /// A rejection with a code and a reason for people.
    #[must_use]
    pub const fn new(code: ErrorCode, detail: &'static str) -> Self {
        Self {
            code,
            detail: Cow::Borrowed(detail),
            retry_after: None,
        }
    }

    /// A refusal that ends with the time.
    #[must_use]
    pub const fn later(code: ErrorCode, detail: &'static str, retry_after: Duration) -> Self {
        Self {
            code,
            detail: Cow::Borrowed(detail),
            retry_after: Some(retry_after),
        }
    }

    const fn failed(detail: &'static str) -> Self {
        Self::new(ErrorCode::AUTH_FAILED, detail)
    }
}

impl From<Refused> for Rejection {
    fn from(refused: Refused) -> Self {
        let wait = Duration::from_millis(refused.retry_after_ms);
        Self {
            code: refused.code,
            detail: refused.detail.into(),
            retry_after: (!wait.is_zero()).then_some(wait),
        }
    }
}

// impl[EIM-LIM-018]
impl From<Limited> for Rejection {
    fn from(limited: Limited) -> Self {
        let wait = Duration::from_millis(limited.retry_after_ms());
        Self::later(ErrorCode::RATE_LIMITED, "too many logins", wait)
    }
}

impl From<StoreError> for Rejection {
    // impl[EIM-ERR-024]
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Closed) {
            return Self::new(ErrorCode::SHUTTING_DOWN, "the server is stopping");
        }
        if let StoreError::LeftAlone(wait) = error {
            return Self::later(ErrorCode::UNAVAILABLE, "the store does not work now", wait);
        }
        tracing::error!(%error, "authentication could not use the store");
        Self::new(ErrorCode::INTERNAL, "the store failed")
    }
}

/// Proof of identity.
#[derive(Debug)]
pub struct Identity {
    /// The account.
    pub user: UserRecord,
    /// Last octets of the mechanism, for AUTH_OK.
    pub data: Bytes,
    /// The token record that was presented, and the hash it was presented by.
    pub resumed: Option<(SessionRecord, [u8; 32])>,
    /// The token of a bot.
    pub token: Option<TokenId>,
}

/// One step of an authentication.
#[derive(Debug)]
pub enum Step {
    /// Send this challenge and come back with the answer.
    Challenge(Bytes, Box<Pending>),
    /// Done.
    Proven(Box<Identity>),
}

/// An authentication that waits for the client.
#[derive(Debug)]
pub struct Pending {
    exchange: scram::Exchange,
    user: Option<UserRecord>,
    from: IpAddr,
    name: String,
}

/// The authentication service.
pub struct AuthService {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    secret: [u8; 32],
    iterations: u32,
    token_ms: u64,
    tenant: TenantId,
    throttle: Throttle,
}

impl std::fmt::Debug for AuthService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthService")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// What the service needs to know about its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct AuthOptions {
    /// Keys the fake salts of unknown users; kept with the store.
    pub secret: [u8; 32],
    /// PBKDF2 iterations of new verifiers, and of fake ones.
    pub iterations: u32,
    /// Life of a resume token in milliseconds.
    pub token_ms: u64,
    /// The tenant of this server.
    pub tenant: TenantId,
}

impl AuthService {
    /// A service over `store`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        options: AuthOptions,
    ) -> Self {
        let AuthOptions {
            secret,
            iterations,
            token_ms,
            tenant,
        } = options;
        Self {
            store,
            clock,
            random,
            secret,
            iterations,
            token_ms,
            tenant,
            throttle: Throttle::default(),
        }
    }

    /// Begins with the first AUTH. `binding` is the channel binding data of the connection, if
    /// -PLUS was offered on it; `confidential` whether tokens may cross it; `from` the client's
    /// address.
    ///
    /// # Errors
    /// A [`Rejection`] that ends the connection.
    pub async fn begin(
        &self,
        attempt: &AuthAttempt,
        device: DeviceId,
        binding: Option<[u8; 32]>,
        confidential: bool,
        from: IpAddr,
    ) -> Result<Step, Rejection> {
        let auth = &attempt.auth;
        // impl[EIM-LIM-022]
        let from = neighbourhood(from);
        match auth.mechanism.as_str() {
            RESUME if confidential => self.resume(auth, device).await,
            // impl[EIM-AUT-030]
            RESUME => Err(Rejection::new(
                ErrorCode::CONFIDENTIALITY_REQUIRED,
                "resume tokens need TLS or loopback",
            )),
            TOKEN if confidential => self.token(&auth.data).await,
            // impl[EIM-BOT-002]
            TOKEN => Err(Rejection::new(
                ErrorCode::CONFIDENTIALITY_REQUIRED,
                "tokens need TLS or loopback",
            )),
            scram::PLAIN | scram::PLUS => {
                self.challenge(&auth.mechanism, &auth.data, binding, from)
                    .await
            }
            // impl[EIM-AUT-007, EIM-AUT-027]
            _ => Err(Rejection::new(
                ErrorCode::MECHANISM_UNAVAILABLE,
                "mechanism is not available",
            )),
        }
    }

    /// Goes on with a later AUTH.
    ///
    /// # Errors
    /// A [`Rejection`] that ends the connection.
    pub fn proceed(&self, pending: Pending, data: &[u8]) -> Result<Step, Rejection> {
        let Pending {
            exchange,
            user,
            from,
            name,
        } = pending;
        let last = exchange
            .finish(data)
            .inspect_err(|_| self.throttle.failed(from, &name, self.clock.now_ms()))?;
        // An unknown user never gets here: nobody can prove a fake verifier.
        let user = user.ok_or_else(|| Rejection::failed("authentication failed"))?;
        self.throttle.succeeded(from, &name);
        // impl[EIM-AUT-029]
        enabled(&user)?;
        // impl[EIM-AUT-023]
        Ok(Step::Proven(Box::new(Identity {
            user,
            data: last,
            resumed: None,
            token: None,
        })))
    }

    async fn challenge(
        &self,
        mechanism: &str,
        message: &[u8],
        binding: Option<[u8; 32]>,
        from: IpAddr,
    ) -> Result<Step, Rejection> {
        let first = scram::ClientFirst::parse(message, mechanism)?;
        let (user, name) = match normalise_name(&first.name) {
            Ok(name) => (self.store.user_by_name(self.tenant, &name).await?, name),
            // No account can have such a name; all of them count as one.
            Err(_) => (None, String::new()),
        };
        let pause = self.throttle.pause(from, &name, self.clock.now_ms());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let verifier = match &user {
            Some(user) => user.verifier.clone(),
            None => self.fake_verifier(&first.name),
        };
        let (exchange, challenge) = scram::Exchange::start(mechanism, binding, verifier, message)?;
        Ok(Step::Challenge(
            challenge,
            Box::new(Pending {
                exchange,
                user,
                from,
                name,
            }),
        ))
    }

    /// A verifier that nobody can satisfy, with a salt that is the same whenever this name is
    /// tried.
    // impl[EIM-AUT-028]
    fn fake_verifier(&self, name: &str) -> ScramVerifier {
        let derive = |purpose: &[u8]| {
            #[expect(clippy::expect_used, reason = "HMAC takes keys of any size")]
            let mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC key");
            mac.chain_update(purpose)
                .chain_update(name.to_lowercase())
                .finalize()
                .into_bytes()
        };
        let mut salt = derive(b"salt").to_vec();
        salt.truncate(super::password::SALT_OCTETS);
        ScramVerifier {
            iterations: self.iterations,
            salt,
            stored_key: derive(b"stored").to_vec(),
            server_key: derive(b"server").to_vec(),
        }
    }
}

fn enabled(user: &UserRecord) -> Result<(), Rejection> {
    if user.disabled {
        Err(Rejection::new(
            ErrorCode::ACCOUNT_DISABLED,
            "the account is disabled",
        ))
    } else {
        Ok(())
    }
}
