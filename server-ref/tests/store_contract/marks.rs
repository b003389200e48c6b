//! Marks: read, delivered, unread.

use std::collections::BTreeMap;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::ErrorCode;
use eim_server::store::{
    Accounts, FlagChange, MarkChange, MarkNote, MarkView, Refused, Store, Target, UnreadView,
};

use crate::harness::{ALL, Harness, TENANT, device, origin, refused};

fn change(conversation: ConversationId, read: u64, flag: FlagChange) -> MarkChange {
    MarkChange {
        conversation,
        read,
        flag,
    }
}

async fn mark(h: &Harness, user: UserId, changes: &[MarkChange]) -> Result<Vec<MarkView>, Refused> {
    let epoch = h.store.log_epoch();
    h.store
        .mark(origin(user), epoch, changes.to_vec())
        .await
        .unwrap()
}

async fn read(h: &Harness, user: UserId, conversation: ConversationId, through: u64) -> MarkView {
    let changes = [change(conversation, through, FlagChange::Leave)];
    let [view] = mark(h, user, &changes).await.unwrap()[..] else {
        panic!("one conversation, one answer")
    };
    view
}

/// Read, unread and flag, as the conversation says.
async fn seen(h: &Harness, user: UserId, conversation: ConversationId) -> (u64, u64, bool) {
    let view = h.store.conversation(TENANT, user, conversation).await;
    let marks = view.unwrap().unwrap().marks;
    (marks.read, marks.unread, marks.marked_unread)
}

async fn unread(h: &Harness, user: UserId) -> Vec<(ConversationId, u64)> {
    let page = h.store.unread(TENANT, user, None, ALL).await.unwrap();
    assert!(!page.more);
    let counts = page.conversations.iter();
    counts.map(|one| (one.conversation, one.unread)).collect()
}

pub(crate) async fn a_mark_rises_and_never_falls(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = ConversationId::direct(a, b);
    for _ in 0..5 {
        h.say(a, Target::Direct(b), "x").await;
    }
    assert_eq!(seen(&h, b, id).await, (0, 5, false));
    for (through, expected) in [
        (2, (2, 3)),
        (1, (2, 3)),
        (0, (2, 3)),
        (4, (4, 1)),
        (u64::MAX, (5, 0)),
    ] {
        let view = read(&h, b, id, through).await;
        assert_eq!((view.read, view.unread), expected, "through {through}");
        assert_eq!(view.delivered, view.read);
        assert_eq!(seen(&h, b, id).await, (expected.0, expected.1, false));
    }
    // Strangers and what does not exist are left out.
    let nowhere = [change(h.fresh(), 1, FlagChange::Set)];
    assert_eq!(mark(&h, b, &nowhere).await.unwrap(), []);
    assert_eq!(
        mark(&h, c, &[change(id, 5, FlagChange::Set)])
            .await
            .unwrap(),
        []
    );
    assert_eq!(unread(&h, c).await, []);
    let h = h.reopen().await;
    assert_eq!(seen(&h, b, id).await, (5, 0, false));
}

pub(crate) async fn sending_is_reading(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::direct(a, b);
    h.say(a, Target::Direct(b), "1").await;
    assert_eq!(
        (seen(&h, a, id).await, seen(&h, b, id).await),
        ((1, 0, false), (0, 1, false))
    );
    let changes = [change(id, 0, FlagChange::Set)];
    assert!(mark(&h, b, &changes).await.unwrap()[0].marked_unread);
    h.say(b, Target::Direct(a), "2").await;
    assert_eq!(
        (seen(&h, a, id).await, seen(&h, b, id).await),
        ((1, 1, false), (2, 0, false))
    );
    // One batch with several of one's own.
    let batch = (0..3).map(|_| h.text(Target::Direct(b), "x")).collect();
    h.store.append(origin(a), batch).await.unwrap();
    let h = h.reopen().await;
    assert_eq!(
        (seen(&h, a, id).await, seen(&h, b, id).await),
        ((5, 0, false), (2, 3, false))
    );
    // Notes to oneself are never unread.
    h.say(a, Target::Direct(a), "note").await;
    assert_eq!(unread(&h, a).await, []);
}

