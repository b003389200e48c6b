//! Groups whose members follow departments.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{FanOut, MembershipBody, MembershipChange, Role, SettingsBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::kv::Options;
use eim_server::store::{
    Accounts, DepartmentGroup, DepartmentId, DepartmentRecord, Directory, DirectoryChange,
    GroupAct, People, Policy, Refused, Store, Target, UserRecord,
};
use prost::Message;

use crate::directory::{department, member};
use crate::groups::set_role;
use crate::harness::{ALL, Harness, TENANT, account, refused};
use crate::policy::act;

fn grouped(code: &str, parent: Option<&str>, group: DepartmentGroup) -> DepartmentRecord {
    DepartmentRecord {
        group,
        ..department(code, parent, 1)
    }
}

/// A tree of departments and members, by their codes.
fn tree(departments: &[DepartmentRecord], members: &[(UserId, &str)]) -> Directory {
    let members = members.iter().map(|(user, code)| member(*user, code, ""));
    Directory {
        departments: departments.to_vec(),
        members: members.collect(),
    }
}

async fn import(h: &Harness, tree: &Directory) -> DirectoryChange {
    let done = h.store.import_directory(TENANT, tree.clone(), false).await;
    done.unwrap().unwrap()
}

fn group(code: &str) -> ConversationId {
    DepartmentId::of(code).group()
}

async fn members(h: &Harness, id: ConversationId) -> Vec<UserId> {
    let page = h.store.members(TENANT, id, None, ALL).await.unwrap();
    assert!(page.members.iter().all(|it| it.role == Role::Member));
    page.members.iter().map(|it| it.user).collect()
}

/// What the entries of a log say; none has a sender.
async fn said(h: &Harness, id: ConversationId) -> Vec<String> {
    let log = h.log(id).await;
    let said = log.iter().map(|entry| {
        assert_eq!((entry.sender, entry.sender_device), (None, None));
        match entry.frame_type {
            FrameType::SETTINGS => {
                let body = SettingsBody::decode(entry.body.clone()).unwrap();
                format!("{} {}", body.name, body.created)
            }
            FrameType::MEMBERSHIP => {
                let body = MembershipBody::decode(entry.body.clone()).unwrap();
                format!("{:?} {}", body.change(), body.users.len())
            }
            other => format!("{other}"),
        }
    });
    said.collect()
}

const OWN: DepartmentGroup = DepartmentGroup::Members;

pub(crate) async fn a_group_follows_its_department(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let (it, ops) = (grouped("it", None, OWN), grouped("ops", None, OWN));
    let mut departments = [it, ops];
    let first = tree(&departments, &[(a, "it"), (b, "it")]);
    let change = import(&h, &first).await;
    assert_eq!((change.groups_added, change.groups_joined), (1, 2));
    let id = group("it");
    assert_eq!(members(&h, id).await, [a, b]);
    assert_eq!(h.references(a).await, [(1, id, 2)]);
    assert_eq!(import(&h, &first).await, DirectoryChange::default());
    assert_eq!(h.log(id).await.len(), 2);
    // One moves, one comes, and the name is another.
    departments[0].name = "Informatics".to_owned();
    let second = tree(
        &departments,
        &[(a, "it"), (b, "ops"), (c, "it"), (c, "ops")],
    );
    let change = import(&h, &second).await;
    assert_eq!((change.groups_added, change.groups_renamed), (1, 1));
    assert_eq!((change.groups_joined, change.groups_left), (3, 1));
    let h = h.reopen().await;
    assert_eq!(members(&h, id).await, [a, c]);
    assert_eq!(members(&h, group("ops")).await, [b, c]);
    let entries = [
        "IT true",
        "Added 2",
        "Informatics false",
        "Removed 1",
        "Added 1",
    ];
    assert_eq!(said(&h, id).await, entries);
    assert_eq!(said(&h, group("ops")).await, ["OPS true", "Added 2"]);
    let view = h.store.conversation(TENANT, b, id).await.unwrap().unwrap();
    assert_eq!((view.visible_from, view.visible_through), (2, 4));
    assert_eq!(import(&h, &second).await, DirectoryChange::default());
}

