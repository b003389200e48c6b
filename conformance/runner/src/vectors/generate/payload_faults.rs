//! Every field of every payload, in ways in which it may not be written.

use super::draft::{Wire, case, decode, rejected};
use super::payload_fields::id;
use super::protobuf::{
    END, GROUP, I32, I64, LEN, Place, Shape, VARINT, long_varint, number, octets, places, tag,
};
use super::rules::Rules;
use crate::vectors::model::{Case, Depth};

/// Octets that are no UTF-8.
const NOT_TEXT: [(&str, &[u8]); 12] = [
    ("continuation", &[0x80]),
    ("surrogate", &[0xed, 0xa0, 0x80]),
    ("overlong-nul", &[0xc0, 0x80]),
    ("overlong-slash", &[0xc1, 0xaf]),
    ("overlong-three", &[0xe0, 0x9f, 0xbf]),
    ("overlong-four", &[0xf0, 0x8f, 0xbf, 0xbf]),
    ("surrogate-last", &[0xed, 0xbf, 0xbf]),
    ("surrogate-pair", &[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]),
    ("above-unicode", &[0xf4, 0x90, 0x80, 0x80]),
    ("five-octets", &[0xf8, 0x88, 0x80, 0x80, 0x80]),
    ("truncated-text", &[b'a', 0xe2, 0x82]),
    ("utf16", &[0xff, 0xfe, 0x61, 0x00]),
];

/// Fields of what frames carry, other than requests and responses.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    of(rules, |place| place.around.is_empty() && !asks(place))
}

/// Fields of requests and responses.
pub(super) fn requests(rules: &Rules) -> Result<Vec<Case>, String> {
    of(rules, |place| place.around.is_empty() && asks(place))
}

fn asks(place: &Place) -> bool {
    place.name.starts_with("Request.") || place.name.starts_with("Response.")
}

/// Fields of embedded messages.
pub(super) fn embedded(rules: &Rules) -> Result<Vec<Case>, String> {
    of(rules, |place| !place.around.is_empty())
}

fn of(rules: &Rules, which: fn(&Place) -> bool) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for place in places(rules)?.into_iter().filter(which) {
        let mut add = |class: &str, req: &str, inside: &[u8]| {
            cases.push(faulty(rules, &place, class, req, inside));
        };
        if !place.around.is_empty() {
            nested(&place, &mut add);
            continue;
        }
        wire_types(&place, &mut add);
        endings(&place, &mut add);
        match place.shape {
            Shape::Text => not_text(&place, &mut add),
            Shape::Message => inside(&place, &mut add),
            Shape::Bytes => {}
            _ => numbers(&place, &mut add),
        }
    }
    Ok(cases)
}

fn faulty(rules: &Rules, place: &Place, class: &str, req: &str, inside: &[u8]) -> Case {
    let frame = Wire::of(rules, place.frame).with(&place.wrap(inside));
    let expect = rejected(Vec::new(), "MALFORMED_PAYLOAD", None);
    let test = decode(Depth::Message, frame.parts(), expect);
    let field = id(&place.name);
    let desc = format!("{}: {class}", place.name);
    case(
        format!("pay-{field}-bad-{class}"),
        &[req, "EIM-FRM-029"],
        (&place.name, class),
        desc,
        test,
    )
    .config(&place.config)
    .near(format!("pay-{field}-typical"))
}

type Add<'a> = dyn FnMut(&str, &str, &[u8]) + 'a;

/// Fields of embedded messages: what is most often overlooked.
fn nested(place: &Place, add: &mut Add<'_>) {
    let field = place.number();
    if place.is_number() {
        add(
            "wire-type-5",
            "EIM-CNV-006",
            &[tag(field, I32), vec![1, 2, 3, 4]].concat(),
        );
        add(
            "in-number",
            "EIM-CNV-005",
            &[tag(field, VARINT), vec![0x81]].concat(),
        );
        return;
    }
    add("wire-type-0", "EIM-CNV-006", &number(field, 1));
    add(
        "length-limit-plus-1",
        "EIM-CNV-005",
        &[tag(field, LEN), vec![3, 0x12, 0x00]].concat(),
    );
    if place.shape == Shape::Text {
        add(
            "surrogate",
            "EIM-CNV-007",
            &octets(field, &[0xed, 0xa0, 0x80]),
        );
    }
}

