//! Both sides of SCRAM in one room: the client under test against rsasl's server.

use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::tools::derive_keys;
use rsasl::prelude::{Mechname, Registry, SASLConfig, SASLServer, SessionError, State, Validation};
use rsasl::property::{ChannelBindings, OverrideCBType};
use rsasl::validate::{Validate, ValidationError};
use sha2::{Digest, Sha256};

use super::*;

struct Passed;

impl Validation for Passed {
    type Value = ();
}

struct Verifier {
    salted: [u8; 32],
    iterations: u32,
    binding: [u8; 32],
}

impl SessionCallback for Verifier {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let (client_key, server_key) = derive_keys::<Sha256>(&self.salted);
        let stored = Sha256::digest(client_key);
        request
            .satisfy::<OverrideCBType>("eim-exporter")?
            .satisfy::<ChannelBindings>(&self.binding)?
            .satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                self.iterations,
                b"salt",
                &stored,
                &server_key,
            ))?;
        Ok(())
    }

    fn validate(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.with::<Passed, _>(|| Ok(()))?;
        Ok(())
    }
}

/// Runs an exchange; the server knows the password "pencil" and the binding 1.
fn run(
    password: &str,
    offered: &[&str],
    binding: Option<[u8; 32]>,
    iterations: u32,
) -> Result<&'static str, AuthError> {
    static BOTH: [rsasl::prelude::Mechanism; 2] = [
        rsasl::mechanisms::scram::SCRAM_SHA256,
        rsasl::mechanisms::scram::SCRAM_SHA256_PLUS,
    ];
    let salted = SaltedPasswords::default();
    let offered: Vec<String> = offered.iter().map(|&name| name.to_owned()).collect();
    let (mut client, first) = Exchange::start(&Means {
        offered: &offered,
        user: "user",
        password: Some(password),
        token: None,
        resume: None,
        binding,
        salted: &salted,
    })?;
    let verifier = Verifier {
        salted: salted.derive("other", "pencil", b"salt", 4096).unwrap(),
        iterations,
        binding: [1; 32],
    };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(&BOTH))
        .with_callback(verifier)
        .unwrap();
    let name = Mechname::parse(client.mechanism().as_bytes()).unwrap();
    let mut server = SASLServer::<Passed>::new(Arc::clone(&config))
        .start_suggested(name)
        .unwrap();
    let mechanism = client.mechanism();

    let mut challenge = Vec::new();
    let state = server
        .step(Some(&first), &mut challenge)
        .map_err(|error| AuthError::Server(format!("server says {error}")))?;
    assert!(matches!(state, State::Running));
    let proof = client.challenge(&challenge)?;
    let mut last = Vec::new();
    server
        .step(Some(&proof), &mut last)
        .map_err(|error| AuthError::Server(format!("server says {error}")))?;
    client.finish(&last)?;
    Ok(mechanism)
}

#[test]
fn binds_when_both_sides_can() {
    let mechanism = run("pencil", &[PLUS, BARE], Some([1; 32]), 4096);
    assert_eq!(mechanism.unwrap(), PLUS);
}

#[test]
fn another_binding_fails() {
    assert!(run("pencil", &[PLUS, BARE], Some([2; 32]), 4096).is_err());
}

#[test]
fn goes_without_binding_when_this_side_cannot() {
    assert_eq!(run("pencil", &[PLUS, BARE], None, 4096).unwrap(), BARE);
}

#[test]
fn a_wrong_password_fails() {
    assert!(run("pen", &[PLUS, BARE], Some([1; 32]), 4096).is_err());
}

#[test]
fn a_removed_offer_is_noticed_by_the_server() {
    // The client can bind and was not offered -PLUS: it says `y`, and this server, which can
    // bind too, refuses.
    assert!(run("pencil", &[BARE], Some([1; 32]), 4096).is_err());
}

#[test]
fn iteration_counts_are_bounded() {
    for iterations in [1, 4095, 1_000_001] {
        let refused = run("pencil", &[BARE], None, iterations);
        assert!(
            matches!(refused, Err(AuthError::Iterations(got)) if got == iterations),
            "{refused:?}"
        );
    }
}

#[test]
fn a_server_without_the_verifier_is_found_out() {
    let salted = SaltedPasswords::default();
    let offered = [BARE.to_owned()];
    let (client, _) = Exchange::start(&Means {
        offered: &offered,
        user: "user",
        password: Some("pencil"),
        token: None,
        resume: None,
        binding: None,
        salted: &salted,
    })
    .unwrap();
    assert!(
        client
            .finish(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
            .is_err()
    );
}

// test[EIM-SEC-002]
#[test]
fn messages_that_are_not_scram_are_refused() {
    let begin = || {
        let salted = SaltedPasswords::default();
        let offered = [BARE.to_owned()];
        let means = Means {
            offered: &offered,
            user: "user",
            password: Some("pencil"),
            token: None,
            resume: None,
            binding: None,
            salted: &salted,
        };
        Exchange::start(&means).unwrap().0
    };
    for message in [
        &b""[..],
        b",",
        b"r",
        b"v",
        b"r=a,,i=4096",
        b"r=a,s=AA==,i",
        b"\xff",
    ] {
        let message = Bytes::from_static(message);
        assert!(begin().challenge(&message).is_err(), "{message:?}");
        assert!(begin().finish(&message).is_err(), "{message:?}");
    }
}

#[test]
fn a_token_is_preferred_where_it_may_be_used() {
    let salted = SaltedPasswords::default();
    let offered = [PLUS.to_owned(), RESUME.to_owned()];
    let resume = ResumeCredential {
        session: [7; 16].into(),
        token: Bytes::from_static(&[9; 32]),
        server: "tls://x:1".to_owned(),
    };
    let (exchange, data) = Exchange::start(&Means {
        offered: &offered,
        user: "user",
        password: None,
        token: None,
        resume: Some(&resume),
        binding: None,
        salted: &salted,
    })
    .unwrap();
    assert!(exchange.is_resume());
    assert_eq!(data, resume.token);
}

// test[EIM-BOT-024]
#[test]
fn a_bot_shows_its_token_where_it_is_asked_for() {
    let salted = SaltedPasswords::default();
    let start = |offered: &[&str], token| {
        let offered: Vec<_> = offered.iter().map(|name| (*name).to_owned()).collect();
        Exchange::start(&Means {
            offered: &offered,
            user: "robo",
            password: None,
            token,
            resume: None,
            binding: None,
            salted: &salted,
        })
    };
    let (mut exchange, data) = start(&[PLUS, TOKEN], Some("eimbot_x")).unwrap();
    assert_eq!((exchange.mechanism(), &data[..]), (TOKEN, &b"eimbot_x"[..]));
    assert!(exchange.challenge(b"r=a,s=AA==,i=4096").is_err());
    assert!(exchange.finish(b"").is_ok());
    // Where secrets may not cross there is none to show, and no other way.
    let (none, not_offered) = (start(&[BARE, TOKEN], None), start(&[BARE], Some("x")));
    assert!(matches!(none, Err(AuthError::NoPassword)));
    assert!(matches!(not_offered, Err(AuthError::NoPassword)));
}
