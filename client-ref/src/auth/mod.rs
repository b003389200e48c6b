//! Authentication: SCRAM-SHA-256(-PLUS) with a password, EIM-RESUME with a token, EIM-TOKEN with
//! that of a bot.

mod salted;
mod scram;

use bytes::Bytes;

pub use self::salted::{SaltedPasswords, check_iterations};
use self::scram::Scram;
use crate::store::ResumeCredential;

/// Mechanism names of the protocol.
const PLUS: &str = "SCRAM-SHA-256-PLUS";
const BARE: &str = "SCRAM-SHA-256";
const RESUME: &str = "EIM-RESUME";
const TOKEN: &str = "EIM-TOKEN";

/// Authentication cannot go on, through no fault of the network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The server offers nothing this client can use.
    #[error("the server offers no mechanism this client can use with what it has")]
    NoMechanism,
    /// A password is needed and there is none.
    #[error("a password is needed")]
    NoPassword,
    /// Name or password contain what SASLprep forbids.
    #[error("the {0} contains characters that are not allowed")]
    Prohibited(&'static str),
    /// The server asks for too little or too much work.
    #[error("the server asks for {0} iterations, outside 4096..=1000000")]
    Iterations(u32),
    /// The server does not follow the mechanism, or does not know the password either.
    #[error("the server failed to prove itself: {0}")]
    Server(String),
}

/// User name or password as the mechanism takes it, after SASLprep; `None` when it has characters that
/// are prohibited.
// impl[EIM-AUT-020]
#[must_use]
pub fn prepare(text: &str) -> Option<String> {
    stringprep::saslprep(text)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// What an exchange is made from.
#[derive(Debug)]
pub struct Means<'a> {
    /// Mechanisms of WELCOME.
    pub offered: &'a [String],
    /// Login name.
    pub user: &'a str,
    /// Password, if there is one.
    pub password: Option<&'a str>,
    /// Token of a bot, if secrets may cross the transport.
    pub token: Option<&'a str>,
    /// Resume token of this server, if secrets may cross the transport.
    pub resume: Option<&'a ResumeCredential>,
    /// What -PLUS binds to; `None` when this side cannot bind.
    pub binding: Option<[u8; 32]>,
    /// Salted passwords of earlier exchanges.
    pub salted: &'a SaltedPasswords,
}

/// One authentication exchange.
pub struct Exchange {
    mechanism: &'static str,
    scram: Option<Box<Scram>>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Chooses the mechanism; the octets are its first message.
    ///
    /// # Errors
    /// [`AuthError`] when nothing fits.
    pub fn start(means: &Means<'_>) -> Result<(Self, Bytes), AuthError> {
        // impl[EIM-EXT-003]
        let offers = |name: &str| means.offered.iter().any(|offered| offered == name);
        if let Some(resume) = means.resume
            && offers(RESUME)
        {
            // impl[EIM-AUT-035]
            return Ok((
                Self {
                    mechanism: RESUME,
                    scram: None,
                },
                resume.token.clone(),
            ));
        }
        if let Some(token) = means.token
            && offers(TOKEN)
        {
            let exchange = Self {
                mechanism: TOKEN,
                scram: None,
            };
            return Ok((exchange, Bytes::copy_from_slice(token.as_bytes())));
        }
        // impl[EIM-AUT-017] With -PLUS whenever both sides can bind.
        let (mechanism, binding) = match means.binding {
            Some(binding) if offers(PLUS) => (PLUS, Some(binding)),
            _ if offers(BARE) => (BARE, None),
            _ => return Err(AuthError::NoMechanism),
        };
        let password = means.password.ok_or(AuthError::NoPassword)?;
        let can_bind = means.binding.is_some();
        let mut scram = Scram::new(
            means.user,
            password,
            binding,
            can_bind,
            means.salted.clone(),
        )?;
        let first = scram.step(None)?;
        Ok((
            Self {
                mechanism,
                scram: Some(Box::new(scram)),
            },
            first,
        ))
    }

    /// Name of the mechanism.
    #[must_use]
    pub const fn mechanism(&self) -> &'static str {
        self.mechanism
    }

    /// Whether the token is what authenticates.
    #[must_use]
    pub fn is_resume(&self) -> bool {
        self.mechanism == RESUME
    }

    /// The answer to a challenge.
    ///
    /// # Errors
    /// [`AuthError`] when the server breaks the mechanism.
    pub fn challenge(&mut self, data: &[u8]) -> Result<Bytes, AuthError> {
        match &mut self.scram {
            Some(scram) => scram.step(Some(data)),
            None => {
                let mechanism = self.mechanism;
                Err(AuthError::Server(format!("{mechanism} has no challenge")))
            }
        }
    }

    /// Checks the last octets of the mechanism, which AUTH_OK carries.
    ///
    /// # Errors
    /// [`AuthError::Server`] when the server did not prove that it knows the password's verifier.
    pub fn finish(mut self, data: &[u8]) -> Result<(), AuthError> {
        // impl[EIM-AUT-024]
        match &mut self.scram {
            Some(scram) => scram.finish(data),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
