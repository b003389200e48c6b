//! Every field of every payload, in each way in which it may be written.

use super::draft::{Wire, case, decode, frames};
use super::protobuf::{Place, Shape, VARINT, long_varint, number, octets, places, shape, tag};
use super::rules::Rules;
use crate::vectors::model::{Case, Depth};
use crate::vectors::octets::to_hex;

/// Fields of what frames carry.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    of(rules, |place| place.around.is_empty())
}

/// Fields of embedded messages.
pub(super) fn embedded(rules: &Rules) -> Result<Vec<Case>, String> {
    of(rules, |place| !place.around.is_empty())
}

fn of(rules: &Rules, which: fn(&Place) -> bool) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for place in places(rules)?.into_iter().filter(which) {
        let field = Field {
            rules,
            place: &place,
        };
        cases.push(field.case("typical", "EIM-CNV-002", &place.typical(), &place.typical()));
        if !place.around.is_empty() {
            field.nested(&mut cases);
            continue;
        }
        match place.shape {
            Shape::Message => field.messages(&mut cases)?,
            Shape::Bytes | Shape::Text => field.texts(&mut cases),
            _ if place.is_repeated() => field.lists(&mut cases),
            _ => field.numbers(&mut cases),
        }
        field.oneofs(&mut cases);
    }
    Ok(cases)
}

/// One field, and what cases about it have in common.
struct Field<'a> {
    rules: &'a Rules,
    place: &'a Place,
}

