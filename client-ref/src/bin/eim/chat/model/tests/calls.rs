//! Who rings, who takes part, who was missed.

use eim_client::CallSignal;
use eim_codec::id::{CallId, DeviceId};
use eim_codec::payload::{CallEnd, CallSignalKind as Kind};

use super::*;

const HERE: [u8; 16] = [0xD1; 16];
const OTHER_DEVICE: [u8; 16] = [0xD2; 16];

fn call() -> CallId {
    [0xCA; 16].into()
}

fn signal(kind: Kind, from: Option<(u8, [u8; 16])>, time_ms: u64) -> CallSignal {
    CallSignal {
        call: call(),
        call_seq: 1,
        kind,
        from: from.map(|(user, device)| ([user; 16].into(), DeviceId::from(device))),
        time_ms,
        body: Bytes::new(),
        reason: CallEnd::Unspecified,
        conversation: (kind == Kind::Offer).then(|| [5; 16].into()),
    }
}

fn end(reason: CallEnd) -> CallSignal {
    CallSignal {
        reason,
        ..signal(Kind::End, None, 9000)
    }
}

/// A direct conversation with bob stands beside "work".
fn with_bob() -> Model {
    let mut model = model();
    model.device(HERE.into());
    model.open_direct([5; 16].into(), [2; 16].into());
    model.select([7; 16].into());
    model
}

fn ringing() -> Model {
    let mut model = with_bob();
    let rings = model.signal(&signal(Kind::Offer, Some((2, OTHER_DEVICE)), 5000));
    assert_eq!(rings, Some(call()), "the caller is told");
    model
}

fn control(model: &mut Model, letter: char) -> Vec<Action> {
    model.key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
}

fn shows(model: &Model, expected: &str) {
    let screen = screen(model, 80, 24);
    assert!(screen.contains(expected), "{expected} in\n{screen}");
}

fn shows_no_call(model: &Model) {
    let screen = screen(model, 80, 24);
    assert!(!screen.contains('☎'), "{screen}");
    assert!(screen.contains("Ctrl-C quit"), "{screen}");
}

#[test]
fn a_call_rings_whatever_is_open_and_is_answered() {
    let mut model = ringing();
    let line = "☎ bob calls · Ctrl-A answers  Ctrl-X declines";
    shows(&model, line);
    model.key(key(KeyCode::F(5)));
    shows(&model, line);
    model.key(key(KeyCode::Esc));
    assert_eq!(
        control(&mut model, 'a'),
        [Action::Signal(call(), Kind::Answer)]
    );
    shows(&model, line);
    model.signalled(call(), Kind::Answer, 6000);
    shows(
        &model,
        "☎ in a call with bob since 00:00:06 · Ctrl-X hangs up",
    );
    // The own signal, read again later, changes nothing.
    model.signal(&signal(Kind::Answer, Some((1, HERE)), 6000));
    assert_eq!(
        control(&mut model, 'x'),
        [Action::Signal(call(), Kind::Hangup)]
    );
    model.signalled(call(), Kind::Hangup, 7000);
    model.signal(&end(CallEnd::Hangup));
    shows_no_call(&model);
}

#[test]
fn a_call_is_declined() {
    let mut model = ringing();
    assert_eq!(
        control(&mut model, 'x'),
        [Action::Signal(call(), Kind::Decline)]
    );
    model.signalled(call(), Kind::Decline, 6000);
    model.signal(&end(CallEnd::Declined));
    shows_no_call(&model);
    assert!(control(&mut model, 'a').is_empty());
    shows(&model, "nobody calls");
    assert!(control(&mut model, 'x').is_empty());
    shows(&model, "there is no call");
}

// test[EIM-CAL-027]
#[test]
fn another_device_answers_or_declines() {
    let mut model = ringing();
    model.signal(&signal(Kind::Answer, Some((1, OTHER_DEVICE)), 6000));
    shows(&model, "answered on another device");
    shows(&model, "☎ a call with bob is on another device");
    assert!(control(&mut model, 'a').is_empty(), "it does not ring here");
    model.signal(&end(CallEnd::Hangup));
    shows_no_call(&model);
    let mut model = ringing();
    model.signal(&signal(Kind::Decline, Some((1, OTHER_DEVICE)), 6000));
    shows(&model, "declined on another device");
    model.signal(&end(CallEnd::Declined));
    shows_no_call(&model);
}

#[test]
fn a_missed_call_is_shown_until_somebody_looks() {
    for reason in [CallEnd::Cancelled, CallEnd::NoAnswer] {
        let mut model = ringing();
        model.signal(&end(reason));
        shows(&model, "missed call: bob 00:00:05");
        shows(&model, "bob ☎");
        model.key(key(KeyCode::Left));
        shows(&model, "missed call: bob 00:00:05");
        model.signal(&signal(Kind::Offer, Some((2, OTHER_DEVICE)), 8000));
        model.signal(&end(reason));
        shows(&model, "2 missed calls, last: bob 00:00:08");
        model.select([5; 16].into());
        model.key(key(KeyCode::Left));
        shows_no_call(&model);
    }
}

#[test]
fn this_device_calls() {
    let mut model = with_bob();
    model.select([5; 16].into());
    type_text(&mut model, "/call");
    let asked = model.key(key(KeyCode::Enter));
    assert_eq!(asked, [Action::Call([5; 16].into())]);
    model.called(call(), [5; 16].into(), 5000);
    shows(&model, "☎ calling bob since 00:00:05 · Ctrl-X hangs up");
    assert_eq!(
        model.signal(&signal(Kind::Offer, Some((1, HERE)), 5000)),
        None
    );
    model.signal(&signal(Kind::Ringing, Some((2, OTHER_DEVICE)), 5500));
    model.signal(&signal(Kind::Answer, Some((2, OTHER_DEVICE)), 6000));
    shows(&model, "bob answers");
    shows(
        &model,
        "☎ in a call with bob since 00:00:06 · Ctrl-X hangs up",
    );
    model.signal(&end(CallEnd::Hangup));
    shows(&model, "the call with bob is over");
    for (reason, said) in [
        (CallEnd::NoAnswer, "nobody answers"),
        (CallEnd::Declined, "the call is declined"),
    ] {
        model.called(call(), [5; 16].into(), 5000);
        model.signal(&end(reason));
        shows(&model, said);
        shows_no_call(&model);
    }
    model.called(call(), [5; 16].into(), 5000);
    model.call_gone(call());
    shows_no_call(&model);
}

#[test]
fn a_call_of_a_group_names_it() {
    let mut model = with_bob();
    let offer = CallSignal {
        conversation: Some([8; 16].into()),
        ..signal(Kind::Offer, Some((2, OTHER_DEVICE)), 5000)
    };
    model.signal(&offer);
    shows(&model, "☎ bob calls tea · Ctrl-A answers  Ctrl-X declines");
    // Somebody else of the group takes it: it rings on.
    model.signal(&signal(Kind::Answer, Some((3, OTHER_DEVICE)), 6000));
    shows(&model, "☎ bob calls tea");
    model.signalled(call(), Kind::Answer, 7000);
    shows(&model, "☎ in a call with bob");
}
