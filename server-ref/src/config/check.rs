//! What values make sense together.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use eim_codec::registry::{Limit, limits};

use super::{Config, Keep};

/// Everything wrong with `config`, one sentence each.
pub(super) fn problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    listeners(config, &mut problems);
    ranges(config, &mut problems);
    problems.extend(config.notifications.problems());
    problems.extend(config.rates.problems());
    problems.extend(config.breaker.problems());
    problems.extend(config.compression.problems());
    let plain_anywhere = config.listen.allow_plain_remote;
    problems.extend(config.bots.problems(plain_anywhere));
    if config.blobs.presigned_ms > 0 && config.blobs.keep != Keep::S3 {
        problems.push("blobs.presigned_ms needs blobs.keep = \"s3\"".to_owned());
    }
    if config.blobs.keep == Keep::S3 && config.blobs.s3_bucket.is_empty() {
        problems.push("blobs.keep = \"s3\" needs blobs.s3_bucket".to_owned());
    }
    if config.tls.certificate.as_os_str().is_empty() != config.tls.key.as_os_str().is_empty() {
        problems.push("tls.certificate and tls.key belong together: set both or none".to_owned());
    }
    problems
}

fn listeners(config: &Config, problems: &mut Vec<String>) {
    let listen = &config.listen;
    let plain_anywhere = listen.allow_plain_remote;
    let mut clients = 0;
    for (name, text, plain) in [
        ("listen.tls", &listen.tls, false),
        ("listen.wss", &listen.wss, false),
        ("listen.tcp", &listen.tcp, true),
        ("listen.ws", &listen.ws, true),
        ("admin.listen", &config.admin.listen, false),
    ] {
        if text.is_empty() {
            continue;
        }
        clients += usize::from(name != "admin.listen");
        match text.parse::<SocketAddr>() {
            Err(_) => problems.push(format!("{name} = \"{text}\" is not ADDRESS:PORT")),
            // impl[EIM-TRN-017]
            Ok(address) if plain && !plain_anywhere && !address.ip().is_loopback() => {
                problems.push(format!(
                    "{name} = \"{text}\" is not a loopback address: use TLS, or set \
                     listen.allow_plain_remote"
                ));
            }
            Ok(_) => {}
        }
    }
    if clients == 0 {
        problems.push("no listener is configured: set at least one of listen.*".to_owned());
    }
}

fn bounded<T: Copy + Into<u64>>(limit: &Limit<T>) -> RangeInclusive<u64> {
    limit.minimum.into()..=limit.maximum.into()
}

