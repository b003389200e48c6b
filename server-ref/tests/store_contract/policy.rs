//! What owner and admins decide about a group, invitations, and what changed among members.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{MembershipChange, Role, SettingsBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{
    Change, Changed, GroupAct, GroupState, Groups, MarkNote, MemberView, Policy, Refused, Store,
    Target,
};
use prost::Message as _;

use crate::groups::{last_membership, roles, set_role};
use crate::harness::{ALL, Harness, START_MS, TENANT, origin, refused, user};

const MINUTE: u64 = 60_000;

pub(crate) async fn act(
    h: &Harness,
    who: UserId,
    conversation: ConversationId,
    act: GroupAct,
) -> Result<Changed, Refused> {
    let (origin, request) = (origin(who), h.fresh());
    h.change(Change::Group {
        origin,
        request,
        conversation,
        act,
    })
    .await
}

fn mute(user: Option<UserId>, for_ms: u64) -> GroupAct {
    GroupAct::Mute { user, for_ms }
}

fn announce(text: &str) -> GroupAct {
    let text = text.to_owned();
    GroupAct::Announce { text }
}

const fn invite(secret: u8, lifetime_ms: u64, uses: u32) -> GroupAct {
    GroupAct::Invite {
        secret: [secret; 16],
        lifetime_ms,
        uses,
    }
}

const fn join(secret: u8) -> GroupAct {
    let secret = [secret; 16];
    GroupAct::Join { secret }
}

const fn policy(post: Role, invite: Role, approval: bool) -> GroupAct {
    let policy = Policy {
        post,
        invite,
        approval,
    };
    GroupAct::SetPolicy { policy }
}

async fn say(h: &Harness, who: UserId, id: ConversationId) -> Result<u64, Refused> {
    let append = h.text(Target::Conversation(id), "hello");
    h.append(who, append).await.map(|it| it.conv_seq)
}

async fn state(h: &Harness, who: UserId, id: ConversationId) -> GroupState {
    let view = h.store.conversation(TENANT, who, id).await.unwrap();
    view.expect("visible").group
}

async fn last_settings(h: &Harness, id: ConversationId) -> SettingsBody {
    let log = h.log(id).await;
    let entry = log.last().unwrap();
    assert_eq!(entry.frame_type, FrameType::SETTINGS);
    SettingsBody::decode(entry.body.clone()).unwrap()
}

pub(crate) async fn a_dissolved_group_can_only_be_read_and_left(h: Harness) {
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b, c]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    act(&h, a, id, invite(1, MINUTE, 0)).await.unwrap();
    let refusal = refused(act(&h, b, id, GroupAct::Dissolve).await);
    assert_eq!(refusal, ErrorCode::FORBIDDEN);
    let done = act(&h, a, id, GroupAct::Dissolve).await.unwrap();
    assert_eq!(done.conv_seq, 4);
    let body = last_settings(&h, id).await;
    assert!(body.dissolved && !body.created && !body.name.is_empty());
    let again = act(&h, a, id, GroupAct::Dissolve).await.unwrap();
    assert_eq!(again.conv_seq, 0);
    let h = h.reopen().await;
    for who in [a, b, c] {
        assert_eq!(refused(say(&h, who, id).await), ErrorCode::DISSOLVED);
        assert!(state(&h, who, id).await.dissolved);
    }
    assert_eq!(refused(h.add(a, id, &[d]).await), ErrorCode::DISSOLVED);
    assert_eq!(refused(h.remove(a, id, &[c]).await), ErrorCode::DISSOLVED);
    for decided in [mute(None, MINUTE), announce("x"), GroupAct::Revoke] {
        let refusal = refused(act(&h, a, id, decided).await);
        assert_eq!(refusal, ErrorCode::DISSOLVED);
    }
    let refusal = refused(act(&h, d, id, join(1)).await);
    assert_eq!(refusal, ErrorCode::NOT_FOUND);
    assert_eq!(h.log(id).await.len(), 4);
    h.leave(c, id).await.unwrap();
    let view = h.store.conversation(TENANT, c, id).await.unwrap().unwrap();
    assert_eq!(view.visible_through, 5);
}

