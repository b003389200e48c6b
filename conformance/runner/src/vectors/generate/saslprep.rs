//! SASLprep (RFC 4013) of user names and passwords: tables of stringprep (RFC 3454), by hand.

use serde_json::json;

use super::draft::{case, derive};
use crate::vectors::model::Case;

/// What is prepared, and what comes of it.
const PREPARED: [(&str, &str, &str); 40] = [
    ("ascii", "user", "user"),
    ("upper", "USER", "USER"),
    ("rfc4013-soft-hyphen", "I\u{ad}X", "IX"),
    ("rfc4013-feminine", "\u{aa}", "a"),
    ("rfc4013-roman-nine", "\u{2168}", "IX"),
    ("punctuation", "p@ss,w=rd!~", "p@ss,w=rd!~"),
    ("inner-space", "pass word", "pass word"),
    ("outer-space", " user ", " user "),
    ("no-break-space", "a\u{a0}b", "a b"),
    ("ogham-space", "a\u{1680}b", "a b"),
    ("en-quad", "a\u{2000}b", "a b"),
    ("hair-space", "a\u{200a}b", "a b"),
    ("narrow-no-break-space", "a\u{202f}b", "a b"),
    ("mathematical-space", "a\u{205f}b", "a b"),
    ("ideographic-space", "a\u{3000}b", "a b"),
    ("grapheme-joiner", "a\u{34f}b", "ab"),
    ("mongolian-separator", "a\u{180b}b", "ab"),
    ("zero-width-non-joiner", "a\u{200c}b", "ab"),
    ("zero-width-joiner", "a\u{200d}b", "ab"),
    ("word-joiner", "a\u{2060}b", "ab"),
    ("variation-selector", "a\u{fe0f}b", "ab"),
    ("byte-order-mark", "a\u{feff}b", "ab"),
    ("composed", "\u{e9}", "\u{e9}"),
    ("decomposed", "e\u{301}", "\u{e9}"),
    ("angstrom", "\u{212b}", "\u{c5}"),
    ("kelvin", "\u{212a}", "K"),
    ("ligature", "\u{fb01}n", "fin"),
    ("fullwidth", "\u{ff55}\u{ff53}\u{ff45}\u{ff52}", "user"),
    ("circled", "\u{2460}", "1"),
    ("superscript", "x\u{b2}", "x2"),
    ("fraction", "\u{bc}", "1\u{2044}4"),
    ("halfwidth-katakana", "\u{ff76}\u{ff9e}", "\u{30ac}"),
    ("hangul", "\u{1100}\u{1161}", "\u{ac00}"),
    ("reordered-marks", "a\u{301}\u{323}", "\u{1ea1}\u{301}"),
    ("no-case-folding", "\u{df}\u{130}", "\u{df}\u{130}"),
    ("chinese", "\u{7528}\u{6237}", "\u{7528}\u{6237}"),
    ("hebrew", "\u{5d0}\u{5d1}", "\u{5d0}\u{5d1}"),
    ("arabic-with-digits", "\u{627}1\u{628}", "\u{627}1\u{628}"),
    ("hebrew-with-space", "\u{5d0} \u{5d1}", "\u{5d0} \u{5d1}"),
    ("old-italic", "\u{10300}", "\u{10300}"),
];

/// What is prohibited. `near` is the sound text, which these have something added to.
const PROHIBITED: [(&str, &str); 40] = [
    ("rfc4013-bell", "\u{7}"),
    ("rfc4013-bidi", "\u{627}1"),
    ("nul", "us\u{0}er"),
    ("line-feed", "user\n"),
    ("tab", "us\ter"),
    ("escape", "\u{1b}[0m"),
    ("delete", "user\u{7f}"),
    ("c1-control", "user\u{80}"),
    ("next-line", "user\u{85}"),
    ("arabic-end-of-ayah", "a\u{6dd}"),
    ("syriac-abbreviation", "a\u{70f}"),
    ("mongolian-vowel-separator", "a\u{180e}"),
    ("line-separator", "a\u{2028}b"),
    ("paragraph-separator", "a\u{2029}b"),
    ("left-to-right-mark", "a\u{200e}b"),
    ("right-to-left-mark", "a\u{200f}b"),
    ("right-to-left-override", "a\u{202e}b"),
    ("function-application", "a\u{2061}b"),
    ("invisible-separator", "a\u{2063}b"),
    ("symmetric-swapping", "a\u{206a}b"),
    ("nominal-digits", "a\u{206f}b"),
    ("annotation-anchor", "a\u{fff9}b"),
    ("object-replacement", "a\u{fffc}b"),
    ("replacement", "a\u{fffd}b"),
    ("ideographic-description", "a\u{2ff0}b"),
    ("private-use", "a\u{e000}b"),
    ("private-use-last", "a\u{f8ff}b"),
    ("private-plane", "a\u{f0000}b"),
    ("private-plane-last", "a\u{10fffd}b"),
    ("noncharacter", "a\u{fdd0}b"),
    ("noncharacter-ffff", "a\u{ffff}b"),
    ("noncharacter-last", "a\u{10ffff}b"),
    ("language-tag", "a\u{e0001}b"),
    ("tag-letter", "a\u{e0061}b"),
    ("combining-grave-tone", "a\u{340}\u{e001}"),
    ("musical-symbol", "a\u{1d173}b"),
    ("unassigned-in-3-2", "a\u{221}b"),
    ("emoji", "a\u{1f600}b"),
    ("bidi-mixed", "\u{5d0}a\u{5d1}"),
    ("bidi-ends-left", "\u{5d0}\u{5d1}!"),
];

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, text, prepared) in PREPARED {
        let test = derive("prepare", &[("text", json!(text))], Ok(json!(prepared)));
        let desc = format!("SASLprep: {class}");
        cases.push(case(
            format!("drv-prepare-{class}"),
            &["EIM-AUT-020"],
            ("text", class),
            desc,
            test,
        ));
    }
    for (class, text) in PROHIBITED {
        let test = derive("prepare", &[("text", json!(text))], Err("AUTH_FAILED"));
        let desc = format!("SASLprep prohibits it: {class}");
        let id = format!("drv-prepare-bad-{class}");
        cases.push(
            case(id, &["EIM-AUT-020"], ("text", class), desc, test).near("drv-prepare-ascii"),
        );
    }
    cases
}
