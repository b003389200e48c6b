//! Messages: results, pushes, order, idempotency.

use std::time::Duration;

use eim_codec::connection::ClientEvent;
use eim_codec::id::{ClientMsgId, DeviceId, UserId};
use eim_codec::payload::{self, AttachMode, Send, Target, conversation_request, request};
use eim_codec::registry::{ErrorCode, FrameType, Operation};
use eim_server::server::TENANT;
use eim_server::service::password;
use eim_server::store::{TenantId, UserRecord};
use prost::Message as _;

use crate::doubles::Seeded;
use crate::kit::{Kit, Login, PASSWORD, code, direct, text_of, user_id};

#[tokio::test(start_paused = true)]
async fn a_message_reaches_all_devices_and_the_sender_gets_result_and_echo() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut laptop = kit.login(1, 2).await;
    let mut bob = kit.login(2, 3).await;
    let mut tablet = kit.login(2, 4).await;
    let mut carol = kit.login(3, 5).await;

    let (send, key) = alice.text(2, "hello");
    let result = alice.result(send).await;
    assert_eq!((result.conv_seq, result.user_seq), (1, 1));
    assert_eq!(result.error, None);
    assert!(result.time_ms >= 1_800_000_000_000);

    let (frame_type, echo) = alice.push().await;
    let entry = echo.entry.unwrap();
    assert_eq!(frame_type, FrameType::TEXT);
    assert!(echo.echo && entry.body.is_empty());
    assert_eq!((entry.conv_seq, echo.user_seq), (1, 1));
    assert_eq!(entry.client_msg_id, key.to_bytes());

    for client in [&mut laptop, &mut bob, &mut tablet] {
        let (_, push) = client.push().await;
        let entry = push.entry.unwrap();
        assert!(!push.echo);
        assert_eq!(text_of(&entry), "hello");
        assert_eq!(entry.sender, user_id(1).to_bytes());
        assert_eq!(entry.conversation, direct(1, 2).to_bytes());
        assert_eq!(entry.client_msg_id, key.to_bytes());
        assert_eq!(push.user_seq, 1);
    }
    assert_eq!(carol.pushed_before_now().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_burst_keeps_its_order_and_gets_gapless_numbers() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let sends: Vec<_> = (0..200).map(|n| alice.text(2, &n.to_string()).0).collect();
    for (n, send) in (1..).zip(sends) {
        assert_eq!(alice.result(send).await.conv_seq, n);
    }
    for n in 0..200 {
        let (_, push) = bob.push().await;
        let entry = push.entry.unwrap();
        assert_eq!((entry.conv_seq, push.user_seq), (n + 1, n + 1));
        assert_eq!(text_of(&entry), n.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_gets_the_first_result_and_other_content_a_conflict() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let key = ClientMsgId::from([5; 16]);
    let first = alice.send(2, "once", key, false);
    let first = alice.result(first).await;
    let again = alice.send(2, "once", key, false);
    let again = alice.result(again).await;
    assert_eq!(
        (again.conv_seq, again.time_ms),
        (first.conv_seq, first.time_ms)
    );
    let other = alice.send(2, "twice", key, false);
    let other = alice.result(other).await;
    assert_eq!(code(other.error.as_ref()), Some(ErrorCode::CONFLICT));
    bob.push().await;
    assert_eq!(
        bob.pushed_before_now().await,
        0,
        "nothing was written twice"
    );
}

#[tokio::test(start_paused = true)]
async fn a_send_only_session_gets_results_and_no_pushes() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let mut sender = kit.connect();
    let login = Login {
        mode: AttachMode::SendOnly,
        ..Login::of(1, 1)
    };
    let ok = sender.login(&login).await.unwrap();
    assert!(ok.resume_token.is_empty());
    sender.say(2, "from a script").await;
    bob.push().await;
    let (_, push) = alice.push().await;
    assert!(
        push.echo,
        "the full connection of the device is still there"
    );
    bob.say(1, "answer").await;
    alice.push().await;
    assert_eq!(sender.pushed_before_now().await, 0);
}

#[tokio::test(start_paused = true)]
async fn bad_messages_hold_back_their_conversation_alone() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let key = |n| ClientMsgId::from([n; 16]);
    let unknown = alice.send_to(Target::DirectTo([99; 16].into()), "x", key(1), false);
    let stranger = alice.send_to(Target::Conversation(direct(2, 3)), "x", key(2), false);
    let odd_type = {
        let send = Send::new(Target::DirectTo(user_id(2)), key(3), "x".into());
        let octets = send.encode_to_vec().into();
        alice
            .driver
            .endpoint_mut()
            .send(FrameType::CUSTOM, octets)
            .unwrap()
    };
    let not_text = {
        let send = Send::new(
            Target::DirectTo(user_id(2)),
            key(4),
            vec![0x0A, 1, 0xFF].into(),
        );
        let octets = send.encode_to_vec().into();
        alice
            .driver
            .endpoint_mut()
            .send(FrameType::TEXT, octets)
            .unwrap()
    };
    let behind = alice.send(2, "fine", key(5), false);
    let knowing = alice.send(2, "fine", key(5), true);
    let other = alice.send(3, "fine", key(6), false);
    let mut codes = Vec::new();
    for send in [
        unknown, stranger, odd_type, not_text, behind, knowing, other,
    ] {
        codes.push(code(alice.result(send).await.error.as_ref()));
    }
    let expected = [
        Some(ErrorCode::NOT_FOUND),
        Some(ErrorCode::NOT_FOUND),
        None,
        Some(ErrorCode::INVALID_MESSAGE),
        Some(ErrorCode::PREDECESSOR_FAILED),
        None,
        None,
    ];
    assert_eq!(codes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_retryable_failure_holds_its_conversation_and_no_other() {
    let kit = Kit::new("[limits]\nmessages_per_s = 1").await;
    let mut alice = kit.login(1, 1).await;
    let sends: Vec<_> = (0..3).map(|n| alice.text(2, &n.to_string()).0).collect();
    let mut results = Vec::new();
    for send in sends {
        results.push(alice.result(send).await);
    }
    assert_eq!(results[0].error, None);
    let limited = results[1].error.as_ref().unwrap();
    assert_eq!(code(Some(limited)), Some(ErrorCode::RATE_LIMITED));
    assert!(limited.retryable && limited.retry_after_ms > 0);
    assert_eq!(
        code(results[2].error.as_ref()),
        Some(ErrorCode::PREDECESSOR_FAILED)
    );

    tokio::time::advance(Duration::from_secs(2)).await;
    let (elsewhere, _) = alice.text(3, "not held");
    assert_eq!(alice.result(elsewhere).await.error, None);
    let held = alice.send(2, "1", ClientMsgId::from([7; 16]), false);
    let held = alice.result(held).await;
    assert_eq!(
        code(held.error.as_ref()),
        Some(ErrorCode::PREDECESSOR_FAILED)
    );
    tokio::time::advance(Duration::from_secs(2)).await;
    let knows = alice.send(2, "1", ClientMsgId::from([7; 16]), true);
    assert_eq!(alice.result(knows).await.conv_seq, 2);
    tokio::time::advance(Duration::from_secs(2)).await;
    let flows = alice.send(2, "2", ClientMsgId::from([8; 16]), false);
    assert_eq!(alice.result(flows).await.conv_seq, 3);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_send_ends_the_connection() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let octets = vec![0xFF; 4].into();
    alice
        .driver
        .endpoint_mut()
        .send(FrameType::TEXT, octets)
        .unwrap();
    assert_eq!(
        alice.closed().await.code,
        Some(ErrorCode::MALFORMED_PAYLOAD)
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_is_told_that_it_lags_and_others_notice_nothing() {
    let kit = Kit::new("[memory]\nqueue_frames = 16").await;
    let mut alice = kit.login(1, 1).await;
    let mut quick = kit.login(2, 2).await;
    // Room for the handshake and a few pushes.
    let mut slow = crate::kit::Client::new(kit.pipe(4096));
    slow.login(&Login::of(2, 3)).await.unwrap();
    let text = "x".repeat(1000);
    for n in 1..=300 {
        alice.say(2, &text).await;
        let (_, push) = quick.push().await;
        assert_eq!(push.user_seq, n);
    }
    // Now it reads again: some pushes, a gap announced by LAGGED, then the present.
    let mut last = 0;
    let lagged = loop {
        match slow.next().await {
            ClientEvent::Push {
                ordinal, payload, ..
            } => {
                slow.driver.endpoint_mut().consumed(ordinal);
                let push = payload::Push::decode(payload).unwrap();
                assert_eq!(push.user_seq, last + 1);
                last = push.user_seq;
            }
            ClientEvent::Lagged(lagged) => break lagged,
            other => panic!("{other:?}"),
        }
    };
    assert!(lagged.user_seq > last && lagged.user_seq <= 300);
    alice.say(2, "present").await;
    let mut next = lagged.user_seq;
    while next < 301 {
        match slow.next().await {
            ClientEvent::Push {
                ordinal, payload, ..
            } => {
                slow.driver.endpoint_mut().consumed(ordinal);
                let push = payload::Push::decode(payload).unwrap();
                assert_eq!(push.user_seq, next + 1, "nothing is missing after LAGGED");
                next = push.user_seq;
            }
            ClientEvent::Lagged(again) => next = again.user_seq,
            other => panic!("{other:?}"),
        }
    }
}

// test[EIM-CUR-002]
#[tokio::test(start_paused = true)]
async fn only_a_cursor_moves_the_cursor_of_a_device() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let stored = async || {
        let device = DeviceId::from([2; 16]);
        let record = kit.shared.store.device(TENANT, user_id(2), device).await;
        record.unwrap().unwrap().cursor
    };
    for n in 1..=3 {
        alice.say(2, &n.to_string()).await;
        // Received, consumed, credited: the device has still not said that it has stored it.
        bob.push().await;
    }
    let last = bob.say(1, "a result of its own").await;
    bob.pushed_before_now().await;
    assert_eq!(stored().await, 0);
    let epoch = bob.opened.as_ref().unwrap().log_epoch;
    bob.driver.endpoint_mut().cursor(epoch, 2);
    // The client gathers progress for a while, and so does the store until its next commit.
    tokio::time::sleep(Duration::from_secs(2)).await;
    bob.pushed_before_now().await;
    kit.advance_clock(Duration::from_secs(60));
    alice.say(2, "a commit").await;
    assert_eq!(stored().await, 2);
    assert!(last.user_seq > 2);
}

// test[EIM-SEC-007]
#[tokio::test(start_paused = true)]
async fn ids_of_another_tenant_do_not_exist() {
    let kit = Kit::new("").await;
    let (foreign, nobody) = (UserId::from([0x66; 16]), UserId::from([0x67; 16]));
    let random = Seeded::with(3);
    let record = UserRecord {
        user: foreign,
        name: "mallory".to_owned(),
        display_name: String::new(),
        disabled: false,
        verifier: password::derive(PASSWORD, 4096, &random).unwrap(),
        created_ms: 0,
        token_generation: 0,
    };
    let elsewhere = TenantId(TENANT.0 + 1);
    let created = kit.shared.store.create_users(elsewhere, vec![record]).await;
    created.unwrap().remove(0).unwrap();

    let mut alice = kit.login(1, 1).await;
    let mut answers = Vec::new();
    for (id, name) in [(foreign, "mallory"), (nobody, "nobody")] {
        let key = ClientMsgId::from(*id.as_bytes());
        let send = alice.send_to(Target::DirectTo(id), "psst", key, false);
        let result = alice.result(send).await;
        let users = request::Body::Users(payload::UsersRequest {
            ids: vec![id.to_bytes()],
            names: vec![name.to_owned()],
        });
        let users = alice.ask(Operation::USERS, users).await.body;
        let one = request::Body::Conversation(payload::ConversationRequest {
            target: Some(conversation_request::Target::DirectTo(id.to_bytes())),
        });
        let one = alice.ask(Operation::CONVERSATION, one).await.error;
        let add = request::Body::GroupCreate(payload::GroupCreateRequest {
            name: "club".to_owned(),
            members: vec![id.to_bytes()],
        });
        let add = alice.ask(Operation::GROUP_CREATE, add).await.error;
        answers.push((result.error, users, one, add));
    }
    let code = code(answers[0].0.as_ref());
    assert_eq!(code, Some(ErrorCode::NOT_FOUND));
    assert_eq!(answers[0], answers[1]);
}
