//! One chapter: Markdown to requirements.

use sha2::{Digest, Sha256};

use super::finding::{Finding, Rule};
use super::keyword::{Keyword, keywords};
use super::metadata::{self, Metadata};
use super::requirement::{Requirement, Status, split_id};

/// What a chapter says.
#[derive(Clone, Debug, Default)]
pub struct Chapter {
    /// Its requirements, in order.
    pub requirements: Vec<Requirement>,
    /// Requirements its text refers to: line and id.
    pub references: Vec<(usize, String)>,
    /// What is wrong with it by itself.
    pub findings: Vec<Finding>,
}

/// Reads a chapter. `file` is its path, relative to the project.
#[must_use]
pub fn parse(file: &str, text: &str) -> Chapter {
    let mut reader = Reader {
        file,
        chapter: Chapter::default(),
        block: None,
        fenced: false,
    };
    for (index, line) in text.lines().enumerate() {
        reader.line(index + 1, line);
    }
    reader.end_block();
    reader.chapter
}

/// The ids of requirements that a line names.
pub fn references(line: &str) -> impl Iterator<Item = String> {
    line.split("EIM-").skip(1).filter_map(|rest| {
        let id = format!("EIM-{}", rest.get(..7)?);
        split_id(&id).is_some().then_some(id)
    })
}

/// A requirement whose metadata has not come yet.
struct Block {
    id: String,
    line: usize,
    text: Vec<String>,
    complete: bool,
}

struct Reader<'a> {
    file: &'a str,
    chapter: Chapter,
    block: Option<Block>,
    fenced: bool,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) {
        if line.trim_start().starts_with("```") {
            self.end_block();
            self.fenced = !self.fenced;
        } else if self.fenced {
            // Examples are not prose.
        } else if let Some(heading) = line.strip_prefix("#### ") {
            self.end_block();
            self.heading(number, heading.trim());
        } else if let Some(inside) = metadata::comment(line) {
            self.metadata(number, inside);
        } else {
            self.references(number, line);
            self.prose(number, line);
        }
    }

    fn heading(&mut self, number: usize, heading: &str) {
        if split_id(heading).is_some() {
            let id = heading.to_owned();
            self.block = Some(Block {
                id,
                line: number,
                text: Vec::new(),
                complete: false,
            });
        } else if heading.contains("EIM-") {
            self.find(
                number,
                Rule::BadMetadata,
                format!("`{heading}` is no requirement id"),
            );
        } else {
            self.prose(number, heading);
        }
    }

    fn prose(&mut self, number: usize, line: &str) {
        let blank = line.trim().is_empty();
        match &mut self.block {
            Some(block) if !blank && !block.complete => block.text.push(line.trim().to_owned()),
            Some(block) if blank => block.complete = !block.text.is_empty(),
            Some(_) => {
                self.end_block();
                self.prose(number, line);
            }
            None if keywords(line).is_empty() => {}
            None => {
                let message = "upper-case keyword outside a requirement";
                self.find(number, Rule::KeywordOutsideBlock, message);
            }
        }
    }

    fn metadata(&mut self, number: usize, inside: &str) {
        let Some(block) = self.block.take() else {
            return self.find(number, Rule::BadMetadata, "metadata without a requirement");
        };
        if block.text.is_empty() || !block.complete {
            let message = format!("{} needs its text, then a blank line", block.id);
            return self.find(number, Rule::BadMetadata, message);
        }
        match metadata::parse(inside) {
            Ok(metadata) => self.requirement(block, metadata),
            Err(message) => {
                self.find(
                    number,
                    Rule::BadMetadata,
                    format!("{}: {message}", block.id),
                );
            }
        }
    }

    fn requirement(&mut self, block: Block, metadata: Metadata) {
        let text = block.text.join(" ");
        let (id, line) = (block.id, block.line);
        match keywords(&text).as_slice() {
            _ if metadata.status == Status::Withdrawn => {}
            [Keyword::Level(level)] if *level == metadata.level => {}
            [Keyword::Level(level)] => {
                let (says, means) = (metadata.level.name(), level.name());
                let message = format!("{id}: metadata says {says}, the text {means}");
                self.find(line, Rule::LevelMismatch, message);
            }
            [Keyword::Foreign(word)] => {
                self.find(
                    line,
                    Rule::KeywordCount,
                    format!("{id}: {word} is not used here"),
                );
            }
            found => {
                let message = format!("{id}: {} keywords, exactly one is needed", found.len());
                self.find(line, Rule::KeywordCount, message);
            }
        }
        self.chapter.requirements.push(Requirement {
            id,
            rev: metadata.rev,
            level: metadata.level,
            roles: metadata.roles,
            sha256: hex(&Sha256::digest(text.as_bytes())),
            text,
            file: self.file.to_owned(),
            line,
            since: metadata.since,
            verify: metadata.verify,
            error: metadata.error,
            status: metadata.status,
        });
    }

    /// A block that ends without its metadata is a fault of its own.
    fn end_block(&mut self) {
        if let Some(block) = self.block.take() {
            let message = format!("{} has no metadata", block.id);
            self.find(block.line, Rule::BadMetadata, message);
        }
    }

    fn references(&mut self, number: usize, line: &str) {
        self.chapter
            .references
            .extend(references(line).map(|id| (number, id)));
    }

    fn find(&mut self, line: usize, rule: Rule, message: impl Into<String>) {
        self.chapter
            .findings
            .push(Finding::new(self.file, line, rule, message));
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
