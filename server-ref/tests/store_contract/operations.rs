//! Operations on messages: what they change, what they must not, and what is left.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{EditBody, EntryState, PinBody, ReactionBody, RecallBody, TextBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Append, Appended, Refused, Store, Target};
use prost::Message;

use crate::harness::{ALL, Harness, START_MS, TENANT, origin};

impl Harness {
    fn operation(&self, id: ConversationId, frame_type: FrameType, body: &impl Message) -> Append {
        Append {
            frame_type,
            body: body.encode_to_vec().into(),
            ..self.text(Target::Conversation(id), "")
        }
    }

    fn edit_of(&self, id: ConversationId, target: u64, text: &str) -> Append {
        let text = Some(TextBody::new(text));
        self.operation(id, FrameType::EDIT, &EditBody { target, text })
    }

    fn recall_of(&self, id: ConversationId, target: u64) -> Append {
        self.operation(id, FrameType::RECALL, &RecallBody { target })
    }

    fn reaction_of(&self, id: ConversationId, target: u64, reaction: &str, remove: bool) -> Append {
        let body = ReactionBody {
            target,
            reaction: reaction.to_owned(),
            remove,
        };
        self.operation(id, FrameType::REACTION, &body)
    }

    fn pin_of(&self, id: ConversationId, target: u64, remove: bool) -> Append {
        self.operation(id, FrameType::PIN, &PinBody { target, remove })
    }

    async fn state(&self, id: ConversationId, conv_seq: u64) -> EntryState {
        let page = self.states(id).await;
        let at = page.entries.iter().position(|it| it.conv_seq == conv_seq);
        page.states[at.unwrap()].clone().unwrap_or_default()
    }
}

fn code(outcome: Result<Appended, Refused>) -> ErrorCode {
    outcome.unwrap_err().code
}

fn edited(state: &EntryState) -> String {
    let body = EditBody::decode(state.edit_body.clone()).unwrap();
    body.text.unwrap_or_default().text
}

pub(crate) async fn the_last_edit_counts_and_the_log_stays(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.say(a, Target::Direct(b), "first").await.conversation;
    let before = h.log(id).await;
    for text in ["second", "third"] {
        h.append(a, h.edit_of(id, 1, text)).await.unwrap();
    }
    let state = h.state(id, 1).await;
    assert_eq!((state.edit_seq, state.as_of), (3, 3));
    assert_eq!(
        (state.edit_time_ms, edited(&state)),
        (START_MS, "third".to_owned())
    );
    let log = h.log(id).await;
    assert_eq!(log[0], before[0]);
    assert_eq!(log[2].countable, 1);
    assert_eq!(h.states(id).await.states[1..], [None, None]);
    assert_eq!(
        code(h.append(b, h.edit_of(id, 1, "x")).await),
        ErrorCode::FORBIDDEN
    );
    let h = h.reopen().await;
    assert_eq!(h.state(id, 1).await, state);
}

pub(crate) async fn an_operation_needs_a_message_that_can_be_seen(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let group = h.create_group(a, &[b]).await;
    h.say(a, Target::Conversation(group), "early").await;
    h.add(a, group, &[c]).await.unwrap();
    h.say(a, Target::Conversation(group), "late").await;
    let head = h.log(group).await.len() as u64;
    for (who, target, expected) in [
        (c, 3, ErrorCode::NOT_FOUND),
        (c, 4, ErrorCode::NOT_FOUND),
        (c, head + 1, ErrorCode::NOT_FOUND),
        (c, u64::MAX, ErrorCode::NOT_FOUND),
        (c, 0, ErrorCode::INVALID_MESSAGE),
        (a, 1, ErrorCode::NOT_FOUND),
        (a, 4, ErrorCode::NOT_FOUND),
    ] {
        let outcome = h
            .append(who, h.reaction_of(group, target, "x", false))
            .await;
        assert_eq!(code(outcome), expected, "{target}");
    }
    let mut nonsense = h.recall_of(group, 5);
    nonsense.body = Bytes::from_static(b"\xff");
    assert_eq!(
        code(h.append(a, nonsense).await),
        ErrorCode::INVALID_MESSAGE
    );
    assert_eq!(h.log(group).await.len() as u64, head);
    h.append(c, h.reaction_of(group, 5, "x", false))
        .await
        .unwrap();
    let outsider = h
        .append(b, h.recall_of(ConversationId::from([9; 16]), 1))
        .await;
    assert_eq!(code(outsider), ErrorCode::NOT_FOUND);
}

