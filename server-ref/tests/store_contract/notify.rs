//! Notifications: when they are owed, and when not any more.

use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{NotifyContent, TextBody};
use eim_codec::registry::ErrorCode;
use eim_server::store::kv::Options;
use eim_server::store::{
    Accounts, Append, Fate, FlagChange, MarkChange, Notifications, NotifyChange, NotifyMute,
    NotifySettings, NotifyTarget, Origin, Owed, QuietHours, Service, Store, Target,
};
use prost::Message as _;

use crate::harness::{ALL, Harness, START_MS, TENANT, device, origin, refused};

/// A store that owes notifications.
async fn owing(h: Harness) -> Harness {
    let options = Options {
        notifications: true,
        notify_mutes: 2,
        ..h.options
    };
    h.reopen_with(options).await
}

fn target(address: &str) -> NotifyTarget {
    NotifyTarget {
        service: Service::Webhook,
        address: address.to_owned(),
        public_key: bytes::Bytes::new(),
        auth_secret: bytes::Bytes::new(),
    }
}

async fn ask(h: &Harness, of: Origin, change: NotifyChange) -> Option<ErrorCode> {
    let outcome = h.store.notify(of, change).await.unwrap();
    outcome.err().map(|refused| refused.code)
}

/// Logs the first device of a user in, and gives it an address.
async fn register(h: &Harness, user: UserId, address: &str) {
    let opened = h
        .store
        .open_device(TENANT, user, device(user), 2, "phone".to_owned());
    opened.await.unwrap();
    let change = NotifyChange::Target(Some(target(address)));
    assert_eq!(ask(h, origin(user), change).await, None);
}

async fn mute(h: &Harness, user: UserId, id: ConversationId, until_ms: u64, mentions: bool) {
    let change = NotifyChange::Mute(NotifyMute {
        conversation: id,
        until_ms,
        mentions,
    });
    assert_eq!(ask(h, origin(user), change).await, None);
}

/// What is due at a time, by any service.
async fn due_at(h: &Harness, now_ms: u64) -> Vec<Owed> {
    let mut all = Vec::new();
    for service in Service::ALL {
        let (due, _) = h.store.owed(TENANT, service, now_ms, ALL).await.unwrap();
        all.extend(due);
    }
    all
}

async fn due(h: &Harness) -> Vec<Owed> {
    due_at(h, START_MS).await
}

/// Users to whom something is owed, each as often as that.
async fn owed_to(h: &Harness) -> Vec<UserId> {
    let mut users: Vec<UserId> = due(h).await.iter().map(|owed| owed.key.user).collect();
    users.sort_unstable();
    users
}

async fn settle(h: &Harness, owed: &Owed, fate: Fate) {
    h.store
        .settle(TENANT, vec![(owed.clone(), fate)])
        .await
        .unwrap();
}

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

pub(crate) async fn a_message_owes_one_notification_for_a_device_and_conversation(h: Harness) {
    let h = owing(h).await;
    let [a, b, c] = h.users([1, 2, 3]).await;
    register(&h, a, "of a").await;
    register(&h, b, "of b").await;
    h.say(a, Target::Direct(c), "nobody hears this").await;
    assert_eq!(
        owed_to(&h).await,
        [],
        "no target, and the sender is told nothing"
    );
    let first = h.say(a, Target::Direct(b), "one").await;
    let owed = due(&h).await;
    assert_eq!(owed.len(), 1);
    assert_eq!((owed[0].key.user, owed[0].key.device), (b, device(b)));
    assert_eq!(owed[0].key.conversation, first.conversation);
    assert_eq!(
        (owed[0].conv_seq, owed[0].count, owed[0].attempts),
        (1, 1, 0)
    );
    assert_eq!(owed[0].target, Some(target("of b")));
    assert_eq!(owed[0].log_epoch, h.store.log_epoch());
    h.say(a, Target::Direct(b), "two").await;
    h.say(a, Target::Direct(b), "three").await;
    let group = h.create_group(a, &[b, c]).await;
    assert_eq!(
        owed_to(&h).await,
        [b],
        "what the server writes is no message"
    );
    h.say(c, Target::Conversation(group), "hello").await;
    assert_eq!(owed_to(&h).await, [a, b, b]);
    let h = h.reopen().await;
    let owed = due(&h).await;
    let direct = owed
        .iter()
        .find(|owed| owed.key.conversation == first.conversation);
    let direct = direct.unwrap();
    assert_eq!((direct.conv_seq, direct.count, direct.user_seq), (3, 3, 3));
    assert_eq!(
        h.store
            .owed_count(TENANT, Service::Webhook, ALL)
            .await
            .unwrap()
            .0,
        3
    );
    let h = h.reopen_with(Options::default()).await;
    h.say(a, Target::Direct(b), "nobody passes it on").await;
    let owed = due(&h).await;
    assert!(owed.iter().all(|owed| owed.conv_seq != 4));
}