pub(crate) async fn a_muted_member_waits(h: Harness) {
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b, c]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    let sent = say(&h, c, id).await.unwrap();
    let done = act(&h, b, id, mute(Some(c), MINUTE)).await.unwrap();
    assert_eq!(done.conv_seq, sent + 1);
    let body = last_membership(&h, id).await;
    assert_eq!(body.change, MembershipChange::Muted as i32);
    let until_ms = done.time_ms + MINUTE;
    assert_eq!((body.users, body.until_ms), (vec![c.to_bytes()], until_ms));
    assert_eq!(state(&h, c, id).await.muted_until_ms, until_ms);
    let refusal = say(&h, c, id).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::MUTED);
    assert_eq!(refusal.retry_after_ms, MINUTE);
    // Whoever is muted may take back what was said.
    let mut recall = h.text(Target::Conversation(id), "");
    recall.frame_type = FrameType::RECALL;
    let target = eim_codec::payload::RecallBody { target: sent };
    recall.body = target.encode_to_vec().into();
    h.append(c, recall).await.unwrap();
    for (who, whom, code) in [
        (b, a, ErrorCode::FORBIDDEN),
        (b, b, ErrorCode::INVALID_REQUEST),
        (b, d, ErrorCode::NOT_FOUND),
        (c, b, ErrorCode::FORBIDDEN),
    ] {
        let outcome = act(&h, who, id, mute(Some(whom), MINUTE)).await;
        assert_eq!(refused(outcome), code);
    }
    let forever = mute(Some(c), h.options.mute_ms + 1);
    let refusal = refused(act(&h, a, id, forever).await);
    assert_eq!(refusal, ErrorCode::INVALID_REQUEST);
    let h = h.reopen().await;
    h.clock.set(until_ms - 1);
    let refusal = say(&h, c, id).await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.retry_after_ms),
        (ErrorCode::MUTED, 1)
    );
    h.clock.set(until_ms);
    say(&h, c, id).await.unwrap();
    let over = act(&h, a, id, mute(Some(c), 0)).await.unwrap();
    assert_eq!(over.conv_seq, 0, "it has ended by itself");
    act(&h, a, id, mute(Some(c), MINUTE)).await.unwrap();
    act(&h, a, id, mute(Some(c), 0)).await.unwrap();
    assert_eq!(last_membership(&h, id).await.until_ms, 0);
    say(&h, c, id).await.unwrap();
}

pub(crate) async fn all_plain_members_are_muted(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    let refusal = refused(act(&h, c, id, mute(None, MINUTE)).await);
    assert_eq!(refusal, ErrorCode::FORBIDDEN);
    let done = act(&h, b, id, mute(None, MINUTE)).await.unwrap();
    let until_ms = done.time_ms + MINUTE;
    assert_eq!(last_settings(&h, id).await.muted_until_ms, until_ms);
    assert_eq!(state(&h, c, id).await.all_muted_until_ms, until_ms);
    assert_eq!(refused(say(&h, c, id).await), ErrorCode::MUTED);
    say(&h, a, id).await.unwrap();
    say(&h, b, id).await.unwrap();
    let h = h.reopen().await;
    assert_eq!(refused(say(&h, c, id).await), ErrorCode::MUTED);
    act(&h, a, id, mute(None, 0)).await.unwrap();
    say(&h, c, id).await.unwrap();
    let again = act(&h, a, id, mute(None, 0)).await.unwrap();
    assert_eq!(again.conv_seq, 0);
}

