//! `eim edit`, `recall`, `react`, `pin`, `forward`: operations on messages, by their numbers.

use clap::{Args, Subcommand};
use eim_client::options::Attach;
use eim_client::store::Target;
use eim_client::{Client, Draft};
use eim_codec::payload::TextBody;

use crate::conversations::{Names, Where, conversation_id, find_group};
use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;

/// A message, by its conversation and number.
#[derive(Args, Debug)]
pub(crate) struct Which {
    #[command(flatten)]
    place: Where,
    /// Number of the message in the conversation.
    #[arg(value_name = "NUMBER")]
    number: u64,
}

/// What is done to a message.
#[derive(Debug, Subcommand)]
pub(crate) enum Operate {
    /// Replaces the text of an own message.
    Edit {
        #[command(flatten)]
        which: Which,
        /// The new text.
        text: String,
    },
    /// Takes a message back: it is erased everywhere.
    Recall {
        #[command(flatten)]
        which: Which,
    },
    /// Reacts to a message.
    React {
        #[command(flatten)]
        which: Which,
        /// An emoji, or another short text; without one, lists who reacts how.
        reaction: Option<String>,
        /// Takes the reaction back.
        #[arg(long, requires = "reaction")]
        remove: bool,
    },
    /// Pins a message.
    Pin {
        #[command(flatten)]
        which: Which,
        /// Takes the pin off.
        #[arg(long)]
        remove: bool,
    },
    /// Lists the pinned messages of a conversation.
    Pins {
        #[command(flatten)]
        place: Where,
    },
    /// Sends a message on, and says who wrote it.
    Forward {
        #[command(flatten)]
        place: Where,
        /// The direct conversation with this user has the message.
        #[arg(long, value_name = "USER", required_unless_present = "from_group")]
        from: Option<String>,
        /// This group has the message.
        #[arg(long, value_name = "ID|NAME", conflicts_with = "from")]
        from_group: Option<String>,
        /// Numbers of the messages.
        #[arg(value_name = "NUMBER", required = true)]
        numbers: Vec<u64>,
        /// Sends them as one message, with this title.
        #[arg(long, value_name = "TITLE", num_args = 0..=1, default_missing_value = "")]
        merge: Option<String>,
    },
}

impl Operate {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::SendOnly)?;
        options.adopt_outbox = false;
        options.events = false;
        let client = globals.connect(options).await?;
        let mut output = Output::new();
        let done = self.carry_out(&client, &mut output).await;
        output.flush()?;
        client.close().await;
        done
    }

    async fn carry_out(self, client: &Client, output: &mut Output) -> Result<(), Failure> {
        let draft = match self {
            Self::Edit { which, text } => {
                let (target, number) = which.find(client).await?;
                Draft::edit(target, number, TextBody::new(text))
            }
            Self::Recall { which } => {
                let (target, number) = which.find(client).await?;
                Draft::recall(target, number)
            }
            Self::React {
                which,
                reaction,
                remove,
            } => {
                let (target, number) = which.find(client).await?;
                match reaction {
                    Some(reaction) => Draft::react(target, number, &reaction, remove),
                    None => return reactions(client, output, target, number).await,
                }
            }
            Self::Pin { which, remove } => {
                let (target, number) = which.find(client).await?;
                Draft::pin(target, number, remove)
            }
            Self::Pins { place } => return pins(client, output, &place).await,
            Self::Forward {
                place,
                from,
                from_group,
                numbers,
                merge: merged,
            } => {
                let source = match (from, from_group) {
                    (Some(user), _) => Target::User(client.user(&user).await?.user),
                    (None, Some(group)) => Target::Conversation(find_group(client, &group).await?),
                    (None, None) => return Err(Failure::usage("--from or --from-group is needed")),
                };
                let target = place.target(client).await?;
                let forwarding = Forwarding {
                    source,
                    target,
                    numbers,
                    merged,
                };
                return forward(client, output, forwarding).await;
            }
        };
        let sent = client.send(draft).await?.await?;
        Ok(output.line(&sent.conv_seq.to_string())?)
    }
}

impl Which {
    async fn find(&self, client: &Client) -> Result<(Target, u64), Failure> {
        Ok((self.place.target(client).await?, self.number))
    }
}

/// Which messages are forwarded, and where to.
struct Forwarding {
    source: Target,
    target: Target,
    numbers: Vec<u64>,
    /// As one message of this title.
    merged: Option<String>,
}

async fn forward(
    client: &Client,
    output: &mut Output,
    forwarding: Forwarding,
) -> Result<(), Failure> {
    let Forwarding {
        source,
        target,
        numbers,
        merged,
    } = forwarding;
    let from = conversation_id(client, source).await?;
    let mut all = Vec::with_capacity(numbers.len());
    for number in numbers {
        let found = client.past(from, (number, number), 1, false).await?;
        let past = found.into_iter().next();
        all.push(past.ok_or_else(|| Failure::refused(format!("there is no message {number}")))?);
    }
    let drafts = match merged {
        Some(title) => {
            let mut names = Names::default();
            let mut named = Vec::with_capacity(all.len());
            for past in &all {
                let name = match past.message.sender {
                    Some(sender) => names.user(client, sender).await,
                    None => String::new(),
                };
                named.push((past, name));
            }
            let draft = Draft::merged(target, title, named);
            vec![draft.ok_or_else(|| Failure::refused("these messages cannot be merged"))?]
        }
        None => all
            .iter()
            .map(|past| {
                let number = past.message.conv_seq;
                let what = || Failure::refused(format!("message {number} cannot be forwarded"));
                Draft::forward(target, past).ok_or_else(what)
            })
            .collect::<Result<_, _>>()?,
    };
    for draft in drafts {
        let sent = client.send(draft).await?.await?;
        output.line(&sent.conv_seq.to_string())?;
    }
    Ok(())
}

async fn reactions(
    client: &Client,
    output: &mut Output,
    target: Target,
    number: u64,
) -> Result<(), Failure> {
    let conversation = conversation_id(client, target).await?;
    let mut names = Names::default();
    for (user, reactions) in client.reactions(conversation, number).await? {
        let name = names.user(client, user).await;
        output.line(&format!("{name}: {}", reactions.join(" ")))?;
    }
    Ok(())
}

async fn pins(client: &Client, output: &mut Output, place: &Where) -> Result<(), Failure> {
    let conversation = conversation_id(client, place.target(client).await?).await?;
    let mut names = Names::default();
    for pin in client.pins(conversation).await? {
        let found = client
            .history(conversation, pin.target, pin.target, 1)
            .await?;
        if let Some(message) = found.first() {
            output.line(&crate::tail::describe(&mut names, client, message).await)?;
        }
    }
    Ok(())
}
