//! Mentions: which of the unread entries call their reader.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{RecallBody, TextBody};
use eim_codec::registry::FrameType;
use eim_server::store::{Append, FlagChange, MarkChange, Store, Target};
use prost::Message as _;

use crate::harness::{ALL, Harness, TENANT, origin};

fn calling(h: &Harness, to: ConversationId, users: &[UserId], all: bool) -> Append {
    let body = TextBody {
        mentions: users.iter().map(|user| user.to_bytes()).collect(),
        mention_all: all,
        ..TextBody::new("you there")
    };
    Append {
        body: body.encode_to_vec().into(),
        ..h.text(Target::Conversation(to), "")
    }
}

async fn call(h: &Harness, from: UserId, to: ConversationId, users: &[UserId], all: bool) -> u64 {
    let append = calling(h, to, users, all);
    h.append(from, append).await.unwrap().conv_seq
}

/// Unread and mentions, as the conversation and the list of unread ones say.
async fn counts(h: &Harness, user: UserId, id: ConversationId) -> (u64, u64) {
    let view = h.store.conversation(TENANT, user, id).await;
    let marks = view.unwrap().unwrap().marks;
    let page = h.store.unread(TENANT, user, None, ALL).await.unwrap();
    let mut listed = page.conversations.iter();
    let listed = listed.find(|one| one.conversation == id);
    let listed = listed.map_or((0, 0), |one| (one.unread, one.mentions));
    assert_eq!(listed, (marks.unread, marks.mentions));
    listed
}

/// What the answer to the mark says.
async fn read(h: &Harness, user: UserId, id: ConversationId, through: u64) -> (u64, u64) {
    let change = MarkChange {
        conversation: id,
        read: through,
        flag: FlagChange::Leave,
    };
    let epoch = h.store.log_epoch();
    let marks = h.store.mark(origin(user), epoch, vec![change]).await;
    let marks = marks.unwrap().unwrap();
    let counted = (marks[0].unread, marks[0].mentions);
    assert_eq!(counts(h, user, id).await, counted);
    counted
}

pub(crate) async fn mentions_are_counted_from_the_mark_on(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b]).await;
    // Twice in one message is once; a stranger and the sender are nobody.
    let first = call(&h, a, id, &[b, c, b, a], false).await;
    let second = call(&h, a, id, &[], true).await;
    let third = call(&h, a, id, &[b], true).await;
    h.say(a, Target::Conversation(id), "nobody").await;
    assert_eq!(counts(&h, a, id).await, (0, 0));
    assert_eq!(counts(&h, b, id).await, (4, 3));
    let h = h.reopen().await;
    assert_eq!(counts(&h, b, id).await, (4, 3));
    assert_eq!(read(&h, b, id, first).await, (3, 2));
    assert_eq!(read(&h, b, id, second).await, (2, 1));
    // What is recalled has called all the same.
    let recall = Append {
        frame_type: FrameType::RECALL,
        body: RecallBody { target: third }.encode_to_vec().into(),
        ..h.text(Target::Conversation(id), "")
    };
    h.append(a, recall).await.unwrap();
    assert_eq!(counts(&h, b, id).await, (2, 1));
    // Who comes later was not called, and who leaves hears no more.
    h.add(a, id, &[c]).await.unwrap();
    assert_eq!(counts(&h, c, id).await, (0, 0));
    call(&h, a, id, &[b, c], false).await;
    assert_eq!(counts(&h, c, id).await, (1, 1));
    h.remove(a, id, &[c]).await.unwrap();
    call(&h, a, id, &[b, c], true).await;
    assert_eq!(counts(&h, c, id).await, (1, 1));
    let h = h.reopen().await;
    h.add(a, id, &[c]).await.unwrap();
    assert_eq!(counts(&h, c, id).await, (0, 0), "from the return on");
    call(&h, a, id, &[c], false).await;
    assert_eq!(counts(&h, c, id).await, (1, 1));
    // Writing is reading.
    h.say(b, Target::Conversation(id), "here").await;
    assert_eq!(counts(&h, b, id).await, (0, 0));
    assert_eq!(counts(&h, c, id).await, (2, 1));
}

pub(crate) async fn mentions_equal_those_of_a_naive_model(h: Harness) {
    let users = h.users([1, 2, 3]).await;
    let id = h.create_group(users[0], &users[1..]).await;
    // Whom each entry calls: nobody in the first two, which are changes of the group.
    let (mut log, mut marks) = (vec![[false; 3]; 2], [0_usize; 3]);
    let mut dice = 20_261_122_u64;
    println!("seed {dice}");
    let mut h = h;
    for round in 0..150 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let who = (dice >> 33) as usize % 3;
        let bits = [36, 37, 38].map(|bit| dice >> bit & 1 == 1);
        match (dice >> 40) % 6 {
            0..=2 => {
                // One batch of several, so that a batch finds what it has not written yet.
                let named = (0..3).filter(|one| bits[*one]).map(|one| users[one]);
                let named: Vec<UserId> = named.collect();
                let all = (dice >> 43).is_multiple_of(4);
                let count = (dice >> 50) % 3 + 1;
                let batch = (0..count).map(|_| calling(&h, id, &named, all)).collect();
                let outcomes = h.store.append(origin(users[who]), batch).await.unwrap();
                assert!(outcomes.iter().all(Result::is_ok));
                let called = bits.map(|bit| bit || all);
                log.extend((0..count).map(|_| called));
                marks[who] = log.len();
            }
            3..=4 => {
                let through = (dice >> 45) % (log.len() as u64 + 3);
                marks[who] = marks[who].max(log.len().min(through as usize));
                read(&h, users[who], id, through).await;
            }
            _ if round % 20 == 0 => h = h.reopen().await,
            _ => {}
        }
        for (number, user) in users.iter().enumerate() {
            let behind = log.iter().skip(marks[number]);
            let expected = behind.filter(|called| called[number]).count() as u64;
            assert_eq!(counts(&h, *user, id).await.1, expected, "round {round}");
        }
    }
}
