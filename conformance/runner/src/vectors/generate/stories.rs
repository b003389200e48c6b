//! Numbers and credit: steps over one side of a connection (chapter 24).

use super::draft::{Wire, case, payload, reject};
use super::rules::Rules;
use crate::vectors::model::{
    Case, Config, Credit, Frame, FrameToSend, Grant, Incomplete, Kind, Outcome, Part, Payload,
    Role, Start, Step, Story, Test,
};
use crate::vectors::octets::to_hex;

pub(super) const PING: u8 = 0x08;
pub(super) const TEXT: u8 = 0x20;
const MODULUS: u64 = (1 << 32) - 1;
/// More than any story needs.
pub(super) const PLENTY: u64 = 1 << 60;

/// The 32-bit form of an ordinal (EIM-SEQ-002).
pub(super) fn sequence(ordinal: u64) -> u32 {
    u32::try_from(1 + (ordinal - 1) % MODULUS).unwrap_or(0)
}

/// A story under construction; it keeps count of nothing, the generator says everything.
#[derive(Clone)]
pub(super) struct Tale<'a> {
    rules: &'a Rules,
    config: Config,
    start: Start,
    steps: Vec<Step>,
    expect: Vec<Outcome>,
}

impl<'a> Tale<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        let (config, start) = (Config::default(), Start::default());
        Self {
            rules,
            config,
            start,
            steps: Vec::new(),
            expect: Vec::new(),
        }
    }

    pub(super) fn client(mut self) -> Self {
        self.config.role = Role::Client;
        self
    }

    pub(super) fn version(mut self, version: u8) -> Self {
        self.config.version = version;
        self
    }

    /// Frames and octets that were sent before.
    pub(super) fn sent(mut self, frames: u64, octets: u64) -> Self {
        self.start.sent = frames.to_string();
        self.start.sent_octets = octets.to_string();
        self
    }

    /// Frames and octets that were received before.
    pub(super) fn received(mut self, frames: u64, octets: u64) -> Self {
        self.start.received = frames.to_string();
        self.start.received_octets = octets.to_string();
        self
    }

    fn step(mut self, step: Step, outcome: Outcome) -> Self {
        self.steps.push(step);
        self.expect.push(outcome);
        self
    }

    pub(super) fn grant(self, frames: u64, octets: u64) -> Self {
        let grant = Grant {
            frames: frames.to_string(),
            octets: octets.to_string(),
        };
        self.step(Step::Grant(grant), Outcome::default())
    }

    pub(super) fn credit(self, through: u64, frames: u64, octets: u64) -> Self {
        self.step(
            Step::Credit(credit(through, frames, octets)),
            Outcome::default(),
        )
    }

    pub(super) fn credit_refused(self, through: u64, frames: u64, octets: u64) -> Self {
        let outcome = Outcome {
            reject: reject("CREDIT_REDUCED"),
            ..Outcome::default()
        };
        self.step(Step::Credit(credit(through, frames, octets)), outcome)
    }

    /// Frames that are taken; each with its ordinal, 0 for those that have none.
    pub(super) fn take(self, wires: &[(Wire, u64)]) -> Self {
        let parts = wires.iter().flat_map(|(wire, _)| wire.parts()).collect();
        let frames = Some(wires.iter().map(ordinal).collect());
        self.step(
            Step::Receive(parts),
            Outcome {
                frames,
                ..Outcome::default()
            },
        )
    }

    /// Frames that are taken, then one that is refused.
    pub(super) fn refuse(self, wires: &[(Wire, u64)], bad: &Wire, code: &str) -> Self {
        let mut parts: Vec<Part> = wires.iter().flat_map(|(wire, _)| wire.parts()).collect();
        parts.extend(bad.parts());
        let frames: Vec<Frame> = wires.iter().map(ordinal).collect();
        let frames = (!frames.is_empty()).then_some(frames);
        let outcome = Outcome {
            frames,
            reject: reject(code),
            ..Outcome::default()
        };
        self.step(Step::Receive(parts), outcome)
    }

    /// Octets that end inside a frame.
    pub(super) fn partial(self, octets: &[u8], missing: u32) -> Self {
        let part = super::draft::part("octets", octets);
        let incomplete = Some(Incomplete {
            need_at_least: missing,
        });
        self.step(
            Step::Receive(vec![part]),
            Outcome {
                incomplete,
                ..Outcome::default()
            },
        )
    }

    /// The rest of a frame.
    pub(super) fn rest(self, octets: &[u8], frame: &(Wire, u64)) -> Self {
        let part = super::draft::part("octets", octets);
        let frames = Some(vec![ordinal(frame)]);
        self.step(
            Step::Receive(vec![part]),
            Outcome {
                frames,
                ..Outcome::default()
            },
        )
    }

    /// A frame that is transmitted with a number.
    pub(super) fn send(self, value: u8, octets: &[u8], ordinal: u64) -> Self {
        let version = if value == 0x06 {
            1
        } else {
            self.config.version
        };
        let number = if ordinal == 0 { 0 } else { sequence(ordinal) };
        let wire = Wire::of(self.rules, value)
            .version(version)
            .with(octets)
            .sequence(number);
        let out = Payload::Hex(to_hex(&wire.octets()));
        let outcome = Outcome {
            octets: Some(out),
            ..Outcome::default()
        };
        self.step(Step::Send(to_send(value, octets)), outcome)
    }

    /// A frame for which there is no credit.
    pub(super) fn blocked(self, value: u8, octets: &[u8]) -> Self {
        let outcome = Outcome {
            blocked: true,
            ..Outcome::default()
        };
        self.step(Step::Send(to_send(value, octets)), outcome)
    }

    /// Every kind of step, on a connection that is over.
    pub(super) fn over(self) -> Self {
        let closed = || Outcome {
            closed: true,
            ..Outcome::default()
        };
        let ping = Wire::of(self.rules, PING).parts();
        let grant = Grant {
            frames: "9".into(),
            octets: "9999".into(),
        };
        self.step(Step::Receive(ping), closed())
            .step(Step::Send(to_send(TEXT, &[])), closed())
            .step(Step::Send(to_send(PING, &[])), closed())
            .step(Step::Credit(credit(0, 99, PLENTY)), closed())
            .step(Step::Grant(grant), closed())
    }

    /// One more step on a connection that is over.
    pub(super) fn ended(self, wire: &Wire) -> Self {
        let closed = Outcome {
            closed: true,
            ..Outcome::default()
        };
        self.step(Step::Receive(wire.parts()), closed)
    }

    pub(super) fn case(self, id: &str, req: &[&str], about: (&str, &str), desc: &str) -> Case {
        let config = self.config;
        let story = Story {
            start: self.start,
            steps: self.steps,
            expect: self.expect,
        };
        case(id.into(), req, about, desc.into(), Test::Story(story)).config(&config)
    }
}

