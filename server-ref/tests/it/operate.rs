//! What operators see: draining, the admin socket and pages, real sockets.

use std::sync::Arc;

use eim_codec::connection::ClientEvent;
use eim_codec::registry::ErrorCode;
use eim_server::admin::{self, Command, Reply};
use eim_server::clock::SystemClock;
use eim_server::config::Config;
use eim_server::random::SystemRandom;
use eim_server::server::{self, Parts, Running};
use eim_server::service::accounts::NewUser;
use eim_server::transport::Transport;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::kit::{self, Client, Kit, Login};
use crate::secure;

#[tokio::test(start_paused = true)]
async fn a_stopping_server_says_goaway_settles_and_ends() {
    let kit = Kit::new("[shutdown]\ndrain_ms = 20000").await;
    let mut alice = kit.login(1, 1).await;
    let mut idle = kit.login(2, 2).await;
    let stranger = kit.pipe(1 << 16);
    let (send, _) = alice.text(2, "last words");
    alice.flush().await;
    idle.push().await;
    let shared = Arc::clone(&kit.shared);
    let tasks = kit.tasks.clone();
    let begun = kit::now();
    let drained = tokio::spawn(async move { server::drain(&shared, &tasks).await });
    for client in [&mut alice, &mut idle] {
        let goaway = client
            .until(|event| match event {
                ClientEvent::GoAway(goaway) => Ok(goaway),
                other => Err(other),
            })
            .await;
        assert_eq!(goaway.deadline_ms, 20_000);
        assert!(goaway.reconnect_jitter_ms > 0);
    }
    assert_eq!(
        alice.result(send).await.error,
        None,
        "what was accepted is finished"
    );
    // A client leaves by itself when nothing is unsettled.
    while alice.driver.next().await.is_some() {}
    while idle.driver.next().await.is_some() {}
    drained.await.unwrap();
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    assert!(kit.tasks.is_empty());
    drop(stranger);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_ignores_goaway_is_closed_at_the_deadline() {
    let kit = Kit::new("[shutdown]\ndrain_ms = 1000").await;
    let alice = kit.login(1, 1).await;
    let drain = server::drain(&kit.shared, &kit.tasks);
    drain.await;
    assert!(kit.tasks.is_empty());
    drop(alice);
}

async fn run(folder: &std::path::Path, more: &str) -> Running {
    let config = Config::from_toml(&format!(
        "{more}\n[server]\ndata_dir = \"{}\"\n[listen]\ntls = \"127.0.0.1:0\"\nwss = \
         \"127.0.0.1:0\"\ntcp = \"127.0.0.1:0\"\nws = \"127.0.0.1:0\"\n[admin]\nlisten = \
         \"127.0.0.1:0\"\n[auth]\niterations = 4096\n[log]\nfilter = \"off\"",
        folder.display()
    ))
    .unwrap();
    let parts = Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    server::start(&config, &parts).await.unwrap()
}

fn add(names: &[&str]) -> Command {
    let users = names.iter().map(|name| NewUser {
        name: (*name).to_owned(),
        display_name: String::new(),
        credential: kit::PASSWORD.to_owned(),
    });
    Command::UserAdd {
        users: users.collect(),
    }
}

// test[EIM-TRN-011]
#[tokio::test]
async fn every_transport_carries_a_message_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), "").await;
    admin::ask(folder.path(), &add(&["alice", "bob"]))
        .await
        .unwrap()
        .unwrap();
    for (n, (transport, address)) in (1..).zip(running.addresses.clone()) {
        let login = Login::of(1, n);
        let stream = TcpStream::connect(address).await.unwrap();
        let result = match transport {
            Transport::Tcp => {
                let mut client = Client::new(stream);
                client.login(&login).await.unwrap();
                client.say_to_self("over tcp").await
            }
            Transport::Tls => {
                let tls = secure::connect(stream, &running.fingerprint, b"eim/1")
                    .await
                    .unwrap();
                let mut client = Client::new(tls);
                client.welcome_then_export(&login).await.unwrap();
                client.say_to_self("over tls").await
            }
            Transport::Ws => {
                secure::websocket(stream, "ws", &login, None).await.unwrap();
                continue;
            }
            Transport::Wss => {
                let tls = secure::connect(stream, &running.fingerprint, b"http/1.1")
                    .await
                    .unwrap();
                secure::websocket(tls, "wss", &login, None).await.unwrap();
                continue;
            }
        };
        assert_eq!(result.error, None);
    }
    running.shutdown().await;
}

