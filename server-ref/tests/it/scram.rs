//! The client's side of SCRAM, by rsasl.

use bytes::Bytes;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::{SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::prelude::{
    Mechanism, Mechname, Registry, SASLClient, SASLConfig, Session, SessionError,
};
use rsasl::property::{AuthId, ChannelBindings, OverrideCBType, Password};

static MECHANISMS: [Mechanism; 2] = [SCRAM_SHA256, SCRAM_SHA256_PLUS];

pub(crate) struct Scram {
    session: Session,
    bound: bool,
}

struct Answers {
    user: String,
    password: String,
    binding: Option<[u8; 32]>,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<AuthId>(&self.user)?
            .satisfy::<Password>(self.password.as_bytes())?;
        if let Some(binding) = &self.binding {
            request
                .satisfy::<OverrideCBType>("eim-exporter")?
                .satisfy::<ChannelBindings>(binding)?;
        }
        Ok(())
    }

    fn enable_channel_binding(&self) -> bool {
        self.binding.is_some()
    }
}

impl Scram {
    /// Begins; bound with `binding`, else with the flag "n".
    pub(crate) fn start(user: &str, password: &str, binding: Option<[u8; 32]>) -> (Self, Bytes) {
        let answers = Answers {
            user: user.to_owned(),
            password: password.to_owned(),
            binding,
        };
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(&MECHANISMS))
            .with_callback(answers)
            .unwrap();
        let mut scram = Self {
            session: {
                let name: &[u8] = if binding.is_some() {
                    b"SCRAM-SHA-256-PLUS"
                } else {
                    b"SCRAM-SHA-256"
                };
                let name = Mechname::parse(name).unwrap();
                SASLClient::new(config).start_suggested(&[name]).unwrap()
            },
            bound: binding.is_some(),
        };
        let mut first = Vec::new();
        scram.session.step(None, &mut first).unwrap();
        (scram, first.into())
    }

    pub(crate) fn mechanism(&self) -> &'static str {
        if self.bound {
            "SCRAM-SHA-256-PLUS"
        } else {
            "SCRAM-SHA-256"
        }
    }

    pub(crate) fn challenge(&mut self, challenge: &[u8]) -> Bytes {
        let mut proof = Vec::new();
        self.session.step(Some(challenge), &mut proof).unwrap();
        proof.into()
    }

    /// Checks the server's signature.
    pub(crate) fn finish(&mut self, last: &[u8]) {
        self.session.step(Some(last), &mut Vec::new()).unwrap();
    }
}
