//! Notifications: from a message to a receiver that may be dead.

use std::collections::BTreeSet;
use std::time::Duration;

use eim_codec::id::ClientMsgId;
use eim_codec::payload::{NotifyContent, RecallBody};
use eim_codec::registry::FrameType;
use eim_server::server::TENANT;
use eim_server::store::{
    Append, FlagChange, MarkChange, NotifyChange, NotifySettings, NotifyTarget, Service,
};
use prost::Message as _;
use serde_json::{Value, json};

use crate::kit::{direct, user_id};
use crate::notify_kit::{Answer, Notifying};

const MINUTE: Duration = Duration::from_secs(60);

fn of<'a>(body: &'a Value, member: &str) -> &'a Value {
    &body["data"][member]
}

// test[EIM-NTF-012, EIM-NTF-021]
#[tokio::test(start_paused = true)]
async fn a_message_to_a_device_that_is_away_is_told() {
    let server = Notifying::new("").await;
    server.register(2, 20).await;
    let mut alice = server.kit.login(1, 10).await;
    let result = alice.say(2, "hello").await;
    let taken = server.receiver.has_taken(1).await;
    let body = &taken[0];
    assert_eq!(body["type"], "message.notification");
    assert_eq!(body["timestamp"], "2027-01-15T08:00:00.000Z");
    assert_eq!(of(body, "expires"), "2027-01-16T08:00:00.000Z");
    assert_eq!(of(body, "user"), &json!(user_id(2).to_string()));
    assert_eq!(of(body, "device"), &json!("14".repeat(16)));
    assert_eq!(of(body, "address"), "address 20");
    assert_eq!(of(body, "conversation"), &json!(direct(1, 2).to_string()));
    assert_eq!(of(body, "conv_seq"), &json!(result.conv_seq));
    assert_eq!(of(body, "sender_name"), "alice");
    assert_eq!(
        (of(body, "unread"), of(body, "count")),
        (&json!(1), &json!(1))
    );
    assert_eq!(of(body, "mention"), &json!(false));
    assert_eq!(of(body, "preview"), &Value::Null, "the server permits none");
    assert_eq!(of(body, "collapse").as_str().unwrap().len(), 32);
    server.settled().await;
    // The same conversation has the same name there, another message another id.
    alice.say(2, "again").await;
    let taken = server.receiver.has_taken(2).await;
    assert_eq!(of(&taken[0], "collapse"), of(&taken[1], "collapse"));
}

// test[EIM-NTF-012]
#[tokio::test(start_paused = true)]
async fn whoever_is_connected_is_told_only_in_the_background() {
    let server = Notifying::new("").await;
    server.register(2, 20).await;
    let mut alice = server.kit.login(1, 10).await;
    let mut bob = server.kit.login(2, 20).await;
    alice.say(2, "you see this").await;
    bob.push().await;
    assert_eq!(server.owed().await, 0);
    bob.driver.endpoint_mut().background(60_000);
    assert_eq!(bob.pushed_before_now().await, 0);
    alice.say(2, "and this perhaps not").await;
    let taken = server.receiver.has_taken(1).await;
    assert_eq!(of(&taken[0], "conv_seq"), &json!(2));
    drop(bob);
    server.gone(2).await;
    alice.say(2, "nor this").await;
    server.receiver.has_taken(2).await;
}

