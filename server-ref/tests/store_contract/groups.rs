//! Groups.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, MembershipBody, MembershipChange, Role, SettingsBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Accounts, Change, Changed, Refused, Store, Target};
use prost::Message;

use crate::harness::{ALL, Harness, TENANT, device, origin, refused, user};

pub(crate) async fn roles(h: &Harness, id: ConversationId) -> Vec<(UserId, Role)> {
    let page = h.store.members(TENANT, id, None, ALL).await.unwrap();
    assert!(!page.more);
    page.members
        .iter()
        .map(|member| (member.user, member.role))
        .collect()
}

pub(crate) async fn set_role(
    h: &Harness,
    from: UserId,
    conversation: ConversationId,
    user: UserId,
    role: Role,
) -> Result<Changed, Refused> {
    let (origin, request) = (origin(from), h.fresh());
    h.change(Change::SetRole {
        origin,
        request,
        conversation,
        user,
        role,
    })
    .await
}

pub(crate) async fn rename(
    h: &Harness,
    from: UserId,
    conversation: ConversationId,
    name: &str,
) -> Result<Changed, Refused> {
    let (origin, request, name) = (origin(from), h.fresh(), name.to_owned());
    h.change(Change::Rename {
        origin,
        request,
        conversation,
        name,
    })
    .await
}

async fn create(h: &Harness, name: &str, members: &[UserId]) -> Result<Changed, Refused> {
    let (origin, request, members) = (origin(user(1)), h.fresh(), members.to_vec());
    h.change(Change::CreateGroup {
        origin,
        request,
        name: name.to_owned(),
        members,
    })
    .await
}

pub(crate) async fn last_membership(h: &Harness, id: ConversationId) -> MembershipBody {
    let log = h.log(id).await;
    let entry = log.last().unwrap();
    assert_eq!(entry.frame_type, FrameType::MEMBERSHIP);
    MembershipBody::decode(entry.body.clone()).unwrap()
}

pub(crate) async fn creating_logs_settings_then_members(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let created = create(&h, "team", &[c, b, c, a]).await.unwrap();
    let id = created.conversation;
    assert_eq!(created.conv_seq, 2);
    let log = h.log(id).await;
    assert_eq!(log.len(), 2);
    let settings = SettingsBody::decode(log[0].body.clone()).unwrap();
    let kind = ConversationKind::Group as i32;
    assert_eq!(
        settings,
        SettingsBody {
            kind,
            name: "team".to_owned(),
            created: true,
            ..SettingsBody::default()
        }
    );
    let membership = MembershipBody::decode(log[1].body.clone()).unwrap();
    assert_eq!(membership.change, MembershipChange::Added as i32);
    assert_eq!(membership.role, Role::Member as i32);
    assert_eq!(membership.users, [b.to_bytes(), c.to_bytes()]);
    for entry in &log {
        assert_eq!(
            (entry.sender, entry.sender_device),
            (Some(a), Some(device(a)))
        );
        assert_eq!(entry.client_msg_id, None);
    }
    assert_eq!(
        roles(&h, id).await,
        [(a, Role::Owner), (b, Role::Member), (c, Role::Member)]
    );
    assert_eq!(h.references(a).await, [(1, id, 1), (2, id, 2)]);
    assert_eq!(h.references(b).await, [(1, id, 2)]);
    let view = h.store.conversation(TENANT, b, id).await.unwrap().unwrap();
    assert_eq!(
        (view.kind, view.name.as_str(), view.members),
        (ConversationKind::Group, "team", 3)
    );
    assert_eq!(
        (view.visible_from, view.conv_seq, view.role),
        (2, 2, Role::Member)
    );

    let alone = create(&h, "alone", &[]).await.unwrap();
    assert_eq!(alone.conv_seq, 1);
    assert_ne!(alone.conversation, id);
    let view = h
        .store
        .conversation(TENANT, a, alone.conversation)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (view.visible_from, view.members, view.role),
        (1, 1, Role::Owner)
    );
}