pub(crate) async fn who_is_there_or_wants_quiet_is_owed_nothing(h: Harness) {
    let h = owing(h).await;
    let [a, b] = h.users([1, 2]).await;
    register(&h, b, "of b").await;
    let group = h.create_group(a, &[b]).await;
    h.sink.attend(&[device(b)]);
    h.say(a, Target::Conversation(group), "seen").await;
    assert_eq!(owed_to(&h).await, []);
    h.sink.attend(&[device(a)]);
    mute(&h, b, group, START_MS + 1, false).await;
    h.append(a, calling(&h, group, &[b], false)).await.unwrap();
    assert_eq!(owed_to(&h).await, []);
    mute(&h, b, group, START_MS + 1, true).await;
    h.say(a, Target::Conversation(group), "muted").await;
    assert_eq!(owed_to(&h).await, []);
    h.append(a, calling(&h, group, &[], true)).await.unwrap();
    let owed = due(&h).await;
    assert!(owed.len() == 1 && owed[0].mention && owed[0].count == 1);
    settle(&h, &owed[0], Fate::Over).await;
    // In quiet hours it is owed, but later. 2027-01-15T08:00 is when the clock starts.
    let quiet = NotifySettings {
        content: NotifyContent::None,
        quiet_hours: Some(QuietHours {
            from_minute: 7 * 60,
            to_minute: 9 * 60,
            offset_minutes: 0,
        }),
        quiet_until_ms: 0,
    };
    assert_eq!(
        ask(&h, origin(b), NotifyChange::Settings(quiet)).await,
        None
    );
    mute(&h, b, group, 0, false).await;
    h.say(a, Target::Conversation(group), "later").await;
    let hour = 3_600_000;
    assert_eq!(due_at(&h, START_MS + hour - 1).await, []);
    let owed = due_at(&h, START_MS + hour).await;
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].settings, quiet);
    let (_, next) = h
        .store
        .owed(TENANT, Service::Webhook, START_MS, ALL)
        .await
        .unwrap();
    assert_eq!(next, Some(START_MS + hour));
}

pub(crate) async fn large_groups_owe_those_who_are_named(h: Harness) {
    let h = owing(h).await;
    let options = Options {
        write_fanout_members: 2,
        ..h.options
    };
    let h = h.reopen_with(options).await;
    let [a, b, c, d] = h.users([1, 2, 3, 4]).await;
    for (user, address) in [(b, "of b"), (c, "of c"), (d, "of d")] {
        register(&h, user, address).await;
    }
    let group = h.create_group(a, &[b, c]).await;
    h.say(a, Target::Conversation(group), "all of you").await;
    h.append(a, calling(&h, group, &[], true)).await.unwrap();
    assert_eq!(owed_to(&h).await, []);
    h.append(a, calling(&h, group, &[a, c, d], false))
        .await
        .unwrap();
    let owed = due(&h).await;
    assert_eq!(owed.len(), 1);
    assert!(owed[0].key.user == c && owed[0].mention && owed[0].user_seq == 0);
}

pub(crate) async fn reading_and_writing_end_what_is_owed(h: Harness) {
    let h = owing(h).await;
    let [a, b] = h.users([1, 2]).await;
    register(&h, b, "of b").await;
    let id = h.say(a, Target::Direct(b), "one").await.conversation;
    h.say(a, Target::Direct(b), "two").await;
    let epoch = h.store.log_epoch();
    let read = |through| {
        let change = MarkChange {
            conversation: id,
            read: through,
            flag: FlagChange::Leave,
        };
        h.store.mark(origin(b), epoch, vec![change])
    };
    read(1).await.unwrap().unwrap();
    assert_eq!(owed_to(&h).await, [b], "the newest is not read");
    read(2).await.unwrap().unwrap();
    assert_eq!(owed_to(&h).await, []);
    assert_eq!(
        h.store
            .owed_count(TENANT, Service::Webhook, ALL)
            .await
            .unwrap(),
        (0, None)
    );
    h.say(a, Target::Direct(b), "three").await;
    assert_eq!(due(&h).await[0].count, 1, "counted from the mark on");
    h.say(b, Target::Direct(a), "I am here").await;
    assert_eq!(owed_to(&h).await, []);
}