// test[EIM-NTF-019]
#[tokio::test(start_paused = true)]
async fn no_more_is_told_than_server_and_user_permit() {
    use NotifyContent::{None, Preview, Sender, Unspecified};
    for (permitted, wanted, sender, preview) in [
        ("none", Unspecified, false, false),
        ("none", Preview, false, false),
        ("sender", Unspecified, true, false),
        ("sender", None, false, false),
        ("sender", Preview, true, false),
        ("preview", Unspecified, true, true),
        ("preview", None, false, false),
        ("preview", Sender, true, false),
        ("preview", Preview, true, true),
    ] {
        let server = Notifying::new(&format!("content = \"{permitted}\"")).await;
        server.register(2, 20).await;
        server.wants(2, 20, wanted).await;
        let mut alice = server.kit.login(1, 10).await;
        alice.say(2, &format!("psst  {}", "x".repeat(200))).await;
        let body = server.receiver.has_taken(1).await.remove(0);
        let case = format!("{permitted} {wanted:?}");
        for member in [
            "conversation",
            "conversation_name",
            "conv_seq",
            "log_epoch",
            "sender",
        ] {
            assert_eq!(!of(&body, member).is_null(), sender, "{case} {member}");
        }
        let expected = preview.then(|| format!("psst {}…", "x".repeat(115)));
        assert_eq!(of(&body, "preview"), &json!(expected), "{case}");
        let text = body.to_string();
        assert_eq!(text.contains(&user_id(1).to_string()), sender, "{case}");
        assert_eq!(text.contains(&direct(1, 2).to_string()), sender, "{case}");
        assert_eq!(text.contains("psst"), preview, "{case}");
    }
}

fn append(number: u8, frame_type: FrameType, body: bytes::Bytes) -> Append {
    Append {
        target: eim_server::store::Target::Direct(user_id(2)),
        frame_type,
        client_msg_id: ClientMsgId::from([number; 16]),
        first_sent_at_ms: 0,
        after_failed: false,
        blobs: Vec::new(),
        body,
        fallback_text: "fallback".to_owned(),
    }
}

// test[EIM-NTF-020]
#[tokio::test(start_paused = true)]
async fn what_is_recalled_or_encrypted_is_not_shown() {
    let server = Notifying::new("content = \"preview\"\nretry_ms = 1000").await;
    server.register(2, 20).await;
    server.receiver.answers(Answer::Nothing);
    let mut alice = server.kit.login(1, 10).await;
    alice.say(2, "harmless").await;
    let secret = alice.say(2, "a secret").await;
    server.receiver.was_tried(1).await;
    let store = &server.kit.shared.store;
    let recall = RecallBody {
        target: secret.conv_seq,
    };
    let recall = append(1, FrameType::RECALL, recall.encode_to_vec().into());
    let outcome = store.append(Notifying::origin(1, 10), vec![recall]).await;
    outcome.unwrap().remove(0).unwrap();
    server.receiver.answers(Answer::Status(200));
    let body = server.receiver.has_taken(1).await.remove(0);
    assert_eq!(of(&body, "preview"), &Value::Null);
    assert_eq!(of(&body, "count"), &json!(2));
    server.settled().await;
    // One that stands for nothing else is not told at all.
    server.receiver.answers(Answer::Nothing);
    let tried = server.receiver.tried().len();
    let secret = alice.say(2, "another").await;
    server.receiver.was_tried(tried + 1).await;
    let recall = RecallBody {
        target: secret.conv_seq,
    };
    let recall = append(2, FrameType::RECALL, recall.encode_to_vec().into());
    let outcome = store.append(Notifying::origin(1, 10), vec![recall]).await;
    outcome.unwrap().remove(0).unwrap();
    server.receiver.answers(Answer::Status(200));
    server.settled().await;
    assert_eq!(server.receiver.taken().len(), 1);
    let encrypted = append(3, FrameType::ENCRYPTED, bytes::Bytes::from_static(b"psst"));
    let outcome = store
        .append(Notifying::origin(1, 10), vec![encrypted])
        .await;
    outcome.unwrap().remove(0).unwrap();
    let taken = server.receiver.has_taken(2).await;
    assert!(taken.iter().all(|body| of(body, "preview").is_null()));
}

