//! Octets for a receiver, and what testees make of them.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use crate::codec::{Asker, Opinion};
use crate::data::Data;
use crate::vectors::load::{cases, load};
use crate::vectors::model::{Config, Depth, Role, Test};
use crate::vectors::octets::{of_parts, to_hex};

/// Longest octet string that is asked about; longer ones only take time.
pub(super) const MOST: usize = 70_000;

/// Octets for a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Id of the vector it was made from, or name of the file.
    pub base: String,
    /// The receiver.
    pub config: Config,
    /// How far it goes.
    pub depth: Depth,
    /// What it receives.
    pub octets: Vec<u8>,
    /// Where the octets are divided.
    pub divided: Option<usize>,
}

/// The name of an operation.
pub(super) const fn op(depth: Depth) -> &'static str {
    match depth {
        Depth::Decode => "decode",
        Depth::Open => "open",
        Depth::Message => "message",
        Depth::Reassemble => "reassemble",
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            base: String::new(),
            config: Config::default(),
            depth: Depth::Decode,
            octets: Vec::new(),
            divided: None,
        }
    }
}

impl Entry {
    /// The name of the operation.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        op(self.depth)
    }

    /// The request, without braces and id.
    fn request(&self) -> String {
        let place = self.divided.unwrap_or(0).min(self.octets.len());
        let (a, b) = self.octets.split_at(place);
        let chunks: Vec<String> = [a, b]
            .into_iter()
            .filter(|chunk| !chunk.is_empty())
            .map(to_hex)
            .collect();
        format!(
            "\"op\":\"{}\",\"case\":\"diff\",\"config\":{},\"chunks\":{}",
            op(self.depth),
            serde_json::to_string(&self.config).unwrap_or_default(),
            json!(chunks)
        )
    }

    /// Entries of one kind are probably about one thing.
    pub(super) fn kind(&self, opinions: &[Opinion]) -> String {
        let kinds: Vec<String> = opinions.iter().map(Opinion::kind).collect();
        let frame_type = self.octets.get(1).copied().unwrap_or_default();
        let compression = self.octets.get(6).copied().unwrap_or_default();
        format!(
            "{} {frame_type} {compression} {}",
            op(self.depth),
            kinds.join(" / ")
        )
    }
}

/// What all testees make of the entries: a list for each entry, in the order of the testees.
pub(super) fn ask(testees: &mut [Asker], entries: &[Entry]) -> Result<Vec<Vec<Opinion>>, String> {
    let stages_only = testees.iter().any(|testee| testee.stages_only());
    let requests: Vec<String> = entries.iter().map(Entry::request).collect();
    let mut opinions = vec![Vec::with_capacity(testees.len()); entries.len()];
    for testee in testees {
        let of_one = testee.ask(&requests, stages_only)?;
        for (all, one) in opinions.iter_mut().zip(of_one) {
            all.push(one);
        }
    }
    Ok(opinions)
}

/// Whether all say the same, leaving out those that lack the operation. Trouble is never agreement.
pub(super) fn agree(opinions: &[Opinion]) -> bool {
    let mut verdicts = opinions
        .iter()
        .filter(|opinion| **opinion != Opinion::Unsupported);
    let Some(first) = verdicts.next() else {
        return true;
    };
    !matches!(first, Opinion::Trouble(_)) && verdicts.all(|other| other == first)
}

/// The vectors that decode.
pub(super) fn of_vectors(data: &Data) -> Result<Vec<Entry>, String> {
    let files = load(data)?;
    let mut entries = Vec::new();
    for (_, case) in cases(&files) {
        let Test::Decode(decode) = &case.test else {
            continue;
        };
        let octets = of_parts(&decode.input)?;
        if octets.len() <= MOST {
            entries.push(Entry {
                base: case.id.clone(),
                config: case.config.clone(),
                depth: decode.depth,
                octets,
                divided: None,
            });
        }
    }
    Ok(entries)
}

/// The files of a folder, each for a server and a client, as far as each operation goes.
pub(super) fn of_folder(folder: &Path) -> Result<Vec<Entry>, String> {
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for file in std::fs::read_dir(folder).map_err(say)? {
        paths.push(file.map_err(say)?.path());
    }
    paths.sort();
    let mut entries = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        let octets = std::fs::read(path).map_err(say)?;
        if octets.len() > MOST {
            continue;
        }
        let base = path.file_name().unwrap_or_default();
        for role in [Role::Server, Role::Client] {
            for depth in [Depth::Message, Depth::Reassemble] {
                let config = Config {
                    role,
                    ..Config::default()
                };
                entries.push(Entry {
                    base: base.to_string_lossy().into_owned(),
                    config,
                    depth,
                    octets: octets.clone(),
                    divided: None,
                });
            }
        }
    }
    Ok(entries)
}

#[expect(clippy::disallowed_methods, reason = "the edge: how long a run takes")]
pub(super) fn now() -> Instant {
    Instant::now()
}