pub(crate) async fn a_recall_erases_the_message_and_its_edits(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let mut first = h.text(Target::Direct(b), "secret");
    first.fallback_text = "secret too".to_owned();
    let retry = first.clone();
    let id = h.append(a, first).await.unwrap().conversation;
    h.append(a, h.edit_of(id, 1, "changed")).await.unwrap();
    h.append(b, h.reaction_of(id, 1, "x", false)).await.unwrap();
    h.append(b, h.pin_of(id, 1, false)).await.unwrap();
    assert_eq!(
        code(h.append(b, h.recall_of(id, 1)).await),
        ErrorCode::FORBIDDEN
    );
    let recall = h.recall_of(id, 1);
    let recalled = h.append(a, recall.clone()).await.unwrap();
    for h in [h.reopen().await] {
        let page = h.states(id).await;
        for (entry, tombstone) in page.entries.iter().zip([true, true, false, false, false]) {
            assert_eq!(entry.tombstone, tombstone, "{}", entry.conv_seq);
            assert_eq!(entry.body.is_empty(), tombstone, "{}", entry.conv_seq);
        }
        assert_eq!(page.entries[0].fallback_text, "");
        assert_eq!(page.entries[0].sender, Some(a));
        let state = page.states[0].clone().unwrap();
        assert_eq!((state.recall_seq, &state.recalled_by), (5, &a.to_bytes()));
        assert_eq!((state.edit_seq, state.pin_seq), (0, 0));
        assert!(state.reactions.is_empty());
        assert!(
            h.store
                .pins(TENANT, id, 0, ALL)
                .await
                .unwrap()
                .pins
                .is_empty()
        );
        let reactions = h.store.reactions(TENANT, id, 1, None, ALL).await.unwrap();
        assert_eq!(reactions, None);
        // What is recalled is not there any more, but a retry is answered as before.
        for operation in [
            h.recall_of(id, 1),
            h.edit_of(id, 1, "again"),
            h.reaction_of(id, 1, "x", true),
            h.pin_of(id, 1, false),
            h.recall_of(id, 2),
        ] {
            assert_eq!(code(h.append(a, operation).await), ErrorCode::NOT_FOUND);
        }
        for (append, conv_seq) in [(retry.clone(), 1), (recall.clone(), recalled.conv_seq)] {
            let again = h.append(a, append).await.unwrap();
            assert_eq!((again.conv_seq, again.duplicate), (conv_seq, true));
        }
        assert_eq!(h.log(id).await.len(), 5);
    }
}

pub(crate) async fn one_batch_may_write_change_and_erase(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.say(a, Target::Direct(b), "0").await.conversation;
    h.sink.taken();
    let mut stays = h.text(Target::Conversation(id), "stays");
    stays.after_failed = true;
    let batch = vec![
        h.text(Target::Conversation(id), "gone"),
        h.edit_of(id, 2, "gone too"),
        h.reaction_of(id, 2, "x", false),
        h.pin_of(id, 2, false),
        h.recall_of(id, 2),
        h.recall_of(id, 2),
        stays,
        h.edit_of(id, 7, "changed"),
    ];
    let outcomes = h.store.append(origin(a), batch).await.unwrap();
    let refused: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
    assert_eq!(
        refused,
        [false, false, false, false, false, true, false, false]
    );
    for commit in h.sink.taken() {
        let gone = matches!(commit.entry.conv_seq, 2 | 3);
        assert_eq!(commit.entry.tombstone, gone, "{}", commit.entry.conv_seq);
        assert_eq!(commit.entry.body.is_empty(), gone);
    }
    let page = h.states(id).await;
    assert!(page.entries[1].tombstone && page.entries[2].tombstone);
    assert_eq!(page.states[1].clone().unwrap().recall_seq, 6);
    assert_eq!(edited(&h.state(id, 7).await), "changed");
    assert!(
        h.store
            .pins(TENANT, id, 0, ALL)
            .await
            .unwrap()
            .pins
            .is_empty()
    );
}