// test[EIM-NTF-014, EIM-NTF-017]
#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_dead_for_ten_minutes_loses_nothing() {
    let server = Notifying::new("").await;
    for (user, device) in [(2, 20), (2, 21), (3, 30), (4, 40)] {
        server.register(user, device).await;
    }
    server.receiver.answers(Answer::Nothing);
    let mut alice = server.kit.login(1, 10).await;
    for minute in 0..10 {
        for user in [2, 3, 4] {
            alice.say(user, &format!("minute {minute}")).await;
        }
        server.pass(MINUTE).await;
    }
    assert_eq!(server.owed().await, 4, "one for a device and conversation");
    let tried = server.receiver.tried().len();
    assert!(tried < 40, "the breaker keeps attempts few: {tried}");
    server.receiver.answers(Answer::Status(200));
    let back = crate::kit::now();
    let taken = server.receiver.has_taken(4).await;
    let waited = crate::kit::now().duration_since(back);
    assert!(waited <= 6 * MINUTE, "{waited:?}");
    let devices: BTreeSet<_> = taken
        .iter()
        .map(|body| of(body, "device").to_string())
        .collect();
    assert_eq!(devices.len(), 4);
    for body in &taken {
        assert_eq!(
            (of(body, "conv_seq"), of(body, "count")),
            (&json!(10), &json!(10))
        );
        assert_eq!(of(body, "unread"), &json!(10));
    }
    server.settled().await;
    // Works again at once.
    alice.say(3, "back").await;
    server.receiver.has_taken(5).await;
}

// test[EIM-NTF-017]
#[tokio::test(start_paused = true)]
async fn a_server_that_ends_goes_on_with_the_same_id() {
    let mut server = Notifying::new("").await;
    server.register(2, 20).await;
    server.receiver.answers(Answer::Status(500));
    let mut alice = server.kit.login(1, 10).await;
    alice.say(2, "hello").await;
    server.receiver.was_tried(1).await;
    server.stop();
    server.pass(MINUTE).await;
    let tried = server.receiver.tried().len();
    server.receiver.answers(Answer::Status(200));
    server.pass(MINUTE).await;
    assert_eq!(server.receiver.tried().len(), tried, "nobody tries");
    server.start();
    server.receiver.has_taken(1).await;
    let ids: BTreeSet<_> = server
        .receiver
        .tried()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids.len(), 1);
    server.settled().await;
}

// test[EIM-NTF-017]
#[tokio::test(start_paused = true)]
async fn whoever_asks_for_time_gets_it() {
    let server = Notifying::new("breaker_max_ms = 600000").await;
    server.register(2, 20).await;
    server.receiver.answers(Answer::Throttled(120));
    let mut alice = server.kit.login(1, 10).await;
    alice.say(2, "hello").await;
    server.receiver.was_tried(1).await;
    server.receiver.answers(Answer::Status(200));
    server.pass(Duration::from_secs(119)).await;
    assert_eq!(server.receiver.tried().len(), 1);
    server.pass(Duration::from_secs(2)).await;
    server.receiver.has_taken(1).await;
}

// test[EIM-NTF-018]
#[tokio::test(start_paused = true)]
async fn an_address_that_is_gone_is_forgotten() {
    let server = Notifying::new("").await;
    server.register(2, 20).await;
    server.receiver.answers(Answer::Status(410));
    let mut alice = server.kit.login(1, 10).await;
    alice.say(2, "hello").await;
    server.settled().await;
    let store = &server.kit.shared.store;
    let device = [20; 16].into();
    let state = store
        .notify_state(TENANT, user_id(2), device, None, 1)
        .await;
    assert_eq!(state.unwrap().target, None);
    alice.say(2, "nobody there").await;
    assert_eq!(server.owed().await, 0);
    assert_eq!(server.receiver.tried().len(), 1);
}

