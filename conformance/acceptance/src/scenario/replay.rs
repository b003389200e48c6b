//! `replay`: a calm run. Offline and late devices must end with the same store as everybody.

use std::time::Duration;

use crate::Failure;
use crate::patience::Patience;
use crate::scenario::Ground;
use crate::scenario::group::{Group, Load, close};
use crate::server::Server;

/// Options of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    load: Load,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let data = ground.folder.join("data");
    let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
    server.start()?;
    let group = Group::create(ground, &server, &options.load)?;
    let mut senders = (0..group.senders.len())
        .map(|at| group.start_sender(at))
        .collect::<Result<Vec<_>, _>>()?;
    let mut patience = Patience::new(Duration::from_secs(3600));
    let mut shown = 0;
    while group.acked() < group.total() {
        for sender in &mut senders {
            if let Some(status) = sender.ended()?
                && !status.success()
            {
                return Err(Failure::Run(format!("a sender ended with {status}")));
            }
        }
        if group.acked() * 10 / group.total() > shown {
            shown = group.acked() * 10 / group.total();
            println!("{} of {} acknowledged", group.acked(), group.total());
        }
        patience.wait("the senders")?;
    }
    for sender in &mut senders {
        sender.finish()?;
    }
    let verdict = group.judge()?;
    server.stop()?;
    close(ground, &verdict)
}
