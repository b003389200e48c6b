//! What the vectors hold for fuzzing: octets, the receiver they are for, and how far it goes.

use eim_conformance::data::Data;
use eim_conformance::vectors::load::{cases, load};
use eim_conformance::vectors::model::{Config, Depth, Step, Test};
use eim_conformance::vectors::octets::of_parts;

/// The octets that one case has a receiver read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Id of the case.
    pub case: String,
    /// The receiver.
    pub config: Config,
    /// How far it goes.
    pub depth: Depth,
    /// The octets.
    pub octets: Vec<u8>,
}

/// Those of all cases that decode, and of all stories, in the order of the ids.
///
/// # Errors
/// A file of vectors that cannot be read.
pub fn received(data: &Data) -> Result<Vec<Received>, String> {
    let files = load(data)?;
    let mut all = Vec::new();
    for (_, case) in cases(&files) {
        let (depth, octets) = match &case.test {
            Test::Decode(decode) => (decode.depth, of_parts(&decode.input)?),
            Test::Story(story) => {
                let mut octets = Vec::new();
                for step in &story.steps {
                    if let Step::Receive(parts) = step {
                        octets.extend(of_parts(parts)?);
                    }
                }
                (Depth::Decode, octets)
            }
            Test::Encode(_) | Test::Derive(_) => continue,
        };
        all.push(Received {
            case: case.id.clone(),
            config: case.config.clone(),
            depth,
            octets,
        });
    }
    Ok(all)
}
