//! Names are read from the keys that the store makes.

use super::super::keys::{self, Act, ActKey};
use super::*;
use crate::store::DepartmentId;

const USER: [u8; 16] = [1; 16];
const CONVERSATION: [u8; 16] = [2; 16];

/// Keys with the names that they were made of.
type Made = Vec<(Space, Vec<u8>, Name)>;

fn of_logs(at: TenantId) -> Made {
    let (user, conversation) = (UserId::from(USER), ConversationId::from(CONVERSATION));
    let act = |act| ActKey {
        tenant: at,
        user,
        act,
        id: [5; 16],
    };
    let key = keys::log(at, conversation, 7).to_vec();
    let chunk = keys::timeline(at, user, 8).to_vec();
    let message = act(Act::Message).key().to_vec();
    let request = act(Act::Request).key().to_vec();
    vec![
        (Space::Log, key, Name::Entry(conversation, 7)),
        (Space::Timeline, chunk, Name::Chunk(user, 8)),
        (Space::Idempotency, message, Name::Message(user, [5; 16])),
        (Space::Idempotency, request, Name::Request(user, [5; 16])),
    ]
}

fn of_state(at: TenantId) -> Made {
    let (user, conversation) = (UserId::from(USER), ConversationId::from(CONVERSATION));
    let (device, session) = (DeviceId::from([3; 16]), SessionId::from([4; 16]));
    let made = [
        (
            keys::member(at, conversation, user),
            Name::Member(conversation, user),
        ),
        (
            keys::membership(at, user, conversation),
            Name::Membership(user, conversation),
        ),
        (keys::device(at, user, device), Name::Device(user, device)),
        (keys::cursor(at, user, device), Name::Cursor(user, device)),
        (keys::session(at, session), Name::Session(session)),
        (keys::floor(at, user), Name::Floor(user)),
        (
            keys::modified(at, conversation, 9),
            Name::Modified(conversation, 9),
        ),
        (
            keys::user_reactions(at, conversation, 9, user),
            Name::UserReactions(conversation, 9, user),
        ),
        (keys::pins(at, conversation), Name::Pins(conversation)),
        (
            keys::mark(at, user, conversation),
            Name::Mark(user, conversation),
        ),
        (keys::blob(at, [6; 16].into()), Name::Blob([6; 16].into())),
        (
            keys::reference(at, conversation, 9, [6; 16].into()),
            Name::Reference(conversation, 9, [6; 16].into()),
        ),
        (
            keys::announcement(at, conversation),
            Name::Announcement(conversation),
        ),
        (
            keys::invitation(at, conversation, &[6; 16]),
            Name::Invitation(conversation, [6; 16]),
        ),
        (
            keys::waiting(at, conversation, user),
            Name::Waiting(conversation, user),
        ),
        (
            keys::member_change(at, conversation, 9, user),
            Name::MemberChange(conversation, 9, user),
        ),
        (keys::profile(at, user), Name::Profile(user)),
        (keys::profile_version(at, 9), Name::ProfileVersion(9)),
        (keys::profile_head(at), Name::Index),
        (
            keys::department_group(at, DepartmentId([7; 16])),
            Name::Index,
        ),
        (
            keys::mention(at, user, conversation, 9),
            Name::Mention(user, conversation, 9),
        ),
    ];
    let name = (Space::State, keys::user_name(at, b"ada"), Name::Index);
    made.into_iter()
        .map(|(key, name)| (Space::State, key.to_vec(), name))
        .chain([name])
        .collect()
}

#[test]
fn names_are_those_that_the_keys_were_made_of() {
    for at in [0, 254, 255, u32::MAX].map(TenantId) {
        for (space, key, expected) in of_logs(at).into_iter().chain(of_state(at)) {
            assert_eq!(name(space, &key).unwrap(), (at, expected));
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for (space, key) in [
        (Space::Log, &[][..]),
        (Space::Log, &[0; 10]),
        (Space::Log, &[0; 40]),
        (Space::State, &[0, 200]),
        (Space::Idempotency, &[9; 34]),
    ] {
        assert!(name(space, key).is_err(), "{space:?} {key:?}");
    }
}
