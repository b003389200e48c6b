//! What a check has to say.

use std::fmt;

/// The rule that a finding is about. Its name is stable: people search for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// An upper-case keyword stands outside a requirement.
    KeywordOutsideBlock,
    /// A requirement has no keyword, or more than one.
    KeywordCount,
    /// The level of the metadata is not that of the keyword.
    LevelMismatch,
    /// Heading, text or metadata of a requirement is missing or malformed.
    BadMetadata,
    /// An id is used twice.
    DuplicateId,
    /// The numbers of an area are not 1, 2, 3 …, or the area is unknown.
    IdSequence,
    /// A requirement names an error that the registry does not list.
    UnknownError,
    /// The text does not name the error that its metadata names.
    ErrorNotInText,
    /// A stated limit differs from the registry.
    NumberMismatch,
    /// A text refers to a requirement that does not exist.
    UnknownReference,
    /// A generated table or file is not what it would be when generated now.
    NotCurrent,
    /// A tag in the code names an unknown requirement, or an old revision.
    StaleTag,
    /// A requirement says that something is rejected, and not with which error.
    NoOutcome,
    /// The text of a requirement changed, and its revision did not.
    SameRevision,
    /// The list of requirements that are only read does not fit the chapters.
    ReviewOnly,
    /// No case that ran and passed shows a MUST, for a side that it binds.
    NotShown,
    /// A case shows no requirement, or one that does not exist.
    CaseWithoutRequirement,
    /// The results are those of other requirements or cases.
    StaleResults,
}

impl Rule {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeywordOutsideBlock => "keyword-outside-block",
            Self::KeywordCount => "keyword-count",
            Self::LevelMismatch => "level-mismatch",
            Self::BadMetadata => "bad-metadata",
            Self::DuplicateId => "duplicate-id",
            Self::IdSequence => "id-sequence",
            Self::UnknownError => "unknown-error",
            Self::ErrorNotInText => "error-not-in-text",
            Self::NumberMismatch => "number-mismatch",
            Self::UnknownReference => "unknown-reference",
            Self::NotCurrent => "not-current",
            Self::StaleTag => "stale-tag",
            Self::NoOutcome => "no-outcome",
            Self::SameRevision => "same-revision",
            Self::ReviewOnly => "review-only",
            Self::NotShown => "not-shown",
            Self::CaseWithoutRequirement => "case-without-requirement",
            Self::StaleResults => "stale-results",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// File, relative to the project.
    pub file: String,
    /// Line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// The rule.
    pub rule: Rule,
    /// What is wrong, for people.
    pub message: String,
}

impl Finding {
    /// A finding at a place.
    #[must_use]
    pub fn new(file: &str, line: usize, rule: Rule, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            rule,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.file,
            self.line,
            self.rule.name(),
            self.message
        )
    }
}
