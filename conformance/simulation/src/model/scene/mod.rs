//! Hand-made runs for the tests of invariants: a good one, from which each test makes a bad one.

mod files;
mod records;

use bytes::Bytes;
use eim_client::Sent;
use eim_client::store::{
    Applied, Arrival, Batch, Cursor, CursorChange, Message, OutboxItem, Settlement, Target,
};
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::registry::FrameType;
use eim_server::store::kv::inspect::{Name, Record};
use sha2::{Digest as _, Sha256};

pub(crate) use self::files::{HASH, Row, blob, blob_of, commit_file, no_blob, part};
pub(crate) use self::records::{as_department, commit, entry, erasure, group, message, recall};
use super::Gauge;
use crate::invariant::{Invariant, Judge};
use crate::observation::{Calls, Observation, Process, Question, Reply};
use crate::plan::DeviceNumber;
use crate::run::Violation;

/// Epoch of all scenes.
pub(crate) const EPOCH: u64 = 7;
/// The group of all scenes.
pub(crate) const GROUP: [u8; 16] = [9; 16];

/// One thing a judge is told.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "few, in tests")]
pub(crate) enum Feed {
    Server(Vec<(Name, Option<Record>)>),
    Device(DeviceNumber, Batch, Applied),
    Seen(Observation),
    Gauge(&'static str, Gauge),
}

/// User 1 has device 0, user 2 has device 1.
pub(crate) fn user(number: u8) -> UserId {
    [number; 16].into()
}

pub(crate) fn device_id(number: u8) -> DeviceId {
    [100 + number; 16].into()
}

pub(crate) const fn process(device: u8) -> Process {
    Process {
        device: DeviceNumber(device),
        incarnation: 1,
    }
}

pub(crate) fn key(number: u8) -> ClientMsgId {
    [number; 16].into()
}

pub(crate) fn body(number: u8) -> Bytes {
    Bytes::copy_from_slice(&[number; 3])
}

pub(crate) fn direct() -> ConversationId {
    ConversationId::direct(user(1), user(2))
}

fn item(number: u8) -> OutboxItem {
    OutboxItem {
        position: 0,
        client_msg_id: key(number),
        target: Target::User(user(2)),
        frame_type: FrameType::TEXT,
        body: body(number),
        fallback_text: String::new(),
        first_sent_at_ms: 0,
    }
}

/// What a device stores of `messages`, with the cursor that follows.
pub(crate) fn arrive(device: u8, messages: Vec<Message>, cursor: u64) -> Feed {
    let arrivals = messages.into_iter().map(|message| Arrival {
        message,
        echo: false,
        presented: true,
    });
    let batch = Batch {
        arrivals: arrivals.collect(),
        cursor: Some(CursorChange::Advance(at(cursor))),
        ..Batch::default()
    };
    Feed::Device(DeviceNumber(device), batch, Applied::default())
}

/// A device begins anew at a cursor.
pub(crate) fn begin_anew(device: u8, cursor: u64) -> Feed {
    let batch = Batch {
        cursor: Some(CursorChange::Reset(at(cursor))),
        ..Batch::default()
    };
    Feed::Device(DeviceNumber(device), batch, Applied::default())
}

const fn at(user_seq: u64) -> Cursor {
    Cursor {
        log_epoch: EPOCH,
        user_seq,
    }
}

/// The end of message `number` on device 0.
pub(crate) fn settle(number: u8) -> Feed {
    let settlement = Settlement {
        client_msg_id: key(number),
        message: Some(Message {
            user_seq: 0,
            ..message(number)
        }),
    };
    let batch = Batch {
        settlements: vec![settlement],
        ..Batch::default()
    };
    Feed::Device(DeviceNumber(0), batch, Applied::default())
}

pub(crate) fn acked(number: u8) -> Feed {
    Feed::Seen(Observation::Acked {
        process: process(0),
        sent: Sent {
            client_msg_id: key(number),
            conversation: direct(),
            log_epoch: EPOCH,
            conv_seq: u64::from(number),
            user_seq: u64::from(number),
            time_ms: 1000,
        },
    })
}

pub(crate) fn delivered(device: u8, message: Message) -> Feed {
    Feed::Seen(Observation::Delivered {
        process: process(device),
        message: Box::new(message),
    })
}

/// A message is begun and durable in the outbox of device 0.
pub(crate) fn begin(number: u8) -> [Feed; 3] {
    let batch = Batch {
        outbox: vec![item(number)],
        ..Batch::default()
    };
    let applied = Applied {
        positions: vec![u64::from(number)],
        ..Applied::default()
    };
    [
        Feed::Seen(Observation::SendBegun {
            process: process(0),
            key: key(number),
            target: Target::User(user(2)),
            frame_type: FrameType::TEXT,
            sha256: Sha256::digest(body(number)).into(),
            calls: Calls::default(),
        }),
        Feed::Device(DeviceNumber(0), batch, applied),
        Feed::Seen(Observation::SendStored {
            process: process(0),
            key: key(number),
        }),
    ]
}

/// The store and both devices are there.
pub(crate) fn opening() -> Vec<Feed> {
    let meta = Record::Meta { log_epoch: EPOCH };
    let mut batch = vec![(Name::Meta, Some(meta))];
    for number in 1..=3 {
        let record = Record::User { disabled: false };
        batch.push((Name::User(user(number)), Some(record)));
    }
    let mut feeds = vec![
        Feed::Server(batch),
        Feed::Seen(Observation::ServerStarted { incarnation: 1 }),
    ];
    for number in [0, 1] {
        feeds.push(Feed::Seen(Observation::DeviceStarted {
            process: process(number),
            device: device_id(number),
            user: user(number + 1),
            send_only: false,
        }));
    }
    feeds
}

/// User 1 sends message `number`, and it goes all the way.
pub(crate) fn sent(number: u8) -> Vec<Feed> {
    let seq = u64::from(number);
    let mut feeds = begin(number).to_vec();
    feeds.extend([
        Feed::Server(commit(number)),
        Feed::Seen(Observation::Committed {
            entry: entry(number).into(),
            recipients: [(user(1), seq), (user(2), seq)].into(),
        }),
        settle(number),
        acked(number),
    ]);
    for device in [0, 1] {
        feeds.push(arrive(device, vec![message(number)], seq));
        feeds.push(delivered(device, message(number)));
        feeds.push(told(device, seq));
        feeds.push(server_cursor(device, seq));
    }
    feeds
}

pub(crate) fn told(device: u8, user_seq: u64) -> Feed {
    Feed::Seen(Observation::CursorTold {
        device: DeviceNumber(device),
        log_epoch: EPOCH,
        user_seq,
    })
}

pub(crate) fn server_cursor(device: u8, user_seq: u64) -> Feed {
    let record = Record::Cursor {
        log_epoch: EPOCH,
        user_seq,
    };
    let name = Name::Cursor(user(device + 1), device_id(device));
    Feed::Server(vec![(name, Some(record))])
}

/// User 1 creates the group after two messages, and both devices learn of it.
pub(crate) fn grouped() -> Vec<Feed> {
    let conversation = ConversationId::from(GROUP);
    let batch = group(2);
    let entry_of = |seq: usize| match &batch[seq - 1].1 {
        Some(Record::Entry(entry)) => Message {
            conversation,
            conv_seq: entry.conv_seq,
            frame_type: entry.frame_type,
            client_msg_id: None,
            body: entry.body.clone(),
            ..message(1)
        },
        _ => unreachable!("the scene begins with entries"),
    };
    let at = |user_seq, message| Message {
        user_seq,
        ..message
    };
    vec![
        Feed::Seen(Observation::Asked {
            process: process(0),
            step: 1,
            question: Question::CreateGroup {
                members: vec![user(2)],
            },
        }),
        Feed::Server(batch.clone()),
        Feed::Seen(Observation::Answered {
            process: process(0),
            step: 1,
            reply: Reply::Created(conversation),
        }),
        arrive(0, vec![at(3, entry_of(1)), at(4, entry_of(2))], 4),
        arrive(1, vec![at(3, entry_of(2))], 3),
    ]
}

/// Everything as it should be.
pub(crate) fn good() -> Vec<Feed> {
    let mut feeds = opening();
    feeds.extend(sent(1));
    feeds.extend(sent(2));
    feeds.extend(grouped());
    feeds.push(Feed::Seen(Observation::Healed));
    feeds.push(Feed::Seen(Observation::Quiet));
    feeds
}

/// What a judge says about a run.
pub(crate) fn run(judge: &mut Judge, feeds: Vec<Feed>) -> Vec<Violation> {
    for feed in feeds {
        match feed {
            Feed::Server(batch) => judge.server_change(batch),
            Feed::Device(device, batch, applied) => judge.device_change(device, &batch, &applied),
            Feed::Seen(observation) => judge.seen(&observation),
            Feed::Gauge(name, gauge) => judge.queue(name, gauge),
        }
    }
    judge.finish()
}

/// What one invariant says about a run.
pub(crate) fn judge(invariant: impl Invariant + 'static, feeds: Vec<Feed>) -> Vec<Violation> {
    run(&mut Judge::of(vec![Box::new(invariant)]), feeds)
}

/// The good run passes; the bad one does not, for one reason that contains `why`.
pub(crate) fn assert_judges<I: Invariant + Default + 'static>(bad: Vec<Feed>, why: &str) {
    let found = judge(I::default(), good());
    assert!(found.is_empty(), "a good run: {found:?}");
    let found = judge(I::default(), bad);
    assert!(
        found.iter().any(|violation| violation.detail.contains(why)),
        "expected {why:?} among {found:?}"
    );
}
