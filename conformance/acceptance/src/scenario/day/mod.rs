//! `day`: a phone, a desktop and a web device of one user, and two other people. Read here, unread
//! there, edited, recalled, kicked, offline for a while: the three must end equal.

pub(super) mod hands;
pub(super) mod table;

use self::hands::{Hand, Live};
use self::table::Table;
use crate::Failure;
use crate::scenario::Ground;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";

/// A text that is taken back, and must be nowhere at the end.
const SECRET: &str = "the combination is 4711";

/// Options of `day`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages that come while the phone is off.
    #[arg(long, default_value_t = 2000)]
    missed: u32,
    /// How clients connect.
    #[arg(long, value_enum, default_value_t = Transport::Tls)]
    transport: Transport,
}

/// Everybody, and what happened so far.
struct Day {
    server: Server,
    url: String,
    fingerprint: String,
    phone: Hand,
    desktop: Hand,
    web: Hand,
    ben: Hand,
    cleo: Hand,
    group: String,
    table: Table,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut day = Day::dawn(ground, options)?;
    let outcome = day.pass(options);
    day.table.print();
    outcome?;
    day.server.stop()?;
    println!("the three devices are equal");
    Ok(())
}

impl Day {
    /// A server with three people; only the phone and the others are logged in.
    fn dawn(ground: &Ground, options: &Options) -> Result<Self, Failure> {
        let data = ground.folder.join("data");
        let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
        server.set("DEVICES__WEB", 1);
        server.start()?;
        let accounts = ground.folder.join("accounts.csv");
        let line = |user: &str| format!("{user},{user},{PASSWORD}\n");
        let lines: String = ["ada", "ben", "cleo"].map(line).concat();
        std::fs::write(&accounts, lines)?;
        server.import(&accounts)?;
        let hand = |name: &str, user: &str| Hand::new(ground, name, user);
        let mut day = Self {
            url: server.url(options.transport),
            fingerprint: server.fingerprint()?,
            server,
            phone: hand("phone", "ada"),
            desktop: hand("desktop", "ada"),
            web: hand("web", "ada"),
            ben: hand("ben", "ben"),
            cleo: hand("cleo", "cleo"),
            group: String::new(),
            table: Table::default(),
        };
        day.login(&day.phone, "phone")?;
        day.login(&day.ben, "phone")?;
        day.login(&day.cleo, "desktop")?;
        day.group = day
            .ben
            .say(&["group", "create", "harbour", "ada", "cleo"])?;
        Ok(day)
    }

    fn login(&self, hand: &Hand, class: &str) -> Result<(), Failure> {
        hand.login(&self.url, &self.fingerprint, PASSWORD, class)
    }

    fn pass(&mut self, options: &Options) -> Result<(), Failure> {
        let phone = self.morning()?;
        let desktop = self.forenoon(phone, options)?;
        self.afternoon()?;
        self.kicked()?;
        drop(desktop);
        self.evening()
    }

    /// The phone is on; the desktop is new. Read on one, read on the other.
    fn morning(&mut self) -> Result<Live, Failure> {
        let phone = self.phone.live("morning")?;
        for text in ["good morning", "are you up?", "the ship is here"] {
            self.ben.say(&["send", "--to", "ada", text])?;
        }
        phone.shows("the ship is here")?;
        self.table
            .row("07:30", "phone", "shows three messages as ben sends them");
        self.login(&self.desktop, "desktop")?;
        self.desktop.catch_up()?;
        self.desktop.unread("ben\t3 unread")?;
        self.table.row(
            "08:00",
            "desktop",
            "is new, has everything, counts 3 unread",
        );
        self.phone.say(&["read", "--to", "ben"])?;
        self.desktop.no_unread("ben\t")?;
        self.table
            .row("08:10", "phone", "reads; the desktop counts none any more");
        self.desktop.say(&["send", "--to", "ben", "on my way"])?;
        phone.shows("on my way")?;
        self.table
            .row("08:15", "desktop", "answers; the phone shows it");
        Ok(phone)
    }

