//! The verdict in the terminal.

use std::fmt::Write as _;

use super::super::event::{Entry, Event, Op, Read};
use super::super::files::Judged;
use super::super::verdict::{Counts, Finding, Kind};
use super::{number, seconds};
use crate::report::terminal::wrapped;

/// Findings that are shown in full; the others are one line.
const SHOWN: usize = 10;

/// Entries of a reading that are named.
const ENTRIES: usize = 3;

/// Everything a person wants to see. `requirement` gives the text of one.
#[must_use]
pub fn text(judged: &Judged, requirement: &dyn Fn(&str) -> String) -> String {
    let verdict = &judged.verdict;
    let mut out = String::new();
    for finding in verdict.findings.iter().take(SHOWN) {
        out.push_str(&full(judged, finding, requirement));
    }
    for finding in verdict.findings.iter().skip(SHOWN) {
        let _ = writeln!(out, "{}: {}", finding.kind.name(), finding.text);
    }
    let found: u64 = verdict.found.values().sum();
    let given = verdict.findings.len() as u64;
    if found > given {
        let _ = writeln!(out, "and {} more", number(found - given));
    }
    out.push_str(&counts(&verdict.counts));
    if judged.torn > 0 {
        let _ = writeln!(
            out,
            "  {} torn last lines of killed writers",
            number(judged.torn)
        );
    }
    let kinds: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| format!("{} {}", number(verdict.count(*kind)), kind.name()))
        .collect();
    let _ = writeln!(out, "history {}: {}", passed(judged), kinds.join(", "));
    out
}

fn passed(judged: &Judged) -> &'static str {
    if judged.verdict.is_clean() {
        "passed"
    } else {
        "FAILED"
    }
}

fn counts(counts: &Counts) -> String {
    let n = number;
    let mut out = format!(
        "  {} events of {} processes ({} crashed), {} devices, {} conversations\n",
        n(counts.events),
        n(counts.processes),
        n(counts.crashes),
        n(counts.devices),
        n(counts.conversations)
    );
    let _ = writeln!(
        out,
        "  {} sent: {} acked, {} refused, {} with unknown outcome; {} deliveries; {} complete readings",
        n(counts.sent),
        n(counts.acked),
        n(counts.refused),
        n(counts.unknown),
        n(counts.deliveries),
        n(counts.readings)
    );
    if counts.proven < counts.acked {
        let _ = writeln!(
            out,
            "  {} of {} acked messages are beyond all complete readings: whether they are lost is not known",
            n(counts.acked - counts.proven),
            n(counts.acked)
        );
    }
    if counts.discarded > 0 {
        let _ = writeln!(
            out,
            "  {} acked messages were discarded when the store was set back",
            n(counts.discarded)
        );
    }
    if !counts.faults.is_empty() {
        let faults = counts.faults.iter();
        let faults: Vec<String> = faults
            .map(|(kind, times)| format!("{} {kind}", n(*times)))
            .collect();
        let _ = writeln!(out, "  faults: {}", faults.join(", "));
    }
    out
}

fn full(judged: &Judged, finding: &Finding, requirement: &dyn Fn(&str) -> String) -> String {
    let mut out = format!(
        "{} {}\n",
        finding.kind.name().to_uppercase(),
        finding.rule.name()
    );
    out.push_str(&wrapped(&finding.text, "  "));
    if let Some(id) = finding.rule.requirement() {
        out.push_str(&wrapped(&format!("{id} {}", requirement(id)), "  "));
    }
    for event in &finding.witness {
        let at = seconds(judged.timeline.at(event));
        let _ = writeln!(out, "  {at:>12}  {:<14} {}", event.process, line(event));
    }
    out
}

/// An event for people, without its process.
#[must_use]
pub fn line(event: &Event) -> String {
    match &event.op {
        Op::Start(start) => format!("starts, as device {} of {}", start.device, start.user),
        Op::End => "ends".into(),
        Op::Crash => "crashes".into(),
        Op::Send(send) => {
            let to = send.conversation.as_ref().or(send.to_user.as_ref());
            let to = to.map_or("?", String::as_str);
            format!("sends {} to {to} ({})", send.key, cut(&send.sha256))
        }
        Op::Ack(ack) => {
            let epoch = epoch(ack.log_epoch);
            format!(
                "is told that {} is {} #{}{epoch}",
                ack.key, ack.conversation, ack.conv_seq
            )
        }
        Op::Fail(fail) => format!("is told that {} is refused: {}", fail.key, fail.code),
        Op::Deliver(deliver) => {
            format!(
                "is delivered {} {}",
                deliver.conversation,
                entry(&deliver.entry)
            )
        }
        Op::Read(read) => reading(read),
        Op::Mark(mark) => {
            let epoch = epoch(mark.log_epoch);
            format!(
                "has read {} through #{}{epoch}",
                mark.conversation, mark.read
            )
        }
        Op::Unread(told) => {
            let epoch = epoch(told.log_epoch);
            format!(
                "is told that {} is read through #{}{epoch}, and {} unread from #{} on",
                told.conversation, told.read, told.unread, told.from
            )
        }
        Op::Fault(fault) => format!("{} {}", fault.kind, fault.detail),
    }
}

fn reading(read: &Read) -> String {
    let mut out = format!("reads {} ", read.conversation);
    let _ = match (read.from, read.through) {
        (from, through) if from == through => write!(out, "#{from}"),
        (from, through) => write!(out, "#{from} to #{through}"),
    };
    if read.complete {
        out.push_str(if read.more {
            ", complete"
        } else {
            ", complete, and nothing after it"
        });
    }
    out.push_str(": ");
    let entries: Vec<String> = read.entries.iter().take(ENTRIES).map(entry).collect();
    out.push_str(&match (entries.len(), read.entries.len()) {
        (0, _) => "nothing there".to_owned(),
        (shown, all) if shown < all => format!("{} and {} more", entries.join(", "), all - shown),
        _ => entries.join(", "),
    });
    out
}

fn entry(entry: &Entry) -> String {
    let mut out = format!("#{}{}", entry.conv_seq, epoch(entry.log_epoch));
    match (&entry.key, &entry.sender) {
        (Some(key), Some(sender)) => {
            let _ = write!(out, " {key} of {sender}");
        }
        _ => {
            let _ = write!(out, " (type {:#04x})", entry.frame_type);
        }
    }
    let _ = write!(out, " ({})", cut(&entry.sha256));
    out
}

/// The usual epoch goes without saying.
fn epoch(epoch: u64) -> String {
    if epoch == 1 {
        String::new()
    } else {
        format!(" of epoch {epoch}")
    }
}

/// A hash, cut for people.
fn cut(sha256: &str) -> &str {
    sha256
        .get(..12)
        .filter(|_| sha256.len() == 64)
        .unwrap_or(sha256)
}
