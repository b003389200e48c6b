//! What the vectors hold for fuzzing: octets and the receiver they are for.

use eim_conformance::data::Data;
use eim_conformance::vectors::load::{cases, load};
use eim_conformance::vectors::model::{Config, Test};
use eim_conformance::vectors::octets::of_parts;

/// The octets that one case has a receiver read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Id of the case.
    pub case: String,
    /// The receiver.
    pub config: Config,
    /// The octets.
    pub octets: Vec<u8>,
}

/// Those of all cases that decode, in the order of their ids.
///
/// # Errors
/// A file of vectors that cannot be read.
pub fn received(data: &Data) -> Result<Vec<Received>, String> {
    let files = load(data)?;
    let mut all = Vec::new();
    for (_, case) in cases(&files) {
        if let Test::Decode(decode) = &case.test {
            all.push(Received {
                case: case.id.clone(),
                config: case.config.clone(),
                octets: of_parts(&decode.input)?,
            });
        }
    }
    Ok(all)
}
