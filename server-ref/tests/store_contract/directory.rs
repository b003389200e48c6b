//! Profiles and departments.

use eim_codec::id::{RequestId, UserId};
use eim_codec::registry::ErrorCode;
use eim_server::store::{
    Accounts, Change, Changed, DepartmentGroup, DepartmentId, DepartmentMember, DepartmentRecord,
    Directory, DirectoryChange, People, ProfileChange, Refused,
};

use crate::harness::{ALL, Harness, TENANT, origin, refused, user};

async fn set(h: &Harness, of: UserId, profile: ProfileChange) -> Result<Changed, Refused> {
    let (origin, request) = (origin(of), h.fresh());
    h.change(Change::Profile {
        origin,
        request,
        profile,
    })
    .await
}

fn phone(number: &str) -> ProfileChange {
    ProfileChange {
        phone: Some(number.to_owned()),
        ..ProfileChange::default()
    }
}

async fn versions(h: &Harness, after: u64) -> Vec<(UserId, u64)> {
    let page = h.store.profiles(TENANT, after, ALL).await.unwrap();
    assert!(!page.more);
    page.profiles
        .iter()
        .map(|it| (it.user, it.version))
        .collect()
}

pub(crate) async fn profiles_are_read_in_the_order_of_their_changes(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    assert_eq!(versions(&h, 0).await, [(a, 1), (b, 2), (c, 3)]);
    assert_eq!(set(&h, b, phone("1")).await.unwrap().conv_seq, 4);
    assert_eq!(set(&h, b, phone("1")).await.unwrap().conv_seq, 0);
    assert_eq!(versions(&h, 2).await, [(c, 3), (b, 4)]);
    let page = h.store.profiles(TENANT, 0, 2).await.unwrap();
    assert_eq!((page.profiles.len(), page.more, page.head), (2, true, 4));
    let h = h.reopen().await;
    let profile = h.store.profile(TENANT, b).await.unwrap().unwrap();
    assert_eq!((&profile.phone[..], profile.version), ("1", 4));
    assert_eq!(h.store.profile(TENANT, user(9)).await.unwrap(), None);
}

pub(crate) async fn a_profile_changes_by_the_named_fields_only(h: Harness) {
    let [a] = h.users([1]).await;
    let all = ProfileChange {
        display_name: Some("Ada".to_owned()),
        phone: Some("1".to_owned()),
        mail: Some("ada@example.org".to_owned()),
        avatar: Some(vec![7; 32]),
    };
    set(&h, a, all).await.unwrap();
    set(&h, a, phone("")).await.unwrap();
    let profile = h.store.profile(TENANT, a).await.unwrap().unwrap();
    assert_eq!((&profile.display_name[..], &profile.phone[..]), ("Ada", ""));
    assert_eq!(profile.avatar, [7; 32]);
    let account = h.store.user(TENANT, a).await.unwrap().unwrap();
    assert_eq!(account.display_name, "Ada");
    for wrong in [
        phone(&"x".repeat(257)),
        ProfileChange {
            display_name: Some(String::new()),
            ..ProfileChange::default()
        },
        ProfileChange {
            avatar: Some(vec![0; 65]),
            ..ProfileChange::default()
        },
    ] {
        let code = refused(set(&h, a, wrong).await);
        assert_eq!(code, ErrorCode::INVALID_REQUEST);
    }
}

pub(crate) async fn a_repeated_profile_change_does_not_undo_a_newer_one(h: Harness) {
    let [a] = h.users([1]).await;
    let request: RequestId = h.fresh();
    let change = |profile| Change::Profile {
        origin: origin(a),
        request,
        profile,
    };
    let first = h.change(change(phone("1"))).await.unwrap();
    set(&h, a, phone("2")).await.unwrap();
    assert_eq!(h.change(change(phone("1"))).await.unwrap(), first);
    let other = h.change(change(phone("3"))).await;
    assert_eq!(refused(other), ErrorCode::CONFLICT);
    let profile = h.store.profile(TENANT, a).await.unwrap().unwrap();
    assert_eq!(profile.phone, "2");
}

pub(crate) fn department(code: &str, parent: Option<&str>, place: u32) -> DepartmentRecord {
    DepartmentRecord {
        id: DepartmentId::of(code),
        code: code.to_owned(),
        parent: parent.map(DepartmentId::of),
        name: code.to_uppercase(),
        place,
        group: DepartmentGroup::None,
    }
}

