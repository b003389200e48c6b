//! What is decided about groups: how changes of members are read, and what a group says of itself.

use eim_client::group_policy::{Announcement, Joined, Policy};
use eim_codec::payload::{
    self, Conversation, ConversationKind, ConversationResponse, GroupJoinResponse,
    GroupMembersSinceResponse, GroupPolicy, Member, Role, request, response,
};

use crate::peer::World;

fn member(user: u8, role: Role, changed_at: u64) -> Member {
    Member {
        user: vec![user; 16].into(),
        role: role.into(),
        joined_at: 1,
        changed_at,
        ..Member::default()
    }
}

fn page(members: Vec<Member>, more: bool, as_of: u64) -> response::Body {
    response::Body::GroupMembersSince(GroupMembersSinceResponse {
        members,
        more,
        as_of,
    })
}

#[tokio::test(start_paused = true)]
async fn changes_of_members_are_read_to_the_end_and_the_last_word_counts() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking =
        tokio::spawn(async move { client.group_members_since([9; 16].into(), 3).await.unwrap() });
    let mut asked = Vec::new();
    for answer in [
        page(
            vec![
                member(1, Role::Member, 4),
                member(2, Role::Unspecified, 5),
                member(3, Role::Admin, 5),
            ],
            true,
            7,
        ),
        // The first two changed again while the pages were read.
        page(
            vec![member(1, Role::Unspecified, 8), member(2, Role::Member, 9)],
            false,
            9,
        ),
    ] {
        let request = peer.request().await;
        let Some(request::Body::GroupMembersSince(since)) = &request.body else {
            panic!("GROUP_MEMBERS_SINCE, not {request:?}");
        };
        asked.push((since.since, since.after.to_vec()));
        peer.respond(&request, answer);
    }
    let changes = peer.until(asking).await;
    assert_eq!(asked, [(3, vec![]), (5, vec![3; 16])]);
    let changed: Vec<_> = changes
        .changed
        .iter()
        .map(|it| (it.user, it.role))
        .collect();
    let expected = [
        ([3; 16].into(), Role::Admin),
        ([2; 16].into(), Role::Member),
    ];
    assert_eq!(changed, expected);
    assert_eq!((changes.gone, changes.as_of), (vec![[1; 16].into()], 9));
}

#[tokio::test(start_paused = true)]
async fn a_group_says_what_is_decided_about_it_and_defaults_are_filled_in() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move {
        let group = [9; 16].into();
        let first = client.group_info(group).await.unwrap();
        let second = client.group_info(group).await.unwrap();
        (first, second)
    });
    let conversation = |policy| Conversation {
        conversation: vec![9; 16].into(),
        kind: ConversationKind::Group.into(),
        conv_seq: 5,
        visible_from: 1,
        policy,
        muted_until_ms: 7,
        ..Conversation::default()
    };
    let decided = GroupPolicy {
        post: Role::Admin.into(),
        approval: true,
        ..GroupPolicy::default()
    };
    for (policy, announcement) in [
        (None, None),
        (
            Some(decided),
            Some(payload::Announcement {
                text: "read this".to_owned(),
                conv_seq: 4,
                user: vec![3; 16].into(),
                time_ms: 11,
            }),
        ),
    ] {
        let request = peer.request().await;
        let answer = ConversationResponse {
            conversation: Some(conversation(policy)),
            announcement,
        };
        peer.respond(&request, response::Body::Conversation(answer));
    }
    let (first, second) = peer.until(asking).await;
    let default = Policy {
        post: Role::Member,
        invite: Role::Admin,
        approval: false,
    };
    assert_eq!((first.policy, first.announcement), (default, None));
    let decided = Policy {
        post: Role::Admin,
        approval: true,
        ..default
    };
    assert_eq!((second.policy, second.muted_until_ms), (decided, 7));
    let announcement = Announcement {
        text: "read this".to_owned(),
        conv_seq: 4,
        user: [3; 16].into(),
        time_ms: 11,
    };
    assert_eq!(second.announcement, Some(announcement));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_told_so() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move { client.group_join(vec![1; 32].into()).await });
    let request = peer.request().await;
    let Some(request::Body::GroupJoin(join)) = &request.body else {
        panic!("GROUP_JOIN, not {request:?}");
    };
    assert_eq!(join.token[..], [1; 32]);
    let answer = GroupJoinResponse {
        conversation: vec![9; 16].into(),
        waiting: true,
        ..GroupJoinResponse::default()
    };
    peer.respond(&request, response::Body::GroupJoin(answer));
    let waiting = Joined {
        group: [9; 16].into(),
        conv_seq: 0,
        waiting: true,
    };
    assert_eq!(peer.until(asking).await.unwrap(), waiting);
}
