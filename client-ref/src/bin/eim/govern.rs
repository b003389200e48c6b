//! What `eim group` decides about a group, and joining by invitation.

use clap::{Subcommand, ValueEnum};
use eim_client::group_policy::Policy;
use eim_client::{Client, GroupChange};

use crate::conversations::{Names, find_group, role_name};
use crate::exit::Failure;
use crate::group::RoleName;
use crate::output::{Output, printable, time_of_day};

/// Verbs of `eim group` about what owner and admins decide.
#[derive(Debug, Subcommand)]
pub(crate) enum Govern {
    /// Shows what is decided about a group, and its announcement.
    Info {
        /// Id or name of the group.
        group: String,
    },
    /// Ends a group: it can only be read and left.
    Dissolve {
        /// Id or name of the group.
        group: String,
    },
    /// Keeps a member, or all plain members, from sending for a while.
    Mute {
        /// Id or name of the group.
        group: String,
        /// The member; all plain members if left out.
        user: Option<String>,
        /// For so many seconds.
        #[arg(long = "for", default_value_t = 3600, value_name = "SECONDS")]
        seconds: u64,
    },
    /// Lets a member, or all plain members, send again.
    Unmute {
        /// Id or name of the group.
        group: String,
        /// The member; all plain members if left out.
        user: Option<String>,
    },
    /// Sets the announcement.
    Announce {
        /// Id or name of the group.
        group: String,
        /// The text; an empty one takes it away.
        text: String,
    },
    /// Sets what the group permits; what is left out stays.
    Policy {
        /// Id or name of the group.
        group: String,
        /// Least role that may send.
        #[arg(long)]
        post: Option<RoleName>,
        /// Least role that may invite.
        #[arg(long)]
        invite: Option<RoleName>,
        /// Whether who comes by an invitation waits for owner or admin.
        #[arg(long)]
        approval: Option<Switch>,
    },
    /// Makes an invitation and prints its token.
    Invite {
        /// Id or name of the group.
        group: String,
        /// How many may use it; 0 for any number.
        #[arg(long, default_value_t = 0)]
        uses: u32,
        /// For so many seconds; 0 for as long as the server lets it be.
        #[arg(long = "for", default_value_t = 0, value_name = "SECONDS")]
        seconds: u64,
        /// Takes all invitations back instead.
        #[arg(long, conflicts_with_all = ["uses", "seconds"])]
        revoke: bool,
    },
    /// Joins a group by an invitation, or asks to.
    Join {
        /// The token.
        token: String,
    },
    /// Lists who waits to join.
    Requests {
        /// Id or name of the group.
        group: String,
    },
    /// Admits a user who waits.
    Admit {
        /// Id or name of the group.
        group: String,
        /// The user.
        user: String,
    },
    /// Refuses a user who waits.
    Refuse {
        /// Id or name of the group.
        group: String,
        /// The user.
        user: String,
    },
    /// Lists who changed among the members after an entry.
    Changes {
        /// Id or name of the group.
        group: String,
        /// Number of the entry; the output ends with the one to ask with next time.
        #[arg(default_value_t = 0)]
        since: u64,
    },
}

/// On or off, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Govern {
    /// Runs the verb; gives back what it changed, if it is to be reported.
    pub(crate) async fn ask(
        self,
        client: &Client,
        output: &mut Output,
    ) -> Result<Option<GroupChange>, Failure> {
        let change = match self {
            Self::Info { group } => return info(client, &group, output).await,
            Self::Requests { group } => return requests(client, &group, output).await,
            Self::Changes { group, since } => return changes(client, &group, since, output).await,
            Self::Join { token } => return join(client, &token, output).await,
            Self::Invite {
                group,
                uses,
                seconds,
                revoke,
            } => {
                let group = find_group(client, &group).await?;
                if revoke {
                    client.group_revoke(group).await?;
                    return Ok(None);
                }
                let lifetime_ms = seconds.saturating_mul(1000);
                let made = client.group_invite(group, lifetime_ms, uses).await?;
                output.line(&hex(&made.token))?;
                return Ok(None);
            }
            Self::Policy {
                group,
                post,
                invite,
                approval,
            } => {
                let group = find_group(client, &group).await?;
                let now = client.group_info(group).await?.policy;
                let policy = Policy {
                    post: post.map_or(now.post, Into::into),
                    invite: invite.map_or(now.invite, Into::into),
                    approval: approval.map_or(now.approval, |switch| switch == Switch::On),
                };
                client.group_set_policy(group, policy).await?
            }
            Self::Dissolve { group } => {
                let group = find_group(client, &group).await?;
                client.group_dissolve(group).await?
            }
            Self::Mute {
                group,
                user,
                seconds,
            } => mute(client, &group, user, seconds.saturating_mul(1000)).await?,
            Self::Unmute { group, user } => mute(client, &group, user, 0).await?,
            Self::Announce { group, text } => {
                let group = find_group(client, &group).await?;
                client.group_announce(group, &text).await?
            }
            Self::Admit { group, user } => answer(client, &group, &user, true).await?,
            Self::Refuse { group, user } => {
                answer(client, &group, &user, false).await?;
                return Ok(None);
            }
        };
        Ok(Some(change))
    }
}

