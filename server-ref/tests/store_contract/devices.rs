//! Devices log in and out.

use eim_codec::id::{DeviceId, RequestId, UserId};
use eim_codec::registry::ErrorCode;
use eim_server::store::{
    Accounts, ClassLimits, LogOut, LoggedIn, LoggedOut, Login, LogoutReason, Origin, Proof,
    Refused, Store as _, Target,
};

use crate::harness::{Harness, START_MS, TENANT};

const PHONE: i32 = 2;
const WEB: i32 = 4;
const ALL: usize = 100;

fn id(number: u8) -> DeviceId {
    [number; 16].into()
}

fn limits(phone: u32, total: u32) -> ClassLimits {
    ClassLimits {
        of_class: [0, 0, phone, 0, 0, 0, 0],
        total,
    }
}

/// Says something as `origin`.
async fn say(h: &Harness, origin: Origin, to: UserId) -> Result<(), Refused> {
    let text = h.text(Target::Direct(to), "x");
    let done = h.store.append(origin, vec![text]).await.unwrap().remove(0);
    done.map(|_| ())
}

async fn log_in(
    h: &Harness,
    user: UserId,
    (number, class): (u8, i32),
    proof: Proof,
    limits: ClassLimits,
) -> Result<LoggedIn, Refused> {
    let login = Login {
        device: id(number),
        class,
        name: format!("device {number}"),
        proof,
        limits,
    };
    h.store.log_in(TENANT, user, login).await.unwrap()
}

async fn log_out(
    h: &Harness,
    user: UserId,
    number: u8,
    asked: Option<(Origin, RequestId)>,
) -> Result<(), ErrorCode> {
    let log_out = LogOut {
        device: id(number),
        reason: LogoutReason::User,
        asked,
    };
    let done = h.store.log_out(TENANT, user, log_out).await.unwrap();
    done.map_err(|refused| refused.code)
}

async fn listed(h: &Harness, user: UserId) -> Vec<DeviceId> {
    let page = h.store.devices(TENANT, user, None, ALL).await.unwrap();
    page.devices.iter().map(|device| device.device).collect()
}

fn out(user: UserId, number: u8, reason: LogoutReason) -> LoggedOut {
    LoggedOut {
        tenant: TENANT,
        user,
        device: id(number),
        reason,
    }
}

pub(crate) async fn logged_in_devices_are_paged_by_id(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    for number in [0, 9, 3, 0xff, 7] {
        let opened = log_in(&h, a, (number, PHONE), Proof::Full, limits(0, 0)).await;
        assert_eq!(opened.unwrap().made_room, []);
    }
    log_in(&h, b, (4, PHONE), Proof::Full, limits(0, 0))
        .await
        .unwrap();
    log_out(&h, a, 7, None).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = h.store.devices(TENANT, a, after, 2).await.unwrap();
        assert!(page.devices.len() <= 2);
        found.extend(page.devices.iter().map(|device| device.device));
        after = found.last().copied();
        if !page.more {
            break;
        }
    }
    assert_eq!(found, [id(0), id(3), id(9), id(0xff)]);
    assert_eq!(listed(&h, b).await, [id(4)]);
}

pub(crate) async fn logging_out_ends_tokens_and_writing(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let opened = log_in(&h, a, (1, PHONE), Proof::Full, limits(0, 0)).await;
    let record = opened.unwrap().record;
    assert_eq!((record.logged_out, record.logged_in_ms), (None, START_MS));
    let token = Proof::Token(record.login);
    h.clock.set(START_MS + 5);
    let again = log_in(&h, a, (1, PHONE), token, limits(0, 0)).await;
    let again = again.unwrap().record;
    assert_eq!((again.generation, again.logged_in_ms), (2, START_MS));
    let origin = Origin {
        tenant: TENANT,
        user: a,
        device: id(1),
        generation: Some(again.generation),
    };
    say(&h, origin, b).await.unwrap();
    assert_eq!(log_out(&h, a, 2, None).await, Err(ErrorCode::NOT_FOUND));
    log_out(&h, a, 1, None).await.unwrap();
    assert_eq!(h.sink.logged_out(), [out(a, 1, LogoutReason::User)]);
    assert_eq!(log_out(&h, a, 1, None).await, Err(ErrorCode::NOT_FOUND));
    assert_eq!(listed(&h, a).await, []);
    for generation in [Some(again.generation), None] {
        let origin = Origin {
            generation,
            ..origin
        };
        let refused = say(&h, origin, b).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::LOGGED_OUT);
        assert_eq!(refused.detail, LogoutReason::User.detail());
    }
    let h = h.reopen().await;
    let kept = h.store.device(TENANT, a, id(1)).await.unwrap().unwrap();
    assert_eq!(kept.logged_out, Some(LogoutReason::User));
    let refused = log_in(&h, a, (1, PHONE), token, limits(0, 0)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::LOGGED_OUT);
    // The password opens the door again, but not to tokens of the time before.
    let anew = log_in(&h, a, (1, PHONE), Proof::Full, limits(0, 0)).await;
    let anew = anew.unwrap().record;
    assert_eq!((anew.generation, anew.logged_out), (3, None));
    let refused = log_in(&h, a, (1, PHONE), token, limits(0, 0)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::RESUME_REJECTED);
    let fresh = log_in(&h, a, (1, PHONE), Proof::Token(anew.login), limits(0, 0)).await;
    assert_eq!(fresh.unwrap().record.generation, 4);
    let unknown = log_in(&h, a, (5, PHONE), Proof::Token(0), limits(0, 0)).await;
    assert_eq!(unknown.unwrap_err().code, ErrorCode::RESUME_REJECTED);
}