pub(crate) async fn announcements_have_versions(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.create_group(a, &[b]).await;
    let refusal = refused(act(&h, b, id, announce("x")).await);
    assert_eq!(refusal, ErrorCode::FORBIDDEN);
    let long = "x".repeat(h.options.announcement_octets + 1);
    let refusal = refused(act(&h, a, id, announce(&long)).await);
    assert_eq!(refusal, ErrorCode::INVALID_REQUEST);
    assert_eq!(h.store.announcement(TENANT, id).await.unwrap(), None);
    let done = act(&h, a, id, announce("read this")).await.unwrap();
    let told = last_settings(&h, id)
        .await
        .announcement
        .expect("it is told");
    assert_eq!((told.text.as_str(), told.conv_seq), ("read this", 0));
    let same = act(&h, a, id, announce("read this")).await.unwrap();
    assert_eq!(same.conv_seq, 0);
    let h = h.reopen().await;
    assert_eq!(state(&h, b, id).await.announced, done.conv_seq);
    let found = h.store.announcement(TENANT, id).await.unwrap().unwrap();
    assert_eq!((found.text.as_str(), found.user), ("read this", a));
    assert_eq!(
        (found.conv_seq, found.time_ms),
        (done.conv_seq, done.time_ms)
    );
    // Other settings do not repeat it.
    act(&h, a, id, mute(None, MINUTE)).await.unwrap();
    assert_eq!(last_settings(&h, id).await.announcement, None);
    act(&h, a, id, announce("")).await.unwrap();
    let told = last_settings(&h, id).await;
    assert!(told.muted_until_ms > 0 && told.announcement.is_some_and(|it| it.text.is_empty()));
    assert_eq!(state(&h, b, id).await.announced, 0);
    assert_eq!(h.store.announcement(TENANT, id).await.unwrap(), None);
}

pub(crate) async fn the_policy_says_who_sends_and_invites(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    assert_eq!(state(&h, c, id).await.policy, Policy::default());
    let refusal = refused(act(&h, c, id, invite(1, MINUTE, 0)).await);
    assert_eq!(refusal, ErrorCode::FORBIDDEN);
    let refusal = refused(act(&h, b, id, policy(Role::Admin, Role::Member, false)).await);
    assert_eq!(refusal, ErrorCode::FORBIDDEN);
    let wanted = policy(Role::Admin, Role::Member, false);
    act(&h, a, id, wanted.clone()).await.unwrap();
    let told = last_settings(&h, id).await.policy.expect("it is told");
    assert_eq!((told.post(), told.invite()), (Role::Admin, Role::Member));
    assert_eq!(act(&h, a, id, wanted).await.unwrap().conv_seq, 0);
    let h = h.reopen().await;
    assert_eq!(refused(say(&h, c, id).await), ErrorCode::FORBIDDEN);
    say(&h, b, id).await.unwrap();
    act(&h, c, id, invite(1, MINUTE, 0)).await.unwrap();
    act(&h, a, id, policy(Role::Owner, Role::Owner, false))
        .await
        .unwrap();
    assert_eq!(refused(say(&h, b, id).await), ErrorCode::FORBIDDEN);
    say(&h, a, id).await.unwrap();
    let refusal = refused(act(&h, b, id, invite(2, MINUTE, 0)).await);
    assert_eq!(refusal, ErrorCode::FORBIDDEN);
}

pub(crate) async fn an_invitation_makes_a_member(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b]).await;
    act(&h, a, id, invite(1, MINUTE, 1)).await.unwrap();
    assert_eq!(h.log(id).await.len(), 2, "the log is not concerned");
    let again = act(&h, b, id, join(1)).await.unwrap();
    assert_eq!(again.conv_seq, 0, "a member uses nothing up");
    let joined = act(&h, c, id, join(1)).await.unwrap();
    assert_eq!((joined.conversation, joined.conv_seq), (id, 3));
    let body = last_membership(&h, id).await;
    assert_eq!(body.change, MembershipChange::Added as i32);
    assert_eq!(
        (body.users, body.role),
        (vec![c.to_bytes()], Role::Member as i32)
    );
    let log = h.log(id).await;
    assert_eq!(log.last().unwrap().sender, Some(c));
    assert_eq!(roles(&h, id).await.len(), 3);
    assert_eq!(h.references(c).await, [(1, id, 3)]);
    say(&h, c, id).await.unwrap();
    let view = h.store.conversation(TENANT, c, id).await.unwrap().unwrap();
    assert_eq!((view.visible_from, view.role), (3, Role::Member));
}

