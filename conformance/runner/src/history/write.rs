//! Writing a history: a line at a time, each in the file before the next step is taken.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;

use super::event::{Event, Header};

/// Writes the lines of one writer.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    line: Vec<u8>,
}

impl Writer<File> {
    /// Goes on after what is in the file already. A line that an earlier, killed writer left torn
    /// is ended, so that it spoils no other one.
    ///
    /// # Errors
    /// The file cannot be opened, read or written.
    pub fn append(path: &Path, header: &Header) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Self::new(file, header)
    }
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(to: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self {
            to,
            line: Vec::new(),
        };
        writer.put(header)?;
        Ok(writer)
    }

    /// Writes an event, whole, before it returns: whoever is killed afterwards leaves it behind.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.put(event)
    }

    /// Writes an event into whatever buffers the destination has: for histories that are made, not
    /// seen.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        self.to.write_all(&self.line)
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.to
    }

    fn put<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        // One write a line, so that lines of several processes in one file stay whole.
        self.to.write_all(&self.line)?;
        self.to.flush()
    }
}