/// A key, its value and what it may be.
type Checked = (&'static str, u64, RangeInclusive<u64>);

fn ranges(config: &Config, problems: &mut Vec<String>) {
    let all = session_ranges(config)
        .into_iter()
        .chain(limit_ranges(config))
        .chain(window_ranges(config))
        .chain(operation_ranges(config))
        .chain(presence_ranges(config))
        .chain(call_ranges(config))
        .chain(blob_ranges(config))
        .chain(notification_ranges(config))
        .chain(other_ranges(config));
    for (name, value, range) in all {
        if !range.contains(&value) {
            let (least, most) = (range.start(), range.end());
            problems.push(format!("{name} = {value} is outside {least} to {most}"));
        }
    }
    let limit = &config.limits;
    let least = u64::from(limit.frame_octets) + u64::from(limits::HEADER_OCTETS.default);
    if u64::from(limit.window_octets) < least {
        let octets = limit.window_octets;
        problems.push(format!(
            "limits.window_octets = {octets} is less than one maximal frame ({least})"
        ));
    }
}

// impl[EIM-LIM-002]
fn session_ranges(config: &Config) -> [Checked; 6] {
    let session = &config.session;
    let token_ms = bounded(&limits::RESUME_TOKEN_MS);
    [
        (
            "auth.iterations",
            config.auth.iterations.into(),
            bounded(&limits::SCRAM_ITERATIONS),
        ),
        (
            "session.heartbeat_ms",
            session.heartbeat_ms,
            bounded(&limits::HEARTBEAT_MS),
        ),
        (
            "session.background_ms",
            session.background_ms,
            bounded(&limits::BACKGROUND_MS),
        ),
        (
            "session.resume_ms",
            session.resume_ms,
            bounded(&limits::RESUME_MS),
        ),
        ("session.resume_token_ms", session.resume_token_ms, token_ms),
        (
            "devices.total",
            config.devices.total.into(),
            bounded(&limits::DEVICES),
        ),
    ]
}

fn limit_ranges(config: &Config) -> [Checked; 10] {
    let limit = &config.limits;
    let half_open = bounded(&limits::HALF_OPEN_PER_ADDRESS);
    let results = bounded(&limits::UNSETTLED_RESULTS);
    let control = bounded(&limits::CONTROL_FRAMES_PER_S);
    let requests = bounded(&limits::REQUESTS_IN_FLIGHT);
    [
        (
            "limits.frame_octets",
            limit.frame_octets.into(),
            bounded(&limits::FRAME_OCTETS),
        ),
        (
            "limits.handshake_ms",
            limit.handshake_ms,
            bounded(&limits::HANDSHAKE_MS),
        ),
        (
            "limits.half_open_per_address",
            limit.half_open_per_address.into(),
            half_open,
        ),
        (
            "limits.unsettled_results",
            limit.unsettled_results.into(),
            results,
        ),
        (
            "limits.control_frames_per_s",
            limit.control_frames_per_s.into(),
            control,
        ),
        (
            "limits.requests_in_flight",
            limit.requests_in_flight.into(),
            requests,
        ),
        (
            "limits.group_members",
            limit.group_members.into(),
            bounded(&limits::GROUP_MEMBERS),
        ),
        (
            "limits.group_waiting",
            limit.group_waiting.into(),
            bounded(&limits::GROUP_WAITING),
        ),
        (
            "limits.contacts",
            limit.contacts.into(),
            bounded(&limits::CONTACTS),
        ),
        (
            "limits.write_fanout_members",
            limit.write_fanout_members.into(),
            bounded(&limits::WRITE_FANOUT_MEMBERS),
        ),
    ]
}

fn window_ranges(config: &Config) -> [Checked; 4] {
    let limit = &config.limits;
    let frames = limit.window_frames.into()..=limits::WINDOW_FRAMES.maximum.into();
    let octets = limit.window_octets.into()..=limits::WINDOW_OCTETS.maximum.into();
    [
        (
            "limits.window_frames",
            limit.window_frames.into(),
            bounded(&limits::WINDOW_FRAMES),
        ),
        (
            "limits.window_octets",
            limit.window_octets.into(),
            bounded(&limits::WINDOW_OCTETS),
        ),
        (
            "limits.window_frames_max",
            limit.window_frames_max.into(),
            frames,
        ),
        (
            "limits.window_octets_max",
            limit.window_octets_max.into(),
            octets,
        ),
    ]
}

fn operation_ranges(config: &Config) -> [Checked; 3] {
    let limit = &config.limits;
    [
        ("limits.edit_ms", limit.edit_ms, bounded(&limits::EDIT_MS)),
        (
            "limits.recall_ms",
            limit.recall_ms,
            bounded(&limits::RECALL_MS),
        ),
        (
            "limits.conversation_pins",
            limit.conversation_pins.into(),
            bounded(&limits::CONVERSATION_PINS),
        ),
    ]
}

fn presence_ranges(config: &Config) -> [Checked; 4] {
    let limit = &config.limits;
    [
        (
            "limits.presence_subscriptions",
            limit.presence_subscriptions.into(),
            bounded(&limits::PRESENCE_SUBSCRIPTIONS),
        ),
        (
            "limits.presence_per_s",
            limit.presence_per_s.into(),
            bounded(&limits::PRESENCE_PER_S),
        ),
        (
            "limits.presence_ms",
            limit.presence_ms,
            bounded(&limits::PRESENCE_MS),
        ),
        (
            "limits.typing_members",
            limit.typing_members.into(),
            bounded(&limits::TYPING_MEMBERS),
        ),
    ]
}

fn call_ranges(config: &Config) -> [Checked; 6] {
    let limit = &config.limits;
    [
        (
            "limits.call_members",
            limit.call_members.into(),
            bounded(&limits::CALL_MEMBERS),
        ),
        (
            "limits.calls_started",
            limit.calls_started.into(),
            bounded(&limits::CALLS_STARTED),
        ),
        (
            "limits.call_signals",
            limit.call_signals.into(),
            bounded(&limits::CALL_SIGNALS),
        ),
        (
            "limits.call_ring_ms",
            limit.call_ring_ms,
            bounded(&limits::CALL_RING_MS),
        ),
        (
            "limits.call_absent_ms",
            limit.call_absent_ms,
            bounded(&limits::CALL_ABSENT_MS),
        ),
        (
            "limits.call_mailbox_ms",
            limit.call_mailbox_ms,
            bounded(&limits::CALL_MAILBOX_MS),
        ),
    ]
}

fn blob_ranges(config: &Config) -> [Checked; 6] {
    let blobs = &config.blobs;
    let part = u64::from(blobs.window_octets)..=64 << 20;
    [
        (
            "blobs.max_octets",
            blobs.max_octets,
            bounded(&limits::BLOB_OCTETS),
        ),
        (
            "blobs.window_octets",
            blobs.window_octets.into(),
            bounded(&limits::BLOB_WINDOW_OCTETS),
        ),
        ("blobs.part_octets", blobs.part_octets.into(), part),
        (
            "blobs.transfers",
            blobs.transfers.into(),
            bounded(&limits::BLOB_TRANSFERS),
        ),
        (
            "blobs.orphan_ms",
            blobs.orphan_ms,
            bounded(&limits::BLOB_ORPHAN_MS),
        ),
        (
            "blobs.presigned_ms",
            blobs.presigned_ms,
            match blobs.presigned_ms {
                0 => 0..=0,
                _ => bounded(&limits::BLOB_URL_MS),
            },
        ),
    ]
}

fn notification_ranges(config: &Config) -> [Checked; 6] {
    let wanted = &config.notifications;
    let day_ms = 86_400_000;
    [
        (
            "limits.notify_mutes",
            config.limits.notify_mutes.into(),
            bounded(&limits::NOTIFY_MUTES),
        ),
        (
            "notifications.ttl_ms",
            wanted.ttl_ms,
            bounded(&limits::NOTIFY_TTL_MS),
        ),
        ("notifications.timeout_ms", wanted.timeout_ms, 100..=120_000),
        ("notifications.retry_ms", wanted.retry_ms, 10..=day_ms),
        (
            "notifications.retry_max_ms",
            wanted.retry_max_ms,
            wanted.retry_ms..=day_ms,
        ),
        (
            "notifications.breaker_max_ms",
            wanted.breaker_max_ms,
            wanted.breaker_ms.max(10)..=day_ms,
        ),
    ]
}

fn other_ranges(config: &Config) -> [Checked; 4] {
    let store = &config.store;
    [
        (
            "store.timeline_ms",
            store.timeline_ms,
            bounded(&limits::TIMELINE_MS),
        ),
        (
            "store.idempotency_ms",
            store.idempotency_ms,
            bounded(&limits::IDEMPOTENCY_MS),
        ),
        (
            "store.sweep_interval_ms",
            store.sweep_interval_ms,
            100..=86_400_000,
        ),
        (
            "shutdown.drain_ms",
            config.shutdown.drain_ms,
            0..=limits::GOAWAY_MS.maximum,
        ),
    ]
}