pub(crate) async fn an_invitation_ends(h: Harness) {
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    assert_eq!(refused(act(&h, c, id, join(9)).await), ErrorCode::NOT_FOUND);
    assert_eq!(
        refused(act(&h, c, user(9).as_bytes().to_owned().into(), join(9)).await),
        ErrorCode::NOT_FOUND
    );
    // Used up.
    act(&h, a, id, invite(1, MINUTE, 1)).await.unwrap();
    act(&h, c, id, join(1)).await.unwrap();
    assert_eq!(refused(act(&h, d, id, join(1)).await), ErrorCode::NOT_FOUND);
    // Too old.
    act(&h, a, id, invite(2, MINUTE, 0)).await.unwrap();
    h.clock.set(START_MS + 10 * MINUTE);
    assert_eq!(refused(act(&h, d, id, join(2)).await), ErrorCode::NOT_FOUND);
    // Taken back.
    act(&h, b, id, invite(3, MINUTE, 0)).await.unwrap();
    assert_eq!(
        refused(act(&h, c, id, GroupAct::Revoke).await),
        ErrorCode::FORBIDDEN
    );
    act(&h, a, id, GroupAct::Revoke).await.unwrap();
    assert_eq!(refused(act(&h, d, id, join(3)).await), ErrorCode::NOT_FOUND);
    // Made by somebody who could not make it now.
    act(&h, b, id, invite(4, MINUTE, 0)).await.unwrap();
    set_role(&h, a, id, b, Role::Member).await.unwrap();
    assert_eq!(refused(act(&h, d, id, join(4)).await), ErrorCode::NOT_FOUND);
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    act(&h, d, id, join(4)).await.unwrap();
    // Bounded.
    let most = h.options.invitation_ms;
    let refusal = refused(act(&h, a, id, invite(5, most + 1, 0)).await);
    assert_eq!(refusal, ErrorCode::INVALID_REQUEST);
    act(&h, a, id, GroupAct::Revoke).await.unwrap();
    for number in 0..h.options.group_invitations {
        act(&h, a, id, invite(100 + number as u8, MINUTE, 0))
            .await
            .unwrap();
    }
    let refusal = refused(act(&h, a, id, invite(6, MINUTE, 0)).await);
    assert_eq!(refusal, ErrorCode::LIMIT_REACHED);
    h.clock.set(START_MS + 20 * MINUTE);
    act(&h, a, id, invite(6, MINUTE, 0)).await.unwrap();
}

/// Who was told that how many wait.
fn told(h: &Harness) -> Vec<(UserId, u32)> {
    let told = h.sink.marked().into_iter();
    let waiting = told.filter_map(|told| match told.note {
        MarkNote::Waiting { waiting, .. } => Some((told.to, waiting)),
        MarkNote::Mark(_) | MarkNote::Readers { .. } => None,
    });
    waiting.collect()
}

