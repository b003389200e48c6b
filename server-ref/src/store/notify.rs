//! Notifications for devices without a connection: where they go, what their users want, and those
//! that are owed.

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::NotifyContent;

use super::{Origin, Refused, StoreError, TenantId};

/// Milliseconds of a minute and of a day.
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Who passes notifications on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Service {
    /// An HTTP address of the operator.
    Webhook = 1,
    /// Apple.
    Apns = 2,
    /// Google.
    Fcm = 3,
    /// Browsers.
    WebPush = 4,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Apns, Self::Fcm, Self::WebPush];

    /// The service of a number of the wire.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| i32::from(*service as u8) == number)
    }

    /// Number of the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Apns => "apns",
            Self::Fcm => "fcm",
            Self::WebPush => "web_push",
        }
    }
}

/// Where notifications for a device go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyTarget {
    /// Who passes them on.
    pub service: Service,
    /// Address there.
    pub address: String,
    /// Web Push: the key of the browser.
    pub public_key: Bytes,
    /// Web Push: the secret of the browser.
    pub auth_secret: Bytes,
}

/// A time of each day. The ends are minutes since midnight, and not equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Begin.
    pub from_minute: u32,
    /// End; before the begin for a time over midnight.
    pub to_minute: u32,
    /// Minutes by which the user's clock is ahead of UTC, less than a day.
    pub offset_minutes: u32,
}

impl QuietHours {
    /// How long the quiet time goes on at `now_ms`, in milliseconds; 0 outside.
    const fn left_ms(self, now_ms: u64) -> u64 {
        let [from, to, offset] = [self.from_minute, self.to_minute, self.offset_minutes];
        let [from, to, offset] = [minutes_ms(from), minutes_ms(to), minutes_ms(offset)];
        let local = (now_ms % DAY_MS + offset) % DAY_MS;
        let length = (to + DAY_MS - from) % DAY_MS;
        let into = (local + DAY_MS - from) % DAY_MS;
        length.saturating_sub(into)
    }
}

/// Minutes of a day in milliseconds.
const fn minutes_ms(minutes: u32) -> u64 {
    (minutes as u64 % (24 * 60)) * MINUTE_MS
}

/// What a user wants to be told, and when not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifySettings {
    /// How much; unspecified for what the server permits.
    pub content: NotifyContent,
    /// Each day.
    pub quiet_hours: Option<QuietHours>,
    /// Once, Unix milliseconds; 0 for not.
    pub quiet_until_ms: u64,
}

impl NotifySettings {
    /// When the quiet time ends that it is at `now_ms`; `now_ms` when it is none.
    // impl[EIM-NTF-016]
    #[must_use]
    pub fn quiet_through(&self, now_ms: u64) -> u64 {
        let mut end = now_ms.max(self.quiet_until_ms);
        // The end of one may lie in the other.
        if let Some(hours) = self.quiet_hours {
            end = end.saturating_add(hours.left_ms(end));
        }
        end
    }
}

/// A conversation that is kept quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotifyMute {
    /// It.
    pub conversation: ConversationId,
    /// Until then, Unix milliseconds.
    pub until_ms: u64,
    /// Mentions are told all the same.
    pub mentions: bool,
}

impl NotifyMute {
    /// Whether it keeps back what is, or is no, mention.
    // impl[EIM-NTF-012, EIM-NTF-013]
    #[must_use]
    pub const fn keeps_back(&self, mention: bool, now_ms: u64) -> bool {
        self.until_ms > now_ms && !(mention && self.mentions)
    }
}

/// What a user has asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyState {
    /// Target of the device.
    pub target: Option<NotifyTarget>,
    /// Settings of the user.
    pub settings: NotifySettings,
    /// Muted conversations in id order.
    pub mutes: Vec<NotifyMute>,
    /// More follow.
    pub more: bool,
}

/// What a device asks for.
#[derive(Clone, Debug)]
pub enum NotifyChange {
    /// Another target for the device, or none.
    Target(Option<NotifyTarget>),
    /// Other settings for the user.
    Settings(NotifySettings),
    /// A conversation is muted, or with a time that is over not any more.
    Mute(NotifyMute),
}

/// Which notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotifyKey {
    /// Whose.
    pub user: UserId,
    /// For which device.
    pub device: DeviceId,
    /// Of which conversation.
    pub conversation: ConversationId,
}

/// A notification that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which.
    pub key: NotifyKey,
    /// Epoch of the numbers.
    pub log_epoch: u64,
    /// The newest entry that it stands for.
    pub conv_seq: u64,
    /// That entry in the timeline of the user; 0 when it is not in it.
    pub user_seq: u64,
    /// Commit time of that entry, Unix milliseconds.
    pub time_ms: u64,
    /// Entries that it stands for.
    pub count: u32,
    /// One of them mentions the user, or everybody.
    pub mention: bool,
    /// Attempts that failed since the newest entry.
    pub attempts: u32,
    /// When it was to be tried, Unix milliseconds.
    pub due_ms: u64,
    /// Where it goes; `None` when the device has no target any more.
    pub target: Option<NotifyTarget>,
    /// What the user wants.
    pub settings: NotifySettings,
    /// The conversation is kept quiet, or was.
    pub mute: Option<NotifyMute>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing is owed any more for the entries that [`Owed`] stood for.
    Over,
    /// To be tried at this time, Unix milliseconds; it failed, or it is not time yet.
    Later {
        /// When.
        due_ms: u64,
        /// An attempt failed.
        failed: bool,
    },
    /// The address does not exist any more.
    Gone,
}

