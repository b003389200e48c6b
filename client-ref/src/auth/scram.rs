//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, by rsasl.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::{Iterations, Salt, SaltedPassword};
use rsasl::prelude::{Mechname, Registry, SASLClient, SASLConfig, Session, SessionError, State};
use rsasl::property::{AuthId, ChannelBindings, OverrideCBType};

use super::{AuthError, SaltedPasswords, prepare};

/// Name of the channel binding.
const BINDING: &str = "eim-exporter";

static MECHANISMS: [rsasl::prelude::Mechanism; 2] = [
    rsasl::mechanisms::scram::SCRAM_SHA256,
    rsasl::mechanisms::scram::SCRAM_SHA256_PLUS,
];

/// One SCRAM exchange.
pub(super) struct Scram {
    session: Session,
    failure: Arc<Mutex<Option<AuthError>>>,
}

struct Answers {
    user: String,
    password: String,
    binding: Option<[u8; 32]>,
    can_bind: bool,
    salted: SaltedPasswords,
    failure: Arc<Mutex<Option<AuthError>>>,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request.satisfy::<AuthId>(&self.user)?;
        if let Some(binding) = &self.binding {
            request
                .satisfy::<OverrideCBType>(BINDING)?
                .satisfy::<ChannelBindings>(binding)?;
        }
        if request.is::<SaltedPassword>()
            && let (Some(salt), Some(iterations)) =
                (context.get_ref::<Salt>(), context.get_ref::<Iterations>())
        {
            match self
                .salted
                .derive(&self.user, &self.password, salt, *iterations)
            {
                Ok(salted) => {
                    request.satisfy::<SaltedPassword>(&salted)?;
                }
                Err(error) => {
                    *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            }
        }
        Ok(())
    }

    // impl[EIM-AUT-018] A client that can bind says so: rsasl then sends the flag `y`.
    fn enable_channel_binding(&self) -> bool {
        self.can_bind
    }
}

impl Scram {
    /// Begins an exchange: bound with `binding`, else without.
    pub(super) fn new(
        user: &str,
        password: &str,
        binding: Option<[u8; 32]>,
        can_bind: bool,
        salted: SaltedPasswords,
    ) -> Result<Self, AuthError> {
        let user = prepare(user).ok_or(AuthError::Prohibited("user name"))?;
        let password = prepare(password).ok_or(AuthError::Prohibited("password"))?;
        let failure = Arc::default();
        let answers = Answers {
            user,
            password,
            binding,
            can_bind,
            salted,
            failure: Arc::clone(&failure),
        };
        let broken = |error: &dyn std::fmt::Display| AuthError::Server(error.to_string());
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(&MECHANISMS))
            .with_callback(answers)
            .map_err(|error| broken(&error))?;
        let name = if binding.is_some() {
            super::PLUS
        } else {
            super::BARE
        };
        let name = Mechname::parse(name.as_bytes()).map_err(|error| broken(&error))?;
        let session = SASLClient::new(config)
            .start_suggested(&[name])
            .map_err(|error| broken(&error))?;
        Ok(Self { session, failure })
    }

    /// The next message of this side.
    pub(super) fn step(&mut self, input: Option<&[u8]>) -> Result<Bytes, AuthError> {
        check(input.unwrap_or(b"v="))?;
        let mut output = Vec::new();
        match self.session.step(input, &mut output) {
            Ok(State::Running) => Ok(output.into()),
            Ok(State::Finished(_)) => Err(AuthError::Server("it ended too early".to_owned())),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Checks the server's signature.
    pub(super) fn finish(&mut self, data: &[u8]) -> Result<(), AuthError> {
        check(data)?;
        let mut output = Vec::new();
        match self.session.step(Some(data), &mut output) {
            Ok(State::Finished(_)) => Ok(()),
            Ok(State::Running) => Err(AuthError::Server("it ended too early".to_owned())),
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn failure(&self, error: &SessionError) -> AuthError {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| AuthError::Server(error.to_string()))
    }
}

/// Refuses a message in which something else than `name=value` stands between commas: rsasl
/// takes that for granted, and panics.
// impl[EIM-SEC-002]
fn check(message: &[u8]) -> Result<(), AuthError> {
    let mut attributes = message.split(|octet| *octet == b',');
    if attributes.all(|attribute| attribute.get(1) == Some(&b'=')) {
        Ok(())
    } else {
        Err(AuthError::Server("a malformed SCRAM message".to_owned()))
    }
}
