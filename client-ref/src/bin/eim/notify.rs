//! `eim notify`: where notifications go, what they tell, and when not.

use clap::{Args, Subcommand, ValueEnum};
use eim_client::environment::{Clock as _, System};
use eim_client::options::Attach;
use eim_client::{Client, Muted};
use eim_codec::payload::{
    ConversationKind, NotifyContent, NotifyService, NotifySettings, NotifyTarget, QuietHours,
};

use crate::conversations::{Names, Where, conversation_id};
use crate::exit::Failure;
use crate::output::{Output, printable};
use crate::profile::Globals;

/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// `eim notify …`
#[derive(Debug, Subcommand)]
pub(crate) enum Notify {
    /// Shows where notifications for this device go, what they tell, and what is quiet.
    Status,
    /// Has notifications for this device sent to an address.
    Register {
        /// Who passes them on.
        #[arg(long, value_enum, default_value_t = Service::Webhook)]
        service: Service,
        /// Address there, as the service gave it.
        address: String,
        /// Web Push: key of the browser, 65 octets in hexadecimal.
        #[arg(long, value_name = "HEX", value_parser = hexadecimal, default_value = "")]
        public_key: Octets,
        /// Web Push: secret of the browser, 16 octets in hexadecimal.
        #[arg(long, value_name = "HEX", value_parser = hexadecimal, default_value = "")]
        auth_secret: Octets,
    },
    /// Has no notifications sent to this device any more.
    Off,
    /// Changes what notifications tell this user, and when not; leaves what is not named.
    Set(Set),
    /// Keeps a conversation quiet.
    Mute {
        #[command(flatten)]
        place: Where,
        /// For so many seconds; for good if left out.
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u64>,
        /// Mentions are told all the same.
        #[arg(long)]
        mentions: bool,
    },
    /// Keeps a conversation quiet no longer.
    Unmute {
        #[command(flatten)]
        place: Where,
    },
}

/// `eim notify set`
#[derive(Args, Debug)]
pub(crate) struct Set {
    /// How much they tell.
    #[arg(long, value_enum)]
    content: Option<Telling>,
    /// Quiet each day, such as 22:00-07:00; "off" for never.
    #[arg(long, value_name = "FROM-TO", value_parser = hours)]
    quiet: Option<Hours>,
    /// How far this user's clock is ahead of UTC, such as +08:00 or -05:30.
    #[arg(long, value_name = "OFFSET", value_parser = offset, allow_hyphen_values = true)]
    offset: Option<u32>,
    /// Quiet from now on for so many seconds; 0 ends that.
    #[arg(long, value_name = "SECONDS")]
    quiet_for: Option<u64>,
}

/// Who passes notifications on.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Service {
    Webhook,
    Apns,
    Fcm,
    WebPush,
}

/// How much notifications tell.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Telling {
    /// What the server permits.
    Default,
    /// That there is something.
    None,
    /// Who sent it.
    Sender,
    /// How it begins.
    Preview,
}

/// Octets of an argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Octets(Vec<u8>);

/// Quiet hours of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hours(Option<(u32, u32)>);

impl From<Service> for NotifyService {
    fn from(service: Service) -> Self {
        match service {
            Service::Webhook => Self::Webhook,
            Service::Apns => Self::Apns,
            Service::Fcm => Self::Fcm,
            Service::WebPush => Self::WebPush,
        }
    }
}

impl From<Telling> for NotifyContent {
    fn from(telling: Telling) -> Self {
        match telling {
            Telling::Default => Self::Unspecified,
            Telling::None => Self::None,
            Telling::Sender => Self::Sender,
            Telling::Preview => Self::Preview,
        }
    }
}

impl Notify {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::SendOnly)?;
        options.adopt_outbox = false;
        options.events = false;
        let client = globals.connect(options).await?;
        let done = self.ask(&client).await;
        client.close().await;
        done
    }

    async fn ask(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Status => return status(client).await,
            Self::Register {
                service,
                address,
                public_key,
                auth_secret,
            } => {
                let target = NotifyTarget {
                    service: NotifyService::from(service).into(),
                    address,
                    public_key: public_key.0.into(),
                    auth_secret: auth_secret.0.into(),
                };
                client.notify_register(Some(target)).await?;
            }
            Self::Off => client.notify_register(None).await?,
            Self::Set(set) => {
                let known = client.notifications().await?.settings;
                client.notify_settings(set.apply(known)?).await?;
            }
            Self::Mute {
                place,
                seconds,
                mentions,
            } => {
                let until_ms = seconds.map_or(u64::MAX, after);
                mute(client, &place, until_ms, mentions).await?;
            }
            Self::Unmute { place } => mute(client, &place, 0, false).await?,
        }
        Ok(())
    }
}

