//! Roles in groups: who may do what.

use eim_codec::payload::{MembershipChange, Role};
use eim_codec::registry::ErrorCode;
use eim_server::store::Store;

use crate::groups::{last_membership, roles, set_role};
use crate::harness::{Harness, TENANT, refused, user};

pub(crate) async fn admins_remove_plain_members_only(h: Harness) {
    let [a, b, c, d, e] = h.users([1, 2, 3, 4, 5]).await;
    let id = h.create_group(a, &[b, c, d, e]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    set_role(&h, a, id, c, Role::Admin).await.unwrap();
    for victim in [a, c] {
        assert_eq!(
            refused(h.remove(b, id, &[d, victim]).await),
            ErrorCode::FORBIDDEN
        );
    }
    assert_eq!(refused(h.remove(d, id, &[e]).await), ErrorCode::FORBIDDEN);
    assert_eq!(
        refused(h.remove(b, id, &[b]).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(
        refused(h.remove(a, id, &[]).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(roles(&h, id).await.len(), 5);
    h.remove(b, id, &[d, e]).await.unwrap();
    let body = last_membership(&h, id).await;
    assert_eq!(body.change, MembershipChange::Removed as i32);
    assert_eq!(body.users, [d.to_bytes(), e.to_bytes()]);
    h.remove(a, id, &[b, c]).await.unwrap();
    assert_eq!(roles(&h, id).await, [(a, Role::Owner)]);
}

pub(crate) async fn roles_change_by_the_owner_only(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    set_role(&h, a, id, b, Role::Admin).await.unwrap();
    let body = last_membership(&h, id).await;
    assert_eq!(
        (body.change, body.role),
        (MembershipChange::Role as i32, Role::Admin as i32)
    );
    assert_eq!(body.users, [b.to_bytes()]);
    assert_eq!(
        refused(set_role(&h, b, id, c, Role::Admin).await),
        ErrorCode::FORBIDDEN
    );
    assert_eq!(
        refused(set_role(&h, a, id, user(9), Role::Admin).await),
        ErrorCode::NOT_FOUND
    );
    assert_eq!(
        refused(set_role(&h, a, id, b, Role::Unspecified).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(
        refused(set_role(&h, a, id, a, Role::Member).await),
        ErrorCode::INVALID_REQUEST
    );
    assert_eq!(
        set_role(&h, a, id, b, Role::Admin).await.unwrap().conv_seq,
        0
    );
    assert_eq!(
        set_role(&h, a, id, a, Role::Owner).await.unwrap().conv_seq,
        0
    );
    set_role(&h, a, id, b, Role::Member).await.unwrap();
    assert_eq!(roles(&h, id).await[1], (b, Role::Member));
    // Having a role does not move what one may read.
    let view = h.store.conversation(TENANT, b, id).await.unwrap().unwrap();
    assert_eq!((view.visible_from, view.role), (2, Role::Member));
}

pub(crate) async fn handing_over_is_one_entry(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = h.create_group(a, &[b]).await;
    assert_eq!(
        set_role(&h, a, id, b, Role::Owner).await.unwrap().conv_seq,
        3
    );
    assert_eq!(roles(&h, id).await, [(a, Role::Admin), (b, Role::Owner)]);
    let body = last_membership(&h, id).await;
    assert_eq!(
        (body.role, body.users),
        (Role::Owner as i32, vec![b.to_bytes()])
    );
    assert_eq!(
        refused(set_role(&h, a, id, a, Role::Owner).await),
        ErrorCode::FORBIDDEN
    );
}

pub(crate) async fn leaving_needs_a_transfer_first(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.create_group(a, &[b, c]).await;
    assert_eq!(refused(h.leave(a, id).await), ErrorCode::FORBIDDEN);
    h.leave(b, id).await.unwrap();
    assert_eq!(
        last_membership(&h, id).await.change,
        MembershipChange::Left as i32
    );
    assert_eq!(refused(h.leave(b, id).await), ErrorCode::NOT_FOUND);
    set_role(&h, a, id, c, Role::Owner).await.unwrap();
    h.leave(a, id).await.unwrap();
    assert_eq!(roles(&h, id).await, [(c, Role::Owner)]);
    let last = h.leave(c, id).await.unwrap();
    assert!(roles(&h, id).await.is_empty());
    assert_eq!(h.references(c).await.last().unwrap().2, last.conv_seq);
    assert_eq!(h.log(id).await.len() as u64, last.conv_seq);
}
