mod calls;
mod messages;
mod panes;
mod presence;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_client::Settled;
use eim_client::event::Refused;
use eim_client::store::{ConversationRecord, OutboxItem};
use eim_codec::payload::{ConversationKind, Role, TextBody};
use eim_codec::registry::FrameType;
use prost::Message as _;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::chat::view::draw;

fn me() -> UserId {
    [1; 16].into()
}

fn record(octet: u8, name: &str, time_ms: u64) -> ConversationRecord {
    ConversationRecord {
        conversation: [octet; 16].into(),
        kind: ConversationKind::Group,
        name: name.to_owned(),
        conv_seq: 1,
        visible_from: 1,
        visible_through: 0,
        role: Role::Member,
        peer: None,
        time_ms,
        members: 2,
        fan_out: eim_codec::payload::FanOut::Write,
        backlog: Default::default(),
    }
}

fn message(conversation: u8, conv_seq: u64, sender: u8, text: &str) -> Message {
    Message {
        conversation: [conversation; 16].into(),
        log_epoch: 1,
        conv_seq,
        frame_type: FrameType::TEXT,
        sender: Some([sender; 16].into()),
        sender_device: None,
        client_msg_id: Some([u8::try_from(conv_seq).unwrap(); 16].into()),
        time_ms: 1000 * conv_seq,
        user_seq: conv_seq,
        body: TextBody::encode_text(text),
        fallback_text: String::new(),
        tombstone: false,
    }
}

fn model() -> Model {
    let mut model = Model::new(me());
    model.name(me(), "ada".to_owned());
    model.name([2; 16].into(), "bob".to_owned());
    model.state(ConnectionState::Open {
        resumed: false,
        user: me(),
    });
    model.records(vec![record(8, "tea", 1), record(7, "work", 2)]);
    model
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn type_text(model: &mut Model, text: &str) {
    for letter in text.chars() {
        model.key(key(KeyCode::Char(letter)));
    }
}

fn screen(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn shows_everything_in_80_by_24() {
    let mut model = model();
    let work = [7; 16].into();
    assert_eq!(model.selected(), Some(work), "the newest one first");
    model.load(
        work,
        &[message(7, 1, 2, "hello"), message(7, 2, 1, "hi bob")],
        &BTreeMap::new(),
    );
    model.message(&message(8, 3, 2, "elsewhere"));
    type_text(&mut model, "an answer");
    let screen = screen(&model, 80, 24);
    for expected in [
        "work",
        "tea (1)",
        "00:00:01 #1 bob: hello",
        "00:00:02 #2 ada: hi bob",
        "an answer",
        "ada · online",
        "Ctrl-C quit",
    ] {
        assert!(screen.contains(expected), "{expected} in\n{screen}");
    }
}

#[test]
fn draws_in_tiny_terminals() {
    let mut model = model();
    model.load(
        [7; 16].into(),
        &[message(7, 1, 2, &"long ".repeat(500))],
        &BTreeMap::new(),
    );
    model.help = true;
    for (width, height) in [(1, 1), (10, 3), (24, 6), (200, 2)] {
        screen(&model, width, height);
    }
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let mut model = model();
    model.load(
        [7; 16].into(),
        &[message(7, 1, 2, "\u{1b}[2Jgone\u{7}")],
        &BTreeMap::new(),
    );
    let screen = screen(&model, 80, 24);
    assert!(
        !screen.contains('\u{1b}') && screen.contains("[2Jgone"),
        "{screen}"
    );
}

#[test]
fn a_message_is_pending_until_it_is_in_the_log() {
    let mut model = model();
    let work = ConversationId::from([7; 16]);
    type_text(&mut model, "hey");
    let sent = model.key(key(KeyCode::Enter));
    assert_eq!(
        sent,
        [Action::Send(Target::Conversation(work), "hey".to_owned())]
    );
    assert_eq!(model.input, "");
    model.posted(work, [5; 16].into(), "hey".to_owned());
    assert_eq!(model.entries()[0].mark, Mark::Pending);
    model.message(&message(7, 5, 1, "hey"));
    let marks: Vec<_> = model.entries().iter().map(|entry| entry.mark).collect();
    assert_eq!(marks, [Mark::Durable], "once");
}

#[test]
fn a_refused_message_says_so() {
    let mut model = model();
    model.posted([7; 16].into(), [5; 16].into(), "hey".to_owned());
    model.settled(&Settled {
        item: OutboxItem {
            position: 1,
            client_msg_id: [5; 16].into(),
            target: Target::Conversation([7; 16].into()),
            frame_type: FrameType::TEXT,
            body: Bytes::new(),
            fallback_text: String::new(),
            first_sent_at_ms: 1,
        },
        outcome: Err(Refused {
            code: eim_codec::registry::ErrorCode::FORBIDDEN,
            detail: "no".to_owned(),
        }),
    });
    assert_eq!(model.entries()[0].mark, Mark::Failed);
    assert!(model.status().contains("FORBIDDEN"));
}

#[test]
fn keys_edit_and_move() {
    let mut model = model();
    type_text(&mut model, "aé漢c");
    model.key(key(KeyCode::Left));
    model.key(key(KeyCode::Backspace));
    type_text(&mut model, "b");
    assert_eq!((model.input.as_str(), model.cursor), ("aébc", 3));
    model.key(key(KeyCode::Home));
    model.key(key(KeyCode::Delete));
    assert_eq!(model.input, "ébc");
    assert_eq!(model.key(key(KeyCode::Down)), [Action::Load]);
    assert_eq!(model.selected(), Some([8; 16].into()));
    assert_eq!(
        model.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)),
        [Action::Quit]
    );
}