fn credit(through: u64, frames: u64, octets: u64) -> Credit {
    Credit {
        received_through: through.to_string(),
        frames: frames.to_string(),
        octets: octets.to_string(),
    }
}

fn ordinal((wire, ordinal): &(Wire, u64)) -> Frame {
    let mut frame = wire.decoded();
    frame.ordinal = (*ordinal > 0).then(|| ordinal.to_string());
    frame
}

fn to_send(value: u8, octets: &[u8]) -> FrameToSend {
    let (payload_hex, repeats) = match payload(octets) {
        Payload::Hex(hex) => (Some(hex), None),
        Payload::Repeats(repeats) => (None, Some(repeats)),
    };
    FrameToSend {
        r#type: value,
        sequence: None,
        compression: None,
        payload_hex,
        payload: repeats,
        content_hex: None,
        content: None,
    }
}

/// Numbers of frames before a story, and what they are close to.
const BEFORE: [(&str, u64); 12] = [
    ("zero", 0),
    ("one", 1),
    ("largest-signed", (1 << 31) - 3),
    ("max-3", MODULUS - 3),
    ("max-2", MODULUS - 2),
    ("max-1", MODULUS - 1),
    ("max", MODULUS),
    ("wrapped", MODULUS + 1),
    ("twice", 2 * MODULUS - 1),
    ("above-53-bits", (1 << 53) - 1),
    ("max-63-bits", (1 << 63) - 3),
    ("above-32-bits", 1 << 40),
];