pub(crate) async fn names_and_sizes_are_bounded(h: Harness) {
    let options = eim_server::store::kv::Options {
        group_members: 3,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    assert_eq!(
        refused(create(&h, "", &[]).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(
        refused(create(&h, &"x".repeat(257), &[]).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(
        refused(create(&h, "x", &[b, c, d]).await),
        ErrorCode::LIMIT_REACHED
    );
    let id = create(&h, &"x".repeat(256), &[b, c])
        .await
        .unwrap()
        .conversation;
    assert_eq!(refused(h.add(a, id, &[d]).await), ErrorCode::LIMIT_REACHED);
    assert_eq!(
        refused(rename(&h, a, id, "").await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(h.log(id).await.len(), 2);
    assert!(
        h.store
            .conversations(TENANT, d, None, ALL)
            .await
            .unwrap()
            .0
            .is_empty()
    );
}

pub(crate) async fn unknown_members_fail_the_whole_change(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    assert_eq!(
        refused(create(&h, "x", &[b, user(9)]).await),
        ErrorCode::NOT_FOUND
    );
    assert!(h.references(b).await.is_empty());
    let id = h.create_group(a, &[b]).await;
    assert_eq!(
        refused(h.add(a, id, &[c, user(9)]).await),
        ErrorCode::NOT_FOUND
    );
    assert_eq!(roles(&h, id).await.len(), 2);
}

pub(crate) async fn a_change_fits_into_a_push(h: Harness) {
    let options = eim_server::store::kv::Options {
        group_members: 10_000,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a] = h.users([1]).await;
    let many: Vec<UserId> = (0..4000_u128)
        .map(|number| (number << 64).to_be_bytes().into())
        .collect();
    let record = |user: &UserId| {
        let (user, name) = (*user, user.to_string());
        eim_server::store::UserRecord {
            user,
            name,
            ..crate::harness::account(2)
        }
    };
    let records = many.iter().map(record).collect();
    h.store.create_users(TENANT, records).await.unwrap();
    assert_eq!(
        refused(create(&h, "x", &many).await),
        ErrorCode::INVALID_REQUEST
    );
    let id = create(&h, "x", &many[..3600]).await.unwrap().conversation;
    let body = h.log(id).await[1].body.clone();
    assert!(body.len() + 256 <= 65_536, "{}", body.len());
    h.add(a, id, &many).await.unwrap();
    assert_eq!(
        refused(h.remove(a, id, &many).await),
        ErrorCode::INVALID_REQUEST
    );
    h.remove(a, id, &many[1000..]).await.unwrap();
    assert_eq!(roles(&h, id).await.len(), 1001);
}

pub(crate) async fn adding_is_for_owner_and_admins(h: Harness) {
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    let id = h.create_group(a, &[b]).await;
    assert_eq!(refused(h.add(b, id, &[c]).await), ErrorCode::FORBIDDEN);
    assert_eq!(refused(h.add(d, id, &[d]).await), ErrorCode::NOT_FOUND);
    assert_eq!(
        refused(h.add(a, [9; 16].into(), &[c]).await),
        ErrorCode::NOT_FOUND
    );
    assert_eq!(refused(h.add(a, id, &[]).await), ErrorCode::INVALID_REQUEST);
    assert_eq!(h.add(a, id, &[c]).await.unwrap().conv_seq, 3);
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    assert_eq!(h.add(b, id, &[d, c]).await.unwrap().conv_seq, 5);
    assert_eq!(last_membership(&h, id).await.users, [d.to_bytes()]);
}

pub(crate) async fn adding_members_again_changes_nothing(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.create_group(a, &[b]).await;
    assert_eq!(h.add(a, id, &[b, a]).await.unwrap().conv_seq, 0);
    assert_eq!(h.log(id).await.len(), 2);
}

pub(crate) async fn newcomers_see_from_their_entry_on(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b]).await;
    h.say(a, Target::Conversation(id), "before").await;
    let added = h.add(a, id, &[c]).await.unwrap().conv_seq;
    h.say(c, Target::Conversation(id), "after").await;
    let view = h.store.conversation(TENANT, c, id).await.unwrap().unwrap();
    assert_eq!((added, view.visible_from, view.conv_seq), (4, 4, 5));
    assert_eq!(h.references(c).await, [(1, id, 4), (2, id, 5)]);
    let members = h.store.members(TENANT, id, None, ALL).await.unwrap();
    let joined: Vec<_> = members
        .members
        .iter()
        .map(|member| member.joined_at)
        .collect();
    assert_eq!((joined, members.as_of), (vec![1, 2, 4], 5));
    let page = h.store.members(TENANT, id, Some(a), 1).await.unwrap();
    assert_eq!(
        (page.members.len(), page.members[0].user, page.more),
        (1, b, true)
    );
}

pub(crate) async fn removing_ends_what_one_sees(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    h.say(b, Target::Conversation(id), "in").await;
    assert_eq!(h.remove(a, id, &[b, user(9)]).await.unwrap().conv_seq, 4);
    h.say(a, Target::Conversation(id), "out").await;
    rename(&h, a, id, "secret").await.unwrap();
    assert_eq!(
        refused(h.append(b, h.text(Target::Conversation(id), "no")).await),
        ErrorCode::NOT_FOUND
    );
    assert_eq!(refused(h.add(b, id, &[b]).await), ErrorCode::NOT_FOUND);
    assert_eq!(h.references(b).await, [(1, id, 2), (2, id, 3), (3, id, 4)]);
    let view = h.store.conversation(TENANT, b, id).await.unwrap().unwrap();
    assert_eq!(
        (view.visible_from, view.visible_through, view.conv_seq),
        (2, 4, 4)
    );
    assert_eq!(
        (view.name.as_str(), view.members, view.role),
        ("group", 2, Role::Unspecified)
    );
    assert_eq!(view.countable, 1);
    assert_eq!(h.remove(a, id, &[b]).await.unwrap().conv_seq, 0);
}

pub(crate) async fn coming_back_starts_anew(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.create_group(a, &[b]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    h.leave(b, id).await.unwrap();
    h.say(a, Target::Conversation(id), "missed").await;
    let back = h.add(a, id, &[b]).await.unwrap().conv_seq;
    let view = h.store.conversation(TENANT, b, id).await.unwrap().unwrap();
    assert_eq!(
        (view.visible_from, view.visible_through, view.role),
        (back, 0, Role::Member)
    );
}

pub(crate) async fn renaming_is_a_logged_change(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.create_group(a, &[b]).await;
    assert_eq!(refused(rename(&h, b, id, "x").await), ErrorCode::FORBIDDEN);
    assert_eq!(rename(&h, a, id, "group").await.unwrap().conv_seq, 0);
    let renamed = rename(&h, a, id, "new").await.unwrap();
    let log = h.log(id).await;
    assert_eq!((renamed.conv_seq, renamed.time_ms), (3, log[2].time_ms));
    let body = SettingsBody::decode(log[2].body.clone()).unwrap();
    assert_eq!((body.name.as_str(), body.created), ("new", false));
    assert_eq!(
        h.store
            .conversation(TENANT, b, id)
            .await
            .unwrap()
            .unwrap()
            .name,
        "new"
    );
}

pub(crate) async fn a_repeated_request_gets_the_first_answer(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let (origin, request) = (origin(a), h.fresh());
    let create = Change::CreateGroup {
        origin,
        request,
        name: "x".to_owned(),
        members: vec![b],
    };
    let first = h.change(create.clone()).await.unwrap();
    assert_eq!(h.change(create.clone()).await.unwrap(), first);
    let other = Change::CreateGroup {
        origin,
        request,
        name: "y".to_owned(),
        members: vec![b],
    };
    assert_eq!(refused(h.change(other).await), ErrorCode::CONFLICT);

    let conversation = first.conversation;
    let request = h.fresh();
    let change = MembershipChange::Left;
    let users = vec![b];
    let origin = crate::harness::origin(b);
    let leave = Change::RemoveMembers {
        origin,
        request,
        conversation,
        users,
        change,
    };
    let left = h.change(leave.clone()).await.unwrap();
    let request = h.fresh();
    let nothing = Change::AddMembers {
        origin: create_origin(a),
        request,
        conversation,
        users: vec![a],
    };
    assert_eq!(h.change(nothing.clone()).await.unwrap().conv_seq, 0);
    h.add(a, conversation, &[c]).await.unwrap();
    let h = h.reopen().await;
    assert_eq!(h.change(leave).await.unwrap(), left);
    assert_eq!(h.change(create).await.unwrap(), first);
    assert_eq!(h.change(nothing).await.unwrap().conv_seq, 0);
    assert_eq!(h.log(conversation).await.len(), 4);
}

fn create_origin(user: UserId) -> eim_server::store::Origin {
    origin(user)
}

pub(crate) async fn direct_conversations_are_not_groups(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.say(a, Target::Direct(b), "x").await.conversation;
    assert_eq!(
        refused(h.add(a, id, &[c]).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(refused(h.leave(a, id).await), ErrorCode::INVALID_REQUEST);
    assert_eq!(
        refused(rename(&h, a, id, "x").await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(refused(h.leave(c, id).await), ErrorCode::NOT_FOUND);
    assert_eq!(h.log(id).await.len(), 1);
}

pub(crate) async fn changes_are_pushed_to_everybody_concerned(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b]).await;
    h.add(a, id, &[c]).await.unwrap();
    h.remove(a, id, &[b]).await.unwrap();
    h.say(a, Target::Conversation(id), "x").await;
    let heard: Vec<Vec<_>> = h
        .sink
        .taken()
        .iter()
        .map(|commit| commit.recipients.iter().map(|(user, _)| *user).collect())
        .collect();
    assert_eq!(
        heard,
        [
            vec![a],
            vec![a, b],
            vec![a, b, c],
            vec![a, b, c],
            vec![a, c]
        ]
    );
}

pub(crate) async fn everything_survives_a_reopening(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    h.remove(b, id, &[c]).await.unwrap();
    let before = (
        roles(&h, id).await,
        h.store.conversation(TENANT, c, id).await.unwrap(),
    );
    let h = h.reopen().await;
    let after = (
        roles(&h, id).await,
        h.store.conversation(TENANT, c, id).await.unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(h.add(b, id, &[c]).await.unwrap().conv_seq, 5);
    assert_eq!(h.references(c).await.len(), 4);
}
