//! Kinds of faults that generated cases aim at.

use std::collections::BTreeMap;

use crate::vectors::model::{Case, Flag};

const FLAGS: [(&str, &str); 7] = [
    ("AllocateBeforeCheck", "memory exhaustion by a remote peer"),
    (
        "DecompressionBomb",
        "memory or time exhaustion by a remote peer",
    ),
    ("LateVerdict", "waits for octets that never come"),
    (
        "LenientSize",
        "two implementations see different messages in one frame",
    ),
    (
        "OffByOneLimit",
        "refuses what is allowed, or accepts one octet too many",
    ),
    ("ReadsOn", "acts on octets after a rejection"),
    (
        "SignedLength",
        "negative length, memory corruption or endless waiting",
    ),
];

/// The flags that cases name, with what they mean.
pub(super) fn used(cases: &[Case]) -> Result<BTreeMap<String, Flag>, String> {
    let mut used = BTreeMap::new();
    for name in cases.iter().flat_map(|case| &case.flags) {
        let known = FLAGS.iter().find(|(known, _)| known == name);
        let (_, effect) = known.ok_or_else(|| format!("nobody explains the flag {name}"))?;
        used.insert(
            name.clone(),
            Flag {
                effect: (*effect).into(),
            },
        );
    }
    Ok(used)
}