async fn mute(
    client: &Client,
    place: &Where,
    until_ms: u64,
    mentions: bool,
) -> Result<(), Failure> {
    let conversation = conversation_id(client, place.target(client).await?).await?;
    let muted = Muted {
        conversation,
        until_ms,
        mentions,
    };
    Ok(client.notify_mute(muted).await?)
}

/// Unix milliseconds in so many seconds.
fn after(seconds: u64) -> u64 {
    System
        .unix_ms()
        .saturating_add(seconds.saturating_mul(1000))
}

impl Set {
    fn apply(&self, mut settings: NotifySettings) -> Result<NotifySettings, Failure> {
        if let Some(content) = self.content {
            settings.content = NotifyContent::from(content).into();
        }
        let known = settings.quiet_hours.take();
        let wanted = match self.quiet {
            Some(Hours(wanted)) => wanted,
            None => known.map(|hours| (hours.from_minute, hours.to_minute)),
        };
        let offset = self
            .offset
            .or_else(|| known.map(|hours| hours.offset_minutes));
        settings.quiet_hours = wanted.map(|(from_minute, to_minute)| QuietHours {
            from_minute,
            to_minute,
            offset_minutes: offset.unwrap_or(0),
        });
        if self.offset.is_some() && settings.quiet_hours.is_none() {
            return Err(Failure::usage(
                "--offset belongs to quiet hours: add --quiet",
            ));
        }
        if let Some(seconds) = self.quiet_for {
            settings.quiet_until_ms = if seconds == 0 { 0 } else { after(seconds) };
        }
        Ok(settings)
    }
}

async fn status(client: &Client) -> Result<(), Failure> {
    let found = client.notifications().await?;
    let mut output = Output::new();
    let services: Vec<_> = found
        .services
        .iter()
        .map(|one| service_name(*one))
        .collect();
    let services = match services.len() {
        0 => "none".to_owned(),
        _ => services.join(", "),
    };
    output.line(&format!("services\t{services}"))?;
    if !found.web_push_key.is_empty() {
        let digits = found
            .web_push_key
            .iter()
            .map(|octet| format!("{octet:02x}"));
        let key: String = digits.collect();
        output.line(&format!("key\t{key}"))?;
    }
    let target = match &found.target {
        Some(target) => format!(
            "{} {}",
            service_name(target.service()),
            printable(&target.address)
        ),
        None => "none".to_owned(),
    };
    output.line(&format!("this device\t{target}"))?;
    let limit = content_name(found.content_limit);
    let content = content_name(found.settings.content());
    output.line(&format!("content\t{content} (server: {limit})"))?;
    if let Some(hours) = found.settings.quiet_hours {
        output.line(&format!(
            "quiet\t{}-{} ({})",
            clock(hours.from_minute),
            clock(hours.to_minute),
            utc(hours.offset_minutes)
        ))?;
    }
    let now_ms = System.unix_ms();
    if found.settings.quiet_until_ms > now_ms {
        let left = left(found.settings.quiet_until_ms, now_ms);
        output.line(&format!("quiet\t{left}"))?;
    }
    let mut names = Names::default();
    for muted in &found.muted {
        let name = name(client, &mut names, muted).await?;
        let except = if muted.mentions { ", but mentions" } else { "" };
        let left = left(muted.until_ms, now_ms);
        output.line(&format!("muted\t{name}\t{left}{except}"))?;
    }
    output.flush()?;
    Ok(())
}

async fn name(client: &Client, names: &mut Names, muted: &Muted) -> Result<String, Failure> {
    let known = client.store().conversations().await?;
    let record = known
        .iter()
        .find(|record| record.conversation == muted.conversation);
    Ok(match record {
        Some(record) if record.kind == ConversationKind::Group => printable(&record.name),
        Some(record) => match record.peer {
            Some(peer) => names.user(client, peer).await,
            None => muted.conversation.to_string(),
        },
        None => muted.conversation.to_string(),
    })
}

