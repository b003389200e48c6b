//! The metadata comment of a requirement: `<!-- req: role=… level=… … -->`.

use super::requirement::{Level, Role, Status, Verify};

/// What a metadata comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Whom the requirement binds.
    pub roles: Vec<Role>,
    /// Its keyword.
    pub level: Level,
    /// Version that introduced it.
    pub since: String,
    /// How it is verified.
    pub verify: Vec<Verify>,
    /// Error name, `ignore`, or nothing.
    pub error: Option<String>,
    /// Revision.
    pub rev: u32,
    /// Whether it is in force.
    pub status: Status,
}

/// The inside of a metadata comment, if `line` is one.
#[must_use]
pub fn comment(line: &str) -> Option<&str> {
    line.trim()
        .strip_prefix("<!-- req:")?
        .strip_suffix("-->")
        .map(str::trim)
}

/// Reads the inside of a metadata comment.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse(inside: &str) -> Result<Metadata, String> {
    let mut fields = Fields::default();
    for pair in inside.split_whitespace() {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`{pair}` is no pair"))?;
        fields.set(key, value)?;
    }
    fields.finish()
}

#[derive(Default)]
struct Fields {
    roles: Option<Vec<Role>>,
    level: Option<Level>,
    since: Option<String>,
    verify: Option<Vec<Verify>>,
    error: Option<String>,
    rev: Option<u32>,
    status: Option<Status>,
}

impl Fields {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let bad = || format!("`{value}` is no value of `{key}`");
        let twice = match key {
            "role" => self
                .roles
                .replace(Role::from_name(value).ok_or_else(bad)?)
                .is_some(),
            "level" => self
                .level
                .replace(Level::from_name(value).ok_or_else(bad)?)
                .is_some(),
            "since" if version(value) => self.since.replace(value.to_owned()).is_some(),
            "verify" => {
                let kinds = value
                    .split(',')
                    .map(Verify::from_name)
                    .collect::<Option<Vec<_>>>();
                self.verify.replace(kinds.ok_or_else(bad)?).is_some()
            }
            "error" if !value.is_empty() => self.error.replace(value.to_owned()).is_some(),
            "rev" => {
                let rev = value.parse().ok().filter(|rev| *rev > 0).ok_or_else(bad)?;
                self.rev.replace(rev).is_some()
            }
            "status" if value == "withdrawn" => self.status.replace(Status::Withdrawn).is_some(),
            "since" | "error" | "status" => return Err(bad()),
            _ => return Err(format!("unknown key `{key}`")),
        };
        if twice {
            Err(format!("`{key}` stands twice"))
        } else {
            Ok(())
        }
    }

    fn finish(self) -> Result<Metadata, String> {
        Ok(Metadata {
            roles: self.roles.ok_or("`role` is missing")?,
            level: self.level.ok_or("`level` is missing")?,
            since: self.since.ok_or("`since` is missing")?,
            verify: self.verify.ok_or("`verify` is missing")?,
            error: self.error,
            rev: self.rev.ok_or("`rev` is missing")?,
            status: self.status.unwrap_or(Status::Active),
        })
    }
}

/// `major.minor`.
fn version(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| {
        [major, minor]
            .iter()
            .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "role=both level=must-not since=1.0 verify=vector,review error=CONFLICT rev=2";

    #[test]
    fn reads_all_fields() {
        let metadata = parse(GOOD).unwrap();
        assert_eq!(metadata.roles, [Role::Client, Role::Server]);
        assert_eq!(metadata.level, Level::MustNot);
        assert_eq!(metadata.verify, [Verify::Vector, Verify::Review]);
        assert_eq!(metadata.error.as_deref(), Some("CONFLICT"));
        assert_eq!(metadata.rev, 2);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (from, to) in [
            ("role=both", "role=all"),
            ("role=both ", ""),
            ("level=must-not", "level=shall"),
            ("since=1.0", "since=1"),
            ("vector,", "vektor,"),
            ("rev=2", "rev=0"),
            ("rev=2", "rev=2 rev=3"),
            ("rev=2", "rev=2 mood=good"),
            ("rev=2", "rev=2 loose"),
        ] {
            assert!(parse(&GOOD.replace(from, to)).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn finds_the_comment() {
        assert_eq!(comment("<!-- req: a=b -->"), Some("a=b"));
        assert_eq!(comment("<!-- registry:limits -->"), None);
    }
}
