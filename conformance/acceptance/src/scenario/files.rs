//! `files`: a large file up and down with both sides killed on the way, and messages beside it.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Failure;
use crate::device::Device;
use crate::loadgen::{LoadGenerator, Plan};
use crate::patience::Patience;
use crate::process::{Process, output};
use crate::scenario::Ground;
use crate::seed::Dice;
use crate::server::{Server, Transport};

const PASSWORD: &str = "a password of the acceptance runs";
const MIB: u64 = 1 << 20;
/// 64x48, to be turned for 48x64; its EXIF names its maker "Exposed".
const TURNED: &[u8] = include_bytes!("../../samples/turned.jpg");
/// What the server counts of octets that come.
const UPLOADED: &str = "eim_blob_octets_total{direction=\"up\"}";
/// And of those that go.
const DOWNLOADED: &str = "eim_blob_octets_total{direction=\"down\"}";
/// Accounts of the load beside, and two more.
const PAIRS: u32 = 4;

/// Options of `files`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Size of the file.
    #[arg(long, default_value_t = 2048)]
    mib: u64,
    /// How often each side is killed, on the way up and on the way down.
    #[arg(long, default_value_t = 2)]
    kills: u32,
    /// Messages a second beside the file.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds of each measured run of messages; 0: none.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Most memory that either side may have, in MiB.
    #[arg(long, default_value_t = 256)]
    most_mib: u64,
    /// The server keeps the octets in S3, at ADDRESS/BUCKET, with credentials in the environment.
    #[arg(long, value_name = "ADDRESS/BUCKET")]
    s3: Option<String>,
}

/// The two sides, and the most memory that each has had.
struct Sides<'a> {
    ground: &'a Ground,
    server: Server,
    kills: u32,
    /// What is uploaded cannot be seen in a folder.
    counted: bool,
    server_kib: u64,
    client_kib: u64,
}

/// Runs it and prints one JSON report.
pub(crate) fn run(ground: &Ground, options: &Options) -> Result<(), Failure> {
    let mut generator = LoadGenerator::new(ground, 2 * PAIRS + 2, PASSWORD)?;
    let data = ground.folder.join("data");
    let mut server = Server::new(&ground.programs, &data, &ground.folder.join("server.log"))?;
    server.set("BLOBS__MAX_OCTETS", (options.mib + 1) * MIB);
    if let Some(place) = &options.s3 {
        let (endpoint, bucket) = place.rsplit_once('/').unwrap_or((place, "eim"));
        server.set("BLOBS__KEEP", "s3");
        server.set("BLOBS__S3_ENDPOINT", endpoint);
        server.set("BLOBS__S3_BUCKET", bucket);
        server.set("BLOBS__PART_OCTETS", 4 * MIB);
        server.set("BLOBS__PRESIGNED_MS", 60_000);
    }
    server.start()?;
    server.import(generator.accounts())?;
    generator.trust(&server)?;
    let (sender, receiver) = (2 * PAIRS + 1, 2 * PAIRS + 2);
    let device = |number: u32| -> Result<Device, Failure> {
        let user = format!("load{number}");
        let device = Device::new(&ground.programs, &ground.folder, &user, &user);
        let fingerprint = server.fingerprint()?;
        device.login(&server.url(Transport::Tls), Some(&fingerprint), PASSWORD)?;
        Ok(device)
    };
    let (sender, receiver) = (device(sender)?, device(receiver)?);
    let file = ground.folder.join("large.bin");
    let hash = make(&file, options.mib, ground.seed)?;
    let mut sides = Sides {
        ground,
        server,
        kills: options.kills,
        counted: options.s3.is_some(),
        server_kib: 0,
        client_kib: 0,
    };
    sides.up(&sender, &receiver.user, &file, options.mib)?;
    let saved = sides.down(&receiver, &sender.user, options.mib)?;
    if digest(&saved)? != hash {
        return Err(Failure::Run(
            "the file that came down is another one".into(),
        ));
    }
    if options.s3.is_some() {
        sides.beside_the_server(&receiver, &sender.user, &hash)?;
    }
    picture(ground, &sender, &receiver)?;
    let latency = match options.seconds {
        0 => Value::Null,
        _ => sides.beside(&generator, &sender, &receiver.user, options)?,
    };
    let report = json!({
        "octets": options.mib * MIB,
        "sha256": hash,
        "kills_of_each_side": 2 * options.kills,
        "server_peak_kib": sides.server_kib,
        "client_peak_kib": sides.client_kib,
        "delivery_p99_ms": latency,
    });
    println!("{report:#}");
    std::fs::write(ground.folder.join("files.json"), format!("{report:#}"))?;
    sides.server.stop()?;
    let most = sides.server_kib.max(sides.client_kib);
    if most > options.most_mib * 1024 {
        return Err(Failure::Run(format!("a side has had {most} KiB of memory")));
    }
    println!("equal hashes after {} kills", 4 * options.kills);
    Ok(())
}

