//! Names of limits and where the reference server keeps them.

use eim_server::config::Config;
use eim_server::service::directory::Visible;
use eim_server::service::presence::SeenBy;

/// Sets the limit `name`. `false` when the server has no such setting.
///
/// # Errors
/// The value does not fit.
pub(super) fn set(config: &mut Config, name: &str, value: u64) -> Result<bool, String> {
    let narrow = || u32::try_from(value).map_err(|_| format!("limit {name}: {value} is too large"));
    let (limits, session, store) = (&mut config.limits, &mut config.session, &mut config.store);
    match name {
        "frame_octets" => limits.frame_octets = narrow()?,
        "handshake_ms" => limits.handshake_ms = value,
        "half_open_per_address" => limits.half_open_per_address = narrow()?,
        // The suite wants exactly this credit: it does not grow.
        "window_frames" => {
            limits.window_frames = narrow()?;
            limits.window_frames_max = narrow()?;
        }
        "window_octets" => {
            limits.window_octets = narrow()?;
            limits.window_octets_max = narrow()?;
        }
        "unsettled_results" => limits.unsettled_results = narrow()?,
        "control_frames_per_s" => limits.control_frames_per_s = narrow()?,
        "requests_in_flight" => limits.requests_in_flight = narrow()?,
        "messages_per_s" => limits.messages_per_s = narrow()?,
        "user_messages_per_s" => config.rates.user_messages_per_s = narrow()?,
        "user_octets_per_s" => config.rates.user_octets_per_s = narrow()?,
        "tenant_messages_per_s" => config.rates.tenant_messages_per_s = narrow()?,
        "user_logins_per_min" => config.rates.user_logins_per_min = narrow()?,
        "user_groups_per_hour" => config.rates.user_groups_per_hour = narrow()?,
        "user_requests_per_s" => config.rates.user_requests_per_s = narrow()?,
        "devices" => config.devices.total = narrow()?,
        "desktops" => config.devices.desktop = narrow()?,
        "group_members" => limits.group_members = narrow()?,
        "group_waiting" => limits.group_waiting = narrow()?,
        "edit_ms" => limits.edit_ms = value,
        "recall_ms" => limits.recall_ms = value,
        "conversation_pins" => limits.conversation_pins = narrow()?,
        "notify_mutes" => limits.notify_mutes = narrow()?,
        "contacts" => limits.contacts = narrow()?,
        "directory_visible" => config.directory.visible = visible(value),
        "presence_subscriptions" => limits.presence_subscriptions = narrow()?,
        "presence_per_s" => limits.presence_per_s = narrow()?,
        "presence_ms" => limits.presence_ms = value,
        "typing_members" => limits.typing_members = narrow()?,
        "call_members" => limits.call_members = narrow()?,
        "calls_started" => limits.calls_started = narrow()?,
        "call_signals" => limits.call_signals = narrow()?,
        "call_ring_ms" => limits.call_ring_ms = value,
        "call_absent_ms" => limits.call_absent_ms = value,
        "call_mailbox_ms" => limits.call_mailbox_ms = value,
        "presence_visible" => config.presence.visible = seen_by(value),
        "presence_last_seen" => config.presence.last_seen = value != 0,
        "blob_octets" => config.blobs.max_octets = value,
        "blob_quota_octets" => config.blobs.quota_octets = value,
        "blob_transfers" => config.blobs.transfers = narrow()?,
        "blob_part_octets" => config.blobs.part_octets = narrow()?,
        "blob_window_octets" => config.blobs.window_octets = narrow()?,
        "blob_url_ms" => config.blobs.presigned_ms = value,
        "contacts_only" => config.contacts.only_contacts_may_write = value != 0,
        "write_fanout_members" => limits.write_fanout_members = narrow()?,
        "queue_frames" => {
            config.memory.queue_frames = narrow()?.try_into().map_err(|_| name.to_owned())?;
        }
        "reserve_octets" => store.reserve_octets = value,
        "heartbeat_ms" => session.heartbeat_ms = value,
        "background_ms" => session.background_ms = value,
        "resume_ms" => session.resume_ms = value,
        "resume_token_ms" => session.resume_token_ms = value,
        "idempotency_ms" => store.idempotency_ms = value,
        "timeline_ms" => store.timeline_ms = value,
        "goaway_ms" => config.shutdown.drain_ms = value,
        _ => return Ok(false),
    }
    Ok(true)
}

const fn visible(value: u64) -> Visible {
    match value {
        0 => Visible::All,
        1 => Visible::Branch,
        _ => Visible::None,
    }
}

const fn seen_by(value: u64) -> SeenBy {
    match value {
        0 => SeenBy::Everybody,
        1 => SeenBy::Contacts,
        _ => SeenBy::Nobody,
    }
}