/// Notifications. Part of [`Store`](super::Store).
#[async_trait]
pub trait Notifications: Send + Sync + 'static {
    /// Applies what a device asks for; durable when this returns. `ErrorCode::NOT_FOUND` for a
    /// target of a device that is not logged in and for a conversation the user is no member of,
    /// `ErrorCode::LIMIT_REACHED` for too many muted conversations.
    async fn notify(
        &self,
        origin: Origin,
        change: NotifyChange,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// What a user has asked for, with the target of `device` and at most `limit` conversations that
    /// are muted now, after `after`.
    async fn notify_state(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<NotifyState, StoreError>;

    /// Notifications by a service that are due at `now_ms`, earliest first, at most `limit`, and when
    /// the next one is due, if that is known.
    async fn owed(
        &self,
        tenant: TenantId,
        service: Service,
        now_ms: u64,
        limit: usize,
    ) -> Result<(Vec<Owed>, Option<u64>), StoreError>;

    /// How many notifications are owed by a service, counted up to `limit`, and the commit time of
    /// the one that is due first.
    async fn owed_count(
        &self,
        tenant: TenantId,
        service: Service,
        limit: usize,
    ) -> Result<(usize, Option<u64>), StoreError>;

    /// Takes down what became of attempts; durable when this returns. What came in meanwhile for the
    /// same device and conversation stays owed.
    async fn settle(&self, tenant: TenantId, fates: Vec<(Owed, Fate)>) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * MINUTE_MS;

    fn nights(offset_minutes: u32) -> NotifySettings {
        NotifySettings {
            quiet_hours: Some(QuietHours {
                from_minute: 22 * 60,
                to_minute: 7 * 60,
                offset_minutes,
            }),
            ..NotifySettings::default()
        }
    }

    // test[EIM-NTF-016]
    #[test]
    fn quiet_hours_run_over_midnight_on_the_clock_of_the_user() {
        let day = 20_000 * DAY_MS;
        let utc = nights(0);
        for (hour, end) in [(21, 21), (22, 31), (23, 31), (30, 31), (31, 31), (36, 36)] {
            let expected = day + end * HOUR_MS;
            assert_eq!(utc.quiet_through(day + hour * HOUR_MS), expected, "{hour}");
        }
        // 14:00 UTC is 22:00 in Shanghai.
        let shanghai = nights(480);
        assert_eq!(
            shanghai.quiet_through(day + 14 * HOUR_MS),
            day + 23 * HOUR_MS
        );
        assert_eq!(
            shanghai.quiet_through(day + 23 * HOUR_MS),
            day + 23 * HOUR_MS
        );
        let west = nights(1440 - 300);
        assert_eq!(west.quiet_through(day + HOUR_MS), day + HOUR_MS);
        assert_eq!(west.quiet_through(day + 3 * HOUR_MS), day + 12 * HOUR_MS);
    }

    // test[EIM-NTF-016]
    #[test]
    fn a_quiet_time_that_ends_in_quiet_hours_ends_with_them() {
        let day = 20_000 * DAY_MS;
        let settings = NotifySettings {
            quiet_until_ms: day + 23 * HOUR_MS,
            ..nights(0)
        };
        assert_eq!(
            settings.quiet_through(day + 12 * HOUR_MS),
            day + 31 * HOUR_MS
        );
        let settings = NotifySettings {
            quiet_hours: None,
            ..settings
        };
        assert_eq!(
            settings.quiet_through(day + 12 * HOUR_MS),
            day + 23 * HOUR_MS
        );
        assert_eq!(
            settings.quiet_through(day + 24 * HOUR_MS),
            day + 24 * HOUR_MS
        );
    }

    // test[EIM-NTF-013]
    #[test]
    fn a_mute_lets_mentions_through_where_it_says_so() {
        let mute = |mentions| NotifyMute {
            conversation: [1; 16].into(),
            until_ms: 100,
            mentions,
        };
        assert!(mute(false).keeps_back(false, 99));
        assert!(mute(false).keeps_back(true, 99));
        assert!(mute(true).keeps_back(false, 99));
        assert!(!mute(true).keeps_back(true, 99));
        assert!(!mute(false).keeps_back(false, 100));
    }

    #[test]
    fn services_survive_their_numbers() {
        for service in Service::ALL {
            let number = i32::from(service.number());
            assert_eq!(Service::from_number(number), Some(service));
        }
        assert_eq!(Service::from_number(0), None);
        assert_eq!(Service::from_number(9), None);
    }
}