pub(crate) fn member(user: UserId, code: &str, title: &str) -> DepartmentMember {
    DepartmentMember {
        department: DepartmentId::of(code),
        user,
        title: title.to_owned(),
    }
}

#[expect(clippy::too_many_lines, reason = "one tree, imported again and again")]
pub(crate) async fn an_import_writes_what_differs_and_nothing_twice(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let mut tree = Directory {
        departments: vec![
            department("root", None, 1),
            department("it", Some("root"), 1),
        ],
        members: vec![
            member(a, "it", "CTO"),
            member(b, "it", ""),
            member(a, "root", ""),
        ],
    };
    let import = async |tree: &Directory, dry_run| {
        let done = h.store.import_directory(TENANT, tree.clone(), dry_run);
        done.await.unwrap().unwrap()
    };
    let all = DirectoryChange {
        added: 2,
        joined: 3,
        profiles: 2,
        ..DirectoryChange::default()
    };
    assert_eq!(import(&tree, true).await, all);
    assert!(
        h.store
            .departments(TENANT, None, ALL)
            .await
            .unwrap()
            .0
            .is_empty()
    );
    assert_eq!(import(&tree, false).await, all);
    assert_eq!(import(&tree, false).await, DirectoryChange::default());
    let profile = h.store.profile(TENANT, a).await.unwrap().unwrap();
    assert_eq!(profile.title, "CTO");
    assert_eq!(profile.department, Some(DepartmentId::of("it")));
    assert_eq!(
        versions(&h, 2).await.len(),
        2,
        "profiles that changed are told"
    );
    let of = |code: &str| {
        h.store
            .department_members(TENANT, DepartmentId::of(code), None, ALL)
    };
    assert_eq!(of("it").await.unwrap().0.len(), 2);
    let mut own = vec![DepartmentId::of("it"), DepartmentId::of("root")];
    own.sort();
    assert_eq!(h.store.departments_of(TENANT, a).await.unwrap(), own);
    // Another name, another title, one who is gone, and a department less.
    tree.departments = vec![department("root", None, 2)];
    tree.members = vec![member(a, "root", "CEO")];
    let changed = DirectoryChange {
        changed: 1,
        removed: 1,
        retitled: 1,
        left: 2,
        profiles: 2,
        ..DirectoryChange::default()
    };
    assert_eq!(import(&tree, false).await, changed);
    assert_eq!(import(&tree, true).await, DirectoryChange::default());
    assert!(of("it").await.unwrap().0.is_empty());
    assert!(h.store.departments_of(TENANT, b).await.unwrap().is_empty());
    let h = h.reopen().await;
    let profile = h.store.profile(TENANT, b).await.unwrap().unwrap();
    assert_eq!((profile.title, profile.department), (String::new(), None));
    let known = h.store.department(TENANT, DepartmentId::of("root")).await;
    assert_eq!(known.unwrap(), Some(department("root", None, 2)));
    let gone = h.store.department(TENANT, DepartmentId::of("it")).await;
    assert_eq!(gone.unwrap(), None);
}

pub(crate) async fn departments_and_members_are_paged_by_id(h: Harness) {
    let users = h.users([1, 2, 3]).await;
    let codes = ["a", "b", "c", "d"];
    let tree = Directory {
        departments: (1..)
            .zip(codes)
            .map(|(place, code)| department(code, None, place))
            .collect(),
        members: users.iter().map(|user| member(*user, "a", "")).collect(),
    };
    let imported = h.store.import_directory(TENANT, tree, false).await;
    imported.unwrap().unwrap();
    let (first, more) = h.store.departments(TENANT, None, 3).await.unwrap();
    assert!(more && first.is_sorted_by_key(|it| it.id));
    let after = first.last().map(|it| it.id);
    let (rest, more) = h.store.departments(TENANT, after, 3).await.unwrap();
    assert_eq!((rest.len(), more), (1, false));
    let id = DepartmentId::of("a");
    let (page, more) = h
        .store
        .department_members(TENANT, id, Some(users[0]), 1)
        .await
        .unwrap();
    assert_eq!((page[0].user, more), (users[1], true));
}
