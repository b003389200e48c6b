//! Contacts: what two users are to each other, and what the logs of both say of it.

use eim_codec::id::{ConversationId, RequestId, UserId};
use eim_codec::payload::{ContactBody, ContactChange, ContactState, ConversationKind, NoticeBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::kv::Options;
use eim_server::store::{
    Accounts, Change, Changed, ContactAct, ContactView, People, Refused, Store, Target,
};
use prost::Message as _;

use crate::harness::{ALL, Harness, TENANT, origin, refused, user};

const NONE: ContactState = ContactState::None;
const REQUESTED: ContactState = ContactState::Requested;
const ASKED: ContactState = ContactState::Asked;
const CONTACT: ContactState = ContactState::Contact;

pub(crate) fn contact(from: UserId, request: RequestId, to: UserId, act: ContactAct) -> Change {
    Change::Contact {
        origin: origin(from),
        request,
        user: to,
        act,
    }
}

async fn act(h: &Harness, from: UserId, to: UserId, act: ContactAct) -> Result<Changed, Refused> {
    h.change(contact(from, h.fresh(), to, act)).await
}

fn ask(message: &str) -> ContactAct {
    let message = message.to_owned();
    ContactAct::Request { message }
}

const ACCEPT: ContactAct = ContactAct::Answer { accept: true };
const REFUSE: ContactAct = ContactAct::Answer { accept: false };
const BLOCK: ContactAct = ContactAct::Block { blocked: true };
const UNBLOCK: ContactAct = ContactAct::Block { blocked: false };

async fn befriend(h: &Harness, a: UserId, b: UserId) {
    act(h, a, b, ask("hello")).await.unwrap();
    act(h, b, a, ACCEPT).await.unwrap();
}

async fn list(h: &Harness, of: UserId) -> Vec<ContactView> {
    let page = h.store.contacts(TENANT, of, 0, ALL).await.unwrap();
    assert!(!page.more);
    page.contacts
}

/// Users and states on a list, in the order of their versions.
async fn states(h: &Harness, of: UserId) -> Vec<(UserId, ContactState, bool)> {
    let list = list(h, of).await;
    list.iter()
        .map(|it| (it.user, it.state, it.blocked))
        .collect()
}

/// What the personal log says: change, who did it, the other, its state.
async fn told(h: &Harness, of: UserId) -> Vec<(ContactChange, UserId, UserId, ContactState)> {
    let log = h.log(ConversationId::personal(of)).await;
    log.iter()
        .map(|entry| {
            assert_eq!(entry.frame_type, FrameType::CONTACT);
            assert_eq!((entry.sender, entry.sender_device), (None, None));
            assert_eq!((entry.client_msg_id, entry.countable), (None, 0));
            assert!(!entry.fallback_text.is_empty());
            let body = ContactBody::decode(&entry.body[..]).unwrap();
            let contact = body.contact.as_ref().unwrap();
            let by = UserId::from_slice(&body.by).unwrap();
            let other = UserId::from_slice(&contact.user).unwrap();
            (body.change(), by, other, contact.state())
        })
        .collect()
}

pub(crate) async fn asking_and_agreeing_is_told_to_both(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let changed = act(&h, a, b, ask("it is me")).await.unwrap();
    assert_eq!(changed.conversation, ConversationId::personal(a));
    assert_eq!(changed.conv_seq, 1);
    assert_eq!(states(&h, a).await, [(b, REQUESTED, false)]);
    let asked = list(&h, b).await.remove(0);
    assert_eq!((asked.state, &asked.message[..]), (ASKED, "it is me"));
    assert_eq!((asked.version, asked.time_ms), (1, changed.time_ms));
    assert_eq!(act(&h, b, a, ACCEPT).await.unwrap().conv_seq, 2);
    for (owner, other) in [(a, b), (b, a)] {
        assert_eq!(states(&h, owner).await, [(other, CONTACT, false)]);
        assert!(list(&h, owner).await[0].message.is_empty());
        let state = if owner == a { REQUESTED } else { ASKED };
        assert_eq!(
            told(&h, owner).await,
            [
                (ContactChange::Requested, a, other, state),
                (ContactChange::Accepted, b, other, CONTACT),
            ]
        );
        let id = ConversationId::personal(owner);
        assert_eq!(h.references(owner).await, [(1, id, 1), (2, id, 2)]);
        let view = h.store.conversation(TENANT, owner, id).await.unwrap();
        let view = view.unwrap();
        assert_eq!(view.kind, ConversationKind::Personal);
        assert_eq!((view.members, view.conv_seq, view.peer), (1, 2, None));
        let other = h.store.conversation(TENANT, other, id).await.unwrap();
        assert_eq!(other, None);
    }
    let pushed = h.sink.taken();
    let recipients: Vec<_> = pushed.iter().map(|it| it.recipients.to_vec()).collect();
    assert_eq!(
        recipients,
        [[(a, 1)], [(b, 1)], [(b, 2)], [(a, 2)]].map(|it| it.to_vec())
    );
}

pub(crate) async fn asking_who_has_asked_is_agreeing(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    act(&h, a, b, ask("one")).await.unwrap();
    assert_eq!(act(&h, a, b, ask("two")).await.unwrap().conv_seq, 0);
    act(&h, b, a, ask("three")).await.unwrap();
    assert_eq!(states(&h, a).await, [(b, CONTACT, false)]);
    assert_eq!(states(&h, b).await, [(a, CONTACT, false)]);
    for again in [ask(""), ACCEPT] {
        assert_eq!(act(&h, b, a, again).await.unwrap().conv_seq, 0);
    }
}

pub(crate) async fn what_is_asked_can_be_refused_withdrawn_and_ended(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    for (from, how, change) in [
        (b, REFUSE, ContactChange::Refused),
        (b, ContactAct::Remove, ContactChange::Refused),
        (a, ContactAct::Remove, ContactChange::Withdrawn),
    ] {
        act(&h, a, b, ask("hello")).await.unwrap();
        let to = if from == a { b } else { a };
        act(&h, from, to, how).await.unwrap();
        for owner in [a, b] {
            assert_eq!(list(&h, owner).await[0].state, NONE);
            assert_eq!(told(&h, owner).await.last().unwrap().0, change);
        }
    }
    befriend(&h, a, b).await;
    assert_eq!(refused(act(&h, a, b, REFUSE).await), ErrorCode::NOT_FOUND);
    act(&h, b, a, ContactAct::Remove).await.unwrap();
    let last = *told(&h, a).await.last().unwrap();
    assert_eq!(last, (ContactChange::Removed, b, b, NONE));
    for (how, code) in [
        (ACCEPT, ErrorCode::NOT_FOUND),
        (REFUSE, ErrorCode::NOT_FOUND),
    ] {
        assert_eq!(refused(act(&h, a, b, how).await), code);
    }
    let nothing = act(&h, a, b, ContactAct::Remove).await.unwrap();
    assert_eq!(nothing.conv_seq, 0);
}

pub(crate) async fn impossible_changes_change_nothing(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    assert!(h.store.set_disabled(TENANT, b, true).await.unwrap());
    for (to, how, code) in [
        (a, ask(""), ErrorCode::INVALID_REQUEST),
        (a, BLOCK, ErrorCode::INVALID_REQUEST),
        (user(9), ask(""), ErrorCode::NOT_FOUND),
        (user(9), BLOCK, ErrorCode::NOT_FOUND),
        (b, ask(""), ErrorCode::NOT_FOUND),
        (b, ask(&"x".repeat(257)), ErrorCode::INVALID_REQUEST),
    ] {
        assert_eq!(refused(act(&h, a, to, how).await), code);
    }
    assert!(list(&h, a).await.is_empty());
    assert!(h.references(a).await.is_empty());
    assert!(h.references(b).await.is_empty());
}

pub(crate) async fn a_repeated_contact_request_gets_the_first_answer(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let request: RequestId = h.fresh();
    let first = h
        .change(contact(a, request, b, ask("hello")))
        .await
        .unwrap();
    act(&h, b, a, REFUSE).await.unwrap();
    let h = h.reopen().await;
    let again = h
        .change(contact(a, request, b, ask("hello")))
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(list(&h, a).await[0].state, NONE);
    for (to, how) in [(b, ask("other")), (b, BLOCK), (a, ask("hello"))] {
        let other = h.change(contact(a, request, to, how)).await;
        assert_eq!(refused(other), ErrorCode::CONFLICT);
    }
}

pub(crate) async fn blocking_is_told_to_nobody_and_stops_both(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    befriend(&h, a, b).await;
    h.say(b, Target::Direct(a), "before").await;
    let before = h.references(b).await.len();
    act(&h, a, b, BLOCK).await.unwrap();
    assert_eq!(act(&h, a, b, BLOCK).await.unwrap().conv_seq, 0);
    assert_eq!(h.references(b).await.len(), before);
    assert_eq!(states(&h, a).await, [(b, CONTACT, true)]);
    assert_eq!(states(&h, b).await, [(a, CONTACT, false)]);
    // A block before the first message stops it as well.
    act(&h, a, c, BLOCK).await.unwrap();
    for (from, to) in [(a, b), (b, a), (a, c), (c, a)] {
        let direct = h.append(from, h.text(Target::Direct(to), "no")).await;
        assert_eq!(refused(direct), ErrorCode::FORBIDDEN);
        let asked = act(&h, from, to, ask("")).await;
        assert_eq!(refused(asked), ErrorCode::FORBIDDEN);
    }
    let known = Target::Conversation(ConversationId::direct(a, b));
    let by_id = h.append(b, h.text(known, "no")).await;
    assert_eq!(refused(by_id), ErrorCode::FORBIDDEN);
    let h = h.reopen().await;
    let direct = h.append(b, h.text(Target::Direct(a), "no")).await;
    assert_eq!(refused(direct), ErrorCode::FORBIDDEN);
    act(&h, a, b, UNBLOCK).await.unwrap();
    h.say(b, Target::Direct(a), "after").await;
    let direct = ConversationId::direct(a, b);
    assert_eq!(h.bodies(direct).await, ["before", "after"]);
    let group = h.create_group(a, &[c]).await;
    h.say(c, Target::Conversation(group), "a group is not concerned")
        .await;
    h.say(b, Target::Direct(c), "nor are others").await;
}

pub(crate) async fn a_request_under_a_block_can_only_be_refused(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    act(&h, a, b, ask("hello")).await.unwrap();
    act(&h, b, a, BLOCK).await.unwrap();
    assert_eq!(refused(act(&h, b, a, ACCEPT).await), ErrorCode::FORBIDDEN);
    act(&h, b, a, REFUSE).await.unwrap();
    assert_eq!(states(&h, b).await, [(a, NONE, true)]);
    assert_eq!(states(&h, a).await, [(b, NONE, false)]);
}

pub(crate) async fn only_contacts_may_write_where_the_policy_says_so(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    h.say(a, Target::Direct(b), "before").await;
    let options = Options {
        contacts_only: true,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let no = |from: UserId, to| h.append(from, h.text(Target::Direct(to), "no"));
    let unknown = no(a, b).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::FORBIDDEN);
    act(&h, a, b, ask("may I?")).await.unwrap();
    assert_eq!(refused(no(a, b).await), ErrorCode::FORBIDDEN);
    act(&h, b, a, ACCEPT).await.unwrap();
    h.say(a, Target::Direct(b), "thanks").await;
    h.say(a, Target::Direct(a), "to myself").await;
    act(&h, b, a, BLOCK).await.unwrap();
    assert_eq!(
        no(a, b).await.unwrap_err(),
        unknown,
        "the words tell nothing"
    );
    act(&h, b, a, UNBLOCK).await.unwrap();
    act(&h, b, a, ContactAct::Remove).await.unwrap();
    assert_eq!(refused(no(b, a).await), ErrorCode::FORBIDDEN);
}

pub(crate) async fn nobody_writes_to_a_personal_log(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    act(&h, a, b, ask("hello")).await.unwrap();
    let log = ConversationId::personal(a);
    let write = |from| h.append(from, h.text(Target::Conversation(log), "me"));
    assert_eq!(refused(write(a).await), ErrorCode::FORBIDDEN);
    assert_eq!(refused(write(b).await), ErrorCode::NOT_FOUND);
    let added = h.add(a, log, &[b]).await;
    assert_eq!(refused(added), ErrorCode::INVALID_REQUEST);
    assert_eq!(refused(h.leave(a, log).await), ErrorCode::INVALID_REQUEST);
    assert_eq!(refused(h.add(b, log, &[b]).await), ErrorCode::NOT_FOUND);
    assert_eq!(h.log(log).await.len(), 1);
}

pub(crate) async fn lists_are_bounded_on_both_sides(h: Harness) {
    let options = Options {
        contacts: 2,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    act(&h, a, b, ask("")).await.unwrap();
    act(&h, a, c, BLOCK).await.unwrap();
    for (from, to, how) in [(a, d, ask("")), (d, a, ask("")), (a, d, BLOCK)] {
        let full = act(&h, from, to, how).await;
        assert_eq!(refused(full), ErrorCode::LIMIT_REACHED);
    }
    // What is on the list already changes freely, and leaving makes room.
    act(&h, a, b, BLOCK).await.unwrap();
    act(&h, b, a, ContactAct::Remove).await.unwrap();
    assert_eq!(
        refused(act(&h, d, a, ask("")).await),
        ErrorCode::LIMIT_REACHED
    );
    act(&h, a, b, UNBLOCK).await.unwrap();
    act(&h, d, a, ask("")).await.unwrap();
    assert!(h.references(d).await.len() == 1);
}

pub(crate) async fn lists_are_read_in_the_order_of_their_changes(h: Harness) {
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    for other in [b, c, d] {
        act(&h, other, a, ask("")).await.unwrap();
    }
    let page = h.store.contacts(TENANT, a, 0, 2).await.unwrap();
    let users: Vec<_> = page.contacts.iter().map(|it| it.user).collect();
    assert_eq!((users, page.more, page.head), (vec![b, c], true, 3));
    act(&h, a, b, ACCEPT).await.unwrap();
    let page = h.store.contacts(TENANT, a, 2, 2).await.unwrap();
    let users: Vec<_> = page
        .contacts
        .iter()
        .map(|it| (it.user, it.version))
        .collect();
    assert_eq!((users, page.more), (vec![(d, 3), (b, 4)], false));
    let h = h.reopen_raised().await;
    assert_eq!(
        states(&h, a).await,
        [(c, ASKED, false), (d, ASKED, false), (b, CONTACT, false)]
    );
    let page = h.store.contacts(TENANT, a, 4, ALL).await.unwrap();
    assert!(page.contacts.is_empty());
    assert_eq!(
        h.store
            .contacts(TENANT, user(9), 0, ALL)
            .await
            .unwrap()
            .head,
        0
    );
}

pub(crate) async fn a_notice_is_unread_and_nobody_sent_it(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::personal(a);
    act(&h, a, b, ask("hello")).await.unwrap();
    let notice = h.store.notice(TENANT, a, "down at noon".to_owned()).await;
    assert_eq!(notice.unwrap().unwrap(), 2);
    let h = h.reopen().await;
    let log = h.log(id).await;
    let entry = log.last().unwrap();
    assert_eq!(entry.frame_type, FrameType::NOTICE);
    assert_eq!((entry.sender, entry.client_msg_id), (None, None));
    assert_eq!(entry.fallback_text, "down at noon");
    let body = NoticeBody::decode(entry.body.clone()).unwrap();
    assert_eq!(body.text, "down at noon");
    let references = h.references(a).await;
    assert_eq!(references.last(), Some(&(2, id, 2)));
    let view = h.store.conversation(TENANT, a, id).await.unwrap().unwrap();
    assert_eq!((view.marks.read, view.marks.unread), (0, 1));
    // The list of contacts goes on behind it.
    act(&h, b, a, ACCEPT).await.unwrap();
    let versions: Vec<u64> = list(&h, a).await.iter().map(|it| it.version).collect();
    assert_eq!(versions, [3]);
    let nobody = h.store.notice(TENANT, user(99), "x".to_owned()).await;
    assert_eq!(refused(nobody.unwrap()), ErrorCode::NOT_FOUND);
}