pub(crate) async fn attempts_are_taken_down(h: Harness) {
    let h = owing(h).await;
    let [a, b] = h.users([1, 2]).await;
    register(&h, b, "of b").await;
    h.say(a, Target::Direct(b), "one").await;
    let owed = due(&h).await.remove(0);
    let later = |after, failed| Fate::Later {
        due_ms: START_MS + after,
        failed,
    };
    settle(&h, &owed, later(10, true)).await;
    assert_eq!(due(&h).await, []);
    let h = h.reopen().await;
    let again = due_at(&h, START_MS + 10).await.remove(0);
    assert_eq!((again.attempts, again.due_ms), (1, START_MS + 10));
    // A message does not make a service that fails be asked more often.
    h.say(a, Target::Direct(b), "two").await;
    assert_eq!(due(&h).await, []);
    let again = due_at(&h, START_MS + 10).await.remove(0);
    assert_eq!((again.conv_seq, again.count, again.attempts), (2, 2, 1));
    settle(&h, &again, later(20, false)).await;
    let again = due_at(&h, START_MS + 20).await.remove(0);
    assert_eq!(again.attempts, 1);
    settle(&h, &again, Fate::Over).await;
    settle(&h, &again, later(30, true)).await;
    assert_eq!(due_at(&h, u64::MAX).await, [], "over is over");
    // An address that is gone is forgotten, unless the device has another one by now.
    h.say(a, Target::Direct(b), "three").await;
    let gone = due(&h).await.remove(0);
    let change = NotifyChange::Target(Some(target("another")));
    assert_eq!(ask(&h, origin(b), change).await, None);
    settle(&h, &gone, Fate::Gone).await;
    let state = h
        .store
        .notify_state(TENANT, b, device(b), None, ALL)
        .await
        .unwrap();
    assert_eq!(state.target, Some(target("another")));
    h.say(a, Target::Direct(b), "four").await;
    let gone = due(&h).await.remove(0);
    settle(&h, &gone, Fate::Gone).await;
    let state = h
        .store
        .notify_state(TENANT, b, device(b), None, ALL)
        .await
        .unwrap();
    assert_eq!(state.target, None);
    h.say(a, Target::Direct(b), "five").await;
    assert_eq!(due(&h).await, []);
}

pub(crate) async fn what_came_meanwhile_stays_owed(h: Harness) {
    let h = owing(h).await;
    let [a, b] = h.users([1, 2]).await;
    register(&h, b, "of b").await;
    h.say(a, Target::Direct(b), "one").await;
    let under_way = due(&h).await.remove(0);
    h.say(a, Target::Direct(b), "two").await;
    h.say(a, Target::Direct(b), "three").await;
    settle(&h, &under_way, Fate::Over).await;
    let left = due(&h).await;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].conv_seq, left[0].count), (3, 2));
    settle(&h, &left[0], Fate::Over).await;
    assert_eq!(due(&h).await, []);
}

pub(crate) async fn an_address_belongs_to_one_device(h: Harness) {
    let h = owing(h).await;
    let [a, b, c] = h.users([1, 2, 3]).await;
    register(&h, a, "phone").await;
    h.say(c, Target::Direct(a), "for a").await;
    register(&h, b, "phone").await;
    h.say(c, Target::Direct(a), "for a, who has no phone").await;
    let owed = due(&h).await;
    assert!(owed.iter().all(|owed| owed.target.is_none()), "{owed:?}");
    h.say(c, Target::Direct(b), "for b").await;
    assert!(owed_to(&h).await.contains(&b));
    // The same address at another service is another one.
    let other = NotifyTarget {
        service: Service::Fcm,
        ..target("phone")
    };
    let change = NotifyChange::Target(Some(other.clone()));
    assert_eq!(ask(&h, origin(a), change).await, None);
    let state = |user| h.store.notify_state(TENANT, user, device(user), None, ALL);
    assert_eq!(state(a).await.unwrap().target, Some(other));
    assert_eq!(state(b).await.unwrap().target, Some(target("phone")));
    // What was owed by the service that the device had goes by the one that it has.
    let before = h
        .store
        .owed(TENANT, Service::Webhook, START_MS, ALL)
        .await
        .unwrap();
    let of_a = before.0.iter().find(|owed| owed.key.user == a).unwrap();
    let now = Fate::Later {
        due_ms: START_MS,
        failed: false,
    };
    settle(&h, of_a, now).await;
    let after = h
        .store
        .owed(TENANT, Service::Fcm, START_MS, ALL)
        .await
        .unwrap();
    assert_eq!(after.0.len(), 1);
    assert_eq!(after.0[0].key.user, a);
}

