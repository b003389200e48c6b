//! SCRAM-SHA-256 and -PLUS, server side, by `rsasl`.

use bytes::Bytes;
use eim_codec::registry::ErrorCode;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::SCRAM_SHA256;
use rsasl::mechanisms::scram::SCRAM_SHA256_PLUS;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechname::Mechname;
use rsasl::prelude::{
    ChannelBindingCallback, Mechanism, Registry, SASLConfig, SASLServer, Session, SessionError,
    Validation,
};
use rsasl::property::{AuthId, AuthzId};
use rsasl::validate::{Validate, ValidationError};

use super::Rejection;
use crate::store::ScramVerifier;

/// Wire name of SCRAM without channel binding.
pub const PLAIN: &str = "SCRAM-SHA-256";
/// Wire name of SCRAM with channel binding.
pub const PLUS: &str = "SCRAM-SHA-256-PLUS";
/// Name of the only channel binding.
const BINDING_NAME: &str = "eim-exporter";

// With -PLUS in the list, rsasl refuses the flag "y": the offer was removed on the way.
// impl[EIM-AUT-019]
static BOTH: &[Mechanism] = &[SCRAM_SHA256, SCRAM_SHA256_PLUS];
/// For connections on which -PLUS was not offered.
static UNBOUND: &[Mechanism] = &[SCRAM_SHA256];

/// What the proof established.
struct Proven;

impl Validation for Proven {
    type Value = bool;
}

/// Answers rsasl's questions from a verifier that was looked up before.
struct Callback {
    verifier: ScramVerifier,
}

impl SessionCallback for Callback {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request.satisfy::<ScramStoredPassword<'static>>(&ScramStoredPassword::new(
            self.verifier.iterations,
            &self.verifier.salt,
            &self.verifier.stored_key,
            &self.verifier.server_key,
        ))?;
        Ok(())
    }

    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        // impl[EIM-AUT-021]
        let same = match (context.get_ref::<AuthId>(), context.get_ref::<AuthzId>()) {
            (Some(_), None | Some("")) => true,
            (Some(name), Some(other)) => name == other,
            (None, _) => false,
        };
        validate.with::<Proven, _>(|| Ok(same))?;
        Ok(())
    }
}

/// The channel binding of one connection.
struct Binding(Option<[u8; 32]>);

impl ChannelBindingCallback for Binding {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        self.0
            .as_ref()
            .filter(|_| name == BINDING_NAME)
            .map(<[u8; 32]>::as_slice)
    }
}

/// The parts of the client's first message that the server needs before it can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientFirst {
    /// User name, as the client gave it.
    pub(super) name: String,
}

impl ClientFirst {
    /// Reads `gs2-flag,[a=authzid],n=name,…` and checks the flag against the mechanism.
    pub(super) fn parse(message: &[u8], mechanism: &str) -> Result<Self, Rejection> {
        let malformed = || Rejection::failed("malformed SCRAM message");
        let text = std::str::from_utf8(message).map_err(|_| malformed())?;
        let mut parts = text.splitn(4, ',');
        let mut next = || parts.next().ok_or_else(malformed);
        let (flag, authzid, name) = (next()?, next()?, next()?);
        let known = matches!(flag, "n" | "y") || flag.starts_with("p=");
        let named = authzid.is_empty() || authzid.starts_with("a=");
        if !known || !named || !has_attributes(text.split(',').skip(2)) {
            return Err(malformed());
        }
        let bound = flag.starts_with("p=");
        if bound != (mechanism == PLUS) {
            return Err(Rejection::failed(
                "channel binding flag does not fit the mechanism",
            ));
        }
        let name = name.strip_prefix("n=").ok_or_else(malformed)?;
        Ok(Self {
            name: unescape(name).ok_or_else(malformed)?,
        })
    }
}

/// Whether everything between commas is `name=value`: rsasl takes that for granted, and panics.
// impl[EIM-SEC-002]
fn has_attributes<'a>(mut attributes: impl Iterator<Item = &'a str>) -> bool {
    attributes.all(|attribute| attribute.as_bytes().get(1) == Some(&b'='))
}

/// Undoes `=2C` and `=3D` of RFC 5802.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let rest = if let Some(rest) = part.strip_prefix("2C") {
            out.push(',');
            rest
        } else {
            out.push('=');
            part.strip_prefix("3D")?
        };
        out.push_str(rest);
    }
    Some(out)
}

/// An exchange whose challenge was sent.
pub(super) struct Exchange {
    session: Session<Proven, Binding>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl Exchange {
    /// Starts with the client's first message; returns the challenge. Without `binding`, -PLUS was
    /// not offered.
    pub(super) fn start(
        mechanism: &str,
        binding: Option<[u8; 32]>,
        verifier: ScramVerifier,
        message: &[u8],
    ) -> Result<(Self, Bytes), Rejection> {
        let unavailable = || {
            Rejection::new(
                ErrorCode::MECHANISM_UNAVAILABLE,
                "mechanism is not available",
            )
        };
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(if binding.is_some() {
                BOTH
            } else {
                UNBOUND
            }))
            .with_callback(Callback { verifier })
            .map_err(|_| unavailable())?;
        let name = Mechname::parse(mechanism.as_bytes()).map_err(|_| unavailable())?;
        let mut session = SASLServer::<Proven, Binding>::with_cb(config, Binding(binding))
            .start_suggested(name)
            .map_err(|_| unavailable())?;
        let mut challenge = Vec::with_capacity(128);
        let state = session
            .step(Some(message), &mut challenge)
            .map_err(|_| Rejection::failed("SCRAM exchange failed"))?;
        if state.is_running() {
            Ok((Self { session }, challenge.into()))
        } else {
            Err(Rejection::failed("SCRAM exchange ended early"))
        }
    }

    /// Checks the client's proof; returns the server-final message.
    pub(super) fn finish(mut self, message: &[u8]) -> Result<Bytes, Rejection> {
        let text = std::str::from_utf8(message).unwrap_or_default();
        if !has_attributes(text.split(',')) {
            return Err(Rejection::failed("malformed SCRAM message"));
        }
        let mut last = Vec::with_capacity(64);
        self.session
            .step(Some(message), &mut last)
            .map_err(|_| Rejection::failed("SCRAM exchange failed"))?;
        match self.session.validation() {
            Some(true) => Ok(last.into()),
            Some(false) | None => Err(Rejection::failed("authentication failed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_yields_the_name() {
        let first = ClientFirst::parse(b"n,,n=a=2Cb=3Dc,r=nonce", PLAIN).unwrap();
        assert_eq!(first.name, "a,b=c");
        let first = ClientFirst::parse(b"p=eim-exporter,a=x,n=bob,r=1,e=xt", PLUS).unwrap();
        assert_eq!(first.name, "bob");
    }

    #[test]
    fn flags_must_fit_the_mechanism() {
        assert!(ClientFirst::parse(b"n,,n=a,r=1", PLUS).is_err());
        assert!(ClientFirst::parse(b"p=eim-exporter,,n=a,r=1", PLAIN).is_err());
        for bad in [
            &b""[..],
            b"n",
            b"n,,",
            b"n,,x=a,r=1",
            b"n,,n=a=2,r=1",
            b"n,,n=a,r",
            b"n,,n=a,",
            b"n,,n=a,r=1,x",
            b",,n=a,r=1",
            b"n,a,n=a,r=1",
            b"\xff,,n=a,r=1",
        ] {
            assert!(ClientFirst::parse(bad, PLAIN).is_err());
        }
    }
}
