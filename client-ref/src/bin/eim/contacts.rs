//! `eim contacts`: asks, answers, removes, blocks, lists.

use clap::Subcommand;
use eim_client::options::Attach;
use eim_client::{Client, ContactChanged, ContactList};
use eim_codec::payload::ContactState;

use crate::conversations::Names;
use crate::exit::Failure;
use crate::output::{Output, printable};
use crate::profile::Globals;

/// `eim contacts …`
#[derive(Debug, Subcommand)]
pub(crate) enum Contacts {
    /// Lists contacts, requests that wait, and blocked users.
    List,
    /// Asks a user to become a contact; agrees if the user has asked.
    Request {
        /// The user.
        user: String,
        /// Shown to the user with the request.
        #[arg(default_value = "")]
        message: String,
    },
    /// Agrees with a user who has asked.
    Accept {
        /// The user.
        user: String,
    },
    /// Refuses a user who has asked.
    Refuse {
        /// The user.
        user: String,
    },
    /// Ends a contact, or takes a request back.
    Remove {
        /// The user.
        user: String,
    },
    /// Blocks a user: no messages in either direction, no requests. The user is not told.
    Block {
        /// The user.
        user: String,
    },
    /// Ends a block.
    Unblock {
        /// The user.
        user: String,
    },
}

impl Contacts {
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

    async fn ask(&self, client: &Client) -> Result<(), Failure> {
        let changed = match self {
            Self::List => return list(client).await,
            Self::Request { user, message } => {
                let user = client.user(user).await?.user;
                client.contact_request(user, message).await?
            }
            Self::Accept { user } => {
                client
                    .contact_answer(client.user(user).await?.user, true)
                    .await?
            }
            Self::Refuse { user } => {
                client
                    .contact_answer(client.user(user).await?.user, false)
                    .await?
            }
            Self::Remove { user } => client.contact_remove(client.user(user).await?.user).await?,
            Self::Block { user } => {
                client
                    .contact_block(client.user(user).await?.user, true)
                    .await?
            }
            Self::Unblock { user } => {
                client
                    .contact_block(client.user(user).await?.user, false)
                    .await?
            }
        };
        report(changed);
        Ok(())
    }
}

fn report(changed: ContactChanged) {
    if changed.conv_seq == 0 {
        eprintln!("nothing had to change");
    } else {
        eprintln!("durable as number {}", changed.conv_seq);
    }
}

async fn list(client: &Client) -> Result<(), Failure> {
    let mut contacts = ContactList::default();
    client.contacts(&mut contacts).await?;
    let mut names = Names::default();
    let mut output = Output::new();
    for contact in contacts.iter() {
        let name = names.user(client, contact.user).await;
        let state = state_name(contact.state);
        let blocked = if contact.blocked { "blocked" } else { "" };
        let message = printable(&contact.message);
        output.line(&format!(
            "{name}\t{state}\t{blocked}\t{}\t{message}",
            contact.user
        ))?;
    }
    output.flush()?;
    Ok(())
}

/// The name of a state.
pub(crate) const fn state_name(state: ContactState) -> &'static str {
    match state {
        ContactState::None => "none",
        ContactState::Requested => "requested",
        ContactState::Asked => "asks",
        ContactState::Contact => "contact",
    }
}