#[test]
fn a_name_opens_a_conversation_that_does_not_exist_yet() {
    let mut model = model();
    type_text(&mut model, "/to bob");
    assert_eq!(
        model.key(key(KeyCode::Enter)),
        [Action::Find("bob".to_owned())]
    );
    model.open_direct([9; 16].into(), [2; 16].into());
    type_text(&mut model, "hi");
    let sent = model.key(key(KeyCode::Enter));
    assert_eq!(
        sent,
        [Action::Send(Target::User([2; 16].into()), "hi".to_owned())]
    );
}

#[test]
fn unknown_people_are_asked_for_once() {
    let mut model = model();
    model.take_unnamed();
    model.message(&message(7, 1, 9, "who"));
    model.load([7; 16].into(), &[message(7, 1, 9, "who")], &BTreeMap::new());
    assert_eq!(
        model.take_unnamed(),
        BTreeSet::from([UserId::from([9; 16])])
    );
    model.load([7; 16].into(), &[message(7, 1, 9, "who")], &BTreeMap::new());
    assert!(model.take_unnamed().is_empty());
}

#[test]
fn requests_appear_in_words_and_get_their_names_when_these_are_known() {
    use eim_codec::payload::{Contact, ContactBody, ContactChange, ContactState};

    let mut model = model();
    let id = ConversationId::personal(me());
    let contact = Contact {
        user: vec![9; 16].into(),
        state: ContactState::Asked.into(),
        message: "it is me".to_owned(),
        ..Contact::default()
    };
    let body = ContactBody {
        change: ContactChange::Requested.into(),
        by: contact.user.clone(),
        contact: Some(contact),
    };
    let asked = Message {
        conversation: id,
        frame_type: FrameType::CONTACT,
        sender: None,
        client_msg_id: None,
        body: body.encode_to_vec().into(),
        ..message(0, 1, 9, "")
    };
    model.message(&asked);
    let row = model.rows().iter().find(|row| row.conversation == id);
    let row = row.unwrap().clone();
    assert_eq!(
        (model.title(&row), row.unread),
        ("(contacts)".to_owned(), 1)
    );
    model.select(id);
    model.load(id, &[asked], &BTreeMap::new());
    let says = |model: &Model| model.entries()[0].text.clone();
    assert_eq!(says(&model), "(09090909 asks to be your contact: it is me)");
    model.name([9; 16].into(), "ina".to_owned());
    assert_eq!(says(&model), "(ina asks to be your contact: it is me)");
    model.input = "hello".to_owned();
    let sent = model.key(key(KeyCode::Enter));
    assert!(sent.is_empty(), "nobody writes to this log");
}

// What is read, and what the other one has of it.
#[test]
fn unread_counts_and_receipts() {
    use eim_client::Unread;
    use eim_client::store::MarkRecord;

    let mut model = Model::new(me());
    let (direct, peer): (ConversationId, UserId) = ([5; 16].into(), [2; 16].into());
    let mut direct_record = record(5, "", 10);
    direct_record.kind = ConversationKind::Direct;
    direct_record.peer = Some(peer);
    direct_record.conv_seq = 3;
    model.records(vec![direct_record, record(6, "team", 5)]);
    let count = |conversation, unread, marked_unread| Unread {
        conversation,
        unread,
        mentions: 0,
        read: 0,
        marked_unread,
    };
    model.unread(&[count(direct, 3, false), count([6; 16].into(), 0, true)]);
    let unread = |model: &Model| {
        model
            .rows()
            .iter()
            .map(|row| row.unread)
            .collect::<Vec<_>>()
    };
    assert_eq!(unread(&model), [3, 1]);
    let mark = |user, read, delivered| MarkRecord {
        read,
        delivered,
        ..MarkRecord::new(direct, user, 1)
    };
    model.marks(&[mark(me(), 2, 2)]);
    assert_eq!(unread(&model), [3, 1], "one is left");
    model.marks(&[mark(me(), 3, 3)]);
    assert_eq!(unread(&model), [0, 1]);
    model.select(direct);
    model.load(
        direct,
        &[
            message(5, 1, 1, "a"),
            message(5, 2, 1, "b"),
            message(5, 3, 1, "c"),
        ],
        &BTreeMap::new(),
    );
    let receipts = |model: &Model| {
        let of = |entry: &Entry| model.receipt(entry);
        model.entries().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(receipts(&model), [Receipt::None; 3]);
    model.marks(&[mark(peer, 1, 2)]);
    assert_eq!(
        receipts(&model),
        [Receipt::Read, Receipt::Delivered, Receipt::None]
    );
    assert_eq!(model.on_screen(), Some((direct, 3)));
    // Whoever answers has read.
    model.message(&message(5, 4, 2, "d"));
    assert_eq!(receipts(&model)[2], Receipt::Read);
}
