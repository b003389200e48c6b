//! Chapter 40: what is wrong with a `Send` that parses, and with bodies.

use super::protobuf::{Values, read};
use super::registry::{TYPES, limit};

/// The results that a `Send` in a frame of this type may be answered with; none when it is fine. The
/// specification sets no order among them.
pub(crate) fn send_faults(frame_type: u8, octets: &[u8]) -> Vec<&'static str> {
    let send = read("eim.v1.Send", octets).expect("a Send");
    let mut faults = Vec::new();
    let target = [1, 2].into_iter().find_map(|number| send.octets(number));
    if target.is_none_or(|target| target.len() != 16) {
        faults.push("INVALID_MESSAGE");
    }
    if send.octets(3).is_none_or(|key| key.len() != 16) {
        faults.push("INVALID_MESSAGE");
    }
    if send.is_there(8) {
        faults.push("UNSUPPORTED");
    }
    if !are_blobs(&send.list(9), frame_type) {
        faults.push("INVALID_MESSAGE");
    }
    let body = send.octets(6).unwrap_or_default();
    let fallback = send.octets(7).unwrap_or_default();
    if body.len() as u64 > limit("message_octets") {
        faults.push("MESSAGE_TOO_LARGE");
    }
    if frame_type == 0x20 {
        faults.extend(text_fault(&body));
    }
    if let Some(known) = TYPES.get(&frame_type)
        && (body.len() + fallback.len()) as u64 > known.max_octets - 256
    {
        faults.push("MESSAGE_TOO_LARGE");
    }
    faults
}

/// Whether a message of this type may refer to these blobs: EIM-BLB-029.
fn are_blobs(blobs: &[&[u8]], frame_type: u8) -> bool {
    let twice = |(place, blob): (usize, &&[u8])| blobs[..place].contains(blob);
    blobs.is_empty()
        || (0x20..0x40).contains(&frame_type)
            && blobs.len() as u64 <= limit("message_blobs")
            && blobs.iter().all(|blob| blob.len() == 16)
            && !blobs.iter().enumerate().any(twice)
}

/// What is wrong with the body of a TEXT.
pub(crate) fn text_fault(body: &[u8]) -> Option<&'static str> {
    let Some(body) = read("eim.v1.TextBody", body) else {
        return Some("INVALID_MESSAGE");
    };
    let text = body.octets(1).unwrap_or_default();
    (text.len() as u64 > limit("text_octets")).then_some("MESSAGE_TOO_LARGE")
}

/// Whether a location is on the globe.
pub(crate) fn on_globe(location: &Values) -> bool {
    let inside = |number, most: f64| (-most..=most).contains(&location.double(number));
    inside(1, 90.0) && inside(2, 180.0)
}

/// Whether a namespace is a reversed domain name: EIM-MSG-071.
pub(crate) fn is_namespace(name: &[u8]) -> bool {
    let labels: Vec<&[u8]> = name.split(|octet| *octet == b'.').collect();
    let good = |label: &&[u8]| {
        let hyphen = |octet: Option<&u8>| octet == Some(&b'-');
        (1..=63).contains(&label.len())
            && !hyphen(label.first())
            && !hyphen(label.last())
            && label
                .iter()
                .all(|octet| matches!(octet, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-'))
    };
    name.len() <= 253 && labels.len() >= 2 && labels.iter().all(good)
}
