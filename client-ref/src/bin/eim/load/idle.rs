//! Many connections that do nothing, for measuring what they cost.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use eim_codec::connection::ClientEvent;
use eim_codec::payload::AttachMode;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Load;
use super::account::Account;
use super::session::{Opener, Session};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Connections from one source address.
const PER_ADDRESS: usize = 2000;
/// Logins at the same time.
const AT_ONCE: usize = 64;

#[derive(Serialize)]
struct State {
    state: &'static str,
    open: usize,
    lost: usize,
}

/// Opens the connections, says so on standard output, holds them.
pub(crate) async fn run(
    load: &Load,
    opener: Arc<Opener>,
    accounts: Vec<Account>,
    connections: usize,
) -> Result<(), Failure> {
    let (lost, mut losses) = mpsc::unbounded_channel::<String>();
    let mut opening = JoinSet::new();
    let mut held = JoinSet::new();
    for number in 0..connections {
        let account = accounts
            .get(number % accounts.len().max(1))
            .cloned()
            .ok_or_else(|| Failure::usage("no accounts"))?;
        let source = load
            .server
            .is_loopback()
            .then(|| source(load.idle_source, number / PER_ADDRESS))
            .flatten();
        let opener = Arc::clone(&opener);
        opening.spawn(async move { opener.open(&account, AttachMode::Full, source).await });
        if opening.len() >= AT_ONCE {
            take(&mut held, opening.join_next().await, &lost)?;
        }
    }
    while let Some(opened) = opening.join_next().await {
        take(&mut held, Some(opened), &lost)?;
    }
    say(load, "open", held.len(), 0)?;
    let interrupted = tokio::signal::ctrl_c();
    tokio::select! {
        biased;
        _ = interrupted => {}
        () = sleep(Duration::from_secs(load.duration)) => {}
    }
    let mut count = 0;
    while let Ok(reason) = losses.try_recv() {
        if count == 0 {
            eprintln!("eim: {reason}");
        }
        count += 1;
    }
    say(load, "done", held.len() - count, count)?;
    if count > 0 {
        return Err(Failure::new(
            Exit::Verification,
            format!("{count} connections were lost"),
        ));
    }
    Ok(())
}

type Opened = Result<Result<Session, Failure>, tokio::task::JoinError>;

fn take(
    held: &mut JoinSet<()>,
    opened: Option<Opened>,
    lost: &mpsc::UnboundedSender<String>,
) -> Result<(), Failure> {
    let Some(opened) = opened else { return Ok(()) };
    let session = opened.map_err(|error| Failure::connection(error.to_string()))??;
    held.spawn(hold(session, lost.clone()));
    Ok(())
}

async fn hold(mut session: Session, lost: mpsc::UnboundedSender<String>) {
    loop {
        match session.driver.next().await {
            Some(ClientEvent::Push { ordinal, .. }) => {
                session.driver.endpoint_mut().consumed(ordinal);
            }
            Some(ClientEvent::Closed(reason)) => {
                // The reader is there as long as this task.
                let _ = lost.send(format!("a connection was closed: {reason:?}"));
                return;
            }
            Some(_) => {}
            None => return,
        }
    }
}

/// One address has too few ports and too small a share of the server's half-open connections.
fn source(first: IpAddr, step: usize) -> Option<IpAddr> {
    let IpAddr::V4(first) = first else {
        return None;
    };
    let step = u32::try_from(step).ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(
        u32::from(first).checked_add(step)?,
    )))
}

fn say(load: &Load, state: &'static str, open: usize, lost: usize) -> Result<(), Failure> {
    let mut output = Output::new();
    if load.json {
        output.serialize(&State { state, open, lost })?;
    } else {
        output.line(&format!("{state}: {open} connections, {lost} lost"))?;
    }
    Ok(output.flush()?)
}
