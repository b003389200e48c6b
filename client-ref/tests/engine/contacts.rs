//! Contacts and profiles: how they are asked for, and how lists are kept.

use eim_client::{ContactList, Profiles};
use eim_codec::id::RequestId;
use eim_codec::payload::{
    Contact, ContactChangeResponse, ContactState, ContactsResponse, Profile, ProfilesResponse,
    request, response,
};
use eim_codec::registry::ErrorCode;

use crate::peer::{BOB, EPOCH, World};

fn listed(user: u8, version: u64) -> Contact {
    Contact {
        user: vec![user; 16].into(),
        state: ContactState::Contact.into(),
        version,
        ..Contact::default()
    }
}

fn page(log_epoch: u64, contacts: Vec<Contact>, more: bool) -> response::Body {
    response::Body::Contacts(ContactsResponse {
        log_epoch,
        contacts,
        more,
    })
}

// test[EIM-CTC-011]
#[tokio::test(start_paused = true)]
async fn each_change_has_a_new_request_id() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move {
        for _ in 0..3 {
            client.contact_request(BOB.into(), "hello").await.unwrap();
        }
    });
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let request = peer.request().await;
        assert!(matches!(
            request.body,
            Some(request::Body::ContactRequest(_))
        ));
        let id = RequestId::from_slice(&request.request_id).unwrap();
        assert_eq!(id.as_bytes()[6] >> 4, 7, "a UUIDv7");
        assert_eq!(id.as_bytes()[8] >> 6, 2, "of RFC 9562");
        assert!(ids.insert(id));
        let changed = ContactChangeResponse {
            log_epoch: EPOCH,
            conv_seq: 1,
            time_ms: 1,
        };
        peer.respond(&request, response::Body::ContactChange(changed));
    }
    peer.until(asking).await;
}

// test[EIM-CTC-029]
#[tokio::test(start_paused = true)]
async fn a_list_goes_on_where_it_was_and_begins_anew_when_that_is_too_old() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move {
        let mut list = ContactList::default();
        for _ in 0..3 {
            client.contacts(&mut list).await.unwrap();
        }
        list
    });
    let mut seen = Vec::new();
    for answer in [
        Some(page(EPOCH, vec![listed(3, 4)], true)),
        Some(page(EPOCH, vec![listed(4, 6)], false)),
        Some(page(EPOCH, vec![], false)),
        None,
        Some(page(EPOCH + 1, vec![listed(5, 2)], false)),
    ] {
        let request = peer.request().await;
        let Some(request::Body::Contacts(asked)) = &request.body else {
            panic!("CONTACTS, not {request:?}");
        };
        seen.push((asked.log_epoch, asked.version));
        match answer {
            Some(body) => peer.respond(&request, body),
            None => peer.refuse(&request, ErrorCode::TOO_OLD),
        }
    }
    let list = peer.until(asking).await;
    assert_eq!(seen, [(0, 0), (EPOCH, 4), (EPOCH, 6), (EPOCH, 6), (0, 0)]);
    let users: Vec<_> = list.iter().map(|contact| contact.user).collect();
    assert_eq!(users, [[5; 16].into()], "what was known before is gone");
}

// test[EIM-DIR-005]
#[tokio::test(start_paused = true)]
async fn profiles_go_on_where_they_were_and_begin_anew_when_that_is_too_old() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move {
        let mut profiles = Profiles::default();
        for _ in 0..2 {
            client.profiles(&mut profiles).await.unwrap();
        }
        profiles
    });
    let profile = |user: u8, version| Profile {
        user: vec![user; 16].into(),
        version,
        ..Profile::default()
    };
    let page = |log_epoch, profiles, version, more| {
        Some(response::Body::Profiles(ProfilesResponse {
            log_epoch,
            profiles,
            more,
            version,
        }))
    };
    let mut seen = Vec::new();
    for answer in [
        page(EPOCH, vec![profile(3, 4)], 6, true),
        page(EPOCH, vec![], 9, false),
        None,
        page(EPOCH + 1, vec![profile(5, 2)], 2, false),
    ] {
        let request = peer.request().await;
        let Some(request::Body::Profiles(asked)) = &request.body else {
            panic!("PROFILES, not {request:?}");
        };
        seen.push((asked.log_epoch, asked.version));
        match answer {
            Some(body) => peer.respond(&request, body),
            None => peer.refuse(&request, ErrorCode::TOO_OLD),
        }
    }
    let profiles = peer.until(asking).await;
    assert_eq!(seen, [(0, 0), (EPOCH, 6), (EPOCH, 9), (0, 0)]);
    assert_eq!(profiles.iter().collect::<Vec<_>>(), [&profile(5, 2)]);
}
