//! Every rule of the lint is proven by a sample that breaks it, beside one that keeps it.

use std::path::Path;

use eim_conformance::registry::{Registries, markers};
use eim_conformance::spec::{Rule, catalogue, lint, parse};
use eim_conformance::trace::tags;

const GOOD: &str = "\
# Sample

Prose may say what it likes in lower case, and `MUST` in code.

#### EIM-FRM-001

A receiver MUST reject a frame beyond the limit frame_octets (default 65,536) with error
PAYLOAD_TOO_LARGE.

<!-- req: role=receiver level=must since=1.0 verify=vector error=PAYLOAD_TOO_LARGE rev=1 -->

```
MUST and SHOULD in a fence are no prose.
```

#### EIM-FRM-002

A sender SHOULD NOT do what EIM-FRM-001 rejects.

<!-- req: role=sender level=should-not since=1.0 verify=review rev=2 -->
";

fn registries() -> Registries {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/registry");
    Registries::read(&folder).expect("the registries can be read")
}

/// Rules that `text` breaks, as a chapter of its own.
fn broken(text: &str) -> Vec<Rule> {
    let chapters = [(
        "spec/10-sample.md".to_owned(),
        parse("spec/10-sample.md", text),
    )];
    lint::lint(&chapters, &registries())
        .iter()
        .map(|finding| finding.rule)
        .collect()
}

/// The good sample with one change breaks exactly one rule.
fn breaks(from: &str, to: &str, rule: Rule) {
    assert!(GOOD.contains(from), "the sample has no `{from}`");
    assert_eq!(
        broken(&GOOD.replacen(from, to, 1)),
        [rule],
        "`{from}` -> `{to}`"
    );
}

#[test]
fn the_sample_keeps_all_rules() {
    assert_eq!(broken(GOOD), []);
}

#[test]
fn keyword_outside_a_block() {
    breaks("Prose may", "Prose MAY", Rule::KeywordOutsideBlock);
    breaks("# Sample", "# What you SHALL do", Rule::KeywordOutsideBlock);
}

#[test]
fn keyword_count() {
    breaks(
        "A receiver MUST reject",
        "A receiver rejects",
        Rule::KeywordCount,
    );
    breaks(
        "PAYLOAD_TOO_LARGE.",
        "PAYLOAD_TOO_LARGE, and MAY wait.",
        Rule::KeywordCount,
    );
    breaks("SHOULD NOT", "SHALL NOT", Rule::KeywordCount);
}

#[test]
fn level_mismatch() {
    breaks("level=must ", "level=should ", Rule::LevelMismatch);
    breaks("SHOULD NOT", "SHOULD", Rule::LevelMismatch);
}

#[test]
fn bad_metadata() {
    breaks("rev=2", "rev=two", Rule::BadMetadata);
    breaks("role=sender ", "", Rule::BadMetadata);
    breaks(
        "\n\n<!-- req: role=sender",
        "\n<!-- req: role=sender",
        Rule::BadMetadata,
    );
    breaks(
        "#### EIM-FRM-002",
        "#### EIM-FRM-003\n\n#### EIM-FRM-002",
        Rule::BadMetadata,
    );
    breaks("# Sample", "<!-- req: role=both -->", Rule::BadMetadata);
    let unfinished = GOOD.split("<!-- req: role=sender").next().unwrap();
    assert_eq!(broken(unfinished), [Rule::BadMetadata]);
}

#[test]
fn malformed_heading() {
    let broken = broken(&GOOD.replace("#### EIM-FRM-002", "#### EIM-FRM-2"));
    assert!(broken.contains(&Rule::BadMetadata), "{broken:?}");
}

#[test]
fn duplicate_id() {
    breaks("#### EIM-FRM-002", "#### EIM-FRM-001", Rule::DuplicateId);
}

#[test]
fn id_sequence() {
    breaks("#### EIM-FRM-002", "#### EIM-FRM-003", Rule::IdSequence);
    breaks("#### EIM-FRM-002", "#### EIM-XYZ-001", Rule::IdSequence);
}

#[test]
fn unknown_error() {
    breaks(
        "error=PAYLOAD_TOO_LARGE",
        "error=TOO_MUCH",
        Rule::UnknownError,
    );
}

#[test]
fn error_not_in_text() {
    breaks(
        "error=PAYLOAD_TOO_LARGE",
        "error=INVALID_TYPE",
        Rule::ErrorNotInText,
    );
}

#[test]
fn no_outcome() {
    breaks(" error=PAYLOAD_TOO_LARGE", "", Rule::NoOutcome);
}

#[test]
fn withdrawn_requirements_keep_their_id_only() {
    let withdrawn = GOOD.replace("rev=2", "rev=2 status=withdrawn");
    assert_eq!(broken(&withdrawn.replace("SHOULD NOT do", "withdrew")), []);
    assert!(!parse("spec/10-sample.md", &withdrawn).requirements[1].is_active());
    breaks("rev=2", "rev=2 status=tired", Rule::BadMetadata);
}

#[test]
fn ignoring_needs_no_name() {
    assert_eq!(
        broken(&GOOD.replace("error=PAYLOAD_TOO_LARGE", "error=ignore")),
        []
    );
}

#[test]
fn number_mismatch() {
    breaks("65,536", "65,535", Rule::NumberMismatch);
    breaks(
        "limit frame_octets (default 65,536)",
        "limit frame_size",
        Rule::NumberMismatch,
    );
}

#[test]
fn unknown_reference() {
    breaks(
        "what EIM-FRM-001",
        "what EIM-FRM-009",
        Rule::UnknownReference,
    );
}

#[test]
fn stale_tags() {
    let requirements = parse("spec/10-sample.md", GOOD).requirements;
    let code = "// impl[EIM-FRM-001, EIM-FRM-002+2]\n// impl[EIM-FRM-002+1] impl[EIM-FRM-777]\n";
    let found = tags::tags_of("codec/src/sample.rs", code);
    assert_eq!(found.len(), 4);
    let findings = tags::check(&found, &requirements);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|f| f.rule == Rule::StaleTag && f.line == 2),
        "{findings:?}"
    );
}

#[test]
fn markers_are_checked() {
    let registries = registries();
    let marked = "a\n<!-- registry:limits -->\nwhat was here\n<!-- /registry -->\nb\n";
    let filled = markers::fill(marked, &registries).unwrap();
    assert!(
        filled.contains("| frame_octets | 65536 |") && !filled.contains("what was here"),
        "{filled}"
    );
    assert_eq!(
        markers::fill(&filled, &registries).unwrap(),
        filled,
        "filling is idempotent"
    );
    for bad in [
        "<!-- registry:moods -->\n<!-- /registry -->\n",
        "<!-- registry:limits -->\n",
    ] {
        assert_eq!(markers::fill(bad, &registries).unwrap_err().0, 1, "{bad}");
    }
    assert!(markers::fill("<!-- /registry -->\n", &registries).is_err());
}

#[test]
fn the_catalogue_does_not_depend_on_order() {
    let mut requirements = parse("spec/10-sample.md", GOOD).requirements;
    let forwards = catalogue(&requirements).unwrap();
    requirements.reverse();
    assert_eq!(catalogue(&requirements).unwrap(), forwards);
    assert!(forwards.contains("\"level\": \"should-not\"") && forwards.ends_with("]\n"));
}