pub(crate) async fn who_needs_approval_waits(h: Harness) {
    let mut options = h.options;
    options.group_waiting = 3;
    let h = h.reopen_with(options).await;
    let [a, b, c, d, e, f] = h.users([1, 2, 3, 4, 5, 6]).await;
    let id = h.create_group(a, &[b]).await;
    act(&h, a, id, policy(Role::Member, Role::Member, true))
        .await
        .unwrap();
    act(&h, b, id, invite(1, MINUTE, 0)).await.unwrap();
    let before = h.log(id).await.len();
    for who in [e, d, c, c] {
        assert_eq!(act(&h, who, id, join(1)).await.unwrap().conv_seq, 0);
        assert_eq!(h.store.conversation(TENANT, who, id).await.unwrap(), None);
    }
    assert_eq!(
        refused(act(&h, f, id, join(1)).await),
        ErrorCode::LIMIT_REACHED
    );
    assert_eq!(h.log(id).await.len(), before);
    assert_eq!(told(&h), [(a, 1), (a, 2), (a, 3)]);
    let h = h.reopen_with(options).await;
    assert_eq!(state(&h, a, id).await.waiting, 3);
    assert_eq!(state(&h, b, id).await.waiting, 0, "not for plain members");
    let (page, more) = h.store.waiting(TENANT, id, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|it| it.user).collect::<Vec<_>>(), [c, d]);
    assert!(more && page.iter().all(|it| it.invited_by == b));
    let (page, more) = h.store.waiting(TENANT, id, Some(d), 2).await.unwrap();
    assert_eq!((page.len(), page[0].user, more), (1, e, false));
    let answer = |user, accept| GroupAct::Answer { user, accept };
    assert_eq!(
        refused(act(&h, b, id, answer(c, true)).await),
        ErrorCode::FORBIDDEN
    );
    assert_eq!(
        refused(act(&h, a, id, answer(f, true)).await),
        ErrorCode::NOT_FOUND
    );
    let done = act(&h, a, id, answer(c, true)).await.unwrap();
    assert_eq!(done.conv_seq as usize, before + 1);
    assert_eq!(last_membership(&h, id).await.users, [c.to_bytes()]);
    assert_eq!(act(&h, a, id, answer(d, false)).await.unwrap().conv_seq, 0);
    assert_eq!(
        refused(act(&h, a, id, answer(d, true)).await),
        ErrorCode::NOT_FOUND
    );
    assert_eq!(state(&h, a, id).await.waiting, 1);
    assert_eq!(told(&h), [(a, 2), (a, 1)]);
    // Whoever is added does not wait any more.
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    h.add(a, id, &[e]).await.unwrap();
    let rulers = |waiting| vec![(a, waiting), (b, waiting)];
    assert_eq!(told(&h), rulers(0));
    assert_eq!(state(&h, a, id).await.waiting, 0);
    assert_eq!(h.store.waiting(TENANT, id, None, 9).await.unwrap().0, []);
    act(&h, d, id, join(1)).await.unwrap();
    assert_eq!(told(&h), rulers(1));
    act(&h, a, id, GroupAct::Dissolve).await.unwrap();
    assert_eq!(told(&h), rulers(0));
    assert_eq!(state(&h, a, id).await.waiting, 0);
}

fn changes(members: &[MemberView]) -> Vec<(UserId, Role, u64)> {
    let change = |it: &MemberView| (it.user, it.role, it.changed_at);
    members.iter().map(change).collect()
}

pub(crate) async fn what_changed_among_members_is_paged(h: Harness) {
    use Role::{Admin, Member, Owner, Unspecified};
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b, c]).await;
    let since = async |since, after, limit| {
        let page = h.store.members_since(TENANT, id, since, after, limit).await;
        page.unwrap()
    };
    let page = since(0, None, ALL).await;
    assert_eq!(
        changes(&page.members),
        [(a, Owner, 1), (b, Member, 2), (c, Member, 2)]
    );
    assert_eq!((page.more, page.as_of), (false, 2));
    assert_eq!(since(2, None, ALL).await.members, []);
    h.add(a, id, &[d]).await.unwrap();
    h.remove(a, id, &[b]).await.unwrap();
    set_role(&h, a, id, c, Admin).await.unwrap();
    act(&h, a, id, mute(Some(d), MINUTE)).await.unwrap();
    say(&h, a, id).await.unwrap();
    let page = since(2, None, ALL).await;
    let expected = [(b, Unspecified, 4), (c, Admin, 5), (d, Member, 6)];
    assert_eq!((changes(&page.members), page.as_of), (expected.to_vec(), 7));
    assert!(page.members[2].muted_until_ms > START_MS);
    // Handing over changes two by one entry; pages end between them.
    set_role(&h, a, id, c, Owner).await.unwrap();
    let page = since(6, None, 1).await;
    assert_eq!(
        (changes(&page.members), page.more),
        (vec![(a, Admin, 8)], true)
    );
    let page = since(8, Some(a), 1).await;
    assert_eq!(
        (changes(&page.members), page.more),
        (vec![(c, Owner, 8)], false)
    );
    // Coming back is one change, the latest.
    h.add(a, id, &[b]).await.unwrap();
    let page = since(0, None, ALL).await;
    let expected = [(d, Member, 6), (a, Admin, 8), (c, Owner, 8), (b, Member, 9)];
    assert_eq!((changes(&page.members), page.as_of), (expected.to_vec(), 9));
}
