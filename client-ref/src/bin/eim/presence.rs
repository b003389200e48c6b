//! `eim presence` and `eim typing`.

use clap::Args;
use eim_client::options::Attach;
use eim_client::{Client, ConnectionState, Event, Events, Presence as Known};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::PresenceState;
use serde::Serialize;

use crate::conversations::{Names, Where, conversation_id};
use crate::exit::Failure;
use crate::output::{Output, printable, time_of_day};
use crate::profile::Globals;

/// Arguments of `eim presence`.
#[derive(Args, Debug)]
pub(crate) struct Presence {
    /// Login names of users to show.
    #[arg(value_name = "USER")]
    users: Vec<String>,
    /// Goes on with what changes, and with who is typing, until interrupted; takes the place of a
    /// running client of this profile.
    #[arg(long)]
    watch: bool,
    /// Says that this user is away; ends with the last connection of the user's devices.
    #[arg(long, conflicts_with = "back")]
    away: bool,
    /// Takes that back.
    #[arg(long)]
    back: bool,
    /// What to say about it, in a few words.
    #[arg(long, value_name = "TEXT")]
    status: Option<String>,
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
}

/// Arguments of `eim typing`.
#[derive(Args, Debug)]
pub(crate) struct Typing {
    #[command(flatten)]
    place: Where,
    /// No longer.
    #[arg(long)]
    stop: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    user: String,
    name: &'a str,
    state: &'static str,
    status: &'a str,
    last_seen_ms: u64,
}

#[derive(Serialize)]
struct TypingLine<'a> {
    conversation: String,
    user: String,
    name: &'a str,
    typing: bool,
}

impl Presence {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let says = self.away || self.back || self.status.is_some();
        if self.users.is_empty() && !says && !self.watch {
            return Err(Failure::usage("name users, or say something"));
        }
        let attach = if self.watch {
            Attach::Full
        } else {
            Attach::SendOnly
        };
        let client = connect(globals, attach).await?;
        if says {
            let status = self.status.as_deref().unwrap_or("");
            client.set_presence(self.away, status).await?;
        }
        let mut users = Vec::new();
        for name in &self.users {
            users.push(client.user(name).await?.user);
        }
        let mut shown = Shown {
            json: self.json,
            output: Output::new(),
            names: Names::default(),
        };
        let done = if self.watch {
            watch(&client, &users, &mut shown).await
        } else {
            let found = client.presence(&users).await?;
            shown.presences(&client, &found).await
        };
        shown.output.flush()?;
        client.close().await;
        done
    }
}

impl Typing {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals, Attach::SendOnly).await?;
        let target = self.place.target(&client).await?;
        let conversation = conversation_id(&client, target).await?;
        client.say_typing(conversation, !self.stop).await?;
        client.close().await;
        Ok(())
    }
}

async fn connect(globals: &Globals, attach: Attach) -> Result<Client, Failure> {
    let mut options = globals.options(attach)?;
    options.adopt_outbox = false;
    options.events = attach == Attach::Full;
    globals.connect(options).await
}

async fn watch(client: &Client, users: &[UserId], shown: &mut Shown) -> Result<(), Failure> {
    let mut events = client.events().ok_or_else(|| Failure::usage("no events"))?;
    // How they are comes as an event.
    client.watch(users).await?;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        shown.output.flush()?;
        let event = tokio::select! {
            biased;
            _ = &mut interrupted => return Ok(()),
            event = next(&mut events) => event?,
        };
        match event {
            Some(Event::Presence(news)) => shown.presences(client, &news).await?,
            Some(Event::Typing {
                conversation,
                user,
                typing,
            }) => shown.typing(client, conversation, user, typing).await?,
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

async fn next(events: &mut Events) -> Result<Option<Event>, Failure> {
    match events.next().await {
        Some(Event::State(ConnectionState::Closed(end))) => Err(end.into()),
        event => Ok(event),
    }
}

struct Shown {
    json: bool,
    output: Output,
    names: Names,
}

impl Shown {
    async fn presences(&mut self, client: &Client, found: &[Known]) -> Result<(), Failure> {
        for one in found {
            let name = self.names.user(client, one.user).await;
            let state = state_name(one.state);
            if self.json {
                let line = Line {
                    user: one.user.to_string(),
                    name: &name,
                    state,
                    status: &one.status,
                    last_seen_ms: one.last_seen_ms,
                };
                self.output.serialize(&line)?;
                continue;
            }
            let seen = match one.last_seen_ms {
                0 => String::new(),
                at => format!("\tlast seen {} {}", day(at), time_of_day(at)),
            };
            let said = match one.status.as_str() {
                "" => String::new(),
                status => format!("\t{status}"),
            };
            let line = format!("{name}\t{state}{said}{seen}");
            self.output.line(&printable(&line))?;
        }
        Ok(())
    }

    async fn typing(
        &mut self,
        client: &Client,
        conversation: ConversationId,
        user: UserId,
        typing: bool,
    ) -> Result<(), Failure> {
        let name = self.names.user(client, user).await;
        if self.json {
            let line = TypingLine {
                conversation: conversation.to_string(),
                user: user.to_string(),
                name: &name,
                typing,
            };
            return Ok(self.output.serialize(&line)?);
        }
        let does = if typing {
            "is typing"
        } else {
            "is not typing any more"
        };
        let line = format!("{name} {does} in {conversation}");
        Ok(self.output.line(&printable(&line))?)
    }
}

/// The day of a time in Unix milliseconds, UTC.
fn day(time_ms: u64) -> String {
    // Days since 0000-03-01, in eras of 400 years (H. Hinnant, "chrono-compatible low-level date
    // algorithms").
    let days = time_ms / 86_400_000 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

const fn state_name(state: PresenceState) -> &'static str {
    match state {
        PresenceState::Online => "online",
        PresenceState::Away => "away",
        PresenceState::Offline => "offline",
        PresenceState::Unspecified => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let of = |days: u64| day(days * 86_400_000 + 1);
        assert_eq!(of(0), "1970-01-01");
        assert_eq!(of(11_016), "2000-02-29");
        assert_eq!(of(11_017), "2000-03-01");
        assert_eq!(of(20_818), "2026-12-31");
    }
}