/// All stories.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (class, before) in BEFORE {
        cases.extend(numbers(rules, class, before));
    }
    cases.extend(sides(rules));
    cases.extend(kinds(rules));
    cases.extend(super::windows::cases(rules));
    Ok(cases)
}

/// A frame with the number that is due.
pub(super) fn text(rules: &Rules, ordinal: u64, octets: &[u8]) -> (Wire, u64) {
    (
        Wire::of(rules, TEXT)
            .with(octets)
            .sequence(sequence(ordinal)),
        ordinal,
    )
}

/// Three frames sent, three received, and each wrong number at the third.
fn numbers(rules: &Rules, class: &str, before: u64) -> Vec<Case> {
    let sent = Tale::new(rules)
        .sent(before, 1_000)
        .credit(before.saturating_sub(1), u64::MAX, PLENTY)
        .send(TEXT, b"2\x00", before + 1)
        .send(PING, &[8, 1], 0)
        .send(TEXT, &[], before + 2)
        .send(0x27, b"2\x00", before + 3);
    let desc = format!("three frames after {before}");
    let req = ["EIM-SEQ-001", "EIM-SEQ-002", "EIM-WIN-021"];
    let mut cases = vec![sent.case(&format!("flw-send-{class}"), &req, ("sent", class), &desc)];
    let received = |third: u32| {
        let wrong = Wire::of(rules, TEXT).sequence(third);
        let tale = Tale::new(rules)
            .received(before, 1_000)
            .grant(u64::MAX, PLENTY)
            .take(&[
                text(rules, before + 1, b"2\x00"),
                (Wire::of(rules, PING), 0),
            ])
            .take(&[text(rules, before + 2, &[])]);
        (tale, wrong)
    };
    let due = sequence(before + 3);
    let (tale, third) = received(due);
    let id = format!("flw-receive-{class}");
    let req = ["EIM-SEQ-004", "EIM-SEQ-001", "EIM-WIN-021"];
    cases.push(
        tale.take(&[(third, before + 3)])
            .case(&id, &req, ("received", class), &desc),
    );
    let mut seen = Vec::new();
    for (fault, number) in [
        ("repeated", sequence(before + 2)),
        ("skipped", sequence(before + 4)),
        ("zero", 0),
        (
            "unwrapped",
            u32::try_from((before + 3) & 0xffff_ffff).unwrap_or(0),
        ),
        ("first", 1),
        ("swapped", due.swap_bytes()),
    ] {
        // Before the first wrap some of these are the right number, or each other.
        if number == due || seen.contains(&number) {
            continue;
        }
        seen.push(number);
        let (tale, wrong) = received(number);
        let about = (format!("received.{class}"), fault);
        let desc = format!("{before} frames and two more, then sequence {number}");
        let tale = tale.refuse(&[], &wrong, "BAD_SEQUENCE");
        let req = ["EIM-SEQ-004", "EIM-SEQ-002"];
        cases.push(
            tale.case(&format!("{id}-{fault}"), &req, (&about.0, about.1), &desc)
                .near(&*id),
        );
    }
    cases
}