pub(crate) async fn a_branch_has_whoever_is_below(h: Harness) {
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    h.store.set_disabled(TENANT, d, true).await.unwrap();
    let departments = [
        grouped("root", None, DepartmentGroup::Branch),
        grouped("it", Some("root"), OWN),
        grouped("ops", Some("it"), DepartmentGroup::None),
    ];
    let all = [(a, "root"), (a, "ops"), (b, "it"), (c, "ops"), (d, "ops")];
    let change = import(&h, &tree(&departments, &all)).await;
    assert_eq!((change.groups_added, change.groups_joined), (2, 5));
    assert_eq!(members(&h, group("root")).await, [a, b, c, d]);
    assert_eq!(members(&h, group("it")).await, [b]);
    assert!(h.log(group("ops")).await.is_empty());
    // In another place of the branch is in the branch; without the branch only the own are left.
    let moved = [(a, "root"), (b, "ops"), (c, "it"), (d, "ops")];
    import(&h, &tree(&departments, &moved)).await;
    assert_eq!(members(&h, group("it")).await, [c]);
    assert_eq!(said(&h, group("root")).await, ["ROOT true", "Added 4"]);
    let mut narrow = departments.clone();
    narrow[0].group = OWN;
    import(&h, &tree(&narrow, &moved)).await;
    assert_eq!(members(&h, group("root")).await, [a]);
}

pub(crate) async fn a_group_outlives_its_department(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let all = [(a, "it"), (b, "it")];
    let with = tree(&[grouped("it", None, OWN)], &all);
    import(&h, &with).await;
    let id = group("it");
    h.say(a, Target::Conversation(id), "hello").await;
    assert_eq!(import(&h, &Directory::default()).await.groups_left, 2);
    assert!(members(&h, id).await.is_empty());
    assert_eq!(h.log(id).await.len(), 4);
    let view = h.store.conversation(TENANT, b, id).await.unwrap().unwrap();
    assert_eq!((view.visible_through, view.role), (4, Role::Unspecified));
    let append = h.text(Target::Conversation(id), "anybody?");
    assert_eq!(refused(h.append(a, append).await), ErrorCode::NOT_FOUND);
    let h = h.reopen().await;
    assert_eq!(
        import(&h, &Directory::default()).await,
        DirectoryChange::default()
    );
    let back = import(&h, &with).await;
    assert_eq!((back.groups_added, back.groups_joined), (0, 2));
    let without = tree(&[department("it", None, 1)], &all);
    assert_eq!(import(&h, &without).await.groups_left, 2);
    assert_eq!(import(&h, &with).await.groups_joined, 2);
    assert_eq!(members(&h, id).await, [a, b]);
    assert_eq!(
        h.say(b, Target::Conversation(id), "again").await.conv_seq,
        8
    );
}

pub(crate) async fn nobody_changes_the_group_of_a_department(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    import(
        &h,
        &tree(&[grouped("it", None, OWN)], &[(a, "it"), (b, "it")]),
    )
    .await;
    let id = group("it");
    let forbidden = ErrorCode::FORBIDDEN;
    assert_eq!(refused(h.add(a, id, &[c]).await), forbidden);
    assert_eq!(refused(h.remove(a, id, &[b]).await), forbidden);
    assert_eq!(refused(h.leave(a, id).await), forbidden);
    assert_eq!(
        refused(set_role(&h, a, id, b, Role::Owner).await),
        forbidden
    );
    let renamed = crate::groups::rename(&h, a, id, "mine").await;
    assert_eq!(refused(renamed), forbidden);
    let (secret, policy) = ([7; 16], Policy::default());
    let text = "mine".to_owned();
    for wanted in [
        GroupAct::Dissolve,
        GroupAct::Mute {
            user: Some(b),
            for_ms: 1000,
        },
        GroupAct::Mute {
            user: None,
            for_ms: 1000,
        },
        GroupAct::Announce { text },
        GroupAct::SetPolicy { policy },
        GroupAct::Invite {
            secret,
            lifetime_ms: 1000,
            uses: 1,
        },
        GroupAct::Revoke,
        GroupAct::Answer {
            user: c,
            accept: true,
        },
    ] {
        assert_eq!(refused(act(&h, a, id, wanted).await), forbidden);
    }
    assert_eq!(refused(h.leave(c, id).await), ErrorCode::NOT_FOUND);
    let joined = act(&h, c, id, GroupAct::Join { secret }).await;
    assert_eq!(refused(joined), ErrorCode::NOT_FOUND);
    assert_eq!(members(&h, id).await, [a, b]);
    assert_eq!(
        h.say(a, Target::Conversation(id), "but all may talk")
            .await
            .conv_seq,
        3
    );
    // What was no department is changed as ever, also after a reopening.
    let h = h.reopen().await;
    assert_eq!(refused(h.leave(b, id).await), forbidden);
    let other = h.create_group(a, &[b]).await;
    h.leave(b, other).await.unwrap();
}

