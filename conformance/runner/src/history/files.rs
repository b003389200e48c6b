//! Histories in files: several writers, one after another or each in a file of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::check::Checker;
use super::event::{Event, Header};
use super::line::Line;
use super::timeline::Timeline;
use super::verdict::{Rules, Verdict};

/// A verdict, and what a report shows beside it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// What happened when.
    pub timeline: Timeline,
    /// The headers, in order.
    pub headers: Vec<Header>,
    /// Lines that a killed writer left torn.
    pub torn: u64,
}

/// Judges a history in files. They are read twice if something is found, and never held in memory.
///
/// # Errors
/// A file that cannot be read or is no history: which, in which line, and why.
pub fn check_files(files: &[PathBuf], rules: Rules) -> Result<Judged, String> {
    let mut checker = Checker::new(rules);
    let mut timeline = Timeline::default();
    let mut headers = Vec::new();
    let mut torn = 0;
    let begun = begin(files)?;
    for file in files {
        torn += lines(file, &mut |line| {
            match line {
                Line::Header(header) => {
                    let started = header.started_us.unwrap_or(begun);
                    timeline.writer(started.saturating_sub(begun));
                    headers.push(header);
                }
                Line::Event(event) => {
                    timeline.add(&event);
                    checker.push(&event).map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        })?;
    }
    let verdict = checker.finish(|look| again(files, look))?;
    timeline.findings(&verdict);
    Ok(Judged {
        verdict,
        timeline,
        headers,
        torn,
    })
}

/// The earliest of the writers: when the first line of a file says so.
fn begin(files: &[PathBuf]) -> Result<u64, String> {
    let mut begun = u64::MAX;
    for file in files {
        let mut line = Vec::new();
        let read = open(file)?.read_until(b'\n', &mut line);
        read.map_err(|error| format!("{}: {error}", file.display()))?;
        if let Ok(Line::Header(header)) = Line::parse(&line) {
            begun = header
                .started_us
                .map_or(begun, |started| started.min(begun));
        }
    }
    Ok(if begun == u64::MAX { 0 } else { begun })
}

fn again(files: &[PathBuf], look: &mut dyn FnMut(&Event)) -> Result<(), String> {
    for file in files {
        lines(file, &mut |line| {
            if let Line::Event(event) = line {
                look(&event);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn open(file: &Path) -> Result<BufReader<File>, String> {
    let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(BufReader::with_capacity(1 << 20, opened))
}

/// Goes through the lines of a file; how many were torn. A torn one is the last of its writer: the
/// file ends, or the header of the next writer follows.
fn lines(file: &Path, take: &mut dyn FnMut(Line) -> Result<(), String>) -> Result<u64, String> {
    let name = file.display();
    let mut reader = open(file)?;
    let (mut torn, mut bad) = (0, None);
    let (mut line, mut number, mut headed) = (Vec::new(), 0_u64, false);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        if read.map_err(|error| format!("{name}: {error}"))? == 0 {
            torn += u64::from(bad.is_some());
            if !headed {
                return Err(format!("{name}: no history: {NO_HEADER}"));
            }
            return Ok(torn);
        }
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = Line::parse(&line);
        let is_header = matches!(parsed, Ok(Line::Header(_)));
        if let Some(error) = bad.take_if(|_| !is_header) {
            return Err(error);
        }
        torn += u64::from(bad.take().is_some());
        headed |= is_header;
        if !headed {
            return Err(format!("{name}:{number}: no history: {NO_HEADER}"));
        }
        let taken = match parsed {
            Ok(line) => take(line).map_err(|error| format!("{name}:{number}: {error}")),
            Err(error) => {
                bad = Some(format!("{name}:{number}: {error}"));
                Ok(())
            }
        };
        taken?;
    }
}

const NO_HEADER: &str = "it begins with a line like {\"history\":1,\"writer\":\"…\"}";

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::{Writer, generate::good, verdict::Kind};
    use super::*;

    fn written(folder: &Path, name: &str, events: &[Event], end: &str) -> PathBuf {
        let path = folder.join(name);
        let mut writer = Writer::append(&path, &Header::new(name)).unwrap();
        for event in events {
            writer.event(event).unwrap();
        }
        writer.into_inner().write_all(end.as_bytes()).unwrap();
        path
    }

    #[test]
    fn several_writers_in_any_order_give_one_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = good(11, 400);
        // A delivery that is missing, so that there is something to find.
        let twice = events
            .iter()
            .position(|e| matches!(e.op, crate::history::Op::Deliver(_)));
        events.insert(twice.unwrap(), events[twice.unwrap()].clone());
        let device = |event: &Event| event.process.split('-').next().unwrap().to_owned();
        let mut names: Vec<String> = events.iter().map(device).collect();
        names.sort();
        names.dedup();
        assert!(names.len() > 1);
        let mut files: Vec<PathBuf> = names
            .iter()
            .map(|name| {
                let own = events.iter().filter(|event| device(event) == *name);
                written(folder.path(), name, &own.cloned().collect::<Vec<_>>(), "")
            })
            .collect();
        let forward = check_files(&files, Rules::default()).unwrap();
        files.reverse();
        let backward = check_files(&files, Rules::default()).unwrap();
        assert_eq!(forward.verdict.counts, backward.verdict.counts);
        assert_eq!(forward.verdict.found, backward.verdict.found);
        assert_eq!(forward.verdict.count(Kind::Duplicated), 1);
        let all = forward
            .verdict
            .findings
            .into_iter()
            .zip(backward.verdict.findings);
        for (a, b) in all {
            assert_eq!(a.subject, b.subject);
            assert!(!a.witness.is_empty());
        }
    }

    #[test]
    fn a_torn_last_line_is_forgiven_and_another_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let events = good(2, 50);
        let torn = r#"{"at_us":1,"proc"#;
        let path = written(folder.path(), "a", &events[..10], torn);
        let files = [path];
        assert_eq!(check_files(&files, Rules::default()).unwrap().torn, 1);
        // The next writer ends it.
        written(folder.path(), "a", &events[10..], "");
        let judged = check_files(&files, Rules::default()).unwrap();
        assert_eq!((judged.torn, judged.headers.len()), (1, 2));
        assert!(judged.verdict.is_clean());
        let text = format!("{torn}\n{}\n", serde_json::to_string(&events[0]).unwrap());
        let path = written(folder.path(), "b", &[], &text);
        let error = check_files(&[path], Rules::default()).unwrap_err();
        assert!(error.contains("b:2:"), "{error}");
    }

    #[test]
    fn what_is_no_history_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}\n", "{\"at_us\":1}\n", "hello\n"] {
            let path = folder.path().join("x");
            std::fs::write(&path, text).unwrap();
            let error = check_files(&[path], Rules::default()).unwrap_err();
            assert!(error.contains("no history"), "{error}");
        }
    }
}
