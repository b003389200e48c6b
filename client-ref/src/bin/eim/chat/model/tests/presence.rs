//! Who is here, and who writes.

use eim_client::Presence;
use eim_codec::payload::PresenceState;

use super::*;

fn presence(user: u8, state: PresenceState, status: &str) -> Presence {
    Presence {
        user: [user; 16].into(),
        state,
        status: status.to_owned(),
        last_seen_ms: 61_000,
    }
}

#[test]
fn peers_are_watched_once_and_shown() {
    let mut model = model();
    let direct = ConversationId::from([5; 16]);
    model.open_direct(direct, [2; 16].into());
    assert_eq!(model.take_unwatched(), [UserId::from([2; 16])]);
    assert!(model.take_unwatched().is_empty());
    for (state, status, expected) in [
        (
            PresenceState::Online,
            "in the harbour",
            ["● bob", "bob · online · in the harbour"],
        ),
        (PresenceState::Away, "", ["◐ bob", "bob · away"]),
        (
            PresenceState::Offline,
            "",
            ["bob", "bob · last seen 00:01:01"],
        ),
    ] {
        model.presence(vec![presence(2, state, status)]);
        let screen = screen(&model, 80, 24);
        for expected in expected {
            assert!(screen.contains(expected), "{expected} in\n{screen}");
        }
    }
}

#[test]
fn who_writes_is_shown_and_told() {
    let mut model = model();
    let work = ConversationId::from([7; 16]);
    model.typing(work, [2; 16].into(), true);
    model.typing([8; 16].into(), [3; 16].into(), true);
    assert!(screen(&model, 80, 24).contains("bob is typing…"));
    model.typing(work, [9; 16].into(), true);
    assert_eq!(model.typists().unwrap(), "bob, 09090909 are typing…");
    model.typing(work, [2; 16].into(), false);
    model.typing(work, [9; 16].into(), false);
    assert_eq!(model.typists(), None);
    model.typing(work, [2; 16].into(), true);
    model.presence(vec![presence(2, PresenceState::Offline, "")]);
    assert_eq!(model.typists(), None, "gone");
    assert_eq!(model.writes_to(), None);
    type_text(&mut model, "hel");
    assert_eq!(model.writes_to(), Some(work));
    model.key(key(KeyCode::Enter));
    assert_eq!(model.writes_to(), None);
    type_text(&mut model, "/find");
    assert_eq!(model.writes_to(), None, "a command is no message");
}
