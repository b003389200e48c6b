//! Seeds of each target, from the vectors.

use eim_conformance::data::Data;

use crate::Input;
use crate::vectors::{Received, received};

/// Sizes of pieces for `frame_chunks`: headers and payloads end in most of their places.
const PIECES: [u8; 4] = [3, 0, 6, 10];

/// Seeds of the target `name`; none when it has nothing to do with vectors.
///
/// # Errors
/// A file of vectors that cannot be read.
pub fn of(name: &str, data: &Data) -> Result<Vec<Input>, String> {
    let input: fn(&Received) -> Vec<u8> = match name {
        "frame_decode" => |it| it.octets.clone(),
        "frame_chunks" => |it| [PIECES.as_slice(), it.octets.as_slice()].concat(),
        _ => return Ok(Vec::new()),
    };
    let seeds = received(data)?.into_iter().map(|it| Input {
        octets: input(&it),
        name: it.case,
    });
    Ok(seeds.collect())
}
