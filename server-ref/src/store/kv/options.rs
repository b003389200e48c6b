//! What a store is given when it opens.

use std::sync::Arc;
use std::time::Duration;

use eim_codec::registry::limits;

use crate::clock::{Clock, SystemClock};
use crate::limits::BreakerPolicy;
use crate::random::{Random, SystemRandom};

/// Rules and bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a `client_msg_id` or `request_id` is remembered, in milliseconds.
    pub idempotency_ms: u64,
    /// How long timeline references are kept, in milliseconds.
    pub timeline_ms: u64,
    /// Most members of a group.
    pub group_members: usize,
    /// Members up to which every entry of a group enters every timeline.
    pub write_fanout_members: usize,
    /// Longest name of a group, in octets.
    pub group_name_octets: usize,
    /// Longest announcement of a group, in octets.
    pub announcement_octets: usize,
    /// Longest time for which somebody is muted, in milliseconds.
    pub mute_ms: u64,
    /// Invitations of one group that are good at once.
    pub group_invitations: usize,
    /// Longest lifetime of an invitation, in milliseconds.
    pub invitation_ms: u64,
    /// Users who wait to join one group.
    pub group_waiting: u32,
    /// EDITs of one message.
    pub message_edits: usize,
    /// Different reactions to one message.
    pub message_reactions: usize,
    /// Reactions of one user to one message.
    pub user_reactions: usize,
    /// Pinned messages of one conversation.
    pub conversation_pins: usize,
    /// How long the sender may edit a message, in milliseconds; 0 for ever.
    pub edit_ms: u64,
    /// How long the sender may recall a message, in milliseconds; 0 for ever.
    pub recall_ms: u64,
    /// Most users on a list of contacts.
    pub contacts: u64,
    /// Longest message of a contact request, in octets.
    pub contact_message_octets: usize,
    /// Only contacts may write to each other directly.
    pub contacts_only: bool,
    /// Longest text of a profile, in octets.
    pub profile_octets: usize,
    /// Whether notifications are owed to devices with a target.
    pub notifications: bool,
    /// How long a notification waits before it is tried first, in milliseconds.
    pub notify_delay_ms: u64,
    /// Muted conversations of one user.
    pub notify_mutes: usize,
    /// When an engine that cannot be read is left alone.
    pub breaker: BreakerPolicy,
    /// Commands that may wait for the commit loop; callers wait for room.
    pub queue: usize,
    /// About how many octets are committed at once.
    pub batch_octets: usize,
    /// Conversations, timelines and devices whose heads are kept in memory, each. Up to twice as
    /// many are held.
    pub cached: usize,
    /// How long a moved cursor may wait to be written.
    pub cursor_delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            message_edits: count(limits::MESSAGE_EDITS.default),
            message_reactions: count(limits::MESSAGE_REACTIONS.default),
            user_reactions: count(limits::USER_REACTIONS.default),
            conversation_pins: count(limits::CONVERSATION_PINS.default),
            edit_ms: limits::EDIT_MS.default,
            recall_ms: limits::RECALL_MS.default,
            idempotency_ms: limits::IDEMPOTENCY_MS.default,
            timeline_ms: limits::TIMELINE_MS.default,
            group_members: usize::try_from(limits::GROUP_MEMBERS.default).unwrap_or(usize::MAX),
            write_fanout_members: usize::try_from(limits::WRITE_FANOUT_MEMBERS.default)
                .unwrap_or(usize::MAX),
            group_name_octets: usize::try_from(limits::GROUP_NAME_OCTETS.default)
                .unwrap_or(usize::MAX),
            announcement_octets: count(limits::ANNOUNCEMENT_OCTETS.default),
            mute_ms: limits::MUTE_MS.default,
            group_invitations: count(limits::GROUP_INVITATIONS.default),
            invitation_ms: limits::INVITATION_MS.default,
            group_waiting: limits::GROUP_WAITING.default,
            contacts: u64::from(limits::CONTACTS.default),
            contact_message_octets: usize::try_from(limits::CONTACT_MESSAGE_OCTETS.default)
                .unwrap_or(usize::MAX),
            contacts_only: false,
            profile_octets: usize::try_from(limits::PROFILE_OCTETS.default).unwrap_or(usize::MAX),
            notifications: false,
            notify_delay_ms: 0,
            notify_mutes: count(limits::NOTIFY_MUTES.default),
            breaker: BreakerPolicy {
                failures: 5,
                first: Duration::from_secs(1),
                most: Duration::from_secs(30),
            },
            queue: 1024,
            batch_octets: 4 << 20,
            cached: 65_536,
            cursor_delay: Duration::from_secs(1),
        }
    }
}

/// The outside world as a store sees it.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Salts and ids.
    pub random: Arc<dyn Random>,
}

impl Environment {
    /// Clock and randomness of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}