    /// The phone is off for a while. Edits and a recall go past it.
    fn forenoon(&mut self, phone: Live, options: &Options) -> Result<Live, Failure> {
        drop(phone);
        let desktop = self.desktop.live("forenoon")?;
        let group = self.group.clone();
        self.cleo.many(&group, options.missed)?;
        desktop.shows(&format!("line {}", options.missed))?;
        let missed = format!(
            "shows {} messages of the group; the phone is off",
            options.missed
        );
        self.table.row("09:00", "desktop", &missed);
        let typo = self.ben.send(["--to", "ada"], "meet at the peer")?;
        self.ben
            .say(&["edit", "--to", "ada", &typo, "meet at the pier"])?;
        let secret = self.ben.send(["--to", "ada"], SECRET)?;
        desktop.shows(SECRET)?;
        self.ben.say(&["recall", "--to", "ada", &secret])?;
        self.desktop.say(&["react", "--to", "ben", &typo, "👍"])?;
        self.desktop.say(&["pin", "--to", "ben", &typo])?;
        self.table.row(
            "10:00",
            "desktop",
            "sees an edit and a recall, reacts and pins",
        );
        self.desktop.say(&["read", "--group", &group])?;
        self.desktop.say(&["read", "--to", "ben", "--unread"])?;
        self.login(&self.web, "web")?;
        self.web.unread("marked unread")?;
        self.table.row(
            "11:00",
            "web",
            "is new; what the desktop marked unread is so here",
        );
        self.phone.catch_up()?;
        self.phone.no_unread("harbour\t")?;
        self.phone.unread("marked unread")?;
        self.table.row(
            "12:00",
            "phone",
            "is back: all is here, and read as on the desktop",
        );
        Ok(desktop)
    }

    /// Everybody does something with what another one sent.
    fn afternoon(&mut self) -> Result<(), Failure> {
        let group = self.group.clone();
        let first = self.web.send(["--group", &group], "we leave at for")?;
        self.phone
            .say(&["edit", "--group", &group, &first, "we leave at four"])?;
        let second = self.phone.send(["--group", &group], "wrong window")?;
        self.desktop.say(&["recall", "--group", &group, &second])?;
        self.cleo.say(&["react", "--group", &group, &first, "+1"])?;
        self.table.row(
            "14:00",
            "all",
            "web sends, phone edits it; phone sends, desktop recalls it",
        );
        self.phone.say(&["read", "--to", "ben", "--clear"])?;
        self.web
            .say(&["forward", "--to", "cleo", "--from-group", &group, &first])?;
        self.table
            .row("14:30", "web", "forwards; the phone takes the mark off");
        Ok(())
    }

    /// One browser at a time: the second one ends the first; and the phone ends the second.
    fn kicked(&mut self) -> Result<(), Failure> {
        let mut first = self.web.live("browser")?;
        self.ben.say(&["send", "--to", "ada", "a new browser?"])?;
        first.shows("a new browser?")?;
        let other = self.web.beside("other-browser");
        self.login(&other, "web")?;
        let said = first.ends(4)?;
        let reason = Live::reason(&said)?;
        self.table.row("15:00", "web", &format!("is out: {reason}"));
        let mut second = other.live("browser")?;
        self.ben.say(&["send", "--to", "ada", "yet another one?"])?;
        second.shows("yet another one?")?;
        self.phone.say(&["logout", "--device", "other-browser"])?;
        let said = second.ends(4)?;
        let reason = Live::reason(&said)?;
        self.table.row(
            "15:10",
            "phone",
            &format!("ends the other browser: {reason}"),
        );
        self.ben
            .say(&["send", "--to", "ada", "are you still there?"])?;
        self.login(&self.web, "web")?;
        self.table.row("16:00", "web", "logs in again");
        Ok(())
    }

    /// Everything comes together.
    fn evening(&mut self) -> Result<(), Failure> {
        self.web.say(&["read", "--to", "ben"])?;
        let devices = [&self.phone, &self.desktop, &self.web];
        let (mut states, mut counts) = (Vec::new(), Vec::new());
        for device in devices {
            device.catch_up()?;
            device.holds_no(&[SECRET, "wrong window"])?;
            counts.push(device.say(&["unread"])?);
            states.push(device.say(&["digest", "--state"])?);
        }
        for (device, state) in devices.iter().zip(&states) {
            self.table.row("20:00", &device.name, state);
        }
        if states.iter().any(|state| Some(state) != states.first()) {
            return Err(Failure::Verdict(format!("states differ: {states:?}")));
        }
        if counts.iter().any(|count| Some(count) != counts.first()) {
            return Err(Failure::Verdict(format!("counts differ: {counts:?}")));
        }
        Ok(())
    }
}
