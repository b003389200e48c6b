//! Random acts against a naive model of the store: every outcome, and in the end everything that
//! can be read, is what the model says.

mod changes;
mod contacts;
mod reference;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, RequestId, UserId};
use eim_codec::payload::{MembershipChange, Role};
use eim_codec::registry::FrameType;
use eim_server::store::{
    Accounts, Append, Change, ContactAct, FlagChange, MarkChange, People, Store, Target,
    TimelinePage,
};
use proptest::prelude::*;

use self::reference::Model;
use crate::harness::{ALL, Disk, Harness, START_MS, TENANT, origin, user};

const USERS: u8 = 5;

/// One message of a batch, in small numbers so that acts meet.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// A user, or a group beyond the users.
    target: u8,
    key: u8,
    body: u8,
    /// How long ago the first attempt was, in windows; 0 is a first attempt.
    age: u8,
    after_failed: bool,
}

/// Who asks for the change of which group, under which key.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    from: u8,
    key: u8,
    group: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Send(u8, Vec<Message>),
    Create(Asked, Vec<u8>),
    Add(Asked, Vec<u8>),
    Remove(Asked, Vec<u8>),
    Leave(Asked),
    SetRole(Asked, u8, i32),
    Rename(Asked, u8),
    /// Who has read which conversation how far.
    Mark(u8, u8, u64),
    /// Asks, accepts, refuses, removes, blocks, unblocks.
    Contact(Asked, u8, u8),
    /// Or enable.
    Disable(u8, bool),
    /// Quarters of the window, forwards or a little back.
    Time(u8, bool),
    Sweep,
    Reopen,
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let message = (0..USERS + 3, 0..12_u8, 0..2_u8, 0..4_u8, any::<bool>()).prop_map(
        |(target, key, body, age, after_failed)| {
            // Mostly first attempts.
            Message {
                target,
                key,
                body,
                age: age.saturating_sub(1),
                after_failed,
            }
        },
    );
    let users = || prop::collection::vec(0..USERS + 1, 0..4);
    // Keys of changes repeat seldom, or hardly a change would be carried out.
    let asked = || {
        let asked = (0..USERS, 0..200_u8, 0..3_u8);
        asked.prop_map(|(from, key, group)| Asked { from, key, group })
    };
    let messages = prop::collection::vec(message, 1..6);
    let act = prop_oneof![
        12 => (0..USERS, messages).prop_map(|(from, messages)| Act::Send(from, messages)),
        2 => (asked(), users()).prop_map(|(asked, users)| Act::Create(asked, users)),
        3 => (asked(), users()).prop_map(|(asked, users)| Act::Add(asked, users)),
        3 => (asked(), users()).prop_map(|(asked, users)| Act::Remove(asked, users)),
        2 => asked().prop_map(Act::Leave),
        3 => (asked(), 0..USERS, 0..4_i32)
            .prop_map(|(asked, user, role)| Act::SetRole(asked, user, role)),
        1 => (asked(), 0..3_u8).prop_map(|(asked, name)| Act::Rename(asked, name)),
        8 => (asked(), 0..USERS + 1, 0..6_u8)
            .prop_map(|(asked, whom, what)| Act::Contact(asked, whom, what)),
        1 => (0..USERS, any::<bool>()).prop_map(|(user, disabled)| Act::Disable(user, disabled)),
        2 => (0..4_u8, prop::bool::weighted(0.2))
            .prop_map(|(quarters, back)| Act::Time(quarters, back)),
        4 => (0..USERS, 0..USERS + 3, 0..9_u64)
            .prop_map(|(who, whose, through)| Act::Mark(who, whose, through)),
        2 => Just(Act::Sweep),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..60)
}

/// Groups are named by their place in the order of their creation.
fn group(model: &Model, number: u8) -> ConversationId {
    model
        .groups
        .get(usize::from(number))
        .copied()
        .unwrap_or_else(|| [0xEE; 16].into())
}

fn users(numbers: &[u8]) -> Vec<UserId> {
    numbers.iter().map(|number| user(*number)).collect()
}

