//! How long UNREAD takes for a user with many conversations: `unread_bench [CONVERSATIONS] [FOLDER]`.
//! One in ten has something unread.

#![expect(clippy::disallowed_methods, reason = "measures time")]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::registry::FrameType;
use eim_server::store::embedded::{self, EmbeddedOptions};
use eim_server::store::kv::{Environment, Options};
use eim_server::store::{
    Accounts, Append, CommitSink, Committed, FlagChange, LoggedOut, MarkChange, Marked, Origin,
    ScramVerifier, Store, Target, TenantId, UserRecord,
};

const TENANT: TenantId = TenantId(0);

#[derive(Debug)]
struct Nobody;

impl CommitSink for Nobody {
    fn committed(&self, _commits: &[Committed]) {}

    fn marked(&self, _marked: &[Marked]) {}

    fn logged_out(&self, _devices: &[LoggedOut]) {}
}

fn user(number: u32) -> UserId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.wrapping_mul(0x9E37_79B9).to_be_bytes());
    id.into()
}

fn account(number: u32) -> UserRecord {
    UserRecord {
        user: user(number),
        name: format!("user{number}"),
        display_name: String::new(),
        disabled: false,
        verifier: ScramVerifier {
            iterations: 4096,
            salt: vec![1],
            stored_key: vec![1; 32],
            server_key: vec![2; 32],
        },
        created_ms: 0,
        token_generation: 0,
    }
}

fn origin(user: UserId) -> Origin {
    Origin {
        tenant: TENANT,
        user,
        device: DeviceId::from([1; 16]),
        generation: None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().map_or(Ok(5_000), |count| count.parse())?;
    let folder = arguments
        .next()
        .unwrap_or_else(|| "unread-bench".to_owned());
    let (options, outside) = (EmbeddedOptions::default(), Environment::system());
    let sink = Arc::new(Nobody);
    let store = embedded::open(folder.as_ref(), &options, Options::default(), outside, sink)?;
    let accounts = (0..=count).map(account).collect();
    store.create_users(TENANT, accounts).await?;
    let me = user(0);
    for number in 1..=count {
        let messages = (0..3_u32).map(|message| {
            let mut id = [3; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            id[4..8].copy_from_slice(&message.to_be_bytes());
            Append {
                target: Target::Direct(me),
                frame_type: FrameType::TEXT,
                client_msg_id: ClientMsgId::from(id),
                first_sent_at_ms: 0,
                after_failed: false,
                body: Bytes::from_static(b"hello"),
                fallback_text: String::new(),
                blobs: Vec::new(),
            }
        });
        store
            .append(origin(user(number)), messages.collect())
            .await?;
    }
    let epoch = store.log_epoch();
    let read = (1..=count).filter(|number| number % 10 != 0);
    let read: Vec<_> = read
        .map(|number| MarkChange {
            conversation: ConversationId::direct(me, user(number)),
            read: 3,
            flag: FlagChange::Leave,
        })
        .collect();
    for some in read.chunks(256) {
        store.mark(origin(me), epoch, some.to_vec()).await??;
    }
    for round in 1..=5 {
        let begin = Instant::now();
        let page = store.unread(TENANT, me, None, 10_000).await?;
        let (found, more) = (page.conversations.len(), page.more);
        let took = begin.elapsed();
        println!(
            "round {round}: {count} conversations, {found} with something unread, more: {more}: {took:?}"
        );
    }
    store.close().await;
    Ok(())
}