impl Sides<'_> {
    /// Uploads, both sides killed on the way.
    fn up(&mut self, from: &Device, to: &str, file: &Path, mib: u64) -> Result<(), Failure> {
        let log = self.ground.folder.join("up.log");
        let start = || {
            let mut command = from.command("send");
            command.args(["--to", to, "--kind", "file"]).arg(file);
            Process::start("eim send", &mut command, &log)
        };
        let stored = self.ground.folder.join("data").join("blobs");
        if self.counted {
            return self.through(mib, &start, &|server| server.counter(UPLOADED), true);
        }
        self.through(mib, &start, &|_| size(&stored), false)
    }

    /// Downloads, both sides killed on the way.
    fn down(&mut self, to: &Device, from: &str, mib: u64) -> Result<PathBuf, Failure> {
        let log = self.ground.folder.join("down.log");
        let folder = self.ground.folder.join("saved");
        std::fs::create_dir_all(&folder)?;
        let start = || {
            let mut command = to.command("get");
            command.args(["--to", from, "1", "--output"]).arg(&folder);
            Process::start("eim get", &mut command, &log)
        };
        self.through(mib, &start, &|_| size(&folder), false)?;
        Ok(folder.join("large.bin"))
    }

    /// Downloads from where the server keeps the octets, none of them through the server.
    fn beside_the_server(&self, to: &Device, from: &str, hash: &str) -> Result<(), Failure> {
        let before = self.server.counter(DOWNLOADED);
        let saved = self.ground.folder.join("direct.bin");
        let mut get = to.command("get");
        get.args(["--to", from, "1", "--direct", "--output"])
            .arg(&saved);
        output(&mut get)?;
        if digest(&saved)? != hash {
            return Err(Failure::Run("addresses have brought another file".into()));
        }
        let through = self.server.counter(DOWNLOADED) - before;
        if through > 0 {
            let detail = format!("{through} octets came through the server");
            return Err(Failure::Run(detail));
        }
        println!("the file came from addresses, nothing of it through the server");
        Ok(())
    }

    /// Runs a command to its end, and kills it and the server in turn on the way: whenever another
    /// part of the way lies behind. What was there before a kill is there after it.
    fn through(
        &mut self,
        mib: u64,
        start: &dyn Fn() -> Result<Process, Failure>,
        there: &dyn Fn(&Server) -> u64,
        begins_anew: bool,
    ) -> Result<(), Failure> {
        let (mut client, mut before) = (start()?, 0);
        let steps = 2 * u64::from(self.kills);
        for step in 1..=steps {
            let goal = mib * MIB * step / (steps + 1);
            let mut patience = Patience::new(Duration::from_secs(3600));
            while before + there(&self.server) < goal {
                self.look(&client)?;
                if let Some(status) = client.ended()? {
                    return Err(Failure::Run(format!("a transfer ended with {status}")));
                }
                patience.wait("a part of the file")?;
            }
            let through = before + there(&self.server);
            if step % 2 == 1 {
                client.kill()?;
                client = start()?;
            } else {
                self.server.kill()?;
                self.server.start()?;
                // A counter of the server starts with it.
                before = if begins_anew { through } else { 0 };
            }
            println!("killed at {} MiB of {mib}", through / MIB);
        }
        let mut patience = Patience::new(Duration::from_secs(3600));
        while client.ended()?.is_none() {
            self.look(&client)?;
            patience.wait("the end of a transfer")?;
        }
        client.finish()
    }

    /// Notes the most memory that either side has had.
    fn look(&mut self, client: &Process) -> Result<(), Failure> {
        self.client_kib = self.client_kib.max(client.peak_kib().unwrap_or(0));
        let server = self.server.process()?.peak_kib()?;
        self.server_kib = self.server_kib.max(server);
        Ok(())
    }

    /// Delivery times of messages in a calm run, and beside another file.
    fn beside(
        &mut self,
        generator: &LoadGenerator,
        from: &Device,
        to: &str,
        options: &Options,
    ) -> Result<Value, Failure> {
        let plan = Plan {
            pairs: PAIRS,
            rate: Some(options.rate),
            seconds: options.seconds,
            ..Plan::default()
        };
        let url = self.server.url(Transport::Tls);
        let p99 = |report: &Value| report.pointer("/delivery_ms/p99").cloned();
        let calm = p99(&generator.run(&url, &plan)?);
        let file = self.ground.folder.join("another.bin");
        make(&file, options.mib, self.ground.seed ^ 1)?;
        let mut command = from.command("send");
        command.args(["--to", to, "--kind", "file"]).arg(&file);
        let log = self.ground.folder.join("beside.log");
        let mut client = Process::start("eim send", &mut command, &log)?;
        let loaded = p99(&generator.run(&url, &plan)?);
        let outlasted = client.ended()?.is_none();
        self.look(&client)?;
        client.finish()?;
        Ok(json!({ "calm": calm, "beside": loaded, "the_file_outlasted_it": outlasted }))
    }
}