// test[EIM-NTF-015]
#[tokio::test(start_paused = true)]
async fn what_nobody_needs_any_more_is_not_told() {
    let server = Notifying::new("delay_ms = 10000\nttl_ms = 60000").await;
    let mut alice = server.kit.login(1, 10).await;
    let store = &server.kit.shared.store;
    for (user, device) in [(2, 20), (3, 30), (4, 40), (5, 50)] {
        server.register(user, device).await;
        alice.say(user, "hello").await;
    }
    assert_eq!(server.owed().await, 4);
    let read = MarkChange {
        conversation: direct(1, 2),
        read: 1,
        flag: FlagChange::Leave,
    };
    let epoch = store.log_epoch();
    let marked = store
        .mark(Notifying::origin(2, 20), epoch, vec![read])
        .await;
    marked.unwrap().unwrap();
    assert_eq!(server.owed().await, 3);
    server.mute(3, 30, 1).await;
    server.change(4, 40, NotifyChange::Target(None)).await;
    // A device that has stored the entry needs nobody to tell it.
    store.move_cursor(TENANT, user_id(5), [50; 16].into(), epoch, 1);
    server.settled().await;
    assert_eq!(server.receiver.tried(), []);
    // Nor does somebody who may not log in.
    server.pass(Duration::from_millis(1)).await;
    alice.say(5, "hello").await;
    assert_eq!(server.owed().await, 1);
    store.set_disabled(TENANT, user_id(5), true).await.unwrap();
    server.settled().await;
    assert_eq!(server.receiver.tried(), []);
    // What comes too late is worth nothing.
    server.receiver.answers(Answer::Nothing);
    alice.say(2, "late").await;
    server.receiver.was_tried(1).await;
    server.pass(MINUTE + MINUTE).await;
    server.receiver.answers(Answer::Status(200));
    server.settled().await;
    assert_eq!(server.receiver.taken().len(), 0);
}

// test[EIM-NTF-016]
#[tokio::test(start_paused = true)]
async fn what_comes_in_a_quiet_time_is_told_afterwards() {
    let server = Notifying::new("").await;
    server.register(2, 20).await;
    let until = |quiet_until_ms| {
        NotifyChange::Settings(NotifySettings {
            quiet_until_ms,
            ..NotifySettings::default()
        })
    };
    let start_ms = 1_800_000_000_000;
    server.change(2, 20, until(start_ms + 3_600_000)).await;
    server.kit.login(1, 10).await.say(2, "one").await;
    server.pass(59 * MINUTE).await;
    server.kit.login(1, 10).await.say(2, "two").await;
    assert_eq!((server.owed().await, server.receiver.tried().len()), (1, 0));
    // A quiet time that begins later holds back what was due before.
    server.change(2, 20, until(start_ms + 7_200_000)).await;
    server.pass(59 * MINUTE).await;
    assert_eq!((server.owed().await, server.receiver.tried().len()), (1, 0));
    server.pass(3 * MINUTE).await;
    let taken = server.receiver.has_taken(1).await;
    assert_eq!(of(&taken[0], "count"), &json!(2));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_configured_is_no_reason_to_wait() {
    let server = Notifying::new("").await;
    server.register(2, 20).await;
    let target = NotifyTarget {
        service: Service::Fcm,
        address: "token".to_owned(),
        public_key: bytes::Bytes::new(),
        auth_secret: bytes::Bytes::new(),
    };
    server
        .change(2, 20, NotifyChange::Target(Some(target)))
        .await;
    let mut alice = server.kit.login(1, 10).await;
    alice.say(2, "hello").await;
    let store = &server.kit.shared.store;
    while store.owed_count(TENANT, Service::Fcm, 1).await.unwrap().0 > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.receiver.tried(), []);
}

#[tokio::test(start_paused = true)]
async fn many_notifications_are_under_way_at_once_and_none_twice() {
    let server = Notifying::new("concurrency = 3").await;
    for device in 20..60 {
        server.register(2, device).await;
    }
    let mut alice = server.kit.login(1, 10).await;
    alice.say(2, "hello").await;
    server.receiver.has_taken(40).await;
    server.settled().await;
    assert_eq!(server.receiver.tried().len(), 40);
}
