//! `bot`: a bot answers by a model, is killed, and its model is away for a while: each question gets
//! one answer, in order, and a bot by HTTP is not answered by it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Ground;
use super::day::hands::Hand;
use crate::Failure;
use crate::device::Device;
use crate::parrot::Parrot;
use crate::patience::Patience;
use crate::process::{Process, output};
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";
/// How long an answer may take.
const LONG: Duration = Duration::from_secs(120);

/// Options of `bot`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Questions in each act.
    #[arg(long, default_value_t = 10)]
    questions: u32,
}

struct Scene {
    ground: Ground,
    server: Server,
    parrot: Parrot,
    person: Hand,
    bot: Option<Process>,
    config: PathBuf,
    http: SocketAddr,
    asked: u32,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut scene = Scene::set(ground)?;
    scene.machine()?;
    scene.by_hand()?;
    scene.act("answers", options.questions, |_| Ok(()))?;
    scene.act("is killed again and again", options.questions, |scene| {
        scene.die()?;
        scene.live()
    })?;
    scene.away(options.questions)?;
    scene.translates()?;
    if scene.parrot.has_heard("machine") {
        return Err(Failure::Verdict("a bot was answered".into()));
    }
    println!("a bot that has sent by HTTP was not answered");
    if let Some(bot) = &mut scene.bot {
        bot.signal(rustix::process::Signal::TERM)?;
        bot.finish()?;
    }
    scene.server.stop()?;
    println!("each of {} questions got one answer", scene.asked);
    Ok(())
}

/// Makes a bot, and gives its token.
fn make(server: &Server, name: &str) -> Result<String, Failure> {
    let made = server.operate(&["bot", "create", name, "--owner", "ada"])?;
    let token = made.lines().find_map(|line| line.strip_prefix("token: "));
    token
        .map(str::to_owned)
        .ok_or_else(|| Failure::Run(format!("no token in {made}")))
}

impl Scene {
    fn set(ground: &Ground) -> Result<Self, Failure> {
        let parrot = Parrot::start()?;
        let data = ground.folder.join("data");
        let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
        let http = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        server.set("BOTS__HTTP", http);
        server.start()?;
        let accounts = ground.folder.join("accounts.csv");
        std::fs::write(&accounts, format!("ada,ada,{PASSWORD}\n"))?;
        server.import(&accounts)?;
        let person = Hand::new(ground, "ada", "ada");
        let (url, fingerprint) = (server.url(Transport::Tls), server.fingerprint()?);
        person.login(&url, &fingerprint, PASSWORD, "desktop")?;
        let token = make(&server, "robo")?;
        let token_file = ground.folder.join("token");
        std::fs::write(&token_file, token)?;
        let config = ground.folder.join("bot.toml");
        let (folder, model) = (ground.folder.join("bot"), parrot.url());
        std::fs::write(
            &config,
            format!(
                "[server]\nurl = \"{url}\"\nfingerprint = \"{fingerprint}\"\n[bot]\ntoken_file = \
                 {token_file:?}\ndata = {folder:?}\n[model]\nurl = \"{model}\"\nretry_ms = 20\n\
                 retry_max_ms = 200\nbreaker_ms = 200\n[answer]\nnotice_ms = 300\nper_minute = 10000\n"
            ),
        )?;
        let mut scene = Self {
            ground: ground.clone(),
            server,
            parrot,
            person,
            bot: None,
            config,
            http,
            asked: 0,
        };
        scene.live()?;
        Ok(scene)
    }

