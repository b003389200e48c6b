//! Languages that the bot translates into.

use serde::Deserialize;

/// A language.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Language {
    /// Chinese.
    #[serde(rename = "zh")]
    Chinese,
    /// English.
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// By its code.
    pub(crate) fn of(code: &str) -> Option<Self> {
        match code.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// Its name, for the model.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chinese => "Simplified Chinese",
            Self::English => "English",
        }
    }

    /// Whether a text needs no translation: it is written as the language is, or in no letters at
    /// all. A guess by the letters; what is guessed wrong is translated for nothing.
    pub(crate) fn reads(self, text: &str) -> bool {
        let letters = || text.chars().filter(|letter| letter.is_alphabetic());
        let all = letters().count();
        let own = letters().filter(|letter| self.writes(*letter)).count();
        match self {
            // Chinese texts have foreign names in them.
            Self::Chinese => own * 10 >= all * 3,
            Self::English => own * 10 >= all * 9,
        }
    }

    const fn writes(self, letter: char) -> bool {
        match self {
            Self::Chinese => matches!(letter, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{323AF}'),
            Self::English => letter.is_ascii_alphabetic(),
        }
    }
}