/// How long something goes on.
fn left(until_ms: u64, now_ms: u64) -> String {
    match until_ms.saturating_sub(now_ms).div_ceil(60_000) {
        minutes if minutes < 120 => format!("for {minutes} minutes"),
        minutes if minutes < 60 * 24 * 365 => format!("for {} hours", minutes / 60),
        _ => "for good".to_owned(),
    }
}

const fn service_name(service: NotifyService) -> &'static str {
    match service {
        NotifyService::Webhook => "webhook",
        NotifyService::Apns => "apns",
        NotifyService::Fcm => "fcm",
        NotifyService::WebPush => "web-push",
        NotifyService::Unspecified => "unknown",
    }
}

const fn content_name(content: NotifyContent) -> &'static str {
    match content {
        NotifyContent::Unspecified => "default",
        NotifyContent::None => "none",
        NotifyContent::Sender => "sender",
        NotifyContent::Preview => "preview",
    }
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn utc(minutes: u32) -> String {
    // Nobody is more than fourteen hours ahead.
    if minutes > 14 * 60 {
        format!("UTC-{}", clock(DAY.saturating_sub(minutes)))
    } else {
        format!("UTC+{}", clock(minutes))
    }
}

/// `22:00-07:00`, or `off`.
fn hours(text: &str) -> Result<Hours, String> {
    if text == "off" {
        return Ok(Hours(None));
    }
    let wrong = || format!("{text} is not FROM-TO, such as 22:00-07:00, nor off");
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (
        minute(from).ok_or_else(wrong)?,
        minute(to).ok_or_else(wrong)?,
    );
    if from == to || from >= DAY || to >= DAY {
        return Err(wrong());
    }
    Ok(Hours(Some((from, to))))
}

/// `+08:00`, as minutes ahead of UTC, less than a day.
fn offset(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text} is no distance from UTC, such as +08:00");
    let (behind, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let minutes = minute(rest).ok_or_else(wrong)?;
    Ok(if behind {
        (DAY - minutes) % DAY
    } else {
        minutes
    })
}

/// Minutes of `HH:MM`.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn hexadecimal(text: &str) -> Result<Octets, String> {
    let wrong = || format!("{text} is not hexadecimal");
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let digits = text.as_bytes().chunks(2);
    let octets = digits.map(|two| {
        let two = std::str::from_utf8(two).map_err(|_| wrong())?;
        u8::from_str_radix(two, 16).map_err(|_| wrong())
    });
    Ok(Octets(octets.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_day_are_read_as_they_are_written() {
        assert_eq!(hours("22:00-07:30"), Ok(Hours(Some((1320, 450)))));
        assert_eq!(hours("off"), Ok(Hours(None)));
        for wrong in [
            "",
            "22-7",
            "24:00-07:00",
            "22:00",
            "07:00-07:00",
            "22:60-07:00",
        ] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
        assert_eq!(offset("+08:00"), Ok(480));
        assert_eq!(offset("-05:30"), Ok(1110));
        assert_eq!(offset("00:00"), Ok(0));
        assert!(offset("8").is_err());
        assert_eq!(
            (clock(450), utc(1110)),
            ("07:30".into(), "UTC-05:30".into())
        );
    }

    #[test]
    fn settings_that_are_not_named_stay() {
        let nothing = Set {
            content: None,
            quiet: None,
            offset: None,
            quiet_for: None,
        };
        let known = NotifySettings {
            content: NotifyContent::Sender.into(),
            quiet_hours: Some(QuietHours {
                from_minute: 1,
                to_minute: 2,
                offset_minutes: 3,
            }),
            quiet_until_ms: 4,
        };
        assert_eq!(nothing.apply(known).unwrap(), known);
        let set = Set {
            quiet: Some(Hours(Some((5, 6)))),
            quiet_for: Some(0),
            ..nothing
        };
        let hours = QuietHours {
            from_minute: 5,
            to_minute: 6,
            offset_minutes: 3,
        };
        let after = set.apply(known).unwrap();
        assert_eq!((after.quiet_hours, after.quiet_until_ms), (Some(hours), 0));
        let set = Set {
            offset: Some(60),
            ..set
        };
        assert!(set.apply(NotifySettings::default()).is_ok());
        let set = Set { quiet: None, ..set };
        assert!(set.apply(NotifySettings::default()).is_err());
    }
}
