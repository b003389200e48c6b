//! Types of the extension and private ranges that were negotiated: as `negotiated_types` of the testee
//! protocol describes them.

use super::draft::{Wire, case, decode, judged};
use super::header::{name, receivers};
use super::rules::Rules;
use crate::vectors::model::{Case, Config, Depth, Phase};

/// First and last of either range, and one between.
const TYPES: [u8; 5] = [0x80, 0xa5, 0xbf, 0xc0, 0xdf];

/// Such a type in both directions, with a sequence, compressed, and before AUTH_OK.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for config in receivers() {
        for value in TYPES {
            let config = Config {
                negotiated_types: vec![value],
                ..config.clone()
            };
            let id = format!("hdr-negotiated-{value:02x}-{}", name(&config));
            let plain = Wire::of(rules, value).sequence(0);
            if config.phase == Phase::Handshake {
                cases.push(early(rules, &config, &plain, id)?);
                continue;
            }
            let test = decode(Depth::Decode, plain.parts(), judged(rules, &config, &plain));
            let desc = format!("type 0x{value:02x}, which was negotiated, is a frame");
            let good = case(
                id.clone(),
                &["EIM-FRM-011"],
                ("negotiated", "typical"),
                desc,
                test,
            );
            cases.push(good.config(&config).canonical());
            for (label, class, frame) in [
                ("sequence", "sequenced", plain.clone().sequence(8)),
                ("zstd", "compressed", plain.clone().compression(1)),
                ("lz4", "compressed", plain.clone().compression(2)),
                ("snappy", "compressed", plain.clone().compression(3)),
            ] {
                let fault = rules.fault(&config, &frame);
                let (code, req) = fault.ok_or("a negotiated type without fault")?;
                let verdict = judged(rules, &config, &frame);
                let test = decode(Depth::Decode, frame.parts(), verdict);
                let desc =
                    format!("type 0x{value:02x}, which was negotiated, with {label}: {code}");
                let about = ("negotiated", class);
                cases.push(
                    case(format!("{id}-{label}"), &[req], about, desc, test)
                        .config(&config)
                        .near(&id),
                );
            }
        }
    }
    Ok(cases)
}

/// What was negotiated is in force from AUTH_OK on.
fn early(rules: &Rules, config: &Config, frame: &Wire, id: String) -> Result<Case, String> {
    let fault = rules.fault(config, frame);
    let (code, req) = fault.ok_or("a negotiated type before AUTH_OK without fault")?;
    let test = decode(Depth::Decode, frame.parts(), judged(rules, config, frame));
    let desc = format!("type 0x{:02x} before AUTH_OK: {code}", frame.r#type);
    let late = id.replace("handshake", "open");
    Ok(case(
        id,
        &[req, "EIM-FRM-026"],
        ("negotiated", "wrong-phase"),
        desc,
        test,
    )
    .config(config)
    .near(late))
}
