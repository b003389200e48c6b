//! Requests: timeline, history, conversations, users, groups.

use eim_codec::connection::ClientEvent;
use eim_codec::id::{ClientMsgId, ConversationId};
use eim_codec::payload::request::Body as Ask;
use eim_codec::payload::response::Body;
use eim_codec::payload::{
    ConversationRequest, DetachedEntry, GroupAddRequest, GroupCreateRequest, GroupLeaveRequest,
    GroupMembersRequest, GroupRemoveRequest, GroupRenameRequest, GroupSetRoleRequest, HeadsRequest,
    HistoryRequest, HistoryResponse, MembershipBody, MembershipChange, Role, Send, SyncRequest,
    SyncResponse, Target, UnavailableReason, UsersRequest, conversation_request, history_entry,
};
use eim_codec::registry::{ErrorCode, FrameType, Operation};
use eim_server::server::TENANT;
use eim_server::store::{
    DepartmentGroup, DepartmentId, DepartmentMember, DepartmentRecord, Directory,
};
use prost::Message as _;
use tokio::io::DuplexStream;

use crate::kit::{Client, Kit, code, direct, text_of, user_id};

type Alice = Client<DuplexStream>;

async fn sync(client: &mut Alice, user_seq: u64, max_octets: u32) -> SyncResponse {
    let log_epoch = client.opened.as_ref().unwrap().log_epoch;
    let id = client.request_id();
    let body = Ask::Sync(SyncRequest {
        log_epoch,
        user_seq,
    });
    match client
        .ask_with(id, Operation::SYNC, max_octets, body)
        .await
        .body
    {
        Some(Body::Sync(sync)) => sync,
        other => panic!("{other:?}"),
    }
}

async fn history(client: &mut Alice, ask: HistoryRequest) -> HistoryResponse {
    match client.ask(Operation::HISTORY, Ask::History(ask)).await.body {
        Some(Body::History(history)) => history,
        other => panic!("{other:?}"),
    }
}

