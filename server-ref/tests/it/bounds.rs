//! What cannot be seen from outside in reasonable time or size: retention, strangers without TLS,
//! answers and entries that would be too large.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::ClientEvent;
use eim_codec::id::UserId;
use eim_codec::payload::request::Body as Ask;
use eim_codec::payload::response::Body;
use eim_codec::payload::{
    GroupCreateRequest, HeadsRequest, HistoryRequest, HistoryResponse, Response, SyncRequest,
    UsersRequest,
};
use eim_codec::registry::{ErrorCode, Operation};
use eim_server::clock::Clock;
use eim_server::server::TENANT;
use eim_server::store::UserRecord;
use tokio::io::DuplexStream;

use crate::kit::{Client, Kit, Login, user_id};

fn failure(response: &Response) -> Option<ErrorCode> {
    let error = response.error.as_ref()?;
    Some(ErrorCode(u16::try_from(error.code).unwrap()))
}

async fn heads(client: &mut Client<DuplexStream>) -> (u64, u64) {
    let ask = Ask::Heads(HeadsRequest::default());
    let response = client.ask(Operation::HEADS, ask).await;
    let Some(Body::Heads(heads)) = response.body else {
        panic!("{response:?}")
    };
    (heads.floor, heads.user_seq)
}

async fn sync(client: &mut Client<DuplexStream>, user_seq: u64) -> Result<Vec<u64>, ErrorCode> {
    let log_epoch = client.opened.as_ref().unwrap().log_epoch;
    let ask = Ask::Sync(SyncRequest {
        log_epoch,
        user_seq,
    });
    let response = client.ask(Operation::SYNC, ask).await;
    match (failure(&response), response.body) {
        (Some(code), None) => Err(code),
        (None, Some(Body::Sync(page))) => {
            Ok(page.entries.iter().map(|entry| entry.user_seq).collect())
        }
        other => panic!("{other:?}"),
    }
}

async fn history(client: &mut Client<DuplexStream>) -> HistoryResponse {
    let conversation = eim_codec::id::ConversationId::direct(user_id(1), user_id(2));
    let ask = Ask::History(HistoryRequest {
        conversation: conversation.to_bytes(),
        ..HistoryRequest::default()
    });
    let response = client.ask(Operation::HISTORY, ask).await;
    let Some(Body::History(page)) = response.body else {
        panic!("{response:?}")
    };
    page
}

async fn sweep(kit: &Kit) -> u64 {
    let now = kit.clock.now_ms();
    let swept = kit.shared.store.sweep(TENANT, now, 1000).await.unwrap();
    assert!(!swept.more);
    swept.timeline
}

// test[EIM-TML-010, EIM-TML-011, EIM-TML-012, EIM-SYN-052, EIM-SYN-034]
#[tokio::test(start_paused = true)]
async fn references_expire_from_the_oldest_on_and_leave_the_log_alone() {
    let kit = Kit::new("").await;
    let keep = Duration::from_millis(604_800_000);
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    for text in ["one", "two"] {
        alice.say(2, text).await;
    }
    kit.advance_clock(Duration::from_secs(1000));
    for text in ["three", "four"] {
        alice.say(2, text).await;
    }
    kit.advance_clock(keep - Duration::from_secs(1001));
    assert_eq!(sweep(&kit).await, 0, "none is older than the limit");
    assert_eq!(heads(&mut bob).await, (0, 4));
    assert_eq!(sync(&mut bob, 0).await, Ok(vec![1, 2, 3, 4]));

    kit.advance_clock(Duration::from_secs(2));
    assert_eq!(sweep(&kit).await, 4, "two of each user");
    for client in [&mut alice, &mut bob] {
        assert_eq!(heads(client).await, (2, 4));
        for old in [0, 1] {
            assert_eq!(sync(client, old).await, Err(ErrorCode::TOO_OLD));
        }
        assert_eq!(sync(client, 2).await, Ok(vec![3, 4]));
        assert_eq!(history(client).await.items.len(), 4, "log entries stay");
    }
}

