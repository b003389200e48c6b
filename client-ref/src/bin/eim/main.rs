//! `eim`, the command line client of EIM.

mod call;
mod chat;
mod contacts;
mod conversations;
mod devices;
mod digest;
mod directory;
mod exit;
mod export;
mod files;
mod govern;
mod group;
mod history;
mod load;
mod login;
mod marks;
mod notify;
mod operate;
mod output;
mod presence;
mod profile;
mod prompt;
mod search;
mod send;
mod shown;
mod status;
mod tail;
mod witness;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::exit::Failure;
use crate::profile::Globals;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a message or request was refused
  2  wrong usage
  3  no connection
  4  authentication failed
  5  verification failed (load)

Environment:
  EIM_PROFILE   folder of the profile (a profile is one device)
  EIM_PASSWORD  password, where one is needed
  EIM_TOKEN     token of a bot, instead of a password
  EIM_LOG       what to log to standard error, for example eim_client=debug";

/// The command line client of EIM.
#[derive(Debug, Parser)]
#[command(name = "eim", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Logs in and remembers server and user in the profile.
    Login(login::Login),
    /// Sends messages: an argument, or a file or standard input line by line.
    Send(Box<send::Send>),
    /// Prints messages as they come.
    Tail(tail::Tail),
    /// Chats in the terminal.
    Chat(chat::Chat),
    /// Prints messages of one conversation.
    History(history::History),
    #[command(flatten)]
    Operate(operate::Operate),
    /// Creates and changes groups.
    #[command(subcommand)]
    Group(group::Group),
    /// Asks for contacts, answers, blocks, lists.
    #[command(subcommand)]
    Contacts(contacts::Contacts),
    /// Lists the devices of this user that are logged in.
    Devices(devices::Devices),
    /// Logs this device out, or another one of this user.
    Logout(devices::Logout),
    /// Prints the departments as a tree.
    Directory(directory::Directory),
    /// Shows profiles, and changes the own one.
    #[command(subcommand)]
    Profile(directory::People),
    /// Marks a conversation as read, or as unread.
    Read(marks::Read),
    /// Lists conversations with something unread.
    Unread(marks::Unread),
    /// Shows who has read a message, or has not.
    Readers(marks::Readers),
    /// Looks for texts on this device, the newest first; asks nobody.
    Search(search::Search),
    /// Lists the files of a conversation, the newest first.
    Files(files::Files),
    /// Saves the file of a message; goes on where an earlier command was.
    Get(files::Get),
    /// Shows who can be reached, or says whether this user can.
    Presence(presence::Presence),
    /// Says that this user is writing in a conversation.
    Typing(presence::Typing),
    /// Rings, answers and hangs up; signals of calls.
    Call(call::Call),
    /// Has notifications sent when this device has no connection, and keeps conversations quiet.
    #[command(subcommand)]
    Notify(notify::Notify),
    /// Shows device, place in the timeline and outbox.
    Status(status::Status),
    /// Writes the local store as canonical JSON lines.
    Export(export::Export),
    /// Prints a SHA-256 over the export of each conversation, for comparing devices.
    Digest(digest::Digest),
    /// Generates load and verifies that nothing is lost, doubled or out of order.
    Load(load::Load),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("EIM_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let mut builder = match &cli.verb {
        // It shares the machine with the server it measures.
        Verb::Load(load) if load.threads <= 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if let Verb::Load(load) = &cli.verb {
        builder.worker_threads(load.threads.max(1));
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::connection(format!("no runtime: {error}")).report(),
    };
    let done = runtime.block_on(run(cli));
    // A reader of standard input may block a thread for ever; it is not worth waiting for.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { globals, verb } = cli;
    match verb {
        Verb::Login(login) => login.run(&globals).await,
        Verb::Send(send) => send.run(&globals).await,
        Verb::Tail(tail) => tail.run(&globals).await,
        Verb::Chat(chat) => chat.run(&globals).await,
        Verb::History(history) => history.run(&globals).await,
        Verb::Operate(operate) => operate.run(&globals).await,
        Verb::Group(group) => group.run(&globals).await,
        Verb::Contacts(contacts) => contacts.run(&globals).await,
        Verb::Devices(devices) => devices.run(&globals).await,
        Verb::Logout(logout) => logout.run(&globals).await,
        Verb::Directory(directory) => directory.run(&globals).await,
        Verb::Profile(people) => people.run(&globals).await,
        Verb::Read(read) => read.run(&globals).await,
        Verb::Unread(unread) => unread.run(&globals).await,
        Verb::Readers(readers) => readers.run(&globals).await,
        Verb::Search(search) => search.run(&globals).await,
        Verb::Files(files) => files.run(&globals).await,
        Verb::Get(get) => get.run(&globals).await,
        Verb::Presence(presence) => presence.run(&globals).await,
        Verb::Call(call) => call.run(&globals).await,
        Verb::Typing(typing) => typing.run(&globals).await,
        Verb::Notify(notify) => notify.run(&globals).await,
        Verb::Status(status) => status.run(&globals).await,
        Verb::Export(export) => export.run(&globals).await,
        Verb::Digest(digest) => digest.run(&globals).await,
        Verb::Load(load) => load.run(&globals).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The table of features names commands that exist.
    #[test]
    fn the_readme_names_commands_that_exist() {
        let readme = include_str!("../../../../README.md");
        let (_, table) = readme.split_once("| feature |").expect("the table");
        let rows = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        let named = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
        let mut found = 0;
        for named in named.filter_map(|named| named.strip_prefix("eim ")) {
            let cli = Cli::command();
            let mut command = &cli;
            for word in named.split(' ').take_while(|word| !word.starts_with('-')) {
                let next = command.find_subcommand(word);
                command = next.unwrap_or_else(|| panic!("no command: eim {named}"));
            }
            found += 1;
        }
        assert!(found > 10, "{found}");
    }
}