pub(crate) async fn a_repeated_logout_is_one(h: Harness) {
    let [a] = h.users([1]).await;
    for number in [1, 2, 3] {
        log_in(&h, a, (number, PHONE), Proof::Full, limits(0, 0))
            .await
            .unwrap();
    }
    let origin = Origin {
        tenant: TENANT,
        user: a,
        device: id(1),
        generation: Some(1),
    };
    let request = RequestId::from([7; 16]);
    log_out(&h, a, 2, Some((origin, request))).await.unwrap();
    log_in(&h, a, (2, PHONE), Proof::Full, limits(0, 0))
        .await
        .unwrap();
    log_out(&h, a, 2, Some((origin, request))).await.unwrap();
    assert_eq!(listed(&h, a).await, [id(1), id(2), id(3)]);
    let other = log_out(&h, a, 3, Some((origin, request))).await;
    assert_eq!(other, Err(ErrorCode::CONFLICT));
    // A device that is out logs nobody out.
    let own = RequestId::from([8; 16]);
    log_out(&h, a, 1, Some((origin, own))).await.unwrap();
    let late = log_out(&h, a, 3, Some((origin, [9; 16].into()))).await;
    assert_eq!(late, Err(ErrorCode::LOGGED_OUT));
    assert_eq!(listed(&h, a).await, [id(2), id(3)]);
}

pub(crate) async fn the_oldest_login_makes_room(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let policy = limits(2, 4);
    let open = async |h: &Harness, at: u64, number: u8, class: i32, proof: Proof| {
        h.clock.set(START_MS + at);
        let opened = log_in(h, a, (number, class), proof, policy).await.unwrap();
        opened.made_room
    };
    log_in(&h, b, (1, PHONE), Proof::Full, policy)
        .await
        .unwrap();
    assert_eq!(open(&h, 1, 9, WEB, Proof::Full).await, []);
    assert_eq!(open(&h, 2, 2, PHONE, Proof::Full).await, []);
    assert_eq!(open(&h, 3, 1, PHONE, Proof::Full).await, []);
    // A token is no login: the device stays the older one.
    assert_eq!(open(&h, 4, 2, PHONE, Proof::Token(0)).await, []);
    assert_eq!(open(&h, 5, 3, PHONE, Proof::Full).await, [id(2)]);
    assert_eq!(h.sink.logged_out(), [out(a, 2, LogoutReason::Class(PHONE))]);
    // Both limits at once, and no more go than have to.
    assert_eq!(open(&h, 6, 8, WEB, Proof::Full).await, []);
    assert_eq!(open(&h, 7, 4, PHONE, Proof::Full).await, [id(1)]);
    assert_eq!(open(&h, 8, 7, WEB, Proof::Full).await, [id(9)]);
    let reasons: Vec<LogoutReason> = h.sink.logged_out().iter().map(|out| out.reason).collect();
    let class = LogoutReason::Class(PHONE);
    assert_eq!(reasons, [class, LogoutReason::Devices]);
    // Another class is another device to the policy.
    assert_eq!(open(&h, 9, 7, PHONE, Proof::Full).await, [id(3)]);
    assert_eq!(listed(&h, a).await, [id(4), id(7), id(8)]);
    assert_eq!(listed(&h, b).await, [id(1)]);
    // A smaller limit takes everybody out who is too many, ties by id.
    let opened = log_in(&h, a, (5, PHONE), Proof::Full, limits(1, 4)).await;
    assert_eq!(opened.unwrap().made_room, [id(4), id(7)]);
}

pub(crate) async fn devices_long_gone_are_forgotten(h: Harness) {
    let [a] = h.users([1]).await;
    for number in 1..=5 {
        h.clock.set(START_MS + u64::from(number));
        log_in(&h, a, (number, PHONE), Proof::Full, limits(1, 2))
            .await
            .unwrap();
    }
    let known = async |number| h.store.device(TENANT, a, id(number)).await.unwrap();
    // Before the fifth came there were three that were out.
    assert_eq!(known(1).await, None);
    assert!(known(4).await.unwrap().logged_out.is_some());
    let old = log_in(&h, a, (1, PHONE), Proof::Token(0), limits(1, 2)).await;
    assert_eq!(old.unwrap_err().code, ErrorCode::RESUME_REJECTED);
    let again = log_in(&h, a, (1, PHONE), Proof::Full, limits(1, 2)).await;
    let again = again.unwrap().record;
    assert!(again.generation > 1, "generations never go back");
    assert!(again.login > 0, "tokens of the time before stay useless");
}

pub(crate) async fn one_batch_knows_itself(h: Harness) {
    let [a] = h.users([1]).await;
    let policy = limits(1, 0);
    let open = |number| log_in(&h, a, (number, PHONE), Proof::Full, policy);
    let opened = tokio::join!(open(1), open(2), open(3), open(4));
    let opened = [opened.0, opened.1, opened.2, opened.3].map(Result::unwrap);
    let made_room: usize = opened.iter().map(|opened| opened.made_room.len()).sum();
    assert_eq!(made_room, 3);
    assert_eq!(listed(&h, a).await.len(), 1);
}