impl Field<'_> {
    /// These octets in the message of the field, and what they are canonically.
    fn case(&self, class: &str, req: &str, inside: &[u8], canonical: &[u8]) -> Case {
        let place = self.place;
        let payload = place.wrap(inside);
        let frame = Wire::of(self.rules, place.frame).with(&payload);
        let mut opened = frame.opened(&payload);
        opened.canonical_hex = Some(to_hex(&place.wrap(canonical)));
        let test = decode(Depth::Message, frame.parts(), frames(vec![opened]));
        let id = format!("pay-{}-{class}", id(&place.name));
        let desc = format!("{}: {class}", place.name);
        case(id, &[req], (&place.name, class), desc, test).config(&place.config)
    }

    /// What is left of a default that was written out.
    fn default(&self, inside: &[u8]) -> Vec<u8> {
        if self.place.has_presence() {
            inside.to_vec()
        } else {
            Vec::new()
        }
    }

    /// Fields of embedded messages: what is most often wrong.
    fn nested(&self, cases: &mut Vec<Case>) {
        let field = self.place.number();
        if self.place.is_number() && !self.place.is_repeated() {
            let long = [tag(field, VARINT), long_varint(0, 10)].concat();
            let zero = number(field, 0);
            cases.push(self.case("overlong-zero", "EIM-CNV-003", &long, &self.default(&zero)));
            let back = [number(field, 1), zero.clone()].concat();
            cases.push(self.case("duplicate-zero", "EIM-CNV-004", &back, &self.default(&zero)));
        } else if matches!(self.place.shape, Shape::Bytes | Shape::Text) {
            let back = [octets(field, b"first"), octets(field, b"second")].concat();
            let last = if self.place.is_repeated() {
                back.clone()
            } else {
                octets(field, b"second")
            };
            cases.push(self.case("duplicate", "EIM-CNV-004", &back, &last));
        }
    }

    fn numbers(&self, cases: &mut Vec<Case>) {
        let field = self.place.number();
        let long = |value, octets| [tag(field, VARINT), long_varint(value, octets)].concat();
        let one = number(field, 1);
        let zero = number(field, 0);
        cases.push(self.case("zero", "EIM-CNV-003", &zero, &self.default(&zero)));
        cases.push(self.case("overlong", "EIM-CNV-003", &long(1, 10), &one));
        let back = [one.clone(), zero.clone()].concat();
        cases.push(self.case("duplicate-zero", "EIM-CNV-004", &back, &self.default(&zero)));
        match self.place.shape {
            Shape::Number64 => {
                let max = number(field, u64::MAX);
                cases.push(self.case("max", "EIM-CNV-003", &max, &max));
                let exact = number(field, (1 << 53) + 1);
                cases.push(self.case("above-53-bits", "EIM-CNV-003", &exact, &exact));
            }
            Shape::Number32 => {
                let max = number(field, u64::from(u32::MAX));
                cases.push(self.case("max", "EIM-CNV-003", &max, &max));
                cases.push(self.case(
                    "above-32-bits",
                    "EIM-CNV-009",
                    &number(field, (1 << 32) + 1),
                    &one,
                ));
                cases.push(self.case("max-64-bits", "EIM-CNV-009", &number(field, u64::MAX), &max));
            }
            Shape::Bool => {
                cases.push(self.case("two", "EIM-CNV-009", &number(field, 2), &one));
                cases.push(self.case(
                    "above-32-bits",
                    "EIM-CNV-009",
                    &number(field, 1 << 32),
                    &one,
                ));
            }
            _ => {
                let above = number(field, (1 << 32) + 1);
                cases.push(self.case("above-32-bits", "EIM-CNV-009", &above, &one));
            }
        }
    }

    fn lists(&self, cases: &mut Vec<Case>) {
        let field = self.place.number();
        let packed = |values: &[u8]| octets(field, values);
        let single = |value| number(field, value);
        let canonical = packed(&[1, 2, 3]);
        let apart = [single(1), single(2), single(3)].concat();
        cases.push(self.case("packed", "EIM-CNV-003", &canonical, &canonical));
        cases.push(self.case("unpacked", "EIM-CNV-003", &apart, &canonical));
        let mixed = [packed(&[1]), single(2), packed(&[3])].concat();
        cases.push(self.case("mixed", "EIM-CNV-003", &mixed, &canonical));
        let pieces = [packed(&[1, 2]), packed(&[]), packed(&[3])].concat();
        cases.push(self.case("packed-pieces", "EIM-CNV-003", &pieces, &canonical));
        cases.push(self.case("packed-empty", "EIM-CNV-003", &packed(&[]), &[]));
        cases.push(self.case("zeros", "EIM-CNV-003", &packed(&[0, 0]), &packed(&[0, 0])));
        cases.push(self.case("zero-unpacked", "EIM-CNV-003", &single(0), &packed(&[0])));
        let long = packed(&[long_varint(1, 10), long_varint(2, 2), vec![3]].concat());
        cases.push(self.case("overlong", "EIM-CNV-003", &long, &canonical));
        let above = number(field, (1 << 32) + 1);
        cases.push(self.case("above-32-bits", "EIM-CNV-009", &above, &packed(&[1])));
    }

    fn texts(&self, cases: &mut Vec<Case>) {
        let field = self.place.number();
        let of = |value: &[u8]| octets(field, value);
        let empty = of(b"");
        let length = [tag(field, 2), long_varint(2, 10), b"ab".to_vec()].concat();
        cases.push(self.case("overlong-length", "EIM-CNV-003", &length, &of(b"ab")));
        let repeated = self.place.is_repeated();
        let left = if repeated {
            empty.clone()
        } else {
            self.default(&empty)
        };
        cases.push(self.case("empty", "EIM-CNV-003", &empty, &left));
        let twice = [of(b"first"), of(b"second")].concat();
        let last = if repeated {
            twice.clone()
        } else {
            of(b"second")
        };
        cases.push(self.case("duplicate", "EIM-CNV-004", &twice, &last));
        let back = [of(b"first"), empty.clone()].concat();
        let last = if repeated {
            back.clone()
        } else {
            self.default(&empty)
        };
        cases.push(self.case("duplicate-empty", "EIM-CNV-004", &back, &last));
        if self.place.shape == Shape::Text {
            for (class, text) in [
                ("nul", "\0"),
                ("four-octets", "\u{10000}\u{1d11e}"),
                ("noncharacter", "\u{ffff}\u{fdd0}"),
                ("max-unicode", "\u{10ffff}"),
                ("beside-surrogates", "\u{d7ff}\u{e000}"),
            ] {
                let octets = of(text.as_bytes());
                cases.push(self.case(class, "EIM-CNV-007", &octets, &octets));
            }
        } else {
            let opaque = of(&[0xff, 0, 0x80, 0xc0]);
            cases.push(self.case("opaque", "EIM-CNV-007", &opaque, &opaque));
        }
    }

    fn messages(&self, cases: &mut Vec<Case>) -> Result<(), String> {
        let prost_reflect::Kind::Message(inner) = self.place.field.kind() else {
            return Err(format!("{} is no message", self.place.name));
        };
        let field = self.place.number();
        let unknown = number(2047, 5);
        let with = octets(field, &unknown);
        cases.push(self.case("unknown-inside", "EIM-EXT-001", &with, &octets(field, &[])));
        let mut scalars = Vec::new();
        for one in inner
            .fields()
            .filter(|one| one.containing_oneof().is_none())
        {
            match shape(&one) {
                Shape::Number32 | Shape::Number64 if !one.is_list() => {
                    scalars.push((one.number(), number(one.number(), 1)));
                }
                Shape::Text | Shape::Bytes if !one.is_list() => {
                    scalars.push((one.number(), octets(one.number(), b"x")));
                }
                _ => {}
            }
        }
        scalars.sort();
        let [(_, first), (_, second), ..] = scalars.as_slice() else {
            return Ok(());
        };
        let both = octets(field, &[first.as_slice(), second].concat());
        let apart = [octets(field, first), octets(field, second)].concat();
        let merged = if self.place.is_repeated() {
            apart.clone()
        } else {
            both.clone()
        };
        cases.push(self.case("merge", "EIM-CNV-004", &apart, &merged));
        let backwards = octets(field, &[second.as_slice(), first].concat());
        cases.push(self.case("order", "EIM-CNV-003", &backwards, &both));
        let nothing = [octets(field, first), octets(field, &[])].concat();
        let kept = if self.place.is_repeated() {
            nothing.clone()
        } else {
            octets(field, first)
        };
        cases.push(self.case("merge-empty", "EIM-CNV-004", &nothing, &kept));
        Ok(())
    }

    /// Another member of the oneof behind this one.
    fn oneofs(&self, cases: &mut Vec<Case>) {
        let Some(oneof) = self.place.field.containing_oneof() else {
            return;
        };
        let others: Vec<_> = oneof
            .fields()
            .filter(|other| *other != self.place.field)
            .collect();
        let mine = self.place.typical();
        for other in others.iter().take(2) {
            let other = match shape(other) {
                Shape::Message => octets(other.number(), &[]),
                _ => octets(other.number(), &[0xcd; 16]),
            };
            let class = format!("oneof-before-{}", other.first().copied().unwrap_or(0));
            let last = [mine.clone(), other.clone()].concat();
            cases.push(self.case(&class, "EIM-CNV-004", &last, &other));
            let class = class.replace("before", "behind");
            let first = [other.clone(), mine.clone()].concat();
            cases.push(self.case(&class, "EIM-CNV-004", &first, &mine));
            // What was there before the other member is gone; nothing is merged into it.
            let class = class.replace("behind", "between");
            let last = match shape(&self.place.field) {
                Shape::Message => octets(self.place.field.number(), &[]),
                _ => mine.clone(),
            };
            let around = [mine.clone(), other, last.clone()].concat();
            cases.push(self.case(&class, "EIM-CNV-004", &around, &last));
        }
    }
}

/// `Hello.max_frame_octets` as a part of an id.
pub(super) fn id(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        match letter {
            '.' | '_' => out.push('-'),
            _ if letter.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') => {
                out.push('-');
                out.push(letter.to_ascii_lowercase());
            }
            _ => out.push(letter.to_ascii_lowercase()),
        }
    }
    out
}