#[tokio::test]
async fn tls_without_alpn_and_pages_from_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), "").await;
    let find = |wanted| {
        running
            .addresses
            .iter()
            .find(|(transport, _)| *transport == wanted)
            .unwrap()
            .1
    };
    let stream = TcpStream::connect(find(Transport::Tls)).await.unwrap();
    let tls = secure::connect(stream, &running.fingerprint, b"").await;
    let mut octets = Vec::new();
    if let Ok(mut tls) = tls {
        let _ = tls.read_to_end(&mut octets).await;
    }
    assert!(octets.is_empty());
    let stream = TcpStream::connect(find(Transport::Ws)).await.unwrap();
    let foreign = Some("https://evil.example");
    let refused = secure::websocket(stream, "ws", &Login::of(1, 1), foreign)
        .await
        .unwrap_err();
    assert!(refused.contains("403"), "{refused}");
    running.shutdown().await;
}

#[tokio::test]
async fn operators_manage_accounts_and_see_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), "").await;
    let ask = async |command: Command| admin::ask(folder.path(), &command).await.unwrap().unwrap();
    let Reply::Accounts { accounts } = ask(add(&["zoe", "adam"])).await else {
        panic!()
    };
    assert_eq!(accounts.len(), 2);
    let Reply::Failed { reason } = ask(add(&["zoe"])).await else {
        panic!()
    };
    assert!(reason.contains("zoe"), "{reason}");
    ask(Command::UserDisable {
        name: "zoe".to_owned(),
    })
    .await;
    let Reply::Accounts { accounts } = ask(Command::UserList).await else {
        panic!()
    };
    let seen: Vec<_> = accounts
        .iter()
        .map(|a| (a.name.as_str(), a.disabled))
        .collect();
    assert_eq!(seen, [("adam", false), ("zoe", true)]);
    ask(Command::UserEnable {
        name: "zoe".to_owned(),
    })
    .await;
    let nobody = ask(Command::UserEnable {
        name: "nobody".to_owned(),
    })
    .await;
    assert!(matches!(nobody, Reply::Failed { .. }));

    let page = async |path: &str| {
        let mut stream = TcpStream::connect(running.admin.unwrap()).await.unwrap();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        page
    };
    assert!(page("/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(page("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(
        page("/metrics")
            .await
            .contains("eim_messages_accepted_total")
    );

    let parts = Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let toml = format!(
        "[server]\ndata_dir = \"{}\"\n[listen]\ntls = \"127.0.0.1:0\"\nwss = \"\"\ntcp = \
         \"\"\nws = \"\"\n[admin]\nlisten = \"\"",
        folder.path().display()
    );
    let second = server::start(&Config::from_toml(&toml).unwrap(), &parts)
        .await
        .unwrap_err();
    assert!(
        second.to_string().contains("another process has it open"),
        "{second}"
    );
    running.shutdown().await;
    assert!(
        admin::ask(folder.path(), &Command::UserList)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn half_open_connections_beyond_the_limit_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), "[limits]\nhalf_open_per_address = 2").await;
    let address = running
        .addresses
        .iter()
        .find(|(transport, _)| *transport == Transport::Tcp)
        .unwrap()
        .1;
    let mut kept = Vec::new();
    for _ in 0..2 {
        kept.push(TcpStream::connect(address).await.unwrap());
    }
    // Accepted in order, so the third meets the limit.
    let mut third = TcpStream::connect(address).await.unwrap();
    let mut octets = Vec::new();
    third.read_to_end(&mut octets).await.unwrap();
    let error = eim_codec::payload::Error::decode(&octets[11..]).unwrap();
    let code = kit::code(error.info.as_ref());
    assert_eq!(code, Some(ErrorCode::TOO_MANY_CONNECTIONS));
    drop(kept);
    running.shutdown().await;
}