// test[EIM-AUT-030, EIM-AUT-031]
#[tokio::test(start_paused = true)]
async fn strangers_without_tls_get_no_token_and_cannot_use_one() {
    let kit = Kit::new("").await;
    let far = "203.0.113.9:1000".parse().unwrap();
    let mut client = Client::new(kit.pipe_from(far, 1 << 20));
    let welcome = client.welcome().await;
    assert!(!welcome.mechanisms.iter().any(|name| name == "EIM-RESUME"));
    client
        .seen
        .push_back(ClientEvent::Welcome(Box::new(welcome)));
    let ok = client.login(&Login::of(1, 1)).await.unwrap();
    assert!(ok.resume_token.is_empty());

    // A token that is good on loopback is refused for the way it comes, not for what it is.
    let near = kit.login(2, 2).await;
    let token = near.opened.as_ref().unwrap().resume_token.clone();
    for data in [token, Bytes::from_static(b"short")] {
        let mut client = Client::new(kit.pipe_from(far, 1 << 20));
        client.welcome().await;
        client.start(&Login::of(2, 2), "EIM-RESUME", data);
        let reason = client.closed().await;
        assert_eq!(reason.code, Some(ErrorCode::CONFIDENTIALITY_REQUIRED));
    }
}

/// Accounts beside the usual ones, with ids in ascending order.
async fn crowd(kit: &Kit, count: u32, display_name: &str) -> Vec<UserId> {
    let one = kit.shared.store.user(TENANT, user_id(1)).await.unwrap();
    let one = one.unwrap();
    let record = |number: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        UserRecord {
            user: id.into(),
            name: format!("crowd{number}"),
            display_name: display_name.to_owned(),
            ..one.clone()
        }
    };
    let records: Vec<_> = (0x1000_0000..0x1000_0000 + count).map(record).collect();
    let ids = records.iter().map(|record| record.user).collect();
    for outcome in kit
        .shared
        .store
        .create_users(TENANT, records)
        .await
        .unwrap()
    {
        outcome.unwrap();
    }
    ids
}

// test[EIM-SYN-056]
#[tokio::test(start_paused = true)]
async fn users_that_do_not_fit_into_one_answer_are_too_many() {
    let kit = Kit::new("").await;
    let ids = crowd(&kit, 10, &"x".repeat(1000)).await;
    let mut alice = kit.login(1, 1).await;
    for (count, fits) in [(3, true), (10, false)] {
        let ids = ids.iter().take(count).map(|id| id.to_bytes()).collect();
        let ask = Ask::Users(UsersRequest { ids, names: vec![] });
        let id = alice.request_id();
        let response = alice.ask_with(id, Operation::USERS, 4096, ask).await;
        match response.body {
            Some(Body::Users(ref users)) if fits => assert_eq!(users.users.len(), count),
            _ => assert_eq!(failure(&response), Some(ErrorCode::INVALID_REQUEST)),
        }
        assert_eq!(failure(&response).is_none(), fits);
    }
}

// test[EIM-GRP-042]
#[tokio::test(start_paused = true)]
async fn a_change_whose_entry_would_not_fit_into_a_push_is_refused() {
    let kit = Kit::new("[limits]\ngroup_members = 10000").await;
    let ids = crowd(&kit, 3630, "").await;
    let mut alice = kit.login(1, 1).await;
    // 18 octets a user and 4 for the rest; 65,536 less 256 are allowed.
    for (count, fits) in [(3626, true), (3627, false)] {
        let members = ids.iter().take(count).map(|id| id.to_bytes()).collect();
        let name = "all".to_owned();
        let ask = Ask::GroupCreate(GroupCreateRequest { name, members });
        let response = alice.ask(Operation::GROUP_CREATE, ask).await;
        let refused = (!fits).then_some(ErrorCode::INVALID_REQUEST);
        assert_eq!(failure(&response), refused, "{count} members");
    }
}