    /// Another bot sends by HTTP.
    fn machine(&self) -> Result<(), Failure> {
        let token = make(&self.server, "machine")?;
        let body = r#"{"to": {"name": "robo"}, "text": "question of a machine"}"#;
        let mut stream = TcpStream::connect(self.http)?;
        let length = body.len();
        write!(
            stream,
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        Err(Failure::Verdict(format!("by HTTP: {answer}")))
    }

    /// Somebody uses the account of a bot with the command line: by its token.
    fn by_hand(&self) -> Result<(), Failure> {
        let token = make(&self.server, "clerk")?;
        let device = Device::new(
            &self.ground.programs,
            &self.ground.folder,
            "clerk-shell",
            "clerk",
        );
        let url = self.server.url(Transport::Tls);
        let mut login = device.command("login");
        login.args([
            "--server",
            &url,
            "--fingerprint",
            &self.server.fingerprint()?,
        ]);
        let output_of = login.env("EIM_TOKEN", &token).output()?;
        let said = String::from_utf8_lossy(&output_of.stderr);
        if !output_of.status.success() || !said.contains("logged in as clerk") {
            return Err(Failure::Verdict(format!("login with a token: {said}")));
        }
        let mut send = device.command("send");
        send.env("EIM_TOKEN", &token);
        output(send.args(["--to", "ada", "sent by hand"]))?;
        // Another token is nobody's, whatever name is claimed.
        let stranger = Device::new(
            &self.ground.programs,
            &self.ground.folder,
            "nobody",
            "clerk",
        );
        let mut login = stranger.command("login");
        login.args(["--server", &url, "--user", "clerk"]);
        login.args(["--fingerprint", &self.server.fingerprint()?]);
        let wrong = "eimbot_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let refused = login.args(["--token", wrong]).output()?;
        if refused.status.code() != Some(4) {
            let said = String::from_utf8_lossy(&refused.stderr);
            return Err(Failure::Verdict(format!("login without a token: {said}")));
        }
        println!("the account of a bot was used by hand, with its token");
        Ok(())
    }

    fn live(&mut self) -> Result<(), Failure> {
        let program = self.ground.programs.client.with_file_name("eim-bot");
        let log = self.ground.folder.join("bot.log");
        let mut command = Command::new(program);
        command.arg(&self.config);
        self.bot = Some(Process::start("eim-bot", &mut command, &log)?);
        Ok(())
    }

    fn die(&mut self) -> Result<(), Failure> {
        match self.bot.take() {
            Some(mut bot) => bot.kill(),
            None => Ok(()),
        }
    }

    /// Asks so many questions, does something after each, and waits for all answers.
    fn act(
        &mut self,
        what: &str,
        questions: u32,
        mut between: impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for _ in 0..questions {
            self.asked += 1;
            let text = format!("question {}", self.asked);
            self.person.say(&["send", "--to", "robo", &text])?;
            between(self)?;
        }
        self.answered()?;
        println!("{what}: {questions} questions, {questions} answers");
        Ok(())
    }

    /// What the bot has said, in order.
    fn said(&mut self) -> Result<Vec<String>, Failure> {
        if let Some(bot) = &mut self.bot
            && let Some(status) = bot.ended()?
        {
            return Err(Failure::Verdict(format!("the bot has ended: {status}")));
        }
        self.person.catch_up()?;
        let lines = self
            .person
            .say(&["history", "--to", "robo", "--last", "10000", "--json"])?;
        let mut said = Vec::new();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line)
                .map_err(|error| Failure::Run(format!("{error} in {line}")))?;
            let text = line["text"].as_str().unwrap_or_default();
            if !text.starts_with("question ") && !text.starts_with('/') {
                said.push(text.to_owned());
            }
        }
        Ok(said)
    }

    fn answered(&mut self) -> Result<(), Failure> {
        let expected: Vec<String> = (1..=self.asked)
            .map(|number| format!("you said question {number}"))
            .collect();
        let mut patience = Patience::new(LONG);
        loop {
            let mut said = self.said()?;
            said.retain(|text| text.starts_with("you said "));
            if said == expected {
                return Ok(());
            }
            if said.len() > expected.len() {
                return Err(Failure::Verdict(format!("answered twice: {said:?}")));
            }
            patience.wait(&format!("{} answers; there are {said:?}", expected.len()))?;
        }
    }

    /// The model is away: people are told once, and get their answers when it is back.
    fn away(&mut self, questions: u32) -> Result<(), Failure> {
        self.parrot.is_ill(true);
        let before = self.parrot.asked();
        let notices = |said: &[String]| {
            let away = |text: &&String| text.contains("cannot reach my model");
            said.iter().filter(away).count()
        };
        for _ in 0..questions {
            self.asked += 1;
            let text = format!("question {}", self.asked);
            self.person.say(&["send", "--to", "robo", &text])?;
        }
        let mut patience = Patience::new(LONG);
        while notices(&self.said()?) == 0 {
            patience.wait("people to be told that the model is away")?;
        }
        let attempts = self.parrot.asked() - before;
        self.parrot.is_ill(false);
        self.answered()?;
        let told = notices(&self.said()?);
        if told != 1 {
            return Err(Failure::Verdict(format!("told {told} times")));
        }
        println!("its model is away: {attempts} attempts, told once, all answered afterwards");
        Ok(())
    }

    /// The conversation wants translation, also after a restart.
    fn translates(&mut self) -> Result<(), Failure> {
        self.person
            .say(&["send", "--to", "robo", "/translate zh"])?;
        self.heard("From now on I translate into Simplified Chinese here.")?;
        self.die()?;
        self.live()?;
        self.person.say(&["send", "--to", "robo", "/早上好"])?;
        self.person
            .say(&["send", "--to", "robo", "/good morning"])?;
        self.heard("译：/good morning")?;
        let said = self.said()?;
        if said.iter().any(|text| text.contains("早上好")) {
            return Err(Failure::Verdict(format!("translated in vain: {said:?}")));
        }
        println!("translates what is in another language, also after a restart");
        Ok(())
    }

    fn heard(&mut self, text: &str) -> Result<(), Failure> {
        let mut patience = Patience::new(LONG);
        while self.said()?.last().is_none_or(|last| last != text) {
            patience.wait(&format!("the bot to say {text}"))?;
        }
        Ok(())
    }
}