/// Each direction counts for itself, at both sides, in every version.
fn sides(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for (label, tale) in [
        ("server", Tale::new(rules)),
        ("client", Tale::new(rules).client()),
    ] {
        let tale = tale
            .sent(6, 600)
            .received(40, 4_000)
            .grant(100, PLENTY)
            .credit(6, 100, PLENTY)
            .send(TEXT, &[1], 7)
            .take(&[text(rules, 41, &[1])])
            .send(TEXT, &[2], 8)
            .take(&[text(rules, 42, &[2]), text(rules, 43, &[3])])
            .send(TEXT, &[3], 9);
        let desc = "each direction has numbers of its own";
        cases.push(tale.case(
            &format!("flw-directions-{label}"),
            &["EIM-SEQ-001"],
            ("direction", label),
            desc,
        ));
    }
    for version in [2, 255] {
        let tale = Tale::new(rules)
            .version(version)
            .credit(0, 9, PLENTY)
            .send(TEXT, &[1], 1)
            .send(PING, &[], 0)
            .send(0x06, &[], 0);
        let class = format!("version-{version}");
        let desc = "the selected version, but for ERROR";
        cases.push(tale.case(
            &format!("flw-{class}"),
            &["EIM-VER-002", "EIM-VER-001"],
            ("version", &class),
            desc,
        ));
    }
    cases
}

/// Which types take a number.
fn kinds(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    let fragment: &[u8] = &[
        0, 0, 0, 7, 0, 0, 0, 0, 0x27, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0x32,
    ];
    for value in [
        0x10, 0x11, 0x20, 0x28, 0x29, 0x2a, 0x3f, 0x40, 0x43, 0x48, 0x4f, 0x50, 0x08, 0x0a, 0x0b,
        0x61, 0xe0, 0xe5, 0xfe,
    ] {
        let server = rules.may_arrive(&Config::default(), value);
        let body: &[u8] = match value {
            0x10 => fragment,
            0x11 => &[8, 7],
            _ => &[],
        };
        let base = if server {
            Tale::new(rules)
        } else {
            Tale::new(rules).client()
        };
        let sequenced = rules.is_sequenced(value);
        let other = |number: u64| {
            let wire = Wire::of(rules, value).with(body);
            (
                if sequenced {
                    wire.sequence(sequence(number))
                } else {
                    wire
                },
                if sequenced { number } else { 0 },
            )
        };
        let next = if sequenced { 3 } else { 2 };
        let before = [text(rules, 1, &[1]), other(2)];
        let tale = base
            .clone()
            .grant(100, PLENTY)
            .take(&before)
            .take(&[text(rules, next, &[2])]);
        let id = format!("flw-kind-{value:02x}");
        let req = if sequenced {
            ["EIM-SEQ-006", "EIM-SEQ-004"]
        } else {
            ["EIM-SEQ-005", "EIM-SEQ-003"]
        };
        let class = if sequenced {
            "sequenced"
        } else {
            "not-sequenced"
        };
        let field = format!("0x{value:02x}.sequence");
        let desc = format!("type 0x{value:02x} is {class}");
        cases.push(tale.case(&id, &req, (&field, class), &desc));
        let (good, _) = other(2);
        let bad = good.sequence(if sequenced { 0 } else { 2 });
        let tale = base
            .grant(100, PLENTY)
            .refuse(&[text(rules, 1, &[1])], &bad, "BAD_SEQUENCE")
            .ended(&text(rules, next, &[2]).0);
        let req = if sequenced {
            "EIM-SEQ-004"
        } else {
            "EIM-SEQ-005"
        };
        let class = if sequenced { "zero" } else { "next" };
        cases.push(
            tale.case(&format!("{id}-wrong"), &[req], (&field, class), &desc)
                .near(id),
        );
    }
    let tale = Tale::new(rules).refuse(
        &[],
        &Wire::of(rules, PING).version(9),
        "UNSUPPORTED_VERSION",
    );
    let over = tale.over();
    cases.push(
        over.case(
            "flw-over",
            &["EIM-FRM-030", "EIM-ERR-005"],
            ("steps", "after"),
            "after a rejection nothing happens any more",
        )
        .kind(Kind::Order),
    );
    cases
}
