//! Panes: what they show, and what their keys ask for.

use eim_client::group_policy::Waiting;
use eim_client::store::Cursor;
use eim_client::{Contact, Device, Member, ProfileFields};
use eim_codec::payload::{ContactState, DeviceClass};

use super::*;

fn bob() -> UserId {
    [2; 16].into()
}

fn shows(model: &Model, expected: &[&str]) {
    for (width, height) in [(80, 24), (140, 40)] {
        let screen = screen(model, width, height);
        for expected in expected {
            assert!(screen.contains(expected), "{expected} in\n{screen}");
        }
    }
}

fn press(model: &mut Model, letter: char) -> Vec<Action> {
    model.key(key(KeyCode::Char(letter)))
}

fn line(model: &mut Model, text: &str) -> Vec<Action> {
    type_text(model, text);
    model.key(key(KeyCode::Enter))
}

fn contact(state: ContactState, message: &str) -> Contact {
    Contact {
        user: bob(),
        state,
        blocked: false,
        message: message.to_owned(),
        version: 1,
        time_ms: 0,
    }
}

#[test]
fn members_of_a_group_and_what_is_done_with_them() {
    let mut model = model();
    let work = ConversationId::from([7; 16]);
    let question = Question::Members(work);
    assert_eq!(
        model.key(key(KeyCode::F(2))),
        [Action::Ask(question.clone())]
    );
    shows(&model, &["Members (0)", "…"]);
    let member = |user, role| {
        Item::Member(Member {
            user,
            role,
            joined_at: 1,
        })
    };
    let items = vec![member(me(), Role::Owner), member(bob(), Role::Member)];
    model.answered(&question, Ok(Answer::new(items)));
    shows(
        &model,
        &[
            "Members (2)",
            "ada                  owner",
            "bob                  member",
        ],
    );
    assert!(press(&mut model, 'a').is_empty(), "an owner stays one");
    model.key(key(KeyCode::Down));
    let role = |role| vec![Action::Group(GroupAct::Role(work, bob(), role))];
    assert_eq!(press(&mut model, 'a'), role(Role::Admin));
    assert!(press(&mut model, 'o').is_empty());
    shows(&model, &["hand the group to bob? y/n"]);
    assert!(press(&mut model, 'n').is_empty());
    assert!(press(&mut model, 'x').is_empty());
    shows(&model, &["remove bob? y/n"]);
    let remove = GroupAct::Remove(work, bob());
    assert_eq!(press(&mut model, 'y'), [Action::Group(remove)]);
    assert_eq!(
        press(&mut model, 'p'),
        [Action::Ask(Question::Profile(bob()))]
    );
    model.key(key(KeyCode::Esc));
    assert!(model.pane().is_none());
}

#[test]
fn who_waits_to_join_is_admitted_and_a_group_is_governed() {
    let mut model = model();
    let work = ConversationId::from([7; 16]);
    let question = Question::Members(work);
    model.key(key(KeyCode::F(2)));
    let waiting = Waiting {
        user: bob(),
        invited_by: me(),
        time_ms: 0,
    };
    let member = Member {
        user: [3; 16].into(),
        role: Role::Member,
        joined_at: 1,
    };
    let answer = Answer {
        items: vec![Item::Waiting(waiting), Item::Member(member)],
        note: Some("members of a department\nannounced: ship at noon".to_owned()),
    };
    assert_eq!(model.waiting(work, 1), Some(question.clone()), "asked anew");
    model.answered(&question, Ok(answer));
    shows(
        &model,
        &[
            "work +1",
            "bob                  waits to join, invited by ada",
            "members of a department",
            "announced: ship at noon",
        ],
    );
    let tea = ConversationId::from([8; 16]);
    assert_eq!(model.waiting(tea, 2), None, "not on the screen");
    shows(&model, &["tea +2"]);
    model.waiting(tea, 0);
    assert!(!screen(&model, 80, 24).contains("tea +"));
    let group = |act| vec![Action::Group(act)];
    let admit = |accept| group(GroupAct::Answer(work, bob(), accept));
    assert_eq!(press(&mut model, 'a'), admit(true));
    assert_eq!(press(&mut model, 'r'), admit(false));
    model.key(key(KeyCode::Down));
    press(&mut model, 'm');
    shows(&model, &["mute 03030303 for an hour? y/n"]);
    let mute = |for_ms| group(GroupAct::Mute(work, Some([3; 16].into()), for_ms));
    assert_eq!(press(&mut model, 'y'), mute(3_600_000));
    assert_eq!(press(&mut model, 'u'), mute(0));
    model.key(key(KeyCode::Esc));
    for (typed, act) in [
        (
            "/announce noon",
            GroupAct::Announce(work, "noon".to_owned()),
        ),
        ("/muteall 5", GroupAct::Mute(work, None, 300_000)),
        ("/invite", GroupAct::Invite(work)),
        ("/join 0aff", GroupAct::Join("0aff".to_owned())),
        ("/dissolve work", GroupAct::Dissolve(work)),
    ] {
        assert_eq!(line(&mut model, typed), group(act), "{typed}");
    }
    assert!(
        line(&mut model, "/dissolve").is_empty(),
        "the name is needed"
    );
}