fn message(model: &Model, now_ms: u64, window: u64, message: &Message) -> Append {
    let target = match message.target.checked_sub(USERS) {
        None => Target::Direct(user(message.target)),
        Some(number) => Target::Conversation(group(model, number)),
    };
    let age = u64::from(message.age) * (window - window / 4);
    Append {
        target,
        frame_type: FrameType::TEXT,
        client_msg_id: ClientMsgId::from([message.key; 16]),
        first_sent_at_ms: if message.age == 0 { 0 } else { now_ms - age },
        after_failed: message.after_failed,
        body: Bytes::copy_from_slice(&[message.body]),
        fallback_text: String::new(),
        blobs: Vec::new(),
    }
}

fn change(model: &Model, act: &Act) -> Option<Change> {
    let (Act::Create(asked, _)
    | Act::Add(asked, _)
    | Act::Remove(asked, _)
    | Act::Leave(asked)
    | Act::SetRole(asked, ..)
    | Act::Rename(asked, _)
    | Act::Contact(asked, ..)) = act
    else {
        return None;
    };
    let origin = origin(user(asked.from));
    let request = RequestId::from([asked.key; 16]);
    let conversation = group(model, asked.group);
    let name = |number: u8| "n".repeat(usize::from(number));
    let remove = |users, change| Change::RemoveMembers {
        origin,
        request,
        conversation,
        users,
        change,
    };
    Some(match act {
        Act::Create(asked, members) => {
            let (name, members) = (name(asked.group), users(members));
            Change::CreateGroup {
                origin,
                request,
                name,
                members,
            }
        }
        Act::Add(_, added) => Change::AddMembers {
            origin,
            request,
            conversation,
            users: users(added),
        },
        Act::Remove(_, removed) => remove(users(removed), MembershipChange::Removed),
        Act::Leave(asked) => remove(users(&[asked.from]), MembershipChange::Left),
        Act::SetRole(_, whom, role) => {
            let (user, role) = (user(*whom), Role::try_from(*role).unwrap());
            Change::SetRole {
                origin,
                request,
                conversation,
                user,
                role,
            }
        }
        Act::Rename(_, called) => Change::Rename {
            origin,
            request,
            conversation,
            name: name(*called),
        },
        Act::Contact(_, whom, what) => Change::Contact {
            origin,
            request,
            user: user(*whom),
            act: contact_act(*what),
        },
        _ => return None,
    })
}

fn contact_act(what: u8) -> ContactAct {
    match what {
        0 => ContactAct::Request {
            message: "please".to_owned(),
        },
        1 | 2 => ContactAct::Answer { accept: what == 1 },
        3 => ContactAct::Remove,
        _ => ContactAct::Block { blocked: what == 4 },
    }
}

/// The store and its model, side by side.
struct Game {
    h: Harness,
    model: Model,
    now_ms: u64,
}

impl Game {
    async fn step(mut self, act: &Act) -> Self {
        let window = self.h.options.idempotency_ms;
        self.model.next_commit(self.now_ms);
        match act {
            Act::Send(from, messages) => self.send(user(*from), messages).await,
            Act::Disable(whom, disabled) => {
                let whom = user(*whom);
                assert!(
                    self.h
                        .store
                        .set_disabled(TENANT, whom, *disabled)
                        .await
                        .unwrap()
                );
                self.model.set_disabled(whom, *disabled);
            }
            Act::Time(quarters, back) => {
                let step = u64::from(*quarters) * (window / 4);
                self.now_ms = if *back {
                    self.now_ms - step / 100
                } else {
                    self.now_ms + step
                };
                self.h.clock.set(self.now_ms);
            }
            Act::Sweep => {
                while self
                    .h
                    .store
                    .sweep(TENANT, self.now_ms, 7)
                    .await
                    .unwrap()
                    .more
                {}
                self.model
                    .sweep(self.now_ms, window, self.h.options.timeline_ms);
            }
            Act::Reopen => self.h = self.h.reopen().await,
            Act::Mark(who, whose, through) => self.mark(user(*who), *whose, *through).await,
            act => {
                let change = change(&self.model, act).unwrap();
                let found = self
                    .h
                    .change(change.clone())
                    .await
                    .map_err(|refused| refused.code);
                let expected = self.model.change(&change, found.as_ref().ok());
                assert_eq!(found, expected, "{act:?}");
            }
        }
        self
    }