pub(crate) async fn groups_count_messages_of_ones_membership(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b]).await;
    let to = Target::Conversation(id);
    h.say(a, to, "before").await;
    h.add(a, id, &[c]).await.unwrap();
    h.say(a, to, "after").await;
    h.say(b, to, "after").await;
    assert_eq!(seen(&h, a, id).await, (5, 1, false));
    assert_eq!(seen(&h, b, id).await, (6, 0, false));
    assert_eq!(seen(&h, c, id).await, (0, 2, false), "from the join on");
    assert_eq!(read(&h, c, id, 5).await.unread, 1);
    let readers = |through, missing| h.store.readers(TENANT, id, through, missing, None, ALL);
    assert_eq!(
        readers(5, false).await.unwrap().readers,
        [(a, 5), (b, 6), (c, 5)]
    );
    assert_eq!(readers(6, false).await.unwrap().readers, [(b, 6)]);
    assert_eq!(readers(6, true).await.unwrap().readers, [(a, 5), (c, 5)]);
    let page = h
        .store
        .readers(TENANT, id, 1, false, Some(a), 1)
        .await
        .unwrap();
    assert_eq!(
        (page.readers, page.through, page.more),
        (vec![(b, 6)], Some(b), true)
    );
    h.remove(a, id, &[c]).await.unwrap();
    h.say(a, to, "without c").await;
    assert_eq!(seen(&h, c, id).await, (5, 1, false));
    assert_eq!(read(&h, c, id, 100).await.read, 7, "as far as it goes");
    assert_eq!(seen(&h, c, id).await, (7, 0, false));
    // Coming back, nothing from in between is unread.
    h.add(a, id, &[c]).await.unwrap();
    assert_eq!(seen(&h, c, id).await, (7, 0, false));
    h.say(b, to, "welcome").await;
    assert_eq!(seen(&h, c, id).await, (7, 1, false));
}

pub(crate) async fn a_flag_stays_until_reading_goes_on(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::direct(a, b);
    h.say(a, Target::Direct(b), "1").await;
    read(&h, b, id, 1).await;
    for (flag, expected) in [
        (FlagChange::Set, true),
        (FlagChange::Leave, true),
        (FlagChange::Clear, false),
        (FlagChange::Set, true),
    ] {
        let views = mark(&h, b, &[change(id, 1, flag)]).await.unwrap();
        assert_eq!(views[0].marked_unread, expected);
        assert_eq!(seen(&h, b, id).await.2, expected);
    }
    let page = h.store.unread(TENANT, b, None, ALL).await.unwrap();
    let flagged = UnreadView {
        conversation: id,
        unread: 0,
        mentions: 0,
        read: 1,
        marked_unread: true,
    };
    assert_eq!(page.conversations, [flagged]);
    h.say(a, Target::Direct(b), "2").await;
    let views = mark(&h, b, &[change(id, 2, FlagChange::Leave)])
        .await
        .unwrap();
    assert!(!views[0].marked_unread);
    let views = mark(&h, b, &[change(id, 2, FlagChange::Set)])
        .await
        .unwrap();
    assert!(views[0].marked_unread);
}

pub(crate) async fn delivered_follows_the_cursor(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let direct = ConversationId::direct(a, b);
    h.store
        .open_device(TENANT, b, device(b), 2, String::new())
        .await
        .unwrap();
    let group = h.create_group(c, &[b]).await;
    for _ in 0..3 {
        h.say(a, Target::Direct(b), "x").await;
        h.say(c, Target::Conversation(group), "y").await;
    }
    // Two entries of the group's beginning are in the timeline of b: one, then pairs.
    let timeline = h.references(b).await;
    let place = |conv_seq| {
        let found = timeline
            .iter()
            .find(|(_, id, seq)| *id == direct && *seq == conv_seq);
        found.unwrap().0
    };
    let epoch = h.store.log_epoch();
    let mut h = h;
    for (cursor, expected) in [(place(1), 1), (place(2) + 1, 2), (place(1), 2)] {
        h.store.move_cursor(TENANT, b, device(b), epoch, cursor);
        // Closing writes cursors.
        let sink = h.sink.clone();
        h.store.close().await;
        let told = sink.marked();
        h = h.reopen().await;
        let marks = h.store.marks(TENANT, a, vec![direct, group]).await.unwrap();
        let [own, peer] = marks[..] else {
            panic!("{marks:?}")
        };
        assert_eq!((own.user, own.read, own.unread), (a, 3, 0));
        assert_eq!((peer.user, peer.delivered, peer.read), (b, expected, 0));
        assert_eq!((peer.unread, peer.marked_unread), (0, false));
        let notes: Vec<_> = told.iter().map(|marked| (marked.to, marked.note)).collect();
        if cursor != place(1) || expected == 1 {
            assert_eq!(notes, [(a, MarkNote::Mark(peer))]);
        } else {
            assert_eq!(notes, []);
        }
    }
    let of_group = h.store.marks(TENANT, b, vec![group]).await.unwrap();
    assert_eq!(
        (of_group.len(), of_group[0].delivered),
        (1, 0),
        "direct ones only"
    );
}

