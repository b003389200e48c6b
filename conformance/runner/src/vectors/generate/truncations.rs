//! Frames cut at each octet of the header, and in the payload.

use super::draft::{Wire, case, decode, frames, incomplete, part};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Kind, Phase, Role, Verdict};

const PING: u8 = 0x08;
const TEXT: u8 = 0x20;

/// Frames cut at each octet of the header, and in the payload.
pub(super) fn truncations(rules: &Rules) -> Result<Vec<Case>, String> {
    let server = Config::default();
    let client = Config {
        role: Role::Client,
        ..Config::default()
    };
    let early = Config {
        phase: Phase::Handshake,
        ..Config::default()
    };
    let of = |value: u8| Wire::of(rules, value);
    let good = [
        ("ping", &server, of(PING).with(&[8, 1])),
        ("text", &server, of(TEXT).with(b"2\x04\x0a\x02hi")),
        ("hello", &early, of(0x01).with(&[0x0a, 1, 1])),
        ("unknown", &client, of(0x3e).with(&[0xc0, 0xff, 0xee])),
        ("grease", &server, of(0xfa).with(&[0; 64])),
        (
            "fragment",
            &server,
            of(0x10).with(&[0, 0, 0, 7, 0, 0, 0, 1, 9]),
        ),
        ("zstd", &server, of(TEXT).compression(1).with(&[0, 0, 0, 0])),
    ];
    let mut cases = Vec::new();
    for (label, config, frame) in good {
        let octets = frame.octets();
        for cut in 0..octets.len() {
            if cut > 13 && cut + 1 < octets.len() {
                continue;
            }
            let missing = if cut < 11 {
                11 - cut
            } else {
                octets.len() - cut
            };
            let about = (if cut < 11 { "header" } else { "payload" }, place(cut));
            let req = if cut < 11 {
                "EIM-FRM-005"
            } else {
                "EIM-FRM-006"
            };
            let expect = incomplete(Vec::new(), u32::try_from(missing).unwrap_or(u32::MAX));
            let desc = format!("{label}: the first {cut} octets");
            cases.push(cut_case(
                &format!("hdr-cut-{label}-{cut:02}"),
                req,
                about,
                desc,
                &octets,
                cut,
                expect,
                config,
            ));
        }
        let test = decode(Depth::Decode, frame.parts(), frames(vec![frame.decoded()]));
        let whole = case(
            format!("hdr-cut-{label}-whole"),
            &["EIM-FRM-006"],
            ("payload", "exact"),
            format!("{label}: whole"),
            test,
        );
        let whole = whole.config(config);
        // What is compressed is not looked into here, and may be anything.
        cases.push(if frame.compression == 0 {
            whole.canonical()
        } else {
            whole
        });
    }
    let bad = [
        ("version", of(PING).version(9)),
        ("type", of(0xff)),
        ("extension", of(0x80)),
        ("compression", of(PING).compression(0x5a)),
        ("length", of(PING).length(u32::MAX)),
    ];
    for (label, frame) in bad {
        for cut in 1..=10 {
            let expect = incomplete(Vec::new(), 11 - u32::try_from(cut).unwrap_or(0));
            let desc = format!("{cut} octets of a header whose {label} will be wrong");
            let id = format!("hdr-cut-bad-{label}-{cut:02}");
            cases.push(cut_case(
                &id,
                "EIM-FRM-005",
                (label_field(label), place(cut)),
                desc,
                &frame.octets(),
                cut,
                expect,
                &server,
            ));
        }
    }
    Ok(cases)
}

fn label_field(label: &str) -> &str {
    if label == "extension" { "type" } else { label }
}

/// Where a cut falls.
fn place(cut: usize) -> &'static str {
    match cut {
        0 => "empty",
        1 => "after-version",
        2 => "after-type",
        3..=5 => "in-sequence",
        6 => "after-sequence",
        7 => "after-compression",
        8..=10 => "in-length",
        11 => "after-header",
        _ => "truncated",
    }
}

#[expect(clippy::too_many_arguments, reason = "what a cut frame is")]
fn cut_case(
    id: &str,
    req: &str,
    about: (&str, &str),
    desc: String,
    octets: &[u8],
    cut: usize,
    expect: Verdict,
    config: &Config,
) -> Case {
    let octets = octets.get(..cut).unwrap_or(octets);
    let input = if cut == 0 {
        Vec::new()
    } else {
        vec![part("octets", octets)]
    };
    case(
        id.to_owned(),
        &[req],
        about,
        desc,
        decode(Depth::Decode, input, expect),
    )
    .config(config)
    .kind(Kind::Boundary)
}
