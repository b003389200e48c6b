//! Whether a payload is worth compressing, and by which algorithm: by its size, by its kind, and by what was gained of
//! late. Nothing here depends on what peers say beyond the algorithms agreed on; the same calls give the same answers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use super::agreed::Agreed;
use crate::compression::{Level, compress_at};
use crate::registry::{Compression, FrameType, Operation};
use crate::time::Timestamp;

/// What a side compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressionPolicy {
    /// Payloads of at least so many octets are compressed without a dictionary.
    pub from_octets: u32,
    /// Payloads of at least so many octets are compressed with a dictionary, where that was agreed on.
    pub dictionary_from_octets: u32,
    /// Payloads of more octets than that have no use for a dictionary: they repeat themselves.
    pub dictionary_through_octets: u32,
    /// Work that Zstandard takes.
    pub level: Level,
    /// While so many messages wait on a connection, only payloads that need no dictionary are compressed.
    pub busy_messages: u32,
    /// Octets that a connection compresses in a second, sustained; what comes beyond leaves as it is. A bound on the
    /// CPU that one peer can cost.
    pub octets_per_s: u32,
}

impl Default for CompressionPolicy {
    fn default() -> Self {
        Self {
            from_octets: 512,
            dictionary_from_octets: 192,
            dictionary_through_octets: 16 * 1024,
            level: Level::default(),
            busy_messages: 64,
            octets_per_s: 2 << 20,
        }
    }
}

/// A gain of less is not worth the work of both sides: a sixteenth.
const LEAST_GAIN: u32 = ONE / 16;
/// All octets, in the numbers of [`Gain`].
const ONE: u32 = 1 << 16;
/// How much the latest payload counts: an eighth.
const WEIGHT_SHIFT: u32 = 3;
/// Longest run of payloads of a type that are not tried.
const LONGEST_RUN: u16 = 256;

/// What compressing payloads of one type has gained of late.
#[derive(Clone, Copy, Debug)]
struct Gain {
    frame_type: FrameType,
    with_dictionary: bool,
    /// Moving average of the part that was saved, of [`ONE`].
    saved: u32,
    /// Payloads that will not be tried.
    skip: u16,
    /// How many will not be tried when the next trial fails.
    run: u16,
}

/// What one side has learned, and what it may still spend. Part of a session; empty until something is compressed.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    now: Timestamp,
    learned: Option<Box<Learned>>,
}

#[derive(Debug, Default)]
struct Learned {
    gains: Vec<Gain>,
    /// Octets compressed that the passing time has not made up for.
    spent: u32,
    /// When that was worked out.
    at: Timestamp,
}

/// A payload, and how things stand for it.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) frame_type: FrameType,
    pub(crate) plain: &'a Bytes,
    /// Messages that wait before it.
    pub(crate) queued: usize,
    /// It cannot leave as it is.
    pub(crate) has_to: bool,
}

/// The algorithms of a connection, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Algorithms {
    /// Without a dictionary; [`Compression::NONE`] where there is none.
    pub(crate) plain: Compression,
    /// With a dictionary; [`Compression::NONE`] where there is none.
    pub(crate) dictionary: Compression,
}

impl Algorithms {
    /// The first of each kind.
    pub(crate) fn first_of(mut preferred: impl Iterator<Item = Compression> + Clone) -> Self {
        let is_dictionary = |one: &Compression| *one == Compression::ZSTD_DICT_1;
        let first = |found: Option<Compression>| found.unwrap_or(Compression::NONE);
        Self {
            plain: first(preferred.clone().find(|one| !is_dictionary(one))),
            dictionary: first(preferred.find(is_dictionary)),
        }
    }

    /// The one for a payload of so many octets, if it is long enough for any.
    fn for_octets(self, octets: usize, policy: &CompressionPolicy) -> Option<Compression> {
        let has = |algorithm| algorithm != Compression::NONE;
        let short = octets <= usize_of(policy.dictionary_through_octets) || !has(self.plain);
        if has(self.dictionary) && short && octets >= usize_of(policy.dictionary_from_octets) {
            Some(self.dictionary)
        } else {
            (has(self.plain) && octets >= usize_of(policy.from_octets)).then_some(self.plain)
        }
    }
}

impl Packer {
    /// The time, as far as anybody has said it.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Another connection, whose time begins anew.
    pub(crate) fn reconnect(&mut self) {
        self.now = Timestamp::ZERO;
        if let Some(learned) = &mut self.learned {
            (learned.spent, learned.at) = (0, Timestamp::ZERO);
        }
    }