pub(crate) async fn who_may_and_how_long(h: Harness) {
    let options = eim_server::store::kv::Options {
        edit_ms: 1000,
        recall_ms: 2000,
        message_edits: 2,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a, b, c] = h.users([1, 2, 3]).await;
    let group = h.create_group(a, &[b, c]).await;
    let from = async |user: UserId| {
        let said = h.say(user, Target::Conversation(group), "x").await;
        said.conv_seq
    };
    let (of_b, of_c) = (from(b).await, from(c).await);
    let mut custom = h.text(Target::Conversation(group), "x");
    custom.frame_type = FrameType::CUSTOM;
    let custom = h.append(b, custom).await.unwrap().conv_seq;
    let outcome = h.append(b, h.edit_of(group, custom, "y")).await;
    assert_eq!(code(outcome), ErrorCode::FORBIDDEN);
    for _ in 0..2 {
        h.append(b, h.edit_of(group, of_b, "y")).await.unwrap();
    }
    let outcome = h.append(b, h.edit_of(group, of_b, "y")).await;
    assert_eq!(code(outcome), ErrorCode::LIMIT_REACHED);
    // Owners take back what others say, but do not change it.
    assert_eq!(
        code(h.append(b, h.recall_of(group, of_c)).await),
        ErrorCode::FORBIDDEN
    );
    assert_eq!(
        code(h.append(a, h.edit_of(group, of_c, "y")).await),
        ErrorCode::FORBIDDEN
    );
    h.clock.set(START_MS + 1001);
    assert_eq!(
        code(h.append(c, h.edit_of(group, of_c, "y")).await),
        ErrorCode::FORBIDDEN
    );
    h.clock.set(START_MS + 2001);
    assert_eq!(
        code(h.append(c, h.recall_of(group, of_c)).await),
        ErrorCode::FORBIDDEN
    );
    h.append(a, h.recall_of(group, of_c)).await.unwrap();
    // In a direct conversation nobody leads.
    let direct = h.say(b, Target::Direct(a), "x").await.conversation;
    assert_eq!(
        code(h.append(a, h.recall_of(direct, 1)).await),
        ErrorCode::FORBIDDEN
    );
    h.append(b, h.recall_of(direct, 1)).await.unwrap();
}

pub(crate) async fn reactions_are_counted_once_a_user(h: Harness) {
    let options = eim_server::store::kv::Options {
        message_reactions: 3,
        user_reactions: 2,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a, b] = h.users([1, 2]).await;
    let id = h.say(a, Target::Direct(b), "x").await.conversation;
    for (who, reaction, remove) in [
        (a, "one", false),
        (b, "two", false),
        (b, "one", false),
        (b, "one", false),
        (a, "none", true),
    ] {
        h.append(who, h.reaction_of(id, 1, reaction, remove))
            .await
            .unwrap();
    }
    let counted = async || -> Vec<(String, u32)> {
        let reactions = h.state(id, 1).await.reactions.into_iter();
        reactions.map(|it| (it.reaction, it.count)).collect()
    };
    assert_eq!(
        counted().await,
        [("one".to_owned(), 2), ("two".to_owned(), 1)]
    );
    let third = h.append(b, h.reaction_of(id, 1, "three", false)).await;
    assert_eq!(code(third), ErrorCode::LIMIT_REACHED);
    h.append(a, h.reaction_of(id, 1, "three", false))
        .await
        .unwrap();
    h.append(b, h.reaction_of(id, 1, "two", true))
        .await
        .unwrap();
    let users = async |after, limit| {
        let page = h.store.reactions(TENANT, id, 1, after, limit).await;
        let page = page.unwrap().unwrap();
        let users = page.users.into_iter();
        let users: Vec<_> = users.map(|it| (it.user, it.reactions)).collect();
        (users, page.more, page.as_of)
    };
    let of_a = (a.to_bytes(), vec!["one".to_owned(), "three".to_owned()]);
    let of_b = (b.to_bytes(), vec!["one".to_owned()]);
    assert_eq!(
        users(None, ALL).await,
        (vec![of_a.clone(), of_b.clone()], false, 8)
    );
    assert_eq!(users(None, 1).await, (vec![of_a], true, 8));
    assert_eq!(users(Some(a), 1).await, (vec![of_b], false, 8));
    for (who, reaction) in [(a, "one"), (b, "one"), (a, "three")] {
        h.append(who, h.reaction_of(id, 1, reaction, true))
            .await
            .unwrap();
    }
    assert_eq!(h.states(id).await.states[0], None);
    assert_eq!(users(None, ALL).await.0, []);
}