#[test]
fn an_answer_for_another_pane_is_dropped_and_a_refusal_is_shown() {
    let mut model = model();
    model.key(key(KeyCode::F(5)));
    model.answered(&Question::Profile(bob()), Ok(Answer::default()));
    assert!(model.pane().unwrap().items.is_none());
    model.answered(&Question::Devices, Err("no connection".to_owned()));
    shows(&model, &["Devices", "no connection"]);
}

#[test]
fn ten_thousand_members_ask_for_a_few_names() {
    let mut model = model();
    let question = Question::Members([7; 16].into());
    model.key(key(KeyCode::F(2)));
    let items = (0..10_000_u128).map(|at| {
        Item::Member(Member {
            user: (at << 64).to_be_bytes().into(),
            role: Role::Member,
            joined_at: 1,
        })
    });
    model.take_unnamed();
    model.answered(&question, Ok(Answer::new(items.collect())));
    assert!(model.take_unnamed().len() <= 100);
    model.key(key(KeyCode::End));
    assert!((1..=100).contains(&model.take_unnamed().len()));
    shows(&model, &["Members (10000)"]);
}

#[test]
fn contacts_and_their_answers() {
    let mut model = model();
    model.contacts([contact(ContactState::Asked, "it is me")]);
    shows(&model, &["ada · online · 1 request (F4)"]);
    assert_eq!(
        model.key(key(KeyCode::F(4))),
        [Action::Ask(Question::Contacts)]
    );
    shows(
        &model,
        &["Contacts", "bob              asks  it is me", "a accept"],
    );
    let act = |act| vec![Action::Contact(Who::Id(bob()), act)];
    assert_eq!(press(&mut model, 'a'), act(ContactAct::Answer(true)));
    assert_eq!(press(&mut model, 'r'), act(ContactAct::Answer(false)));
    assert!(press(&mut model, 'b').is_empty());
    shows(&model, &["block bob? y/n"]);
    assert_eq!(press(&mut model, 'y'), act(ContactAct::Block(true)));
    model.contacts([contact(ContactState::Contact, "")]);
    shows(&model, &["bob              contact"]);
    assert!(press(&mut model, 'a').is_empty(), "nothing to agree with");
    assert_eq!(model.key(key(KeyCode::Enter)), [Action::Load]);
    let direct = ConversationId::direct(me(), bob());
    assert_eq!(model.selected(), Some(direct));
    shows(&model, &["bob · contact"]);
}

#[test]
fn devices_are_logged_out_after_a_question() {
    let mut model = model();
    model.key(key(KeyCode::F(5)));
    let device = |octet: u8, name: &str, own| Device {
        device: [octet; 16].into(),
        class: DeviceClass::Phone,
        name: name.to_owned(),
        logged_in_ms: 0,
        seen_ms: 0,
        online: own,
        own,
        cursor: Cursor::default(),
    };
    let items = vec![
        Item::Device(device(1, "desk", true), 0),
        Item::Device(device(2, "pocket", false), 12),
    ];
    model.answered(&Question::Devices, Ok(Answer::new(items)));
    shows(
        &model,
        &[
            "desk             phone    online   (this one)",
            "pocket           phone    offline  12 behind",
        ],
    );
    assert!(press(&mut model, 'l').is_empty());
    shows(&model, &["log this device out, and end? y/n"]);
    press(&mut model, 'n');
    model.key(key(KeyCode::Down));
    press(&mut model, 'l');
    let out = Action::Logout([2; 16].into());
    assert_eq!(press(&mut model, 'y'), [out]);
}

#[test]
fn profiles() {
    let mut model = model();
    assert_eq!(
        model.key(key(KeyCode::F(6))),
        [Action::Ask(Question::Profile(me()))]
    );
    let field = |what, text: &str| Item::Field(me(), what, text.to_owned());
    let items = vec![field("name", "ada"), field("title", "Count\u{1b}ess")];
    model.answered(&Question::Profile(me()), Ok(Answer::new(items)));
    shows(
        &model,
        &[
            "Profile of ada",
            "name          ada",
            "title         Count\u{fffd}ess",
        ],
    );
    model.key(key(KeyCode::Esc));
    let phone = ProfileFields {
        phone: Some("+31 20 1".to_owned()),
        ..ProfileFields::default()
    };
    assert_eq!(
        line(&mut model, "/me phone +31 20 1"),
        [Action::SetProfile(phone)]
    );
    assert_eq!(
        line(&mut model, "/profile bob"),
        [Action::Profile("bob".to_owned())]
    );
}

