//! Bots, their tokens, and how far their webhooks were told.

use eim_codec::id::{DeviceId, UserId};
use eim_codec::registry::ErrorCode;
use eim_server::store::{
    Accounts, BOT_TOKENS, BotToken, BotWebhook, Bots, ClassLimits, Login, LogoutReason, Origin,
    People, Proof, Store, Target, TokenId,
};

use crate::harness::{Harness, START_MS, TENANT, account, origin, refused, user};

async fn bot(h: &Harness, number: u8) -> UserId {
    let created = h.store.create_bot(TENANT, account(number), None, None);
    created.await.unwrap().unwrap();
    user(number)
}

fn token(bot: UserId, number: u8, expires_ms: u64) -> BotToken {
    BotToken {
        hash: [number; 32],
        bot,
        note: format!("token {number}"),
        created_ms: START_MS,
        expires_ms,
    }
}

async fn add(h: &Harness, token: BotToken) -> Option<ErrorCode> {
    let added = h.store.add_bot_token(TENANT, token).await.unwrap();
    added.err().map(|refused| refused.code)
}

async fn log_in(h: &Harness, bot: UserId, device: u8, token: TokenId) -> Result<(), ErrorCode> {
    let login = Login {
        device: DeviceId::from([device; 16]),
        class: 5,
        name: "robot".to_owned(),
        proof: Proof::Bot(token),
        limits: ClassLimits::default(),
    };
    let opened = h.store.log_in(TENANT, bot, login).await.unwrap();
    opened.map(drop).map_err(|refused| refused.code)
}

fn hook(name: &str) -> BotWebhook {
    BotWebhook {
        url: format!("https://{name}.example/"),
        secret: name.to_owned(),
    }
}

pub(crate) async fn bots_are_users_that_say_so(h: Harness) {
    let [a] = h.users([1]).await;
    let robo = bot(&h, 2).await;
    let taken = h.store.create_bot(TENANT, account(2), None, None).await;
    assert_eq!(refused(taken.unwrap()), ErrorCode::ALREADY_EXISTS);
    let created = h
        .store
        .create_bot(TENANT, account(3), Some(a), Some(hook("three")));
    created.await.unwrap().unwrap();
    let h = h.reopen().await;
    let profile = |user| h.store.profile(TENANT, user);
    assert!(profile(robo).await.unwrap().unwrap().bot);
    assert!(!profile(a).await.unwrap().unwrap().bot);
    assert_eq!(h.store.bot(TENANT, a).await.unwrap(), None);
    let (first, more) = h.store.bots(TENANT, None, 1).await.unwrap();
    assert_eq!((first.len(), first[0].bot, more), (1, robo, true));
    let (rest, more) = h.store.bots(TENANT, Some(robo), 9).await.unwrap();
    assert_eq!((rest.len(), more), (1, false));
    assert_eq!((rest[0].bot, rest[0].owner), (user(3), Some(a)));
    assert_eq!(rest[0].webhook, Some(hook("three")));
}

pub(crate) async fn tokens_are_found_by_their_hash(h: Harness) {
    let [a] = h.users([1]).await;
    let robo = bot(&h, 2).await;
    assert_eq!(add(&h, token(a, 1, 0)).await, Some(ErrorCode::NOT_FOUND));
    assert_eq!(add(&h, token(robo, 1, 0)).await, None);
    assert_eq!(add(&h, token(robo, 2, START_MS + 5)).await, None);
    let h = h.reopen().await;
    let tokens = h.store.bot_tokens(TENANT, robo).await.unwrap();
    assert_eq!(tokens, [token(robo, 1, 0), token(robo, 2, START_MS + 5)]);
    let found = h.store.bot_token(TENANT, &[1; 32]).await.unwrap();
    assert_eq!(found, Some(token(robo, 1, 0)));
    // The first half of a hash is no hash.
    let mut half = [1; 32];
    half[31] = 0;
    assert_eq!(h.store.bot_token(TENANT, &half).await.unwrap(), None);
}

