//! Authentication and the handshake.

use std::time::Duration;

use eim_codec::connection::ClientEvent;
use eim_codec::payload::SessionOutcome;
use eim_codec::registry::ErrorCode;
use eim_server::hub::Signal;
use eim_server::server::TENANT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kit::{self, Kit, Login, user_id};
use crate::scram::Scram;

#[tokio::test(start_paused = true)]
async fn scram_opens_with_and_without_channel_binding() {
    let kit = Kit::new("").await;
    let mut client = kit.connect();
    let ok = client.login(&Login::of(1, 1)).await.unwrap();
    assert_eq!(ok.user_id, user_id(1).to_bytes());
    assert_eq!(ok.user_name, "alice");
    assert_eq!(ok.outcome(), SessionOutcome::Fresh);
    assert_eq!(
        ok.resume_token.len(),
        32,
        "this pipe is as good as loopback"
    );
    assert_eq!(ok.connection_generation, 1);

    let mut client = kit.connect();
    let login = Login {
        bound: None,
        user: "Alice",
        ..Login::of(1, 2)
    };
    let ok = client.login(&login).await.unwrap();
    assert_eq!(ok.user_name, "alice", "names do not distinguish case");
}

#[tokio::test(start_paused = true)]
async fn another_channel_binding_is_refused() {
    let kit = Kit::new("").await;
    let mut client = kit.connect();
    let login = Login {
        bound: Some(Some([9; 32])),
        ..Login::of(1, 1)
    };
    let reason = client.login(&login).await.unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::AUTH_FAILED));
}

#[tokio::test(start_paused = true)]
async fn unknown_users_and_wrong_passwords_look_alike() {
    let kit = Kit::new("[auth]\niterations = 4096").await;
    let mut answers = Vec::new();
    for login in [
        Login {
            password: "wrong",
            ..Login::of(1, 1)
        },
        Login {
            user: "mallory",
            ..Login::of(1, 1)
        },
        Login {
            user: "mallory",
            ..Login::of(1, 1)
        },
        Login {
            user: "no,name = at all",
            ..Login::of(1, 1)
        },
    ] {
        let mut client = kit.connect();
        client.welcome().await;
        let (mut scram, first) = Scram::start(login.user, login.password, None);
        client.start(&login, scram.mechanism(), first);
        let ClientEvent::Challenge(challenge) = client.next().await else {
            panic!()
        };
        let text = String::from_utf8(challenge.to_vec()).unwrap();
        let rest = text.split_once(",s=").unwrap().1.to_owned();
        client
            .driver
            .endpoint_mut()
            .respond(scram.challenge(&challenge));
        let reason = client.closed().await;
        answers.push((rest, reason.code, reason.detail));
    }
    let (known, unknown, again, odd) = (&answers[0], &answers[1], &answers[2], &answers[3]);
    assert_eq!(known.1, Some(ErrorCode::AUTH_FAILED));
    assert_eq!((&known.1, &known.2), (&unknown.1, &unknown.2));
    assert_eq!((&known.1, &known.2), (&odd.1, &odd.2));
    assert_eq!(known.0.len(), unknown.0.len(), "salts of equal length");
    assert_eq!(unknown.0, again.0, "the salt of a name stays");
    assert_ne!(known.0, unknown.0);
}

#[tokio::test(start_paused = true)]
async fn disabled_accounts_are_told_only_after_the_proof_and_lose_their_connections() {
    let kit = Kit::new("").await;
    let mut online = kit.login(1, 1).await;
    kit.shared
        .store
        .set_disabled(TENANT, user_id(1), true)
        .await
        .unwrap();
    kit.hub.signal_user(TENANT, user_id(1), Signal::Disabled);
    assert_eq!(
        online.closed().await.code,
        Some(ErrorCode::ACCOUNT_DISABLED)
    );
    let wrong = Login {
        password: "wrong",
        ..Login::of(1, 2)
    };
    let reason = kit.connect().login(&wrong).await.unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::AUTH_FAILED));
    let reason = kit.connect().login(&Login::of(1, 2)).await.unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::ACCOUNT_DISABLED));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_gone_after_the_handshake_time() {
    let kit = Kit::new("[limits]\nhandshake_ms = 4000").await;
    let mut silent = kit.pipe(1 << 16);
    let begun = kit::now();
    let mut octets = Vec::new();
    silent.read_to_end(&mut octets).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(4));
    assert_eq!(octets[1], 0x06, "ERROR");
    kit.tasks.close();
    drop(silent);
    kit.tasks.wait().await;
    assert_eq!(kit.hub.load().0, 0);
}

#[tokio::test(start_paused = true)]
async fn garbage_is_answered_with_an_error_and_the_end() {
    let kit = Kit::new("").await;
    let mut stranger = kit.pipe(1 << 16);
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    stranger.shutdown().await.unwrap();
    let mut octets = Vec::new();
    stranger.read_to_end(&mut octets).await.unwrap();
    assert_eq!(octets[..2], [1, 0x06]);
}

#[tokio::test(start_paused = true)]
async fn guessing_gets_slower_for_the_guesser_only() {
    let kit = Kit::new("").await;
    let wrong = Login {
        password: "wrong",
        ..Login::of(1, 1)
    };
    for _ in 0..5 {
        kit.connect().login(&wrong).await.unwrap_err();
    }
    let begun = kit::now();
    kit.connect().login(&Login::of(2, 2)).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "others do not wait"
    );
    kit.connect().login(&wrong).await.unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(500));
    kit.connect().login(&Login::of(1, 3)).await.unwrap();
    let begun = kit::now();
    kit.connect().login(&Login::of(1, 4)).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "a success ends it"
    );
}
