//! What becomes of messages, as the screen shows it.

use std::collections::BTreeMap;

use eim_client::modified::{Edit, Modified, Recall};
use eim_codec::payload::{FanOut, MembershipBody, MembershipChange};

use super::*;

fn loaded(messages: &[Message], modified: &BTreeMap<u64, Modified>) -> Model {
    let mut model = model();
    model.load([7; 16].into(), messages, modified);
    model
}

fn shows(model: &Model, expected: &[&str]) {
    let screen = screen(model, 80, 24);
    for expected in expected {
        assert!(screen.contains(expected), "{expected} in\n{screen}");
    }
}

fn control(model: &mut Model, letter: char) -> Vec<Action> {
    model.key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
}

fn alt(model: &mut Model, code: KeyCode) {
    model.key(KeyEvent::new(code, KeyModifiers::ALT));
}

fn rich(conv_seq: u64, sender: u8, body: &TextBody) -> Message {
    Message {
        body: body.encode_to_vec().into(),
        ..message(7, conv_seq, sender, "")
    }
}

#[test]
fn edits_recalls_reactions_and_pins() {
    let edited = Modified {
        edit: Some(Edit {
            conv_seq: 5,
            time_ms: 0,
            body: TextBody::new("tea at five"),
        }),
        reactions: BTreeMap::from([(
            "👍".to_owned(),
            BTreeSet::from([[1; 16].into(), [2; 16].into()]),
        )]),
        pinned: true,
        ..Modified::default()
    };
    let recalled = Modified {
        recall: Some(Recall {
            conv_seq: 6,
            by: None,
        }),
        ..Modified::default()
    };
    let model = loaded(
        &[message(7, 1, 2, "tea at four"), message(7, 2, 2, "secret")],
        &BTreeMap::from([(1, edited), (2, recalled)]),
    );
    shows(
        &model,
        &[
            "#1 bob: tea at five (edited) (pinned) [👍",
            "#2 bob: (recalled)",
        ],
    );
    let screen = screen(&model, 80, 24);
    assert!(!screen.contains("four") && !screen.contains("secret"));
}

#[test]
fn answers_quote_what_they_answer() {
    let answer = |conv_seq, reply_to| {
        let body = TextBody {
            reply_to,
            ..TextBody::new("yes")
        };
        rich(conv_seq, 1, &body)
    };
    let model = loaded(
        &[
            message(7, 3, 2, "coffee?\nor tea"),
            answer(4, 3),
            answer(5, 1),
        ],
        &BTreeMap::new(),
    );
    shows(&model, &["┃ #3 bob: coffee?", "#4 ada: ↪ #3 yes", "┃ #1 "]);
}

#[test]
fn changes_of_members_are_told_with_names() {
    let body = MembershipBody {
        change: MembershipChange::Added.into(),
        users: vec![vec![9; 16].into()],
        role: Role::Member.into(),
        ..MembershipBody::default()
    };
    let added = Message {
        frame_type: FrameType::MEMBERSHIP,
        body: body.encode_to_vec().into(),
        ..message(7, 1, 2, "")
    };
    let mut model = loaded(&[added], &BTreeMap::new());
    shows(&model, &["bob: (added 09090909)"]);
    assert!(model.take_unnamed().contains(&[9; 16].into()));
    model.name([9; 16].into(), "ina".to_owned());
    shows(&model, &["bob: (added ina)"]);
}

#[test]
fn a_message_that_is_picked_out_is_answered_edited_or_taken_back() {
    let mut model = loaded(
        &[message(7, 1, 2, "one"), message(7, 2, 1, "two")],
        &BTreeMap::new(),
    );
    assert!(control(&mut model, 'e').is_empty());
    shows(&model, &["picks a message out first"]);
    alt(&mut model, KeyCode::Up);
    control(&mut model, 'e');
    assert_eq!(
        (model.input.as_str(), model.focus),
        ("/edit #2 two", Some(2))
    );
    alt(&mut model, KeyCode::Up);
    alt(&mut model, KeyCode::Up);
    control(&mut model, 'r');
    assert_eq!(model.input, "/reply #1 ");
    type_text(&mut model, "yes");
    let target = Target::Conversation([7; 16].into());
    assert_eq!(
        model.key(key(KeyCode::Enter)),
        [Action::Operate(target, "/reply #1 yes".to_owned())]
    );
    alt(&mut model, KeyCode::Down);
    control(&mut model, 'd');
    assert_eq!(model.input, "/recall #2");
    alt(&mut model, KeyCode::Down);
    assert_eq!(model.focus, None, "below the newest there is nothing");
}

#[test]
fn a_message_far_up_is_shown_when_it_is_picked_out() {
    let mut model = model();
    let texts: Vec<_> = (1..=200)
        .map(|at| message(7, at, 2, &format!("text number {at}.")))
        .collect();
    let work = [7; 16].into();
    model.load(work, &texts, &BTreeMap::new());
    shows(&model, &["text number 200."]);
    model.jump(work, 20);
    model.load(work, &texts, &BTreeMap::new());
    shows(
        &model,
        &["text number 20.", "text number 15.", "text number 25."],
    );
    assert_eq!(model.key(key(KeyCode::Esc)), [Action::Load]);
    shows(&model, &["text number 200."]);
}

#[test]
fn mentions_are_counted_and_made() {
    let mut model = model();
    let body = TextBody {
        mentions: vec![me().to_bytes()],
        ..TextBody::new("@ada look")
    };
    let mut mention = rich(2, 2, &body);
    mention.conversation = [8; 16].into();
    model.message(&mention);
    model.message(&message(8, 3, 2, "never mind"));
    shows(&model, &["tea (2 @1)", "· 1 unread"]);
    let bob = UserId::from([2; 16]);
    assert_eq!(model.mentions("@bob, @bob and @nobody"), (vec![bob], false));
    assert_eq!(model.mentions("bob@all @all!"), (vec![], true));
}

#[test]
fn a_large_group_and_one_that_was_left_say_so() {
    let mut model = model();
    let mut large = record(7, "everybody", 9);
    large.fan_out = FanOut::Read;
    large.members = 10_000;
    large.role = Role::Admin;
    let mut left = record(8, "tea", 1);
    left.visible_through = 4;
    model.records(vec![large, left]);
    shows(&model, &["everybody · 10000 members · admin · large"]);
    model.key(key(KeyCode::Down));
    shows(&model, &["tea · 2 members · left"]);
}

#[test]
fn long_names_leave_room_for_the_count() {
    let mut model = model();
    model.records(vec![record(8, "a group with a very long name", 1)]);
    model.message(&message(8, 2, 2, "x"));
    shows(&model, &["a group with a ve… (1)"]);
}

#[test]
fn in_groups_a_receipt_says_that_somebody_has_read() {
    let mut model = loaded(
        &[message(7, 1, 1, "one"), message(7, 2, 1, "two")],
        &BTreeMap::new(),
    );
    model.readers([7; 16].into(), 1);
    shows(&model, &["#1 ada: one ✓✓"]);
    assert_eq!(model.receipt(&model.entries()[1]), Receipt::None);
}

#[test]
fn a_message_of_the_server_that_was_read_already_stands_there_once() {
    let told = |conv_seq| Message {
        sender: None,
        client_msg_id: None,
        ..message(7, conv_seq, 2, "told")
    };
    let mut model = loaded(&[told(1), told(2)], &BTreeMap::new());
    model.message(&told(2));
    model.message(&told(3));
    let numbers = model.entries().iter().map(|entry| entry.conv_seq);
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3]);
}
