//! `eim history`: prints messages of one conversation.

use clap::Args;
use eim_client::options::Attach;

use crate::conversations::{Names, Where, conversation_id};
use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;
use crate::tail::describe_past;

/// Arguments of `eim history`.
#[derive(Args, Debug)]
pub(crate) struct History {
    #[command(flatten)]
    place: Where,
    /// The first N messages.
    #[arg(long, value_name = "N", conflicts_with = "last")]
    first: Option<usize>,
    /// The last N messages.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
}

impl History {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::SendOnly)?;
        options.adopt_outbox = false;
        options.events = false;
        let client = globals.connect(options).await?;
        let target = self.place.target(&client).await?;
        let conversation = conversation_id(&client, target).await?;
        let past = match self.first {
            Some(limit) => client.past(conversation, (1, 0), limit, false).await?,
            None => {
                let mut newest = client.past(conversation, (0, 0), self.last, true).await?;
                newest.reverse();
                newest
            }
        };
        let mut output = Output::new();
        let mut names = Names::default();
        for past in &past {
            if self.json {
                output.past(past)?;
            } else {
                output.line(&describe_past(&mut names, &client, past).await)?;
            }
        }
        output.flush()?;
        client.close().await;
        Ok(())
    }
}
