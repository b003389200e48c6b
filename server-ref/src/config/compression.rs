//! `[compression]`: what the server compresses, and how much work that may be.

use eim_codec::compression::{Level, SUPPORTED};
use eim_codec::connection::CompressionPolicy;
use eim_codec::registry::Compression;
use serde::Deserialize;

/// `[compression]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct CompressionSection {
    /// Names of algorithms.
    pub algorithms: Vec<String>,
    /// Least octets without a dictionary.
    pub from_octets: u32,
    /// Least octets with a dictionary.
    pub dictionary_from_octets: u32,
    /// Most octets with a dictionary.
    pub dictionary_through_octets: u32,
    /// Work of Zstandard.
    pub level: i32,
    /// Waiting messages of a connection beyond which small payloads leave as they are.
    pub busy_messages: u32,
    /// Most octets compressed for a connection in a second.
    pub octets_per_s: u32,
}

impl CompressionSection {
    /// The algorithms with their numbers; names that are none are left out.
    #[must_use]
    pub fn algorithms(&self) -> Vec<Compression> {
        let find = |name: &String| number(name);
        self.algorithms.iter().filter_map(find).collect()
    }

    /// As a connection takes it.
    #[must_use]
    pub fn policy(&self) -> CompressionPolicy {
        CompressionPolicy {
            from_octets: self.from_octets,
            dictionary_from_octets: self.dictionary_from_octets,
            dictionary_through_octets: self.dictionary_through_octets,
            busy_messages: self.busy_messages,
            level: Level::new(self.level),
            octets_per_s: self.octets_per_s,
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let unknown = self.algorithms.iter().filter(|name| number(name).is_none());
        let mut problems: Vec<String> = unknown
            .map(|name| {
                format!("compression.algorithms: \"{name}\" is not an algorithm of this build")
            })
            .collect();
        if !(-7..=19).contains(&self.level) {
            problems.push(format!(
                "compression.level = {} is outside -7 to 19",
                self.level
            ));
        }
        problems
    }
}

/// The number of an algorithm of this build.
fn number(name: &str) -> Option<Compression> {
    let mut known = SUPPORTED.iter().copied();
    known.find(|algorithm| algorithm.name() == Some(name))
}

#[cfg(test)]
mod tests {
    use eim_codec::connection::ServerConfig;

    use crate::config::Config;

    #[test]
    fn the_default_file_says_what_the_codec_does() {
        let section = Config::from_toml("").unwrap().compression;
        let made = ServerConfig::default();
        assert_eq!(section.policy(), made.compression);
        assert_eq!(section.algorithms(), made.compressions);
        assert_eq!(section.problems(), [""; 0]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let mut section = Config::from_toml("").unwrap().compression;
        section.algorithms.push("gzip".to_owned());
        section.level = 20;
        let problems = section.problems().join("; ");
        assert!(
            problems.contains("gzip") && problems.contains("level"),
            "{problems}"
        );
    }
}
