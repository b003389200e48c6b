//! Worlds from seeds.

use std::fmt::Write as _;

use super::{DiskConfig, FilesConfig, Range, UserNumber, WorldConfig};
use crate::seed::Dice;

/// How large a plan is.
pub(super) struct Size {
    pub(super) steps: u32,
    users: u64,
    devices: u64,
}

impl Size {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        Self {
            steps: u32::try_from(dice.between(20, 200)).unwrap_or(20),
            users: dice.between(2, 4),
            devices: dice.between(2, 7),
        }
    }
}

pub(super) fn draw(dice: &mut Dice, size: &Size) -> WorldConfig {
    let user = |number: u64| UserNumber(u8::try_from(number).unwrap_or(0));
    let mut devices: Vec<UserNumber> = (0..size.users).map(user).collect();
    while (devices.len() as u64) < size.devices {
        devices.push(user(dice.below(size.users)));
    }
    let delay_ms = range(dice, &[(0, 0), (0, 5), (1, 40), (20, 300)]);
    let chunk_octets = range(dice, &[(1, 20), (1, 600), (100, 4096), (4096, 65_536)]);
    let buffer_octets = *dice.pick(&[600, 8_192, 65_536]).unwrap_or(&65_536);
    let (files, keys) = files(&mut dice.fork("files"));
    WorldConfig {
        devices,
        delay_ms,
        chunk_octets,
        buffer_octets,
        disk: disk(dice),
        device_disk: disk(dice),
        server: server(dice) + &keys,
        outbox_limit: *dice.pick(&[3, 16, 256]).unwrap_or(&16),
        files: Some(files),
        calls: false,
        canary: None,
    }
}

fn range(dice: &mut Dice, of: &[(u64, u64)]) -> Range {
    let (low, high) = dice.pick(of).copied().unwrap_or_default();
    Range { low, high }
}

fn disk(dice: &mut Dice) -> DiskConfig {
    DiskConfig {
        sync_us: range(dice, &[(0, 0), (0, 2_000), (500, 15_000), (1_000, 120_000)]),
        survives_permille: *dice.pick(&[0, 500, 1_000]).unwrap_or(&500),
        torn_permille: *dice.pick(&[0, 500]).unwrap_or(&0),
    }
}

/// Files of few octets in several parts, and what the operator decides about them.
fn files(dice: &mut Dice) -> (FilesConfig, String) {
    let pick = |dice: &mut Dice, of: &[u32]| *dice.pick(of).unwrap_or(&1_000);
    let part_octets = pick(dice, &[700, 1_500, 4_000]);
    let window_octets = pick(dice, &[300, 1_000, 4_000]).min(part_octets);
    let mut keys = "[blobs]\n".to_owned();
    for (key, values) in [
        ("orphan_ms", &[60_000, 120_000][..]),
        ("transfers", &[1, 2]),
        ("shared", &[1]),
    ] {
        if let (true, Some(value)) = (dice.chance(400), dice.pick(values)) {
            // Writing into a string does not fail.
            let _ = match key {
                "shared" => writeln!(keys, "shared = true"),
                key => writeln!(keys, "{key} = {value}"),
            };
        }
    }
    let files = FilesConfig {
        part_octets,
        window_octets,
    };
    (files, keys)
}

/// Small limits bring out what large ones hide; most worlds leave each as it is. Those that a
/// client cannot know stay at their defaults (EIM-LIM-003).
#[expect(
    clippy::type_complexity,
    reason = "a table of sections, keys and values"
)]
fn server(dice: &mut Dice) -> String {
    let sections: [(&str, &[(&str, &[u64])]); 6] = [
        (
            "session",
            &[
                ("heartbeat_ms", &[1_000, 5_000, 20_000]),
                ("resume_ms", &[0, 2_000, 20_000]),
                ("detached_sessions", &[0, 1, 2]),
                ("detached_octets", &[0, 500, 4_000]),
                ("quiesce_ms", &[200, 1_000]),
            ],
        ),
        (
            "limits",
            &[
                ("frame_octets", &[16_384]),
                ("window_frames", &[1, 2, 7]),
                ("window_octets", &[65_547]),
                ("unsettled_results", &[64]),
                ("messages_per_s", &[5, 50]),
                ("write_fanout_members", &[1, 1, 2]),
            ],
        ),
        (
            "memory",
            &[
                ("queue_frames", &[1, 4, 30]),
                ("queue_octets", &[2_000, 40_000]),
                ("queues_octets", &[20_000]),
                ("windows_octets", &[0]),
            ],
        ),
        (
            "store",
            &[
                ("sweep_interval_ms", &[1_000]),
                ("sweep_limit", &[1, 10]),
                ("backlog_messages", &[1, 4, 30]),
                ("backlog_ms", &[5, 100]),
            ],
        ),
        (
            "rates",
            &[
                ("device_octets_per_s", &[20_000]),
                ("user_messages_per_s", &[3, 40]),
                ("tenant_messages_per_s", &[4, 60]),
                ("tenant_octets_per_s", &[50_000]),
                ("user_logins_per_min", &[30]),
                ("user_requests_per_s", &[40]),
                ("remembered", &[1, 3]),
            ],
        ),
        (
            "shutdown",
            &[("drain_ms", &[0, 300]), ("reconnect_jitter_ms", &[0, 10])],
        ),
    ];
    let mut keys = String::new();
    for (section, all) in sections {
        // Writing into a string does not fail.
        let _ = writeln!(keys, "[{section}]");
        for (key, values) in all {
            if let (true, Some(value)) = (dice.chance(350), dice.pick(values)) {
                let _ = writeln!(keys, "{key} = {value}");
            }
        }
    }
    keys
}