pub(crate) async fn too_many_members_change_nothing(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let options = Options {
        group_members: 2,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let branch = DepartmentGroup::Branch;
    let departments = [
        grouped("root", None, branch),
        grouped("it", Some("root"), OWN),
    ];
    let import = async |members: &[(UserId, &str)]| -> Result<DirectoryChange, Refused> {
        let tree = tree(&departments, members);
        h.store.import_directory(TENANT, tree, false).await.unwrap()
    };
    let many = import(&[(a, "root"), (b, "it"), (c, "it")]).await;
    assert_eq!(refused(many), ErrorCode::LIMIT_REACHED);
    let known = h.store.departments(TENANT, None, ALL).await.unwrap();
    assert!(known.0.is_empty());
    assert_eq!(
        import(&[(a, "root"), (b, "it")])
            .await
            .unwrap()
            .groups_joined,
        3
    );
    // Others instead of them are not too many.
    assert_eq!(
        import(&[(c, "root"), (b, "it")]).await.unwrap().groups_left,
        1
    );
    assert_eq!(members(&h, group("root")).await, [b, c]);
}

pub(crate) async fn a_dry_run_tells_and_changes_nothing(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let tree = tree(&[grouped("it", None, OWN)], &[(a, "it"), (b, "it")]);
    let dry = h.store.import_directory(TENANT, tree.clone(), true).await;
    let dry = dry.unwrap().unwrap();
    assert_eq!((dry.groups_added, dry.groups_joined), (1, 2));
    assert!(h.log(group("it")).await.is_empty());
    assert_eq!(import(&h, &tree).await, dry);
    let dry = h
        .store
        .import_directory(TENANT, Directory::default(), true)
        .await;
    assert_eq!(dry.unwrap().unwrap().groups_left, 2);
    assert_eq!(members(&h, group("it")).await, [a, b]);
}

/// Users `1..=count`.
async fn many(h: &Harness, count: u16) -> Vec<UserId> {
    let records = (1..=count).map(|number| {
        let mut user = [0; 16];
        user[..2].copy_from_slice(&number.to_be_bytes());
        UserRecord {
            user: user.into(),
            name: format!("user{number:05}"),
            ..account(1)
        }
    });
    let records: Vec<_> = records.collect();
    let users = records.iter().map(|it| it.user).collect();
    for outcome in h.store.create_users(TENANT, records).await.unwrap() {
        outcome.unwrap();
    }
    users
}

pub(crate) async fn many_members_come_by_few_entries(h: Harness) {
    let users = many(&h, 600).await;
    let all: Vec<_> = users.iter().map(|user| (*user, "it")).collect();
    let departments = [grouped("it", None, OWN)];
    assert_eq!(
        import(&h, &tree(&departments, &all)).await.groups_joined,
        600
    );
    let id = group("it");
    assert_eq!(members(&h, id).await, users);
    assert_eq!(
        said(&h, id).await,
        ["IT true", "Added 500", "Added 100", "MODE"]
    );
    let view = h.store.conversation(TENANT, users[0], id).await.unwrap();
    assert_eq!(view.unwrap().fan_out, FanOut::Read);
    let since_the_first = [(1, id, 2), (2, id, 3), (3, id, 4)];
    assert_eq!(h.references(users[0]).await, since_the_first);
    assert_eq!(h.references(users[599]).await, [(1, id, 3), (2, id, 4)]);
    import(&h, &tree(&departments, &all[..1])).await;
    let (said, last) = (said(&h, id).await, MembershipChange::Removed);
    assert_eq!(said[4..], [format!("{last:?} 500"), format!("{last:?} 99")]);
}

pub(crate) async fn an_import_that_ended_early_is_completed(h: Harness) {
    let users = many(&h, 64).await;
    let codes: Vec<String> = (0..200).map(|number| format!("d{number}")).collect();
    let departments: Vec<_> = codes.iter().map(|code| grouped(code, None, OWN)).collect();
    let of = |code| users.iter().map(move |user| (*user, code));
    let all: Vec<_> = codes.iter().flat_map(|code| of(&code[..])).collect();
    let tree = tree(&departments, &all);
    let begun = async || {
        while h.sink.taken().is_empty() {
            h.sink.heard().await;
        }
    };
    tokio::select! {
        biased;
        () = begun() => {}
        done = h.store.import_directory(TENANT, tree.clone(), false) => panic!("{done:?}"),
    }
    let rest = import(&h, &tree).await;
    assert_eq!((rest.added, rest.joined), (0, 0), "the tree is one commit");
    assert!(rest.groups_added > 0 && rest.groups_added < 200, "{rest:?}");
    for code in &codes {
        assert_eq!(members(&h, group(code)).await, users);
        assert_eq!(h.log(group(code)).await.len(), 2);
    }
    assert_eq!(import(&h, &tree).await, DirectoryChange::default());
}