type Done = Result<Option<GroupChange>, Failure>;

async fn mute(
    client: &Client,
    group: &str,
    user: Option<String>,
    for_ms: u64,
) -> Result<GroupChange, Failure> {
    let group = find_group(client, group).await?;
    let user = match user {
        Some(name) => Some(client.user(&name).await?.user),
        None => None,
    };
    Ok(client.group_mute(group, user, for_ms).await?)
}

async fn answer(
    client: &Client,
    group: &str,
    user: &str,
    accept: bool,
) -> Result<GroupChange, Failure> {
    let group = find_group(client, group).await?;
    let user = client.user(user).await?.user;
    Ok(client.group_answer(group, user, accept).await?)
}

async fn join(client: &Client, token: &str, output: &mut Output) -> Done {
    let Some(token) = unhex(token) else {
        return Err(Failure::usage(
            "a token has an even number of hexadecimal digits",
        ));
    };
    let joined = client.group_join(token.into()).await?;
    if joined.waiting {
        output.line(&format!("{}\twaiting", joined.group))?;
    } else {
        output.line(&format!("{}\tmember", joined.group))?;
    }
    Ok(None)
}

async fn info(client: &Client, group: &str, output: &mut Output) -> Done {
    let info = client.group_info(find_group(client, group).await?).await?;
    let mut names = Names::default();
    let (record, policy) = (&info.record, info.policy);
    let name = printable(&record.name);
    output.line(&format!("group\t{}\t{name}", record.conversation))?;
    output.line(&format!("role\t{}", role_name(record.role)))?;
    output.line(&format!("members\t{}", record.members))?;
    if info.follows_department {
        output.line("department\tits members, and nobody changes them here")?;
    }
    if info.dissolved {
        output.line("dissolved")?;
    }
    output.line(&format!("send\t{} and above", role_name(policy.post)))?;
    let approval = if policy.approval {
        ", to be approved"
    } else {
        ""
    };
    let invite = role_name(policy.invite);
    output.line(&format!("invite\t{invite} and above{approval}"))?;
    for (who, until_ms) in [
        ("you", info.muted_until_ms),
        ("plain members", info.all_muted_until_ms),
    ] {
        if until_ms > 0 {
            output.line(&format!("muted\t{who}\tuntil {}", time(until_ms)))?;
        }
    }
    if info.waiting > 0 {
        output.line(&format!("waiting\t{}", info.waiting))?;
    }
    if let Some(announcement) = &info.announcement {
        let by = names.user(client, announcement.user).await;
        let (text, conv_seq) = (printable(&announcement.text), announcement.conv_seq);
        output.line(&format!("announcement\t{conv_seq}\t{by}\t{text}"))?;
    }
    Ok(None)
}

async fn requests(client: &Client, group: &str, output: &mut Output) -> Done {
    let group = find_group(client, group).await?;
    let mut names = Names::default();
    for waiting in client.group_requests(group).await? {
        let name = names.user(client, waiting.user).await;
        let by = names.user(client, waiting.invited_by).await;
        let since = time(waiting.time_ms);
        output.line(&format!("{name}\tinvited by {by}\tsince {since}"))?;
    }
    Ok(None)
}

async fn changes(client: &Client, group: &str, since: u64, output: &mut Output) -> Done {
    let group = find_group(client, group).await?;
    let changes = client.group_members_since(group, since).await?;
    let mut names = Names::default();
    for member in &changes.changed {
        let name = names.user(client, member.user).await;
        output.line(&format!("{name}\t{}", role_name(member.role)))?;
    }
    for user in &changes.gone {
        let name = names.user(client, *user).await;
        output.line(&format!("{name}\tgone"))?;
    }
    output.line(&format!("as of\t{}", changes.as_of))?;
    Ok(None)
}

/// A server time: time of day in UTC, and all of it in Unix milliseconds.
fn time(time_ms: u64) -> String {
    format!("{} ({time_ms})", time_of_day(time_ms))
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_typed_as_they_are_shown() {
        let token = [0, 1, 0x7F, 0xFF];
        assert_eq!(hex(&token), "00017fff");
        assert_eq!(unhex("00017fFF").as_deref(), Some(&token[..]));
        for wrong in ["0", "0g", "00 1", "é"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
