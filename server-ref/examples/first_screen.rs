//! What a new device waits for: one SNAPSHOT with many messages behind it, as the service answers it.
//!
//! ```text
//! cargo run --release -p eim-server --example first_screen -- --messages 1000000 --conversations 500 --dir /tmp/first-screen
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use clap::Parser;
use eim_codec::id::{ClientMsgId, DeviceId, UserId};
use eim_codec::payload::{Request, SnapshotRequest, TextBody, request, response};
use eim_codec::registry::{FrameType, Operation};
use eim_server::calls::{Calls, Rules};
use eim_server::clock::SystemClock;
use eim_server::config::Config;
use eim_server::random::{Random, SystemRandom};
use eim_server::service::{Caller, Requests};
use eim_server::store::embedded::{self, EmbeddedOptions};
use eim_server::store::kv::{Environment, Options};
use eim_server::store::{Append, Origin, ScramVerifier, Store, Target, TenantId, UserRecord};
use prost::Message as _;

const TENANT: TenantId = TenantId(1);
/// Messages in one batch.
const BATCH: u64 = 512;
/// How often the question is asked.
const ASKED: usize = 20;

/// Measures the first screen of a new device.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// Messages in all conversations together.
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// Conversations of the user.
    #[arg(long, default_value_t = 500)]
    conversations: u64,
    /// Octets of a text.
    #[arg(long, default_value_t = 60)]
    text: usize,
    /// Folder of the store; it is created, and kept.
    #[arg(long)]
    dir: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let hub = eim_server::server::hub(&Config::from_toml("")?);
    let (options, embedded) = (Options::default(), EmbeddedOptions::default());
    let environment = Environment::system();
    let store: Arc<dyn Store> = Arc::new(embedded::open(
        &args.dir,
        &embedded,
        options,
        environment,
        Arc::clone(&hub) as _,
    )?);
    let users = (0..=args.conversations).map(account).collect();
    store.create_users(TENANT, users).await?;
    fill(&args, &*store).await?;
    let clock = Arc::new(SystemClock);
    let calls = Calls::new(Arc::clone(&hub), clock, Rules::default());
    let requests = Requests::new(Arc::clone(&store), hub, Arc::new(calls), 500, 500);
    let (mut slowest, mut octets, mut shown) = (0, 0, (0, 0));
    for _ in 0..ASKED {
        let before = now();
        let answer = requests.answer(caller(0), question(), u32::MAX).await;
        slowest = slowest.max(before.elapsed().as_micros());
        octets = answer.response.encoded_len();
        if let Some(response::Body::Snapshot(page)) = &answer.response.body {
            let entries = page.conversations.iter().map(|shown| shown.items.len());
            shown = (page.conversations.len(), entries.sum());
        }
    }
    let (conversations, entries) = shown;
    println!(
        "{} messages in {} conversations: the slowest of {ASKED} took {slowest} us; {octets} octets, \
         {conversations} conversations with {entries} entries",
        args.messages, args.conversations
    );
    store.close().await;
    Ok(())
}

/// Everybody writes to the user in turn.
async fn fill(args: &Args, store: &dyn Store) -> Result<(), Box<dyn std::error::Error>> {
    let body: Bytes = TextBody {
        text: "x".repeat(args.text),
        ..TextBody::default()
    }
    .encode_to_vec()
    .into();
    let mut left = args.messages;
    let mut from = 1;
    while left > 0 {
        let count = BATCH.min(left);
        left -= count;
        let text = |_| Append {
            target: Target::Direct(user(0)),
            frame_type: FrameType::TEXT,
            client_msg_id: ClientMsgId::from(random_id()),
            first_sent_at_ms: 0,
            after_failed: false,
            body: body.clone(),
            fallback_text: String::new(),
            blobs: Vec::new(),
        };
        let batch = (0..count).map(text).collect();
        for outcome in store.append(caller(from).origin, batch).await? {
            outcome.map_err(|refused| refused.detail)?;
        }
        from = from % args.conversations + 1;
    }
    Ok(())
}

fn question() -> Request {
    Request {
        request_id: Bytes::copy_from_slice(&random_id()),
        operation: Operation::SNAPSHOT.0,
        max_octets: 0,
        body: Some(request::Body::Snapshot(SnapshotRequest::default())),
    }
}

fn random_id() -> [u8; 16] {
    let mut id = [0; 16];
    SystemRandom.fill(&mut id);
    id
}

fn user(number: u64) -> UserId {
    u128::from(number).to_be_bytes().into()
}

fn caller(number: u64) -> Caller {
    let origin = Origin {
        tenant: TENANT,
        user: user(number),
        device: DeviceId::from([1; 16]),
        generation: None,
    };
    Caller {
        origin,
        connection: 0,
    }
}

fn account(number: u64) -> UserRecord {
    UserRecord {
        user: user(number),
        name: format!("user{number}"),
        display_name: String::new(),
        disabled: false,
        verifier: ScramVerifier {
            iterations: 4096,
            salt: Vec::new(),
            stored_key: Vec::new(),
            server_key: Vec::new(),
        },
        created_ms: 0,
        token_generation: 0,
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}
