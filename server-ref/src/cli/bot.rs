//! `eim-server bot …`: through the admin socket of a running server, else on the folder.

use clap::{Args, Subcommand};

use super::user::carry_out;
use super::{CliError, runtime};
use crate::admin::{Command, Reply};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::outbox::rfc3339;
use crate::service::bots::{BotAccount, BotSecrets, NewBot, TokenInfo};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Subcommand)]
pub(super) enum BotCommand {
    /// Creates a bot and prints its id and its first token, which is shown only now.
    Create(CreateArgs),
    /// Lists bots: name, state, id, owner, webhook and what it was told of; below each its tokens.
    List,
    /// Gives a bot another token and prints it, only now.
    Token(TokenArgs),
    /// Takes a token away: whoever logged in with it is out at once.
    Revoke {
        /// Login name.
        name: String,
        /// Id of the token, as `bot list` shows it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        token: Option<String>,
        /// All tokens of the bot.
        #[arg(long)]
        all: bool,
    },
    /// Says where a bot is told of its entries, and prints the new secret that signs.
    Webhook {
        /// Login name.
        name: String,
        /// Address, https:// unless it is on this machine; left out for nowhere.
        url: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(super) struct CreateArgs {
    /// Login name.
    name: String,
    /// Shown to people; the login name if left out.
    #[arg(long, default_value = "")]
    display_name: String,
    /// Login name of who answers for it.
    #[arg(long, default_value = "", value_name = "USER")]
    owner: String,
    /// Where it is told of its entries.
    #[arg(long, default_value = "", value_name = "URL")]
    webhook: String,
}

#[derive(Args, Debug)]
pub(super) struct TokenArgs {
    /// Login name.
    name: String,
    /// What it is for.
    #[arg(long, default_value = "")]
    note: String,
    /// The token ends after so many days; never if left out.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
}

pub(super) fn run(command: BotCommand, config: &Config) -> Result<(), CliError> {
    match runtime()?.block_on(carry_out(config, asked(command)))? {
        Reply::Bots { bots } => bots.iter().for_each(print_bot),
        Reply::Secrets { secrets } => print_secrets(&secrets),
        Reply::Revoked { tokens } => println!("revoked: {tokens}"),
        Reply::Failed { reason } => return Err(CliError::Other(reason)),
        _ => {}
    }
    Ok(())
}

fn asked(command: BotCommand) -> Command {
    match command {
        BotCommand::Create(args) => Command::BotCreate {
            bot: NewBot {
                name: args.name,
                display_name: args.display_name,
                owner: args.owner,
                webhook: args.webhook,
            },
        },
        BotCommand::List => Command::BotList,
        BotCommand::Token(TokenArgs { name, note, days }) => Command::BotToken {
            name,
            note,
            expires_ms: days.map_or(0, |days| {
                SystemClock
                    .now_ms()
                    .saturating_add(u64::from(days) * DAY_MS)
            }),
        },
        BotCommand::Revoke { name, token, .. } => Command::BotRevoke { name, token },
        BotCommand::Webhook { name, url } => Command::BotWebhook {
            name,
            url: url.unwrap_or_default(),
        },
    }
}

fn print_secrets(secrets: &BotSecrets) {
    println!("user: {}", secrets.user);
    for (name, value) in [
        ("token", &secrets.token),
        ("token id", &secrets.token_id),
        ("webhook secret", &secrets.webhook_secret),
    ] {
        if let Some(value) = value {
            println!("{name}: {value}");
        }
    }
}

fn print_bot(bot: &BotAccount) {
    let state = if bot.disabled { "disabled" } else { "active" };
    let or_none = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    let (told, head) = bot.told;
    let webhook = match &*bot.webhook {
        "" => "-".to_owned(),
        url => format!("{url} ({told} of {head})"),
    };
    println!(
        "{}\t{state}\t{}\t{}\t{webhook}\t{}",
        bot.name,
        bot.user,
        or_none(&bot.owner),
        bot.display_name
    );
    for TokenInfo {
        id,
        note,
        created_ms,
        expires_ms,
    } in &bot.tokens
    {
        let ends = match expires_ms {
            0 => "never".to_owned(),
            time => rfc3339(*time),
        };
        println!(
            "  token {id}\tsince {}\tends {ends}\t{}",
            rfc3339(*created_ms),
            or_none(note)
        );
    }
}