#[test]
fn what_was_found_is_gone_to() {
    let mut model = model();
    model.key(key(KeyCode::F(3)));
    assert_eq!(model.input, "/find ");
    type_text(&mut model, "green tea");
    let question = Question::Search("green tea".to_owned());
    assert_eq!(
        model.key(key(KeyCode::Enter)),
        [Action::Ask(question.clone())]
    );
    let item = Item::Message {
        conversation: [8; 16].into(),
        conv_seq: 12,
        time_ms: 61_000,
        sender: Some(bob()),
        text: "green\ntea".to_owned(),
    };
    let answer = Answer {
        items: vec![item],
        note: Some("older messages may match too".to_owned()),
    };
    model.answered(&question, Ok(answer));
    shows(
        &model,
        &[
            "Found: green tea",
            "00:01:01 [tea] #12 bob: green",
            "older messages may match too",
        ],
    );
    assert_eq!(model.key(key(KeyCode::Enter)), [Action::Load]);
    assert_eq!(model.selected(), Some([8; 16].into()));
    assert_eq!(model.focus, Some(12));
}

#[test]
fn pins_and_readers() {
    let mut model = model();
    let work = ConversationId::from([7; 16]);
    assert_eq!(
        model.key(key(KeyCode::F(7))),
        [Action::Ask(Question::Pins(work))]
    );
    model.answered(&Question::Pins(work), Ok(Answer::default()));
    shows(&model, &["Pinned", "nothing here"]);
    model.key(key(KeyCode::Esc));
    assert!(model.key(key(KeyCode::F(8))).is_empty(), "no message yet");
    model.load(work, &[message(7, 4, 1, "mine")], &BTreeMap::new());
    let question = Question::Readers(work, 4);
    assert_eq!(
        model.key(key(KeyCode::F(8))),
        [Action::Ask(question.clone())]
    );
    model.answered(&question, Ok(Answer::new(vec![Item::Reader(bob(), 4)])));
    shows(
        &model,
        &["Who has read #4", "bob                  read through #4"],
    );
}

#[test]
fn commands() {
    let mut model = model();
    let work = ConversationId::from([7; 16]);
    let group = |act| vec![Action::Group(act)];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(
        line(&mut model, "/new crew bob eve"),
        group(GroupAct::Create("crew".to_owned(), words(&["bob", "eve"])))
    );
    assert_eq!(
        line(&mut model, "/add eve"),
        group(GroupAct::Add(work, words(&["eve"])))
    );
    assert_eq!(
        line(&mut model, "/rename The Crew"),
        group(GroupAct::Rename(work, "The Crew".to_owned()))
    );
    assert_eq!(line(&mut model, "/leave"), group(GroupAct::Leave(work)));
    assert_eq!(
        line(&mut model, "/ask eve hello there"),
        [Action::Contact(
            Who::Name("eve".to_owned()),
            ContactAct::Request("hello there".to_owned())
        )]
    );
    assert_eq!(
        line(&mut model, "/forward #3 bob"),
        [Action::Forward(3, "bob".to_owned())]
    );
    assert_eq!(line(&mut model, "/unread"), [Action::MarkUnread(work)]);
    let target = Target::Conversation(work);
    assert_eq!(
        line(&mut model, "//to be sent"),
        [Action::Send(target, "/to be sent".to_owned())]
    );
    for wrong in [
        "/frobnicate",
        "/forward 3 bob",
        "/readers x",
        "/to",
        "/me age 3",
    ] {
        assert!(line(&mut model, wrong).is_empty(), "{wrong}");
        assert!(model.notice.is_some(), "{wrong}");
    }
}

#[test]
fn help_fits_80_by_24_for_every_pane() {
    let work = ConversationId::from([7; 16]);
    let questions = [
        None,
        Some(Question::Members(work)),
        Some(Question::Contacts),
        Some(Question::Devices),
        Some(Question::Profile(bob())),
        Some(Question::Pins(work)),
        Some(Question::Readers(work, 1)),
        Some(Question::Search("x".to_owned())),
    ];
    for question in questions {
        let mut model = model();
        if let Some(question) = question {
            model.open(question);
        }
        model.key(key(KeyCode::F(1)));
        let shown = screen(&model, 80, 24);
        assert!(shown.contains("┌Help─") && shown.contains("Esc"), "{shown}");
        model.key(key(KeyCode::Char('x')));
        assert!(!model.help && model.input.is_empty());
        for (width, height) in [(1, 1), (30, 5), (121, 3)] {
            screen(&model, width, height);
        }
    }
}
