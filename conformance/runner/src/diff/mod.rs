//! Codecs against each other: octets that no case has, and whatever they disagree about.
//!
//! Entries come from a folder of octet strings, such as the corpus of a fuzzer, and from vectors that
//! are mutated. Nobody knows the right verdict; where two testees differ, one of them is wrong or the
//! specification leaves it open. Each disagreement is made as small as possible and written down as a
//! candidate for a vector, which a person judges.

mod candidate;
mod dice;
mod entry;
mod minimise;
mod mutate;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use entry::Entry;

use crate::codec::{Asker, Opinion};
use crate::data::Data;
use dice::Dice;

/// Entries that are asked ahead.
const BATCH: usize = 128;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Options {
    /// Octet strings to begin with, a file each.
    pub corpus: Option<PathBuf>,
    /// Where the randomness begins.
    pub seed: u64,
    /// Most mutations.
    pub count: u64,
    /// No further mutation is begun after this time.
    pub time: Option<Duration>,
}

/// Something that testees disagree about.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// As it was found.
    pub found: Entry,
    /// As small as it became.
    pub small: Entry,
    /// The opinions about the small one, in the order of the testees.
    pub opinions: Vec<Opinion>,
    /// How many entries of the same kind were found after this one.
    pub again: u64,
}

impl Disagreement {
    /// The candidate for a vector, as JSON.
    #[must_use]
    pub fn candidate(&self, testees: &[Asker], seed: u64) -> serde_json::Value {
        candidate::write(self, testees, seed)
    }
}

/// What was done and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Entries that all testees were asked about.
    pub entries: u64,
    /// How often which kind of opinion was shared by all.
    pub agreed: BTreeMap<String, u64>,
    /// Disagreements, each kind once.
    pub found: Vec<Disagreement>,
}

/// Asks all testees about the same octets until the options say that it is enough. `progress` is told
/// of each new disagreement.
///
/// # Errors
/// Files that cannot be read, or a testee that does not start.
pub fn run(
    testees: &mut [Asker],
    data: &Data,
    options: &Options,
    mut progress: impl FnMut(&Disagreement),
) -> Result<Report, String> {
    let began = entry::now();
    let mut dice = Dice::new(options.seed);
    let bases = entry::of_vectors(data)?;
    let mut report = Report::default();
    let mut kinds = BTreeMap::new();
    let mut first: Vec<Entry> = match &options.corpus {
        Some(folder) => entry::of_folder(folder)?,
        None => Vec::new(),
    };
    first.reverse();
    let mut left = options.count;
    loop {
        let over = options.time.is_some_and(|time| began.elapsed() >= time);
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            if let Some(entry) = first.pop() {
                batch.push(entry);
            } else if left > 0 && !over {
                left -= 1;
                batch.push(mutate::mutated(&bases, &mut dice));
            } else {
                break;
            }
        }
        if batch.is_empty() {
            return Ok(report);
        }
        let opinions = entry::ask(testees, &batch)?;
        for (entry, opinions) in batch.into_iter().zip(opinions) {
            report.entries += 1;
            if entry::agree(&opinions) {
                let kind = opinions.first().map_or_else(String::new, Opinion::kind);
                *report.agreed.entry(ending(&kind)).or_default() += 1;
                continue;
            }
            let kind = entry.kind(&opinions);
            if let Some(place) = kinds.get(&kind) {
                if let Some(known) = report.found.get_mut::<usize>(*place) {
                    known.again += 1;
                }
                continue;
            }
            let found = disagreement(testees, entry, opinions)?;
            progress(&found);
            kinds.insert(kind, report.found.len());
            report.found.push(found);
        }
    }
}

/// A kind of opinion without its number of frames.
fn ending(kind: &str) -> String {
    kind.rsplit(", ").next().unwrap_or(kind).to_owned()
}

fn disagreement(
    testees: &mut [Asker],
    found: Entry,
    opinions: Vec<Opinion>,
) -> Result<Disagreement, String> {
    let (small, opinions) = minimise::smallest(testees, found.clone(), opinions)?;
    Ok(Disagreement {
        found,
        small,
        opinions,
        again: 0,
    })
}
