//! `notify`: phones that are away are told through a webhook. Then its receiver is dead for a while,
//! and the server is killed meanwhile: nothing may be lost.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Ground;
use super::day::hands::Hand;
use super::day::table::Table;
use crate::Failure;
use crate::clock::{Clock, pause};
use crate::patience::Patience;
use crate::receiver::Receiver;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// How long a notification may take while all is well.
const SOON: Duration = Duration::from_secs(30);
/// Longest that the breaker leaves the receiver alone.
const ALONE_MS: u64 = 5000;

/// Options of `notify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How long the receiver is dead, in seconds.
    #[arg(long, default_value_t = 600)]
    dead: u64,
    /// How many people are told.
    #[arg(long, default_value_t = 3)]
    people: usize,
}

/// Everybody, and what happened so far.
struct Scene {
    server: Server,
    receiver: Option<Receiver>,
    address: SocketAddr,
    sender: Hand,
    people: Vec<Hand>,
    /// Newest message to each of them.
    sent: BTreeMap<String, u64>,
    clock: Clock,
    table: Table,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut scene = Scene::set(ground, options)?;
    let outcome = scene.play(options);
    scene.table.print();
    outcome?;
    scene.server.stop()?;
    println!("nothing was lost");
    Ok(())
}

impl Scene {
    fn set(ground: &Ground, options: &Options) -> Result<Self, Failure> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let receiver = Receiver::start(any, SECRET, false)?;
        let address = receiver.address();
        let data = ground.folder.join("data");
        let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
        server.set("NOTIFICATIONS__CONTENT", "preview");
        server.set("NOTIFICATIONS__WEBHOOK__URL", format!("http://{address}/"));
        server.set("NOTIFICATIONS__WEBHOOK__SECRET", SECRET);
        server.set("NOTIFICATIONS__RETRY_MAX_MS", ALONE_MS);
        server.set("NOTIFICATIONS__BREAKER_MS", 500);
        server.set("NOTIFICATIONS__BREAKER_MAX_MS", ALONE_MS);
        server.start()?;
        let names = (1..=options.people).map(|number| format!("person{number}"));
        let people: Vec<Hand> = names.map(|name| Hand::new(ground, &name, &name)).collect();
        let line = |user: &str| format!("{user},{user},{PASSWORD}\n");
        let lines: String = people.iter().map(|one| line(&one.name)).collect();
        let accounts = ground.folder.join("accounts.csv");
        std::fs::write(&accounts, lines + &line("ada"))?;
        server.import(&accounts)?;
        let sender = Hand::new(ground, "ada", "ada");
        let (url, fingerprint) = (server.url(Transport::Tls), server.fingerprint()?);
        sender.login(&url, &fingerprint, PASSWORD, "desktop")?;
        for one in &people {
            one.login(&url, &fingerprint, PASSWORD, "phone")?;
            one.say(&["notify", "register", &format!("address of {}", one.name)])?;
        }
        Ok(Self {
            server,
            receiver: Some(receiver),
            address,
            sender,
            people,
            sent: BTreeMap::new(),
            clock: Clock::start(),
            table: Table::default(),
        })
    }

    fn play(&mut self, options: &Options) -> Result<(), Failure> {
        self.well()?;
        self.quiet()?;
        self.dead(options)?;
        self.back()
    }

    fn note(&mut self, who: &str, what: &str) {
        let at = format!("{:>5} s", self.clock.now().as_secs());
        self.table.row(&at, who, what);
    }

    /// One message to each.
    fn round(&mut self, text: &str) -> Result<(), Failure> {
        for number in 0..self.people.len() {
            let Some(name) = self.people.get(number).map(|one| one.name.clone()) else {
                break;
            };
            let sent = self.sender.send(["--to", &name], text)?;
            self.sent.insert(name, sent.parse().unwrap_or(0));
        }
        Ok(())
    }

    /// Newest message that the receiver knows of, by person.
    fn known(&self) -> BTreeMap<String, u64> {
        let mut known = BTreeMap::new();
        for body in self.receiver.iter().flat_map(Receiver::bodies) {
            let data = &body["data"];
            let address = data["address"].as_str().unwrap_or_default();
            let name = address.trim_start_matches("address of ").to_owned();
            let number = data["conv_seq"].as_u64().unwrap_or(0);
            let newest = known.entry(name).or_insert(0);
            *newest = number.max(*newest);
        }
        known
    }

    /// Waits until the receiver knows of the newest message to each.
    fn told(&self, patience: Duration) -> Result<(), Failure> {
        let mut patience = Patience::new(patience);
        while self.known() != self.sent {
            let (known, sent) = (self.known(), &self.sent);
            let what = format!("the receiver to know {sent:?}; it knows {known:?}");
            patience.wait(&what)?;
        }
        Ok(())
    }

    /// While all is well, phones are told at once.
    fn well(&mut self) -> Result<(), Failure> {
        self.round("good morning")?;
        self.told(SOON)?;
        let bodies = self.receiver.iter().flat_map(Receiver::bodies);
        let shown = bodies.filter(|body| body["data"]["preview"] == "good morning");
        let count = shown.count();
        if count != self.people.len() {
            return Err(Failure::Verdict(format!(
                "{count} notifications say how it begins"
            )));
        }
        self.note("receiver", "was told of each message, signed");
        Ok(())
    }

    /// Who has muted a conversation is not told.
    fn quiet(&mut self) -> Result<(), Failure> {
        let Some(first) = self.people.first() else {
            return Ok(());
        };
        first.say(&["notify", "mute", "--to", "ada"])?;
        let before = self.known();
        let name = first.name.clone();
        self.sender.send(["--to", &name], "are you there?")?;
        self.metric_is("eim_notifications_owed", 0.0)?;
        if self.known() != before {
            return Err(Failure::Verdict("a muted conversation was told".into()));
        }
        if let Some(first) = self.people.first() {
            first.say(&["notify", "unmute", "--to", "ada"])?;
            // What is read is not told either.
            first.say(&["read", "--to", "ada"])?;
        }
        self.note(&name, "has muted, and was not told");
        Ok(())
    }

    /// The receiver is dead; the server is killed in the middle.
    fn dead(&mut self, options: &Options) -> Result<(), Failure> {
        self.receiver = None;
        self.note("receiver", "is dead");
        let half = Duration::from_secs(options.dead) / 2;
        let begin = self.clock.now();
        let mut rounds = 0;
        let mut killed = false;
        while self.clock.now() < begin + 2 * half {
            self.round(&format!("round {rounds}"))?;
            rounds += 1;
            if !killed && self.clock.now() >= begin + half {
                self.opened()?;
                self.server.kill()?;
                self.server.start()?;
                killed = true;
                self.note("server", "was killed and started again");
            }
            pause(half / 20);
        }
        if !killed {
            self.server.kill()?;
            self.server.start()?;
        }
        self.round("the last one")?;
        self.opened()?;
        let people = self.people.len();
        self.metric_is("eim_notifications_owed", people as f64)?;
        let what = format!("owes one notification to each of {people} after {rounds} rounds");
        self.note("server", &what);
        Ok(())
    }

    /// Waits until the breaker is open.
    fn opened(&mut self) -> Result<(), Failure> {
        self.metric_is("eim_breaker_state", 2.0)?;
        let failed = self.metric("eim_notifications_failed_total")?;
        let opened = self.metric("eim_breaker_opened_total")?;
        let counts = format!(
            "{} attempts failed, it opened {} times",
            failed.unwrap_or(0.0),
            opened.unwrap_or(0.0)
        );
        self.note("breaker", &format!("is open: {counts}"));
        Ok(())
    }

    /// The receiver is back: everything that is owed arrives.
    fn back(&mut self) -> Result<(), Failure> {
        let began = self.clock.now();
        self.receiver = Some(Receiver::start(self.address, SECRET, false)?);
        self.note("receiver", "is back");
        self.told(Duration::from_millis(3 * ALONE_MS) + SOON)?;
        let took = self.clock.now().saturating_sub(began);
        self.metric_is("eim_notifications_owed", 0.0)?;
        self.metric_is("eim_breaker_state", 0.0)?;
        self.note("breaker", "is closed");
        let repeated = self.receiver.as_ref().map_or(0, Receiver::repeated);
        let wrong: Vec<String> = self.receiver.iter().flat_map(Receiver::wrong).collect();
        if !wrong.is_empty() {
            return Err(Failure::Verdict(format!(
                "notifications that are not right: {wrong:?}"
            )));
        }
        let what = format!("knows of every last message after {took:.1?}, {repeated} came twice");
        self.note("receiver", &what);
        Ok(())
    }

    /// The sum of a metric over its labels; `None` when there is none.
    fn metric(&self, name: &str) -> Result<Option<f64>, Failure> {
        let page = self.server.admin_page("/metrics")?;
        let values = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then_some(rest)?;
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        });
        Ok(values.reduce(|sum, value| sum + value))
    }

    fn metric_is(&self, name: &str, expected: f64) -> Result<(), Failure> {
        let mut patience = Patience::new(SOON);
        loop {
            let found = self.metric(name)?;
            if found == Some(expected) {
                return Ok(());
            }
            patience.wait(&format!("{name} to be {expected}; it is {found:?}"))?;
        }
    }
}
