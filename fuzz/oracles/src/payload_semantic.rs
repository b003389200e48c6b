//! Protobuf payloads and the checks beyond Protobuf: a reader of its own agrees on what is a message
//! and what it says; writing and reading again changes nothing; fields nobody knows change nothing.

use bytes::Bytes;
use eim_codec::payload::{
    Auth, CheckedSend, CustomBody, Entry, Error, ErrorScope, LocationBody, Send, TextBody,
};
use eim_codec::registry::{FrameType, limits};
use prost::Message;

use crate::messages::MESSAGES;
use crate::naive::protobuf::{self, Values, read};
use crate::naive::values;

/// Fields of every wire type with numbers that no message has: of 15 octets in a group and alone.
const UNKNOWN: &[&[u8]] = &[
    &[0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x80, 0x01],
    &[0xF9, 0xFF, 0xFF, 0xFF, 0x0F, 1, 2, 3, 4, 5, 6, 7, 8],
    &[0xFA, 0xFF, 0xFF, 0xFF, 0x0F, 2, 0xC3, 0x28],
    &[
        0xFB, 0xFF, 0xFF, 0xFF, 0x0F, 0x08, 1, 0xFC, 0xFF, 0xFF, 0xFF, 0x0F,
    ],
    &[0xFD, 0xFF, 0xFF, 0xFF, 0x0F, 1, 2, 3, 4],
];

/// Input: which message, the type of the frame it came in, then octets.
pub fn run(input: &[u8]) {
    let [which, frame_type, octets @ ..] = input else {
        return;
    };
    let (name, again) = MESSAGES[usize::from(*which) % MESSAGES.len()];
    let octets = Bytes::copy_from_slice(octets);
    let ours = again(octets.clone());
    let theirs = protobuf::canonical(name, &octets);
    assert_eq!(ours, theirs, "{name}, read by itself");
    let Some(canonical) = ours else { return };

    let canonical = Bytes::from(canonical);
    assert_eq!(
        again(canonical.clone()).as_ref(),
        Some(&canonical.to_vec()),
        "{name}, again"
    );
    for unknown in UNKNOWN {
        let behind = [&octets, *unknown].concat();
        let before = [*unknown, &octets].concat();
        for with in [behind, before] {
            let read = again(Bytes::from(with));
            assert_eq!(read.as_ref(), Some(&canonical.to_vec()), "{name}, and more");
        }
    }
    let values = read(name, &octets).expect("it was read before");
    typed(name, FrameType(*frame_type), &octets, &values);
}

fn parsed<M: Message + Default>(octets: &Bytes) -> M {
    M::decode(octets.clone()).expect("it was read before")
}

/// The checks that a type has beyond Protobuf.
fn typed(name: &str, frame_type: FrameType, octets: &Bytes, values: &Values) {
    match name {
        "eim.v1.Send" => send(frame_type, octets),
        "eim.v1.TextBody" => {
            let fault = TextBody::check(octets)
                .err()
                .map(|fault| fault.code().name());
            assert_eq!(fault, values::text_fault(octets).map(Some));
        }
        "eim.v1.LocationBody" => {
            let location: LocationBody = parsed(octets);
            let label = values.octets(3).unwrap_or_default().len();
            let fits = label <= limits::CAPTION_OCTETS.default as usize;
            assert_eq!(location.check().is_ok(), values::on_globe(values) && fits);
        }
        "eim.v1.CustomBody" => {
            let custom: CustomBody = parsed(octets);
            let namespace = values.octets(1).unwrap_or_default();
            assert_eq!(custom.check().is_ok(), values::is_namespace(&namespace));
        }
        "eim.v1.Auth" => {
            let auth: Auth = parsed(octets);
            let mode = auth.attach_mode().map(|mode| mode as i32 as u64);
            assert_eq!(mode, Some(values.number(5)).filter(|mode| *mode <= 1));
        }
        "eim.v1.Error" => {
            let error: Error = parsed(octets);
            let session = error.effective_scope() == ErrorScope::Session;
            assert_eq!(
                session,
                values.number(2) == 2,
                "what is not the session is the connection"
            );
        }
        "eim.v1.Entry" => entry(&parsed(octets), values),
        _ => {}
    }
}

fn send(frame_type: FrameType, octets: &Bytes) {
    let send: Send = parsed(octets);
    let faults = values::send_faults(frame_type.0, octets);
    match CheckedSend::new(frame_type, send.clone()) {
        Ok(checked) => {
            assert!(faults.is_empty(), "{faults:?} are overlooked");
            assert_eq!(checked.body, send.body, "the body as it was sent");
            assert_eq!(checked.fallback_text, send.fallback_text);
            assert_eq!(checked.client_msg_id.as_bytes(), &send.client_msg_id[..]);
            assert_eq!(send.target, Some(checked.target.into()));
        }
        Err(fault) => {
            let code = fault.code().name().expect("a registered code");
            assert!(faults.contains(&code), "{code}, and not one of {faults:?}");
        }
    }
}

fn entry(entry: &Entry, values: &Values) {
    let octets = |number| values.octets(number).unwrap_or_default();
    let is_id = |octets: Vec<u8>| octets.len() == 16;
    assert_eq!(entry.conversation_id().is_ok(), is_id(octets(1)));
    for (read, number) in [
        (entry.sender_id().map(|id| id.is_some()), 5),
        (entry.sender_device_id().map(|id| id.is_some()), 6),
        (entry.client_msg_id().map(|id| id.is_some()), 7),
    ] {
        let there = octets(number);
        let expected = (there.is_empty() || there.len() == 16).then_some(!there.is_empty());
        assert_eq!(read.ok(), expected, "field {number}");
    }
    let frame_type = entry.frame_type().map(|it| u64::from(it.0));
    assert_eq!(frame_type, Some(values.number(4)).filter(|it| *it <= 255));
}
