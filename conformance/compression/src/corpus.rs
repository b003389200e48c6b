//! Sentences and JSON documents out of lists of our own, with their blanks filled.

use std::fmt::Write as _;

use crate::dice::Dice;

/// Which half of the lists: no sentence, document or filling is in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// What the dictionary is trained on.
    Train,
    /// What it is measured on.
    HeldOut,
}

/// What a person writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

/// Words that the trainer always meets together.
const WORDS: usize = 16;
const SLOTS: &str = include_str!("../corpus/slots.txt");

/// Writes texts and documents of one half.
#[derive(Clone, Debug)]
pub struct Writer {
    half: Half,
    /// What chooses.
    pub dice: Dice,
    chinese: Vec<&'static str>,
    english: Vec<&'static str>,
    documents: Vec<&'static str>,
    chinese_words: Vec<&'static str>,
    english_words: Vec<&'static str>,
}

impl Writer {
    /// The same seed, the same texts.
    #[must_use]
    pub fn new(half: Half, seed: u64) -> Self {
        let lines = |list: &'static str| list.lines().collect();
        let (chinese, english, documents) = match half {
            Half::Train => (
                include_str!("../corpus/zh-train.txt"),
                include_str!("../corpus/en-train.txt"),
                include_str!("../corpus/json-train.txt"),
            ),
            Half::HeldOut => (
                include_str!("../corpus/zh-held-out.txt"),
                include_str!("../corpus/en-held-out.txt"),
                include_str!("../corpus/json-held-out.txt"),
            ),
        };
        Self {
            half,
            dice: Dice::new(seed),
            chinese: lines(chinese),
            english: lines(english),
            documents: lines(documents),
            chinese_words: include_str!("../corpus/zh-words.txt")
                .split_whitespace()
                .collect(),
            english_words: include_str!("../corpus/en-words.txt")
                .split_whitespace()
                .collect(),
        }
    }

    /// What one message says: mostly a sentence, sometimes several, now and then an announcement.
    pub fn message(&mut self, language: Language) -> String {
        let sentences = match self.dice.below(100) {
            0..55 => 1,
            55..88 => 2 + self.dice.below(2),
            _ => 5 + self.dice.below(6),
        };
        let space = if language == Language::English {
            " "
        } else {
            ""
        };
        let said: Vec<String> = (0..sentences).map(|_| self.sentence(language)).collect();
        said.join(space)
    }

    /// One sentence.
    pub fn sentence(&mut self, language: Language) -> String {
        let list = match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        };
        let form = self.dice.pick(list).copied().unwrap_or_default();
        self.fill(form, language)
    }

    /// Frequent words, in the order of their list from one of a few places on, so that the trainer meets them again;
    /// only to train on.
    pub fn words(&mut self, language: Language) -> String {
        let (list, space) = match language {
            Language::Chinese => (&self.chinese_words, ""),
            Language::English => (&self.english_words, " "),
        };
        let rows: Vec<&[&str]> = list.chunks(WORDS).collect();
        self.dice
            .pick(&rows)
            .map_or_else(String::new, |row| row.join(space))
    }

    /// A JSON document, as applications exchange them.
    pub fn document(&mut self) -> String {
        let form = self.dice.pick(&self.documents).copied().unwrap_or_default();
        let language = if self.dice.chance(60) {
            Language::Chinese
        } else {
            Language::English
        };
        self.fill(form, language)
    }

    /// The form with its blanks filled.
    fn fill(&mut self, form: &str, language: Language) -> String {
        let mut text = String::new();
        let mut rest = form;
        while let Some((before, (blank, behind))) = rest
            .split_once('<')
            .and_then(|(before, behind)| Some((before, behind.split_once('>')?)))
        {
            text.push_str(before);
            self.blank(blank, language, &mut text);
            rest = behind;
        }
        text.push_str(rest);
        text
    }

    fn blank(&mut self, blank: &str, language: Language, text: &mut String) {
        let _ = match blank {
            "n" => {
                let bound = 10_u64.pow(1 + u32::try_from(self.dice.below(5)).unwrap_or(0));
                write!(text, "{}", 1 + self.dice.below(bound))
            }
            "n2" => write!(text, "{:02}", 1 + self.dice.below(28)),
            "ts" => write!(
                text,
                "{}",
                1_790_000_000_000 + self.dice.below(20_000_000_000)
            ),
            "hex" => write!(
                text,
                "{:016x}{:016x}",
                self.dice.number(),
                self.dice.number()
            ),
            "uuid" => {
                let (a, b) = (self.dice.number(), self.dice.number());
                let (c, d) = (a >> 32, a >> 16 & 0xFFFF);
                let (e, f) = (b >> 48 & 0x3FFF | 0x8000, b & 0xFFFF_FFFF_FFFF);
                write!(text, "{c:08x}-{d:04x}-7{:03x}-{e:04x}-{f:012x}", a & 0xFFF)
            }
            "text" => {
                text.push_str(&self.sentence(language));
                Ok(())
            }
            slot => {
                let word = self.filling(slot, language);
                text.push_str(&word);
                Ok(())
            }
        };
    }

    /// Something for a slot; English has only what is ASCII.
    fn filling(&mut self, slot: &str, language: Language) -> String {
        let held_out = format!("{slot}.held-out");
        let name = match self.half {
            Half::Train => slot,
            Half::HeldOut => &held_out,
        };
        let fillings = SLOTS
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map_or("", |(_, fillings)| fillings);
        let some: Vec<&str> = fillings
            .split_whitespace()
            .filter(|word| word.is_ascii() || language == Language::Chinese)
            .collect();
        self.dice
            .pick(&some)
            .map_or_else(String::new, |word| word.replace('_', " "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_line_is_in_both_halves() {
        let train = Writer::new(Half::Train, 1);
        let held_out = Writer::new(Half::HeldOut, 1);
        for (of, other) in [
            (&train.chinese, &held_out.chinese),
            (&train.english, &held_out.english),
            (&train.documents, &held_out.documents),
        ] {
            let of: BTreeSet<_> = of.iter().collect();
            assert!(other.iter().all(|line| !of.contains(line)));
        }
    }

    #[test]
    fn every_blank_is_filled() {
        for half in [Half::Train, Half::HeldOut] {
            let mut writer = Writer::new(half, 7);
            let lists = [
                (writer.chinese.clone(), Language::Chinese),
                (writer.english.clone(), Language::English),
                (writer.documents.clone(), Language::Chinese),
                (writer.documents.clone(), Language::English),
            ];
            for (list, language) in lists {
                for form in list {
                    let blanks: Vec<&str> = form
                        .split('<')
                        .skip(1)
                        .filter_map(|it| it.split('>').next())
                        .collect();
                    for blank in blanks {
                        let mut text = String::new();
                        writer.blank(blank, language, &mut text);
                        assert!(!text.is_empty(), "nothing for <{blank}> in {form}");
                    }
                    assert!(!writer.fill(form, language).contains(['<', '>']), "{form}");
                }
            }
        }
    }
}