async fn create_group(client: &mut Alice, members: &[u8]) -> ConversationId {
    let members = members
        .iter()
        .map(|member| user_id(*member).to_bytes())
        .collect();
    let create = GroupCreateRequest {
        name: "team".to_owned(),
        members,
    };
    let response = client
        .ask(Operation::GROUP_CREATE, Ask::GroupCreate(create))
        .await;
    let Some(Body::GroupCreate(created)) = response.body else {
        panic!("{response:?}")
    };
    let conversation = created.conversation.unwrap();
    assert_eq!(conversation.role(), Role::Owner);
    ConversationId::from_slice(&conversation.conversation).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_device_that_was_away_pulls_everything_in_pages() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    for n in 0..50 {
        alice.say(2, &format!("{n}{}", "x".repeat(400))).await;
    }
    let mut bob = kit.login(2, 2).await;
    assert_eq!(bob.opened.as_ref().unwrap().user_seq, 50);
    let (mut cursor, mut pages) = (0, 0);
    loop {
        let page = sync(&mut bob, cursor, 4096).await;
        assert!(page.encoded_len() <= 4096);
        pages += 1;
        for entry in &page.entries {
            assert_eq!(entry.user_seq, cursor + 1);
            cursor = entry.user_seq;
            let text = text_of(entry.entry.as_ref().unwrap());
            assert!(text.starts_with(&format!("{}x", cursor - 1)));
        }
        assert_eq!(page.user_seq, 50);
        assert_eq!(page.more, cursor < 50);
        if !page.more {
            break;
        }
    }
    assert_eq!(cursor, 50);
    assert!(pages > 5);
    let empty = sync(&mut bob, 50, 0).await;
    assert!(empty.entries.is_empty() && !empty.more);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_beyond_the_head_or_of_another_epoch_is_too_old() {
    let kit = Kit::new("").await;
    let mut bob = kit.login(2, 2).await;
    let log_epoch = bob.opened.as_ref().unwrap().log_epoch;
    for (log_epoch, user_seq) in [(log_epoch, 1), (log_epoch + 1, 0)] {
        let ask = Ask::Sync(SyncRequest {
            log_epoch,
            user_seq,
        });
        let response = bob.ask(Operation::SYNC, ask).await;
        assert_eq!(code(response.error.as_ref()), Some(ErrorCode::TOO_OLD));
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_larger_than_a_page_follows_by_itself() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let big: Vec<u8> = (0..60_000_u32).map(|n| n as u8).collect();
    let send = Send::new(
        Target::DirectTo(user_id(2)),
        ClientMsgId::from([1; 16]),
        big.clone().into(),
    );
    let octets = send.encode_to_vec().into();
    let send = alice
        .driver
        .endpoint_mut()
        .send(FrameType::CUSTOM, octets)
        .unwrap();
    assert_eq!(alice.result(send).await.error, None);
    alice.say(2, "small").await;
    let mut bob = kit.login(2, 2).await;
    let page = sync(&mut bob, 0, 4096).await;
    assert_eq!(page.entries.len(), 1);
    assert!(page.entries[0].detached && page.more);
    assert!(page.entries[0].entry.as_ref().unwrap().body.is_empty());
    let detached = bob
        .until(|event| match event {
            ClientEvent::Push {
                frame_type: FrameType::ENTRY,
                payload,
                ordinal,
            } => Ok((ordinal, DetachedEntry::decode(payload).unwrap())),
            other => Err(other),
        })
        .await;
    assert_eq!(detached.1.user_seq, 1);
    assert_eq!(detached.1.entry.unwrap().body, big);
    let page = sync(&mut bob, 1, 4096).await;
    assert_eq!(text_of(page.entries[0].entry.as_ref().unwrap()), "small");
    let ask = HistoryRequest {
        conversation: direct(1, 2).to_bytes(),
        ..Default::default()
    };
    let id = bob.request_id();
    let response = bob
        .ask_with(id, Operation::HISTORY, 4096, Ask::History(ask))
        .await;
    let Some(Body::History(history)) = response.body else {
        panic!("{response:?}")
    };
    assert!(history.items.len() == 1 && history.items[0].detached && history.more);
}

#[tokio::test(start_paused = true)]
async fn history_answers_every_number_in_both_directions() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    for n in 1..=5 {
        alice.say(2, &n.to_string()).await;
    }
    let conversation = direct(1, 2).to_bytes();
    let ask = HistoryRequest {
        conversation: conversation.clone(),
        first: 2,
        last: 7,
        newest_first: false,
    };
    let answer = history(&mut alice, ask.clone()).await;
    let texts = |answer: &HistoryResponse| -> Vec<String> {
        answer
            .items
            .iter()
            .map(|item| match item.item.as_ref().unwrap() {
                history_entry::Item::Entry(entry) => text_of(entry),
                history_entry::Item::Unavailable(range) => {
                    assert_eq!(range.reason(), UnavailableReason::BeyondHead);
                    format!("{}-{}", range.first, range.last)
                }
            })
            .collect()
    };
    assert_eq!(texts(&answer), ["2", "3", "4", "5", "6-7"]);
    assert_eq!((answer.conv_seq, answer.more), (5, false));
    let answer = history(
        &mut alice,
        HistoryRequest {
            newest_first: true,
            ..ask
        },
    )
    .await;
    assert_eq!(texts(&answer), ["6-7", "5", "4", "3", "2"]);
    let mut carol = kit.login(3, 3).await;
    let foreign = HistoryRequest {
        conversation,
        ..HistoryRequest::default()
    };
    let response = carol.ask(Operation::HISTORY, Ask::History(foreign)).await;
    assert_eq!(code(response.error.as_ref()), Some(ErrorCode::NOT_FOUND));
}

#[tokio::test(start_paused = true)]
async fn heads_conversations_and_users_are_found() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    for peer in 2..=5 {
        alice.say(peer, "hi").await;
    }
    let response = alice
        .ask(Operation::HEADS, Ask::Heads(HeadsRequest::default()))
        .await;
    let Some(Body::Heads(heads)) = response.body else {
        panic!("{response:?}")
    };
    assert_eq!(
        (heads.user_seq, heads.conversations.len(), heads.more),
        (4, 4, false)
    );
    let target = Some(conversation_request::Target::DirectTo(
        user_id(3).to_bytes(),
    ));
    let ask = Ask::Conversation(ConversationRequest { target });
    let response = alice.ask(Operation::CONVERSATION, ask).await;
    let Some(Body::Conversation(found)) = response.body else {
        panic!("{response:?}")
    };
    let found = found.conversation.unwrap();
    assert_eq!(found.conversation, direct(1, 3).to_bytes());
    assert_eq!((found.conv_seq, found.peer), (1, user_id(3).to_bytes()));
    let ask = UsersRequest {
        ids: vec![user_id(4).to_bytes(), [77; 16].to_vec().into()],
        names: vec!["BOB".to_owned(), "nobody".to_owned(), "dave".to_owned()],
    };
    let response = alice.ask(Operation::USERS, Ask::Users(ask)).await;
    let Some(Body::Users(users)) = response.body else {
        panic!("{response:?}")
    };
    let names: Vec<_> = users.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["bob", "dave"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_lives_through_its_changes() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let mut carol = kit.login(3, 3).await;
    let group = create_group(&mut alice, &[2]).await;
    let types = [FrameType::SETTINGS, FrameType::MEMBERSHIP];
    for client in [&mut alice, &mut bob] {
        // The owner's own changes are pushed whole; Bob's timeline begins with his entry.
        let (frame_type, push) = client.push().await;
        assert!(types.contains(&frame_type) && !push.echo);
        if client.opened.as_ref().unwrap().user_name == "alice" {
            client.push().await;
        }
    }
    let add = GroupAddRequest {
        conversation: group.to_bytes(),
        users: vec![user_id(3).to_bytes()],
    };
    let response = alice.ask(Operation::GROUP_ADD, Ask::GroupAdd(add)).await;
    let Some(Body::GroupChange(changed)) = response.body else {
        panic!("{response:?}")
    };
    assert_eq!(changed.conv_seq, 3);
    let (frame_type, push) = carol.push().await;
    assert_eq!(frame_type, FrameType::MEMBERSHIP);
    let body = MembershipBody::decode(push.entry.unwrap().body).unwrap();
    assert_eq!(body.change(), MembershipChange::Added);
    assert_eq!(body.users, [user_id(3).to_bytes()]);

    let key = ClientMsgId::from([1; 16]);
    let send = bob.send_to(Target::Conversation(group), "all", key, false);
    assert_eq!(bob.result(send).await.conv_seq, 4);
    let (_, push) = carol.push().await;
    assert_eq!(text_of(&push.entry.unwrap()), "all");
}

#[tokio::test(start_paused = true)]
async fn roles_decide_who_may_change_a_group() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let mut carol = kit.login(3, 3).await;
    let group = create_group(&mut alice, &[2, 3]).await;
    let rename = |name: &str| {
        Ask::GroupRename(GroupRenameRequest {
            conversation: group.to_bytes(),
            name: name.to_owned(),
        })
    };
    let response = bob.ask(Operation::GROUP_RENAME, rename("mine")).await;
    assert_eq!(code(response.error.as_ref()), Some(ErrorCode::FORBIDDEN));
    let response = alice.ask(Operation::GROUP_RENAME, rename("")).await;
    assert_eq!(
        code(response.error.as_ref()),
        Some(ErrorCode::INVALID_REQUEST)
    );
    let role = GroupSetRoleRequest {
        conversation: group.to_bytes(),
        user: user_id(2).to_bytes(),
        role: Role::Admin.into(),
    };
    assert_eq!(
        alice
            .ask(Operation::GROUP_SET_ROLE, Ask::GroupSetRole(role))
            .await
            .error,
        None
    );
    assert_eq!(
        bob.ask(Operation::GROUP_RENAME, rename("ours")).await.error,
        None
    );
    let remove = GroupRemoveRequest {
        conversation: group.to_bytes(),
        users: vec![user_id(3).to_bytes()],
    };
    assert_eq!(
        bob.ask(Operation::GROUP_REMOVE, Ask::GroupRemove(remove))
            .await
            .error,
        None
    );
    let leave = || {
        Ask::GroupLeave(GroupLeaveRequest {
            conversation: group.to_bytes(),
        })
    };
    let response = carol.ask(Operation::GROUP_LEAVE, leave()).await;
    assert_eq!(code(response.error.as_ref()), Some(ErrorCode::NOT_FOUND));
    let members = GroupMembersRequest {
        conversation: group.to_bytes(),
        ..GroupMembersRequest::default()
    };
    let response = bob
        .ask(Operation::GROUP_MEMBERS, Ask::GroupMembers(members))
        .await;
    let Some(Body::GroupMembers(members)) = response.body else {
        panic!("{response:?}")
    };
    let roles: Vec<_> = members.members.iter().map(|member| member.role()).collect();
    assert_eq!(roles, [Role::Owner, Role::Admin]);
    assert_eq!(bob.ask(Operation::GROUP_LEAVE, leave()).await.error, None);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_change_gets_the_same_answer_and_odd_requests_are_refused() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let id = alice.request_id();
    let create = |name: &str| {
        Ask::GroupCreate(GroupCreateRequest {
            name: name.to_owned(),
            members: Vec::new(),
        })
    };
    let first = alice
        .ask_with(id, Operation::GROUP_CREATE, 0, create("a"))
        .await;
    let again = alice
        .ask_with(id, Operation::GROUP_CREATE, 0, create("a"))
        .await;
    assert_eq!(first.error, None);
    assert_eq!(first.body, again.body);
    let other = alice
        .ask_with(id, Operation::GROUP_CREATE, 0, create("b"))
        .await;
    assert_eq!(code(other.error.as_ref()), Some(ErrorCode::CONFLICT));
    let unknown = alice.ask(Operation(999), create("c")).await;
    assert_eq!(
        code(unknown.error.as_ref()),
        Some(ErrorCode::UNKNOWN_OPERATION)
    );
    let mixed = alice.ask(Operation::HEADS, create("d")).await;
    assert_eq!(code(mixed.error.as_ref()), Some(ErrorCode::INVALID_REQUEST));
}

