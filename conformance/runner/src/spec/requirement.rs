//! One requirement, as a chapter states it.

use serde::Serialize;

/// How strong a requirement is: its keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// MUST.
    Must,
    /// MUST NOT.
    MustNot,
    /// SHOULD.
    Should,
    /// SHOULD NOT.
    ShouldNot,
    /// MAY.
    May,
}

impl Level {
    /// Its name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::MustNot => "must-not",
            Self::Should => "should",
            Self::ShouldNot => "should-not",
            Self::May => "may",
        }
    }

    /// The level with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Must,
            Self::MustNot,
            Self::Should,
            Self::ShouldNot,
            Self::May,
        ]
        .into_iter()
        .find(|level| level.name() == name)
    }

    /// Whether an implementation that breaks it does not conform.
    #[must_use]
    pub const fn is_absolute(self) -> bool {
        matches!(self, Self::Must | Self::MustNot)
    }
}

/// Whom a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever sends the frame.
    Sender,
    /// Whoever receives the frame.
    Receiver,
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Role {
    /// The roles that the metadata word `name` stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Vec<Self>> {
        match name {
            "sender" => Some(vec![Self::Sender]),
            "receiver" => Some(vec![Self::Receiver]),
            "client" => Some(vec![Self::Client]),
            "server" => Some(vec![Self::Server]),
            "both" => Some(vec![Self::Client, Self::Server]),
            _ => None,
        }
    }
}

/// How a requirement is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// By octets and an expected verdict, in any language.
    Vector,
    /// Against a running server.
    LiveServer,
    /// Against a running client.
    LiveClient,
    /// By a test inside the implementation.
    Unit,
    /// By reading.
    Review,
}

impl Verify {
    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "vector" => Some(Self::Vector),
            "live-server" => Some(Self::LiveServer),
            "live-client" => Some(Self::LiveClient),
            "unit" => Some(Self::Unit),
            "review" => Some(Self::Review),
            _ => None,
        }
    }
}

/// Whether a requirement is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It binds.
    Active,
    /// It stays in the text so that its id is never used again.
    Withdrawn,
}

/// A requirement. The order of the fields is that of `requirements.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// Permanent id, such as `EIM-FRM-012`.
    pub id: String,
    /// Revision; grows when the meaning changes.
    pub rev: u32,
    /// Its keyword.
    pub level: Level,
    /// Whom it binds.
    pub roles: Vec<Role>,
    /// Its text on one line.
    pub text: String,
    /// SHA-256 of `text`, lower hex.
    pub sha256: String,
    /// File, relative to the project.
    pub file: String,
    /// Line of its heading, from 1.
    pub line: usize,
    /// Version of the specification that introduced it.
    pub since: String,
    /// How it is verified.
    pub verify: Vec<Verify>,
    /// Name of the error that answers a breach, or `ignore`.
    pub error: Option<String>,
    /// Whether it is in force.
    pub status: Status,
}

impl Requirement {
    /// Whether it binds anybody.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// Area of the id, such as `FRM`.
    #[must_use]
    pub fn area(&self) -> &str {
        split_id(&self.id).map_or("", |(area, _)| area)
    }

    /// Number of the id in its area.
    #[must_use]
    pub fn number(&self) -> u32 {
        split_id(&self.id).map_or(0, |(_, number)| number)
    }
}

/// Area and number of `EIM-<AREA>-<nnn>`; `None` if `id` is not of that form.
#[must_use]
pub fn split_id(id: &str) -> Option<(&str, u32)> {
    let (area, digits) = id.strip_prefix("EIM-")?.split_once('-')?;
    let well_formed = area.len() == 3
        && area.bytes().all(|b| b.is_ascii_uppercase())
        && digits.len() == 3
        && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok()?;
    (well_formed && number > 0).then_some((area, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        assert_eq!(split_id("EIM-FRM-012"), Some(("FRM", 12)));
        for id in [
            "EIM-FRM-12",
            "EIM-FRM-000",
            "EIM-frm-001",
            "FRM-001",
            "EIM-FRMX-001",
        ] {
            assert_eq!(split_id(id), None, "{id}");
        }
    }

    #[test]
    fn levels_round_trip() {
        for name in ["must", "must-not", "should", "should-not", "may"] {
            assert_eq!(Level::from_name(name).map(Level::name), Some(name));
        }
        assert_eq!(Level::from_name("shall"), None);
    }
}
