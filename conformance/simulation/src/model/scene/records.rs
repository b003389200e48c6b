//! Batches of the server in hand-made runs.

use bytes::Bytes;
use eim_client::store::Message;
use eim_codec::id::ConversationId;
use eim_codec::payload::{
    ConversationKind, FanOut, MembershipBody, MembershipChange, RecallBody, Role, SettingsBody,
};
use eim_codec::registry::FrameType;
use eim_server::store::kv::inspect::{Name, Record};
use eim_server::store::{Entry, GroupState};
use prost::Message as _;

use super::{EPOCH, GROUP, body, device_id, direct, key, user};

/// Message `number` of user 1 in the direct conversation, as the log has it.
pub(crate) fn entry(number: u8) -> Entry {
    Entry {
        conversation: direct(),
        log_epoch: EPOCH,
        conv_seq: u64::from(number),
        frame_type: FrameType::TEXT,
        sender: Some(user(1)),
        sender_device: Some(device_id(0)),
        client_msg_id: Some(key(number)),
        time_ms: 1000,
        countable: u64::from(number),
        body: body(number),
        fallback_text: String::new(),
        tombstone: false,
    }
}

/// The same as a device has it.
pub(crate) fn message(number: u8) -> Message {
    let entry = entry(number);
    Message {
        conversation: entry.conversation,
        log_epoch: entry.log_epoch,
        conv_seq: entry.conv_seq,
        frame_type: entry.frame_type,
        sender: entry.sender,
        sender_device: entry.sender_device,
        client_msg_id: entry.client_msg_id,
        time_ms: entry.time_ms,
        user_seq: entry.conv_seq,
        body: entry.body,
        fallback_text: entry.fallback_text,
        tombstone: false,
    }
}

/// The commit of message `number`.
pub(crate) fn commit(number: u8) -> Vec<(Name, Option<Record>)> {
    let (conversation, seq) = (direct(), u64::from(number));
    let mut batch = vec![(
        Name::Entry(conversation, seq),
        Some(Record::Entry(Box::new(entry(number)))),
    )];
    for reader in [user(1), user(2)] {
        let chunk = Record::Chunk(vec![(seq, conversation, seq)]);
        batch.push((Name::Chunk(reader, seq), Some(chunk)));
    }
    let outcome = Record::Outcome {
        conversation,
        conv_seq: seq,
        time_ms: 1000,
        user_seq: seq,
    };
    batch.push((Name::Message(user(1), [number; 16]), Some(outcome)));
    let mark = Record::Mark {
        log_epoch: EPOCH,
        read: seq,
        countable: seq,
        delivered: seq,
        marked_unread: false,
    };
    batch.push((Name::Mark(user(1), conversation), Some(mark)));
    if number == 1 {
        batch.extend(rows(
            conversation,
            ConversationKind::Direct,
            "",
            Role::Member,
        ));
    }
    batch
}

/// The commit of RECALL `number` of message `target`, without what is not in the log.
pub(crate) fn recall(number: u8, target: u8) -> Vec<(Name, Option<Record>)> {
    let recall = Entry {
        frame_type: FrameType::RECALL,
        body: RecallBody {
            target: u64::from(target),
        }
        .encode_to_vec()
        .into(),
        countable: u64::from(number) - 1,
        ..entry(number)
    };
    let mut batch = erasure(target);
    batch.push((
        Name::Entry(direct(), u64::from(number)),
        Some(Record::Entry(Box::new(recall))),
    ));
    batch
}

/// What a RECALL does to a message in the log.
pub(crate) fn erasure(target: u8) -> Vec<(Name, Option<Record>)> {
    let erased = Entry {
        body: Bytes::new(),
        tombstone: true,
        ..entry(target)
    };
    let name = Name::Entry(direct(), u64::from(target));
    vec![(name, Some(Record::Entry(Box::new(erased))))]
}

fn rows(
    conversation: ConversationId,
    kind: ConversationKind,
    name: &str,
    first: Role,
) -> Vec<(Name, Option<Record>)> {
    let row = Record::Conversation {
        kind,
        name: name.to_owned(),
        members: 2,
        fan_out: FanOut::Write,
        group: GroupState::default(),
    };
    let mut batch = vec![(Name::Conversation(conversation), Some(row))];
    for (reader, role, from) in [(user(1), first, 1), (user(2), Role::Member, 2)] {
        let from = if kind == ConversationKind::Direct {
            1
        } else {
            from
        };
        let member = Record::Member {
            role,
            joined_at: from,
            // Members of a direct conversation never change.
            changed_at: if kind == ConversationKind::Direct {
                0
            } else {
                from
            },
            muted_until_ms: 0,
        };
        batch.push((Name::Member(conversation, reader), Some(member)));
        let membership = Record::Membership {
            role,
            visible_from: from,
            visible_through: 0,
        };
        batch.push((Name::Membership(reader, conversation), Some(membership)));
        if kind == ConversationKind::Group {
            let name = Name::MemberChange(conversation, from, reader);
            batch.push((name, Some(Record::Opaque)));
        }
    }
    batch
}

/// User 1 creates the group with user 2; their timelines go on after `after`.
pub(crate) fn group(after: u64) -> Vec<(Name, Option<Record>)> {
    let conversation = ConversationId::from(GROUP);
    let settings = SettingsBody {
        kind: ConversationKind::Group as i32,
        name: "g".to_owned(),
        created: true,
        ..SettingsBody::default()
    };
    let membership = MembershipBody {
        change: MembershipChange::Added as i32,
        users: vec![user(2).to_bytes()],
        role: Role::Member as i32,
        ..MembershipBody::default()
    };
    let bodies = [
        (FrameType::SETTINGS, settings.encode_to_vec()),
        (FrameType::MEMBERSHIP, membership.encode_to_vec()),
    ];
    let mut batch = Vec::new();
    for (seq, (frame_type, body)) in (1..).zip(bodies) {
        let entry = Entry {
            conversation,
            conv_seq: seq,
            frame_type,
            client_msg_id: None,
            countable: 0,
            body: body.into(),
            ..entry(1)
        };
        batch.push((
            Name::Entry(conversation, seq),
            Some(Record::Entry(Box::new(entry))),
        ));
    }
    let chunk = Record::Chunk(vec![
        (after + 1, conversation, 1),
        (after + 2, conversation, 2),
    ]);
    batch.push((Name::Chunk(user(1), after + 2), Some(chunk)));
    let chunk = Record::Chunk(vec![(after + 1, conversation, 2)]);
    batch.push((Name::Chunk(user(2), after + 1), Some(chunk)));
    let outcome = Record::Outcome {
        conversation,
        conv_seq: 2,
        time_ms: 1000,
        user_seq: after + 2,
    };
    batch.push((Name::Request(user(1), [77; 16]), Some(outcome)));
    batch.extend(rows(
        conversation,
        ConversationKind::Group,
        "g",
        Role::Owner,
    ));
    batch
}

/// The same as the group of a department: its entries have no sender.
pub(crate) fn as_department(batch: &mut [(Name, Option<Record>)]) {
    for (name, record) in batch {
        if let (Name::Entry(id, _), Some(Record::Entry(entry))) = (name, record)
            && *id == ConversationId::from(GROUP)
        {
            (entry.sender, entry.sender_device) = (None, None);
        }
    }
}