pub(crate) async fn settings_survive_and_mutes_are_bounded(h: Harness) {
    let h = owing(h).await;
    let [a, b, c] = h.users([1, 2, 3]).await;
    let change = NotifyChange::Target(Some(target("of a stranger")));
    assert_eq!(ask(&h, origin(a), change).await, Some(ErrorCode::NOT_FOUND));
    register(&h, a, "of a").await;
    let group = h.create_group(a, &[b]).await;
    let direct = h.say(a, Target::Direct(b), "x").await.conversation;
    let third = h.say(a, Target::Direct(c), "x").await.conversation;
    mute(&h, a, group, START_MS + 10, false).await;
    mute(&h, a, direct, START_MS + 20, true).await;
    let one_more = NotifyChange::Mute(NotifyMute {
        conversation: third,
        until_ms: u64::MAX,
        mentions: false,
    });
    let refused_code = ask(&h, origin(a), one_more.clone()).await;
    assert_eq!(refused_code, Some(ErrorCode::LIMIT_REACHED));
    let stranger = ask(
        &h,
        origin(c),
        NotifyChange::Mute(NotifyMute {
            conversation: group,
            until_ms: u64::MAX,
            mentions: false,
        }),
    );
    assert_eq!(stranger.await, Some(ErrorCode::NOT_FOUND));
    let settings = NotifySettings {
        content: NotifyContent::Preview,
        quiet_hours: None,
        quiet_until_ms: 7,
    };
    assert_eq!(
        ask(&h, origin(a), NotifyChange::Settings(settings)).await,
        None
    );
    let h = h.reopen().await;
    let state = h
        .store
        .notify_state(TENANT, a, device(a), None, ALL)
        .await
        .unwrap();
    assert_eq!(state.settings, settings);
    assert_eq!(state.target, Some(target("of a")));
    assert_eq!(state.mutes.len(), 2);
    assert!(state.mutes[0].conversation < state.mutes[1].conversation);
    let page = h
        .store
        .notify_state(TENANT, a, device(a), None, 1)
        .await
        .unwrap();
    assert!(page.more && page.mutes == state.mutes[..1]);
    let after = Some(page.mutes[0].conversation);
    let page = h
        .store
        .notify_state(TENANT, a, device(a), after, 1)
        .await
        .unwrap();
    assert!(!page.more && page.mutes == state.mutes[1..]);
    // What is over makes room.
    h.clock.set(START_MS + 10);
    assert_eq!(ask(&h, origin(a), one_more).await, None);
}

pub(crate) async fn logging_out_forgets_the_target(h: Harness) {
    let h = owing(h).await;
    let [a, b] = h.users([1, 2]).await;
    register(&h, a, "of a").await;
    let direct = h.say(a, Target::Direct(b), "x").await.conversation;
    mute(&h, a, direct, START_MS + 20, true).await;
    let other: DeviceId = h.fresh();
    let out = eim_server::store::LogOut {
        device: device(a),
        reason: eim_server::store::LogoutReason::User,
        asked: None,
    };
    h.store.log_out(TENANT, a, out).await.unwrap().unwrap();
    let state = h
        .store
        .notify_state(TENANT, a, other, None, ALL)
        .await
        .unwrap();
    assert_eq!((state.target, state.mutes.len()), (None, 1));
    let opened = h
        .store
        .open_device(TENANT, a, device(a), 2, "phone".to_owned());
    opened.await.unwrap();
    let state = h
        .store
        .notify_state(TENANT, a, device(a), None, ALL)
        .await
        .unwrap();
    assert_eq!(state.target, None);
    mute(&h, a, direct, 0, false).await;
    h.say(b, Target::Direct(a), "into the void").await;
    assert_eq!(due(&h).await, []);
    let outcome = h.store.notify(
        Origin {
            generation: Some(99),
            ..origin(a)
        },
        NotifyChange::Target(None),
    );
    assert_eq!(refused(outcome.await.unwrap()), ErrorCode::REPLACED);
}