pub(crate) async fn pins_are_listed_in_order(h: Harness) {
    let options = eim_server::store::kv::Options {
        conversation_pins: 2,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a, b] = h.users([1, 2]).await;
    let group = h.create_group(a, &[b]).await;
    for text in ["3", "4", "5"] {
        h.say(b, Target::Conversation(group), text).await;
    }
    assert_eq!(
        code(h.append(b, h.pin_of(group, 3, false)).await),
        ErrorCode::FORBIDDEN
    );
    for target in [4, 3, 4] {
        h.append(a, h.pin_of(group, target, false)).await.unwrap();
    }
    let full = h.append(a, h.pin_of(group, 5, false)).await;
    assert_eq!(code(full), ErrorCode::LIMIT_REACHED);
    let pins = async |after, limit| {
        let page = h.store.pins(TENANT, group, after, limit).await.unwrap();
        let pins: Vec<_> = page.pins.iter().map(|it| (it.target, it.pin_seq)).collect();
        (pins, page.more)
    };
    assert_eq!(pins(0, ALL).await, (vec![(3, 7), (4, 8)], false));
    assert_eq!(pins(0, 1).await, (vec![(3, 7)], true));
    assert_eq!(pins(3, ALL).await, (vec![(4, 8)], false));
    assert_eq!(h.state(group, 4).await.pin_seq, 8);
    h.append(a, h.pin_of(group, 3, true)).await.unwrap();
    h.append(a, h.pin_of(group, 5, false)).await.unwrap();
    assert_eq!(pins(0, ALL).await.0, [(4, 8), (5, 10)]);
}

pub(crate) async fn a_former_member_sees_no_later_operation(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let group = h.create_group(a, &[b]).await;
    h.say(a, Target::Conversation(group), "3").await;
    h.append(a, h.edit_of(group, 3, "seen")).await.unwrap();
    h.append(a, h.reaction_of(group, 3, "x", false))
        .await
        .unwrap();
    h.remove(a, group, &[b]).await.unwrap();
    h.append(a, h.edit_of(group, 3, "not seen")).await.unwrap();
    h.append(a, h.pin_of(group, 3, false)).await.unwrap();
    let page = h
        .store
        .history(TENANT, group, 1, 4, false, ALL, ALL, 6)
        .await
        .unwrap();
    assert_eq!(page.as_of, 6);
    let state = page.states[2].clone().unwrap();
    assert_eq!((state.edit_seq, edited(&state)), (4, "seen".to_owned()));
    assert_eq!((state.pin_seq, state.reactions.len()), (0, 0));
    assert_eq!(edited(&h.state(group, 3).await), "not seen");
}

pub(crate) async fn pages_with_edited_texts_stay_bounded(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.say(a, Target::Direct(b), "1").await.conversation;
    for _ in 2..=8 {
        h.say(a, Target::Direct(b), "x").await;
    }
    for target in 2..=8 {
        h.append(a, h.edit_of(id, target, &"y".repeat(1000)))
            .await
            .unwrap();
    }
    let read = async |newest, octets| -> Vec<(u64, bool)> {
        let page = h
            .store
            .history(TENANT, id, 1, 8, newest, ALL, octets, 0)
            .await
            .unwrap();
        assert_eq!(page.entries.len(), page.states.len());
        let both = page.entries.iter().zip(&page.states);
        both.map(|(entry, state)| (entry.conv_seq, state.is_some()))
            .collect()
    };
    assert_eq!(read(false, 1).await, [(1, false)]);
    assert_eq!(read(true, 1).await, [(8, true)]);
    let some = read(false, 4000).await;
    assert!((2..8).contains(&some.len()), "{some:?}");
    assert!(some.iter().all(|(seq, state)| *state == (*seq > 1)));
    let all = read(true, usize::MAX).await;
    assert!(all.iter().map(|(seq, _)| *seq).eq((1..=8).rev()));
}
