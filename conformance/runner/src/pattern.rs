//! Patterns for ids of cases: `*` stands for any characters, `?` for one.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// The pattern `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `id` fits.
    #[must_use]
    pub fn fits(&self, id: &str) -> bool {
        fits(self.text.as_bytes(), id.as_bytes())
    }
}

impl std::str::FromStr for Pattern {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

/// Whether any pattern fits; without patterns everything does.
#[must_use]
pub fn any_fits(patterns: &[Pattern], id: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(id))
}

/// Backtracks to the last `*` only, so that the time is bounded by the product of the lengths.
fn fits(pattern: &[u8], id: &[u8]) -> bool {
    let (mut p, mut i) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while i < id.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, i));
                p += 1;
            }
            Some(octet) if *octet == b'?' || id.get(i) == Some(octet) => {
                p += 1;
                i += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    i = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .unwrap_or_default()
        .iter()
        .all(|octet| *octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, id, expected) in [
            ("frm-*", "frm-header-1", true),
            ("frm-*", "cmp-frm-1", false),
            ("*-zstd-*", "cmp-zstd-size", true),
            ("*zstd", "cmp-zstd-size", false),
            ("frm-?", "frm-1", true),
            ("frm-?", "frm-12", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("exact", "exact", true),
        ] {
            assert_eq!(Pattern::new(pattern).fits(id), expected, "{pattern} {id}");
        }
        assert!(any_fits(&[], "anything"));
    }
}