pub(crate) async fn tokens_of_a_bot_are_bounded(h: Harness) {
    let robo = bot(&h, 2).await;
    for number in 1..=16 {
        let ends = if number == 7 { START_MS } else { 0 };
        assert_eq!(add(&h, token(robo, number, ends)).await, None);
    }
    // One that is over makes room; nothing else does.
    assert_eq!(add(&h, token(robo, 20, 0)).await, None);
    let full = add(&h, token(robo, 21, 0)).await;
    assert_eq!(full, Some(ErrorCode::LIMIT_REACHED));
    let tokens = h.store.bot_tokens(TENANT, robo).await.unwrap();
    assert_eq!(tokens.len(), BOT_TOKENS);
    assert_eq!(h.store.bot_token(TENANT, &[7; 32]).await.unwrap(), None);
}

pub(crate) async fn a_token_takes_its_devices_along(h: Harness) {
    let [a] = h.users([1]).await;
    let robo = bot(&h, 2).await;
    let (one, other) = (token(robo, 101, 0), token(robo, 102, 0));
    add(&h, one.clone()).await;
    add(&h, other.clone()).await;
    log_in(&h, robo, 1, one.id()).await.unwrap();
    log_in(&h, robo, 2, one.id()).await.unwrap();
    log_in(&h, robo, 3, other.id()).await.unwrap();
    let foreign = log_in(&h, a, 4, one.id()).await;
    assert_eq!(foreign, Err(ErrorCode::AUTH_FAILED));
    let revoke = |token| h.store.revoke_bot_token(TENANT, robo, token);
    revoke(one.id()).await.unwrap().unwrap();
    let again = revoke(one.id()).await.unwrap();
    assert_eq!(refused(again), ErrorCode::NOT_FOUND);
    let out: Vec<_> = h.sink.logged_out().iter().map(|out| out.device).collect();
    assert!(out.contains(&[1; 16].into()) && out.contains(&[2; 16].into()));
    assert!(!out.contains(&[3; 16].into()));
    let h = h.reopen().await;
    let out = log_in(&h, robo, 1, one.id()).await;
    assert_eq!(out, Err(ErrorCode::AUTH_FAILED));
    // What comes by HTTP comes from a device named as the token.
    for (device, works) in [(1, false), (2, false), (3, true), (101, false), (102, true)] {
        let from = Origin {
            device: [device; 16].into(),
            ..origin(robo)
        };
        let append = h.text(Target::Direct(a), "beep");
        let outcomes = h.store.append(from, vec![append]).await.unwrap();
        match works {
            true => drop(outcomes[0].clone().unwrap()),
            false => assert_eq!(refused(outcomes[0].clone()), ErrorCode::LOGGED_OUT),
        }
    }
    let record = h.store.device(TENANT, robo, [1; 16].into()).await.unwrap();
    assert_eq!(record.unwrap().logged_out, Some(LogoutReason::Operator));
    // The device may come back with the other one.
    log_in(&h, robo, 1, other.id()).await.unwrap();
}

pub(crate) async fn what_a_webhook_was_told_is_kept(h: Harness) {
    let [a] = h.users([1]).await;
    let robo = bot(&h, 2).await;
    for number in 0..3 {
        h.say(a, Target::Direct(robo), &number.to_string()).await;
    }
    // A webhook that comes later begins with what comes then.
    let set = h
        .store
        .set_bot_webhook(TENANT, robo, Some(hook("two")))
        .await;
    set.unwrap().unwrap();
    let told = |h: &Harness| {
        let store = std::sync::Arc::clone(&h.store);
        async move { store.bot(TENANT, robo).await.unwrap().unwrap().told }
    };
    assert_eq!(told(&h).await, 3);
    let epoch = h.store.log_epoch();
    for (user_seq, expected) in [(5, 5), (4, 5)] {
        let store = &h.store;
        store.bot_told(TENANT, robo, epoch, user_seq).await.unwrap();
        assert_eq!(told(&h).await, expected);
    }
    let h = h.reopen().await;
    assert_eq!(told(&h).await, 5);
    // Another address is told from there.
    let set = h.store.set_bot_webhook(TENANT, robo, Some(hook("new")));
    set.await.unwrap().unwrap();
    assert_eq!(told(&h).await, 5);
    h.store.bot_told(TENANT, robo, epoch + 1, 2).await.unwrap();
    assert_eq!(told(&h).await, 2, "numbers of another epoch");
    let none = h.store.set_bot_webhook(TENANT, a, None).await.unwrap();
    assert_eq!(refused(none), ErrorCode::NOT_FOUND);
}
