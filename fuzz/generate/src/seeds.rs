//! Seeds of each target, from the vectors.

use std::collections::BTreeSet;

use eim_conformance::data::Data;
use eim_conformance::vectors::model::{Config, Depth, Phase, Role};
use eim_fuzz_oracles::receiver::{self, Receiver};
use eim_fuzz_oracles::{message_of, messages};

use crate::vectors::{Received, received};
use crate::{Input, values};

/// Sizes of pieces for `frame_chunks`: headers and payloads end in most of their places.
const PIECES: [u8; 4] = [3, 0, 6, 10];

/// Octets of a header.
const HEADER: usize = 11;

/// Seeds of the target `name`, each octet string once; none when it has nothing to do with vectors.
///
/// # Errors
/// A file of vectors that cannot be read.
pub fn of(name: &str, data: &Data) -> Result<Vec<Input>, String> {
    let inputs: fn(&Received) -> Vec<Vec<u8>> = match name {
        "frame_decode" | "frame_roundtrip" => |it| vec![it.octets.clone()],
        "frame_chunks" => |it| vec![[PIECES.as_slice(), it.octets.as_slice()].concat()],
        "codec_diff" => |it| vec![[receiver(it).write(), it.octets.clone()].concat()],
        "decompress_limits" => compressed,
        "payload_semantic" => payloads,
        _ => return Ok(Vec::new()),
    };
    let mut seen = BTreeSet::new();
    let mut seeds = Vec::new();
    for it in received(data)? {
        for (place, octets) in inputs(&it).into_iter().enumerate() {
            if seen.insert(octets.clone()) {
                let name = match place {
                    0 => it.case.clone(),
                    more => format!("{}-{more}", it.case),
                };
                seeds.push(Input { name, octets });
            }
        }
    }
    if name == "payload_semantic" {
        seeds.extend(values::seeds(data)?);
    }
    Ok(seeds)
}

/// The receiver of a case, as the targets read it.
fn receiver(it: &Received) -> Receiver {
    let Config {
        role,
        phase,
        version,
        max_payload,
        compressions,
        negotiated_types,
    } = &it.config;
    Receiver {
        client: *role == Role::Client,
        handshake: *phase == Phase::Handshake,
        compressions: compressions.clone(),
        depth: match it.depth {
            Depth::Decode => receiver::Depth::Decode,
            Depth::Open => receiver::Depth::Open,
            Depth::Message => receiver::Depth::Message,
            Depth::Reassemble => receiver::Depth::Reassemble,
        },
        octet_by_octet: false,
        version: *version,
        max_payload: *max_payload,
        negotiated: negotiated_types.clone(),
    }
}

/// Type, compression and payload of the frames, by the lengths of their headers, while they are there.
fn frames(octets: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let (mut frames, mut rest) = (Vec::new(), octets);
    while let Some((head, behind)) = rest.split_first_chunk::<HEADER>() {
        let [_, frame_type, _, _, _, _, compression, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        let Some((payload, behind)) = behind.split_at_checked(length) else {
            break;
        };
        frames.push((frame_type, compression, payload));
        rest = behind;
    }
    frames
}

/// Payloads that say that they are compressed, with the largest size that any type has; and all others as what
/// is to be compressed.
fn compressed(it: &Received) -> Vec<Vec<u8>> {
    const MOST: u32 = 1_052_672;
    let seeds = frames(&it.octets)
        .into_iter()
        .map(|(_, compression, payload)| {
            let (algorithm, mode) = match compression {
                0 => (1 + (payload.len() % 4) as u8, 1),
                other => (other & 7, 0),
            };
            let mut octets = vec![algorithm | mode << 3];
            octets.extend(MOST.to_be_bytes());
            octets.extend(payload);
            octets
        });
    seeds.collect()
}

/// Payloads behind the number of their message; bodies of messages by themselves.
fn payloads(it: &Received) -> Vec<Vec<u8>> {
    let client = it.config.role == Role::Client;
    let seeds = frames(&it.octets)
        .into_iter()
        .filter_map(|(frame_type, compression, payload)| {
            let name = message_of(frame_type, client).filter(|_| compression == 0)?;
            let which = messages().iter().position(|known| *known == name)?;
            Some([&[which as u8, frame_type], payload].concat())
        });
    seeds.collect()
}
