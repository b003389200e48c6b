//! `replay`: a calm run. Offline and late devices must end with the same store as everybody.

use std::time::Duration;

use crate::Failure;
use crate::clock::Clock;
use crate::patience::Patience;
use crate::scenario::Ground;
use crate::scenario::faults::Meter;
use crate::scenario::group::{Group, Load, all_ended};
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
    let histories = group
        .senders
        .iter()
        .map(crate::device::Device::sent_history);
    let meter = Meter::start(Clock::start(), histories.collect());
    let mut senders = (0..group.senders.len())
        .map(|at| group.start_sender(at))
        .collect::<Result<Vec<_>, _>>()?;
    let mut shown = 0;
    let mut patience = Patience::new(Duration::from_secs(3600));
    while !all_ended(&mut senders)? {
        let acked: u64 = meter.counts().iter().map(|count| count.acked).sum();
        let tenth = acked * 10 / group.total().max(1);
        if tenth > shown {
            shown = tenth;
            println!("{acked} of {} acknowledged", group.total());
        }
        patience.wait("the senders")?;
    }
    drop(meter);
    let verdict = group.judge()?;
    server.stop()?;
    verdict.close(&ground.folder)
}