    /// The payload compressed and by which algorithm, if that is worth it.
    // impl[EIM-CMP-005, EIM-CMP-010, EIM-CMP-011]
    pub(crate) fn pack(
        &mut self,
        agreed: &Agreed,
        policy: &CompressionPolicy,
        candidate: &Candidate<'_>,
    ) -> Option<(Compression, Bytes)> {
        let Candidate {
            frame_type,
            plain,
            queued,
            has_to,
        } = *candidate;
        if !may_gain(frame_type) {
            return None;
        }
        let algorithm = agreed.algorithms.for_octets(plain.len(), policy)?;
        let with_dictionary = algorithm == agreed.algorithms.dictionary;
        let learned = self.learned.get_or_insert_default();
        let place = learned.place_of(frame_type, with_dictionary);
        let gain = learned.gains.get_mut(place)?;
        if !has_to {
            if with_dictionary
                && queued >= usize_of(policy.busy_messages)
                && plain.len() < usize_of(policy.from_octets)
            {
                return None;
            }
            if gain.skip > 0 {
                gain.skip -= 1;
                return None;
            }
            if !learned.spend(plain.len(), policy, self.now) {
                return None;
            }
        }
        let packed = compress_at(algorithm, policy.level, plain);
        let after = packed.as_ref().map_or(plain.len(), Bytes::len);
        learned.gains.get_mut(place)?.learn(plain.len(), after);
        Some((algorithm, packed?))
    }

    /// Gives back what an idle connection does not need.
    pub(crate) fn trim(&mut self) {
        if let Some(learned) = &mut self.learned {
            learned.gains.shrink_to_fit();
        }
    }
}

impl Learned {
    fn place_of(&mut self, frame_type: FrameType, with_dictionary: bool) -> usize {
        let same =
            |gain: &Gain| gain.frame_type == frame_type && gain.with_dictionary == with_dictionary;
        self.gains.iter().position(same).unwrap_or_else(|| {
            // Bounded: a side sends known types alone.
            self.gains.push(Gain {
                frame_type,
                with_dictionary,
                saved: LEAST_GAIN * 2,
                skip: 0,
                run: 1,
            });
            self.gains.len() - 1
        })
    }

    /// Whether so many octets may be compressed now. A second's worth may come at once.
    fn spend(&mut self, octets: usize, policy: &CompressionPolicy, now: Timestamp) -> bool {
        let micros = now.saturating_since(self.at).as_micros().min(1 << 40);
        let regained = micros.saturating_mul(policy.octets_per_s.into()) / 1_000_000;
        let regained = u32::try_from(regained).unwrap_or(u32::MAX);
        if regained > 0 {
            self.spent = self.spent.saturating_sub(regained);
            self.at = now;
        }
        let Some(spent) = u32::try_from(octets)
            .ok()
            .and_then(|octets| self.spent.checked_add(octets))
        else {
            return false;
        };
        if spent > policy.octets_per_s {
            return false;
        }
        self.spent = spent;
        true
    }
}

impl Gain {
    /// Takes in what a trial came to. While too little is gained, fewer and fewer are tried.
    fn learn(&mut self, before: usize, after: usize) {
        let saved = before.saturating_sub(after).saturating_mul(usize_of(ONE)) / before.max(1);
        let saved = u32::try_from(saved).unwrap_or(ONE);
        self.saved = self.saved - (self.saved >> WEIGHT_SHIFT) + (saved >> WEIGHT_SHIFT);
        if self.saved >= LEAST_GAIN {
            self.run = 1;
        } else {
            self.skip = self.run;
            self.run = self.run.saturating_mul(2).min(LONGEST_RUN);
        }
    }
}

/// Whether payloads of a type are worth a trial, and may be compressed. Media are small pictures, hashes and ids. What is merged
/// of several messages has several authors.
// impl[EIM-CMP-007, EIM-CMP-008]
fn may_gain(frame_type: FrameType) -> bool {
    frame_type.is_compressible()
        && !matches!(
            frame_type,
            FrameType::IMAGE
                | FrameType::FILE
                | FrameType::VOICE
                | FrameType::VIDEO
                | FrameType::FORWARD
        )
}

/// Whether requests of an operation may hold secrets: tokens and keys of targets of notifications, passwords of what a call
/// negotiates.
// impl[EIM-CMP-009]
pub(crate) const fn is_secret(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::NOTIFY_REGISTER | Operation::CALL_START | Operation::CALL_SIGNAL
    )
}

const fn usize_of(number: u32) -> usize {
    number as usize
}

#[cfg(all(test, feature = "zstd"))]
mod tests {
    use alloc::vec;

    use super::super::agreed::Capabilities;
    use super::*;
    use crate::limits::CompressionSet;

    fn agreed(algorithms: &[Compression]) -> Agreed {
        Agreed {
            version: 1,
            compressions: algorithms.iter().copied().collect::<CompressionSet>(),
            algorithms: Algorithms::first_of(algorithms.iter().copied()),
            capabilities: Capabilities::default(),
            own_max: 65_536,
            peer_max: 65_536,
            send_only: false,
        }
    }

    fn pack(
        packer: &mut Packer,
        frame_type: FrameType,
        plain: &[u8],
        queued: usize,
    ) -> Compression {
        let agreed = agreed(&[Compression::ZSTD_DICT_1, Compression::ZSTD]);
        let plain = Bytes::copy_from_slice(plain);
        let candidate = Candidate {
            frame_type,
            plain: &plain,
            queued,
            has_to: false,
        };
        let packed = packer.pack(&agreed, &CompressionPolicy::default(), &candidate);
        packed.map_or(Compression::NONE, |packed| packed.0)
    }

