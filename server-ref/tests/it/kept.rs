//! What the server keeps of secrets, what it offers behind a proxy, and what it does when data is
//! gone or the store is.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eim_codec::id::SessionId;
use eim_codec::payload::SyncRequest;
use eim_codec::payload::request::Body as Ask;
use eim_codec::registry::{ErrorCode, Operation};
use eim_server::server::TENANT;
use eim_server::service::password;
use eim_server::store::{SessionRecord, UserRecord};
use rsasl::mechanisms::scram::tools;
use sha2::digest::generic_array::GenericArray;
use sha2::{Digest, Sha256};
use tracing_subscriber::fmt::MakeWriter;

use crate::doubles::Seeded;
use crate::kit::{Kit, user_id};

// test[EIM-AUT-014, EIM-AUT-031]
#[tokio::test(start_paused = true)]
async fn behind_a_proxy_that_ends_tls_nothing_is_bound_and_nothing_resumed() {
    for (settings, expected) in [
        (
            "",
            &[
                "SCRAM-SHA-256-PLUS",
                "SCRAM-SHA-256",
                "EIM-RESUME",
                "EIM-TOKEN",
            ][..],
        ),
        ("[listen]\nbehind_proxy = true", &["SCRAM-SHA-256"][..]),
    ] {
        let kit = Kit::new(settings).await;
        let mut client = kit.connect();
        assert_eq!(client.welcome().await.mechanisms, expected);
    }
}

// test[EIM-AUT-025]
#[test]
fn of_a_password_only_a_verifier_is_kept() {
    let words = "plums in the icebox";
    let verifier = password::derive(words, 4096, &Seeded::with(1)).unwrap();
    let mut salted = GenericArray::default();
    tools::hash_password::<Sha256>(words.as_bytes(), 4096, &verifier.salt, &mut salted);
    let (client_key, server_key) = tools::derive_keys::<Sha256>(&salted);
    assert_eq!(verifier.stored_key, Sha256::digest(client_key).to_vec());
    assert_eq!(verifier.server_key, server_key.to_vec());
    // All there is of an account: whoever adds a field has to think about it here.
    let UserRecord {
        user: _,
        name: _,
        display_name: _,
        disabled: _,
        verifier,
        created_ms: _,
        token_generation: _,
    } = UserRecord {
        user: user_id(1),
        name: "alice".to_owned(),
        display_name: String::new(),
        disabled: false,
        verifier,
        created_ms: 0,
        token_generation: 0,
    };
    for kept in [verifier.salt, verifier.stored_key, verifier.server_key] {
        for secret in [words.as_bytes(), &salted, &client_key] {
            assert!(!kept.windows(secret.len()).any(|part| part == secret));
        }
    }
}

// test[EIM-AUT-034]
#[tokio::test(start_paused = true)]
async fn of_a_token_only_a_hash_is_kept() {
    let kit = Kit::new("").await;
    let bob = kit.login(2, 2).await;
    let ok = bob.opened.as_ref().unwrap();
    let session = SessionId::from_slice(&ok.session_id).unwrap();
    let kept = kit.shared.store.session(TENANT, session).await.unwrap();
    let SessionRecord {
        session: _,
        user: _,
        device: _,
        token_hash,
        previous_hash,
        expires_ms: _,
        predecessor: _,
        token_generation: _,
        login: _,
    } = kept.unwrap();
    assert_eq!(token_hash[..], Sha256::digest(&ok.resume_token)[..]);
    assert_eq!(previous_hash, None);
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        let mut octets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(std::mem::take(&mut *octets)).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// test[EIM-SYN-019]
#[tokio::test(start_paused = true)]
async fn a_cursor_beyond_the_head_is_reported_to_the_operator() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let kit = Kit::new("").await;
    let mut bob = kit.login(2, 2).await;
    bob.say_to_self("one").await;
    let log_epoch = bob.opened.as_ref().unwrap().log_epoch;
    for (user_seq, epoch, reported) in [
        (1, log_epoch, false),
        (9, log_epoch + 1, false),
        (9, log_epoch, true),
    ] {
        let ask = Ask::Sync(SyncRequest {
            log_epoch: epoch,
            user_seq,
        });
        bob.ask(Operation::SYNC, ask).await;
        assert_eq!(log.take().contains("durable data is gone"), reported);
        bob.driver.endpoint_mut().cursor(epoch, user_seq);
        // The client gathers cursors for a while.
        tokio::time::advance(Duration::from_secs(2)).await;
        bob.pushed_before_now().await;
        bob.pushed_before_now().await;
        assert_eq!(log.take().contains("durable data is gone"), reported);
    }
}

// test[EIM-MSG-003]
#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_ends_connections_and_confirms_nothing() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    kit.shared.store.close().await;
    alice.text(2, "is it safe?");
    let reason = alice.closed().await;
    assert_eq!(reason.code, Some(ErrorCode::STORE_FAILED));
    assert!(alice.seen.is_empty(), "no result: {:?}", alice.seen);
}
