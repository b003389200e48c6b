//! Upper-case keywords of RFC 2119 in prose.

use super::requirement::Level;

/// A keyword found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// One of the five that requirements use.
    Level(Level),
    /// One that RFC 2119 defines and this specification does not use.
    Foreign(&'static str),
}

/// All keywords of `text` in order, outside code spans. "MUST NOT" is one keyword.
#[must_use]
pub fn keywords(text: &str) -> Vec<Keyword> {
    let prose = without_code(text);
    let words: Vec<&str> = prose
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    let mut rest = words.as_slice();
    while let [word, tail @ ..] = rest {
        let negated = tail.first() == Some(&"NOT");
        let keyword = match (*word, negated) {
            ("MUST", false) => Some(Keyword::Level(Level::Must)),
            ("MUST", true) => Some(Keyword::Level(Level::MustNot)),
            ("SHOULD", false) => Some(Keyword::Level(Level::Should)),
            ("SHOULD", true) => Some(Keyword::Level(Level::ShouldNot)),
            ("MAY", _) => Some(Keyword::Level(Level::May)),
            ("SHALL", _) => Some(Keyword::Foreign("SHALL")),
            ("REQUIRED", _) => Some(Keyword::Foreign("REQUIRED")),
            ("RECOMMENDED", _) => Some(Keyword::Foreign("RECOMMENDED")),
            ("OPTIONAL", _) => Some(Keyword::Foreign("OPTIONAL")),
            _ => None,
        };
        found.extend(keyword);
        rest = tail;
    }
    found
}

/// The text without its code spans (between backticks).
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negation_belongs_to_the_keyword() {
        assert_eq!(
            keywords("It MUST NOT, and it MUST."),
            [Keyword::Level(Level::MustNot), Keyword::Level(Level::Must)]
        );
    }

    #[test]
    fn negation_may_stand_on_the_next_line() {
        assert_eq!(
            keywords("It SHOULD\nNOT"),
            [Keyword::Level(Level::ShouldNot)]
        );
    }

    #[test]
    fn code_and_parts_of_words_are_no_keywords() {
        assert!(keywords("`MUST` MUSTY must MAY_BE A-MAY").is_empty());
    }

    #[test]
    fn foreign_keywords_are_seen() {
        assert_eq!(keywords("SHALL NOT"), [Keyword::Foreign("SHALL")]);
    }
}