// test[EIM-DIR-022]
#[tokio::test(start_paused = true)]
async fn the_group_of_a_department_is_not_changed_by_request() {
    let kit = Kit::new("").await;
    let id = DepartmentId::of("it");
    let department = DepartmentRecord {
        id,
        code: "it".to_owned(),
        parent: None,
        name: "IT".to_owned(),
        place: 1,
        group: DepartmentGroup::Members,
    };
    let member = |number| DepartmentMember {
        department: id,
        user: user_id(number),
        title: String::new(),
    };
    let tree = Directory {
        departments: vec![department],
        members: vec![member(1), member(2)],
    };
    let mut alice = kit.login(1, 1).await;
    let store = &kit.shared.store;
    let imported = store.import_directory(TENANT, tree, false).await;
    imported.unwrap().unwrap();
    let (frame_type, pushed) = alice.push().await;
    let entry = pushed.entry.unwrap();
    assert_eq!(frame_type, FrameType::MEMBERSHIP);
    assert_eq!(
        (&entry.conversation[..], &entry.sender[..]),
        (id.group().as_bytes().as_slice(), &[][..])
    );
    let conversation = id.group().to_bytes();
    let users = vec![user_id(3).to_bytes()];
    let asked = [
        (
            Operation::GROUP_ADD,
            Ask::GroupAdd(GroupAddRequest {
                conversation: conversation.clone(),
                users,
            }),
        ),
        (
            Operation::GROUP_LEAVE,
            Ask::GroupLeave(GroupLeaveRequest { conversation }),
        ),
    ];
    for (operation, body) in asked {
        let response = alice.ask(operation, body).await;
        assert_eq!(code(response.error.as_ref()), Some(ErrorCode::FORBIDDEN));
    }
}
