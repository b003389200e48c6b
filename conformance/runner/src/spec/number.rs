//! Limits that a text states: `limit NAME (default N)` or `(limit NAME, default N)`.

/// A limit stated in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Name of the limit.
    pub name: String,
    /// Stated default; `None` if only the name is given.
    pub default: Option<u64>,
}

/// The limits that `text` states. A name counts if it has an underscore or a default follows.
#[must_use]
pub fn stated(text: &str) -> Vec<Stated> {
    text.match_indices("limit ")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric()))
        .filter_map(|(at, word)| one(&text[at + word.len()..]))
        .collect()
}

fn one(rest: &str) -> Option<Stated> {
    let rest = rest.strip_prefix('`').unwrap_or(rest);
    let end = rest
        .find(|c: char| !(c.is_ascii_lowercase() || c == '_'))
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let rest = rest.strip_prefix('`').unwrap_or(rest);
    let default = rest
        .strip_prefix(" (default ")
        .or_else(|| rest.strip_prefix(", default "))
        .and_then(leading_number);
    let meant = default.is_some() || name.contains('_');
    meant.then(|| Stated {
        name: name.to_owned(),
        default,
    })
}

/// A number such as `65536` or `65,536` at the start of `text`.
fn leading_number(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == ','))
        .unwrap_or(text.len());
    let digits: String = text[..end].chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let text = "within limit a_b (default 12); (limit frame_octets, default 65,536), too";
        assert_eq!(
            stated(text),
            [
                Stated {
                    name: "a_b".into(),
                    default: Some(12)
                },
                Stated {
                    name: "frame_octets".into(),
                    default: Some(65_536)
                },
            ]
        );
    }

    #[test]
    fn a_bare_name_is_read_and_plain_words_are_not() {
        assert_eq!(
            stated("limit a_b"),
            [Stated {
                name: "a_b".into(),
                default: None
            }]
        );
        assert!(stated("the limit in force, no limit at all").is_empty());
    }
}
