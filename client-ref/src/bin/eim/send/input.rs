//! Where messages come from, line by line.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, BufReader, Stdin};

use crate::exit::Failure;

/// What is read.
pub(crate) enum Input {
    Nothing,
    Text(String),
    File(PathBuf),
    Standard,
}

/// The lines of an input, repeated as told. A last line without an end counts; an end at the end
/// of the input does not begin another line.
pub(crate) struct Lines {
    source: Source,
    /// Lines left.
    left: u64,
}

enum Source {
    /// One message, as it is.
    Text(String),
    /// All lines of a file, and which is next.
    File {
        lines: Arc<[String]>,
        next: usize,
    },
    Standard(BufReader<Stdin>),
}

impl Lines {
    /// Opens the input.
    pub(crate) fn open(
        input: Input,
        repeat: u64,
        until_total: Option<u64>,
    ) -> Result<Self, Failure> {
        let repeated = repeat != 1 || until_total.is_some();
        let (source, per_pass) = match input {
            Input::Nothing => {
                return Ok(Self {
                    source: Source::Text(String::new()),
                    left: 0,
                });
            }
            Input::Text(text) => (Source::Text(text), 1),
            Input::File(path) => {
                let text =
                    std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))?;
                let lines = split(&text);
                let count = lines.len() as u64;
                (Source::File { lines, next: 0 }, count)
            }
            Input::Standard if repeated => {
                return Err(Failure::usage(
                    "standard input cannot be repeated; use --file",
                ));
            }
            Input::Standard => (
                Source::Standard(BufReader::new(tokio::io::stdin())),
                u64::MAX,
            ),
        };
        let left = match until_total {
            Some(_) if per_pass == 0 => 0,
            Some(total) => total,
            None => per_pass.saturating_mul(repeat),
        };
        Ok(Self { source, left })
    }

    /// Lines of one pass, where they are known.
    pub(crate) fn per_pass(&self) -> Option<u64> {
        match &self.source {
            Source::Text(_) => Some(1),
            Source::File { lines, .. } => Some(lines.len() as u64),
            Source::Standard(_) => None,
        }
    }

    /// Passes over lines that were taken in an earlier life.
    pub(crate) async fn skip(&mut self, count: u64) -> Result<(), Failure> {
        for _ in 0..count {
            if self.next().await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match &mut self.source {
            Source::Text(text) => Ok(Some(text.clone())),
            Source::File { lines, next } => {
                let line = lines.get(*next).cloned();
                *next += 1;
                if *next >= lines.len() {
                    *next = 0;
                }
                Ok(line)
            }
            Source::Standard(reader) => {
                let mut line = String::new();
                let read = reader.read_line(&mut line).await?;
                if read == 0 {
                    self.left = 0;
                    return Ok(None);
                }
                if line.ends_with('\n') {
                    line.pop();
                }
                Ok(Some(line))
            }
        }
    }
}

fn split(text: &str) -> Arc<[String]> {
    // An empty file has no line; a file of one line end has one, which is blank.
    if text.is_empty() {
        return Arc::from([]);
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        split(text).to_vec()
    }

    #[test]
    fn blank_lines_count() {
        assert_eq!(lines("a\n\nb\n"), ["a", "", "b"]);
        assert_eq!(lines("a\n\n"), ["a", ""]);
        assert_eq!(lines("\n\na"), ["", "", "a"]);
        assert_eq!(lines("a\r\nb"), ["a\r", "b"]);
    }

    #[test]
    fn an_empty_file_has_no_line() {
        assert_eq!(lines(""), [""; 0]);
        assert_eq!(lines("\n"), [""]);
    }

    #[tokio::test]
    async fn repeats_until_the_total() {
        let source = Source::File {
            lines: split("a\nb\n"),
            next: 0,
        };
        let mut lines = Lines { source, left: 5 };
        lines.skip(1).await.unwrap();
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push(line);
        }
        assert_eq!(read, ["b", "a", "b", "a"]);
    }
}