    async fn mark(&mut self, who: UserId, whose: u8, through: u64) {
        let conversation = match whose.checked_sub(USERS) {
            None => ConversationId::direct(who, user(whose)),
            Some(number) => group(&self.model, number),
        };
        let change = MarkChange {
            conversation,
            read: through,
            flag: FlagChange::Leave,
        };
        let epoch = self.h.store.log_epoch();
        let found = self.h.store.mark(origin(who), epoch, vec![change]).await;
        let found: Vec<_> = found.unwrap().unwrap().iter().map(|it| it.read).collect();
        let expected = self.model.mark(who, conversation, through);
        assert_eq!(
            found,
            Vec::from_iter(expected),
            "{who} reads {whose} {through}"
        );
    }

    async fn send(&mut self, from: UserId, messages: &[Message]) {
        let window = self.h.options.idempotency_ms;
        let read = |it| message(&self.model, self.now_ms, window, it);
        let batch: Vec<_> = messages.iter().map(read).collect();
        let expected = self.model.append_in_order(from, &batch);
        let found = self.h.store.append(origin(from), batch).await.unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|it| it.map_err(|refused| refused.code))
            .collect();
        assert_eq!(found, expected, "{from} sends {messages:?}");
    }
}

pub(crate) async fn play(disk: Disk, acts: Vec<Act>) {
    let h = Harness::new(disk).await;
    h.users([0, 1, 2, 3, 4]).await;
    let model = Model::new(h.options, (0..USERS).map(user));
    let mut game = Game {
        h,
        model,
        now_ms: START_MS,
    };
    for act in &acts {
        game = game.step(act).await;
    }
    compare(&game.h, &game.model).await;
    let h = game.h.reopen().await;
    compare(&h, &game.model).await;
}

async fn compare(h: &Harness, model: &Model) {
    for (id, conversation) in &model.conversations {
        let log = h.log(*id).await;
        assert_eq!(log.len(), conversation.log.len());
        for (index, (found, expected)) in log.iter().zip(&conversation.log).enumerate() {
            assert_eq!(found.conv_seq, index as u64 + 1);
            assert_eq!(
                (
                    found.frame_type,
                    found.sender,
                    found.time_ms,
                    found.countable
                ),
                (
                    expected.frame_type,
                    expected.sender,
                    expected.time_ms,
                    expected.countable
                )
            );
            assert_eq!(found.body, expected.body);
        }
        let members = h.store.members(TENANT, *id, None, ALL).await.unwrap();
        let found: Vec<_> = members
            .members
            .iter()
            .map(|it| (it.user, (it.role, it.joined_at)))
            .collect();
        assert!(
            found
                .iter()
                .map(|(user, member)| (user, member))
                .eq(&conversation.members)
        );
    }
    for (user, expected) in &model.timelines {
        let bounds = h.store.timeline_head(TENANT, *user).await.unwrap();
        assert_eq!(bounds, (expected.head(), expected.floor));
        let epoch = h.store.log_epoch();
        let page = h
            .store
            .timeline(TENANT, *user, epoch, expected.floor, ALL, ALL)
            .await
            .unwrap();
        let TimelinePage::Entries { items, .. } = page else {
            panic!("{page:?}")
        };
        let found: Vec<_> = items
            .iter()
            .map(|it| (it.user_seq, it.entry.conversation, it.entry.conv_seq))
            .collect();
        assert_eq!(found, expected.references());
        let (views, more) = h
            .store
            .conversations(TENANT, *user, None, ALL)
            .await
            .unwrap();
        assert!(!more);
        assert_eq!(views, model.views(*user));
        let page = h.store.contacts(TENANT, *user, 0, ALL).await.unwrap();
        assert_eq!(page.contacts, model.list(*user));
    }
}