/// A picture: its receiver knows its measures and sees something of it before any octet of the blob
/// comes, and it tells no more than it shows.
fn picture(ground: &Ground, from: &Device, to: &Device) -> Result<(), Failure> {
    let file = ground.folder.join("turned.jpg");
    std::fs::write(&file, TURNED)?;
    let mut send = from.command("send");
    send.args(["--to", &to.user, "--kind", "image"]).arg(&file);
    output(&mut send)?;
    let mut history = to.command("history");
    history.args(["--json", "--to", &from.user, "--last", "1"]);
    let line: Value = serde_json::from_str(&output(&mut history)?).map_err(std::io::Error::from)?;
    let told = |field: &str| line.pointer(&format!("/media/{field}"));
    let upright = (told("width"), told("height")) == (Some(&json!(48)), Some(&json!(64)));
    if !upright || told("media_type") != Some(&json!("image/jpeg")) {
        return Err(Failure::Run(format!("a picture was described as {line}")));
    }
    let folder = ground.folder.join("pictures");
    std::fs::create_dir_all(&folder)?;
    let saved = |options: &[&str]| -> Result<Vec<u8>, Failure> {
        let mut get = to.command("get");
        get.args(["--to", &from.user, "2", "--output"]).arg(&folder);
        let path = output(get.args(options))?;
        Ok(std::fs::read(path.trim_end())?)
    };
    let (thumbnail, whole) = (saved(&["--thumbnail"])?, saved(&[])?);
    if told("thumbnail") != Some(&json!(thumbnail.len())) || thumbnail.len() > 8192 {
        return Err(Failure::Run(format!("a thumbnail was described as {line}")));
    }
    for octets in [&thumbnail, &whole] {
        let jpeg = octets.starts_with(&[0xFF, 0xD8]);
        if !jpeg || octets.windows(7).any(|octets| octets == b"Exposed") {
            return Err(Failure::Run(
                "a picture is broken, or tells too much".into(),
            ));
        }
    }
    // What is no picture is not sent as one.
    let mut send = from.command("send");
    send.args(["--to", &to.user, "--kind", "image"]);
    let refused = send.arg(ground.folder.join("server.log")).output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    if refused.status.success() || !said.contains("--kind file") {
        return Err(Failure::Run(format!("no picture, and yet: {said}")));
    }
    println!("a picture came upright, with a thumbnail, without metadata");
    Ok(())
}

/// A file that nothing compresses, and its hash.
fn make(path: &Path, mib: u64, seed: u64) -> Result<String, Failure> {
    let mut dice = Dice::new(seed);
    let (mut file, mut hash) = (BufWriter::new(File::create(path)?), Sha256::new());
    let mut block = vec![0; MIB as usize];
    for _ in 0..mib {
        for octets in block.chunks_mut(8) {
            octets.copy_from_slice(&dice.below(u64::MAX).to_be_bytes());
        }
        hash.update(&block);
        file.write_all(&block)?;
    }
    file.flush()?;
    Ok(hex(&hash.finalize()))
}

fn digest(path: &Path) -> Result<String, Failure> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut block = vec![0; MIB as usize];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(block.get(..read).unwrap_or_default());
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Octets of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