/// The field with each wire type that it does not allow.
fn wire_types(place: &Place, add: &mut Add<'_>) {
    let field = place.number();
    let eight = [tag(field, I64), vec![1, 2, 3, 4, 5, 6, 7, 8]].concat();
    let four = [tag(field, I32), vec![1, 2, 3, 4]].concat();
    let group = [tag(field, GROUP), tag(field, END)].concat();
    let req = "EIM-CNV-006";
    add("wire-type-1", req, &eight);
    add("wire-type-3", req, &group);
    if !place.is_number() {
        add("wire-type-0", req, &number(field, 1));
    } else if !place.is_repeated() {
        add("wire-type-2", req, &octets(field, &[1]));
    }
    // Behind a good occurrence: one fault is enough.
    let later = [place.typical(), four].concat();
    add("wire-type-5-later", req, &later);
}

/// Ends inside the field.
fn endings(place: &Place, add: &mut Add<'_>) {
    let req = "EIM-CNV-005";
    let field = place.number();
    if place.is_number() {
        add("after-tag", req, &tag(field, VARINT));
        add("in-number", req, &[tag(field, VARINT), vec![0x81]].concat());
        return;
    }
    let says = |length: Vec<u8>, octets: &[u8]| [tag(field, LEN), length, octets.to_vec()].concat();
    add("after-tag", req, &tag(field, LEN));
    add("length-limit-plus-1", req, &says(vec![3], &[0x12, 0x00]));
    add("length-max-64", req, &says(long_varint(u64::MAX, 10), b""));
    add(
        "length-sign-bit",
        req,
        &says(long_varint(0x8000_0000, 5), b""),
    );
}

fn numbers(place: &Place, add: &mut Add<'_>) {
    let req = "EIM-CNV-005";
    let field = place.number();
    let of = |value: Vec<u8>| [tag(field, VARINT), value].concat();
    add(
        "eleven-octets",
        req,
        &of([vec![0x81], vec![0x80; 9], vec![0]].concat()),
    );
    add("above-64-bits", req, &of([vec![0x80; 9], vec![2]].concat()));
    if place.is_repeated() {
        add("packed-truncated", req, &octets(field, &[1, 0x82]));
        add(
            "packed-eleven-octets",
            req,
            &octets(field, &[vec![0x80; 10], vec![1]].concat()),
        );
        add(
            "packed-above-64-bits",
            req,
            &octets(field, &[vec![0x80; 9], vec![2]].concat()),
        );
        add(
            "packed-beyond",
            req,
            &[tag(field, LEN), vec![3, 1, 2]].concat(),
        );
    }
}

fn not_text(place: &Place, add: &mut Add<'_>) {
    let all = matches!(
        &*place.name,
        "Hello.implementation" | "Send.fallback_text" | "Entry.fallback_text"
    );
    for (index, (class, text)) in NOT_TEXT.iter().enumerate() {
        if all || index < 3 {
            add(class, "EIM-CNV-007", &octets(place.number(), text));
        }
    }
}

/// A fault inside an embedded message.
fn inside(place: &Place, add: &mut Add<'_>) {
    let req = "EIM-CNV-005";
    let of = |inner: &[u8]| octets(place.number(), inner);
    add("inside-field-zero", req, &of(&[0x00, 0x01]));
    add("inside-group-end", req, &of(&tag(2047, END)));
    add("inside-truncated", req, &of(&tag(2047, LEN)));
    // The embedded message ends, the number in it goes on in the message around it.
    let torn = [of(&[tag(2047, VARINT), vec![0x81]].concat()), vec![0x01]].concat();
    add("inside-torn", req, &torn);
}