    /// Octets that nothing makes smaller.
    fn noise(octets: usize) -> Vec<u8> {
        let mut state = 1_u64;
        (0..octets)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect()
    }

    #[test]
    fn the_size_decides_about_the_dictionary() {
        let mut packer = Packer::default();
        for (octets, expected) in [
            (191, Compression::NONE),
            (192, Compression::ZSTD_DICT_1),
            (16_384, Compression::ZSTD_DICT_1),
            (16_385, Compression::ZSTD),
        ] {
            let plain = vec![b'a'; octets];
            assert_eq!(
                pack(&mut packer, FrameType::TEXT, &plain, 0),
                expected,
                "{octets}"
            );
        }
        let plain = Bytes::from(vec![b'a'; 20_000]);
        for (algorithms, octets, expected) in [
            (
                &[Compression::ZSTD_DICT_1][..],
                20_000,
                Some(Compression::ZSTD_DICT_1),
            ),
            (
                &[Compression::LZ4, Compression::ZSTD],
                512,
                Some(Compression::LZ4),
            ),
            (&[Compression::LZ4, Compression::ZSTD], 511, None),
            (&[], 20_000, None),
        ] {
            let algorithms = Algorithms::first_of(algorithms.iter().copied());
            let chosen =
                algorithms.for_octets(plain.slice(..octets).len(), &CompressionPolicy::default());
            assert_eq!(chosen, expected, "{algorithms:?}");
        }
    }

    // test[EIM-CMP-008]
    #[test]
    fn the_kind_decides_whether_it_is_tried() {
        let mut packer = Packer::default();
        let plain = vec![b'a'; 1_000];
        for (frame_type, expected) in [
            (FrameType::TEXT, Compression::ZSTD_DICT_1),
            (FrameType::IMAGE, Compression::NONE),
            (FrameType::FORWARD, Compression::NONE),
            (FrameType::ENCRYPTED, Compression::NONE),
            (FrameType::BLOB_CHUNK, Compression::NONE),
        ] {
            assert_eq!(
                pack(&mut packer, frame_type, &plain, 0),
                expected,
                "{frame_type}"
            );
        }
    }

    #[test]
    fn what_gains_nothing_is_tried_less_and_less_and_then_again() {
        let mut packer = Packer::default();
        let (plain, good) = (noise(1_000), vec![b'a'; 1_000]);
        let mut tried = 0;
        for _ in 0..2_000 {
            let spent =
                |packer: &Packer| packer.learned.as_ref().map_or(0, |learned| learned.spent);
            let before = spent(&packer);
            assert_eq!(
                pack(&mut packer, FrameType::TEXT, &plain, 0),
                Compression::NONE
            );
            tried += usize::from(spent(&packer) > before);
        }
        assert!((8..40).contains(&tried), "{tried} trials of 2000");
        // Others are not held to blame.
        assert_eq!(
            pack(&mut packer, FrameType::CUSTOM, &good, 0),
            Compression::ZSTD_DICT_1
        );
        // It gets better, and is found out within a run.
        let mut packed = 0;
        for _ in 0..600 {
            packer.reconnect();
            packed +=
                usize::from(pack(&mut packer, FrameType::TEXT, &good, 0) != Compression::NONE);
        }
        assert!(packed > 300, "{packed} of 600");
    }

    #[test]
    fn a_second_has_only_so_many_octets() {
        let mut packer = Packer::default();
        let plain = vec![b'a'; 1 << 14];
        let burst = |packer: &mut Packer| {
            (0..1_000)
                .filter(|_| pack(packer, FrameType::CUSTOM, &plain, 0) != Compression::NONE)
                .count()
        };
        assert_eq!(burst(&mut packer), 128);
        packer.tick(Timestamp::from_micros(500_000));
        assert_eq!(burst(&mut packer), 64);
        packer.tick(Timestamp::from_micros(u64::MAX));
        assert_eq!(burst(&mut packer), 128);
        packer.reconnect();
        assert_eq!(burst(&mut packer), 128);
    }

    #[test]
    fn a_backlog_leaves_small_payloads_as_they_are() {
        let mut packer = Packer::default();
        assert_eq!(
            pack(&mut packer, FrameType::TEXT, &[b'a'; 300], 63),
            Compression::ZSTD_DICT_1
        );
        assert_eq!(
            pack(&mut packer, FrameType::TEXT, &[b'a'; 300], 64),
            Compression::NONE
        );
        assert_eq!(
            pack(&mut packer, FrameType::TEXT, &[b'a'; 600], 64),
            Compression::ZSTD_DICT_1
        );
    }

    // test[EIM-CMP-009]
    #[test]
    fn requests_with_secrets_are_known() {
        assert!(is_secret(Operation::NOTIFY_REGISTER));
        assert!(!is_secret(Operation::HISTORY));
    }
}