pub(crate) async fn who_is_told(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let direct = ConversationId::direct(a, b);
    h.say(a, Target::Direct(b), "1").await;
    h.say(a, Target::Direct(b), "2").await;
    assert_eq!(h.sink.marked(), [], "a message says it by itself");
    let own = read(&h, b, direct, 1).await;
    let told = h.sink.marked();
    assert!(told.iter().all(|one| one.log_epoch == h.store.log_epoch()));
    let notes: Vec<_> = told
        .iter()
        .map(|one| (one.to, one.except, one.note))
        .collect();
    let public = MarkView { unread: 0, ..own };
    assert_eq!(own.unread, 1);
    assert_eq!(
        notes,
        [
            (b, Some(device(b)), MarkNote::Mark(own)),
            (a, None, MarkNote::Mark(public))
        ]
    );
    read(&h, b, direct, 1).await;
    assert_eq!(h.sink.marked(), [], "nothing has changed");
    mark(&h, b, &[change(direct, 0, FlagChange::Set)])
        .await
        .unwrap();
    let told = h.sink.marked();
    assert_eq!(
        told.iter().map(|one| one.to).collect::<Vec<_>>(),
        [b],
        "a flag is private"
    );

    let group = h.create_group(a, &[b, c]).await;
    h.say(b, Target::Conversation(group), "3").await;
    h.sink.marked();
    read(&h, c, group, 3).await;
    let told = h.sink.marked();
    let notes: Vec<_> = told.iter().map(|one| (one.to, one.note)).collect();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].0, c);
    let readers = MarkNote::Readers {
        conversation: group,
        through: 3,
    };
    assert_eq!(notes[1], (b, readers));
    h.leave(b, group).await.unwrap();
    read(&h, a, group, 3).await;
    let told = h.sink.marked();
    assert!(
        told.iter().all(|one| one.to == a),
        "who has left is not told"
    );
}

pub(crate) async fn marks_belong_to_an_epoch(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::direct(a, b);
    for _ in 0..3 {
        h.say(a, Target::Direct(b), "x").await;
    }
    read(&h, b, id, 2).await;
    let old = h.store.log_epoch();
    let h = h.reopen_raised().await;
    assert_eq!(
        seen(&h, b, id).await,
        (2, 1, false),
        "what is there stays read"
    );
    let changes = vec![change(id, 3, FlagChange::Leave)];
    let outcome = h.store.mark(origin(b), old, changes).await.unwrap();
    assert_eq!(refused(outcome), ErrorCode::TOO_OLD);
    assert_eq!(read(&h, b, id, 3).await.unread, 0);
    let mut older = origin(b);
    older.generation = Some(9);
    let outcome = h.store.mark(older, h.store.log_epoch(), Vec::new()).await;
    assert_eq!(refused(outcome.unwrap()), ErrorCode::REPLACED);
}

pub(crate) async fn unread_conversations_are_paged_by_id(h: Harness) {
    let numbers = [1, 2, 3, 4, 5, 6, 7];
    let users = h.users(numbers).await;
    let a = users[0];
    let mut expected = BTreeMap::new();
    for (at, from) in users[1..].iter().enumerate() {
        for _ in 0..=at {
            h.say(*from, Target::Direct(a), "x").await;
        }
        let id = ConversationId::direct(a, *from);
        if at % 2 == 0 {
            expected.insert(id, at as u64 + 1);
        } else {
            read(&h, a, id, u64::MAX).await;
        }
    }
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(unread(&h, a).await, expected);
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = h.store.unread(TENANT, a, after, 1).await.unwrap();
        found.extend(
            page.conversations
                .iter()
                .map(|one| (one.conversation, one.unread)),
        );
        after = page.through;
        if !page.more {
            break;
        }
    }
    assert_eq!(found, expected);
}

pub(crate) async fn marks_equal_those_of_a_naive_model(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    let users = [a, b, c];
    // The log: who sent what; entries 1 and 2 are of nobody. Then the marks.
    let (mut log, mut marks) = (vec![None, None], [0_u64; 3]);
    let mut dice = 20_261_121_u64;
    println!("seed {dice}");
    let mut h = h;
    for round in 0..120 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let who = (dice >> 33) as usize % 3;
        match (dice >> 40) % 5 {
            0..=1 => {
                h.say(users[who], Target::Conversation(id), "x").await;
                log.push(Some(who));
                marks[who] = log.len() as u64;
            }
            2..=3 => {
                let through = (dice >> 45) % (log.len() as u64 + 3);
                marks[who] = marks[who].max(through.min(log.len() as u64));
                assert_eq!(read(&h, users[who], id, through).await.read, marks[who]);
            }
            _ if round % 30 == 0 => h = h.reopen().await,
            _ => {}
        }
        for (number, user) in users.iter().enumerate() {
            let behind = log.iter().skip(marks[number] as usize);
            let expected = behind.filter(|sender| sender.is_some()).count() as u64;
            assert_eq!(seen(&h, *user, id).await, (marks[number], expected, false));
        }
    }
}
