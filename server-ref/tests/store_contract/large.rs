//! Groups that are read from their logs.

use std::collections::BTreeSet;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{FanOut, MembershipChange, ModeBody, Role};
use eim_codec::registry::FrameType;
use eim_server::store::kv::Options;
use eim_server::store::{Store, Target};
use prost::Message;

use crate::groups::{last_membership, set_role};
use crate::harness::{Harness, TENANT};

/// The same store with a group of three at most in every timeline.
async fn small(h: Harness) -> Harness {
    let options = Options {
        write_fanout_members: 3,
        ..h.options
    };
    h.reopen_with(options).await
}

async fn fan_out(h: &Harness, user: UserId, id: ConversationId) -> FanOut {
    let view = h.store.conversation(TENANT, user, id).await.unwrap();
    view.unwrap().fan_out
}

/// Numbers of the entries of `id` in a timeline.
async fn numbers(h: &Harness, user: UserId, id: ConversationId) -> Vec<u64> {
    let all = h.references(user).await;
    let of = all
        .iter()
        .filter(|(_, conversation, _)| *conversation == id);
    of.map(|(_, _, conv_seq)| *conv_seq).collect()
}

pub(crate) async fn growing_beyond_the_threshold_is_an_entry_of_every_timeline(h: Harness) {
    let h = small(h).await;
    let [a, b, c, d, e] = h.users([1, 2, 3, 4, 5]).await;
    let id = h.create_group(a, &[b, c]).await;
    assert_eq!(fan_out(&h, a, id).await, FanOut::Write);
    h.say(b, Target::Conversation(id), "three are few").await;
    // The entry that grows the group, then the one that says what follows from it.
    assert_eq!(h.add(a, id, &[d]).await.unwrap().conv_seq, 5);
    let log = h.log(id).await;
    let mode = &log[4];
    assert_eq!((mode.frame_type, mode.sender), (FrameType::MODE, None));
    let body = ModeBody::decode(mode.body.clone()).unwrap();
    assert_eq!((body.fan_out(), mode.countable), (FanOut::Read, 1));
    assert_eq!(numbers(&h, a, id).await, [1, 2, 3, 4, 5]);
    for user in [b, c] {
        assert_eq!(numbers(&h, user, id).await, [2, 3, 4, 5]);
    }
    assert_eq!(numbers(&h, d, id).await, [4, 5]);
    let said = h.say(b, Target::Conversation(id), "four are many").await;
    assert_eq!((said.conv_seq, said.user_seq), (6, 0));
    // Once is for ever: neither size nor configuration leads back.
    h.remove(a, id, &[c, d]).await.unwrap();
    let h = h.reopen_with(Options::default()).await;
    assert_eq!(fan_out(&h, a, id).await, FanOut::Read);
    h.add(a, id, &[e]).await.unwrap();
    h.say(a, Target::Conversation(id), "still").await;
    assert_eq!(numbers(&h, b, id).await, [2, 3, 4, 5]);
    let kinds = h.log(id).await;
    let modes = kinds.iter().filter(|it| it.frame_type == FrameType::MODE);
    assert_eq!(modes.count(), 1);
}

pub(crate) async fn a_group_may_be_born_large(h: Harness) {
    let h = small(h).await;
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b, c, d]).await;
    let kinds: Vec<FrameType> = h.log(id).await.iter().map(|it| it.frame_type).collect();
    let born = [FrameType::SETTINGS, FrameType::MEMBERSHIP, FrameType::MODE];
    assert_eq!(kinds, born);
    assert_eq!(numbers(&h, a, id).await, [1, 2, 3]);
    assert_eq!(numbers(&h, d, id).await, [2, 3]);
}

pub(crate) async fn a_timeline_has_only_what_concerns_its_user(h: Harness) {
    let h = small(h).await;
    let [a, b, c, d, e] = h.users([1, 2, 3, 4, 5]).await;
    let id = h.create_group(a, &[b, c, d]).await;
    h.say(a, Target::Conversation(id), "4").await;
    assert_eq!(h.add(a, id, &[e]).await.unwrap().conv_seq, 5);
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    set_role(&h, a, id, c, Role::Owner).await.unwrap();
    assert_eq!(h.remove(b, id, &[d]).await.unwrap().conv_seq, 8);
    assert_eq!(h.leave(e, id).await.unwrap().conv_seq, 9);
    // Whoever is named, and the owner who is owner no more.
    assert_eq!(numbers(&h, a, id).await, [1, 2, 3, 7]);
    assert_eq!(numbers(&h, b, id).await, [2, 3, 6]);
    assert_eq!(numbers(&h, c, id).await, [2, 3, 7]);
    assert_eq!(numbers(&h, d, id).await, [2, 3, 8]);
    assert_eq!(numbers(&h, e, id).await, [5, 9]);
    assert_eq!(
        last_membership(&h, id).await.change(),
        MembershipChange::Left
    );
    // Whoever reads the log reads all of it, from the entry that added them to the one that ended it.
    let view = h.store.conversation(TENANT, e, id).await.unwrap().unwrap();
    assert_eq!((view.visible_from, view.visible_through), (5, 9));
}

pub(crate) async fn the_sink_hears_who_reads_the_log(h: Harness) {
    let h = small(h).await;
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b, c, d]).await;
    let born = h.sink.taken();
    assert!(born.iter().all(|commit| commit.audience.is_none()));
    h.say(b, Target::Conversation(id), "to all").await;
    h.remove(a, id, &[d]).await.unwrap();
    let commits = h.sink.taken();
    let heard: Vec<_> = commits
        .iter()
        .map(|commit| {
            let audience = commit.audience.as_ref().unwrap();
            let users: Vec<UserId> = commit.recipients.iter().map(|(user, _)| *user).collect();
            (audience.to_vec(), users)
        })
        .collect();
    assert_eq!(
        heard,
        [(vec![a, b, c, d], vec![]), (vec![a, b, c], vec![d])]
    );
}

pub(crate) async fn what_is_large_stays_so_after_a_reopening(h: Harness) {
    let h = small(h).await;
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b, c, d]).await;
    let h = h.reopen().await;
    let said = h.say(b, Target::Conversation(id), "to all").await;
    assert_eq!((said.conv_seq, said.user_seq), (4, 0));
    let names: BTreeSet<_> = h.bodies(id).await.into_iter().skip(3).collect();
    assert_eq!(names, BTreeSet::from(["to all".to_owned()]));
    assert_eq!(numbers(&h, c, id).await, [2, 3]);
}
