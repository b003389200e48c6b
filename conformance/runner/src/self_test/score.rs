//! How good the cases are: which faults they notice.

use std::fmt::Write as _;

/// One fault, and the cases that noticed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Name, unique: what is mutated, and how.
    pub name: String,
    /// Requirements that it breaks.
    pub breaks: Vec<String>,
    /// Cases of these requirements that failed.
    pub killed_by: Vec<String>,
}

/// The score of a suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// All faults.
    pub mutations: Vec<Mutation>,
    /// Cases that refuse something and noticed no fault at all.
    pub idle: Vec<String>,
    /// Requirements that have cases and that no fault breaks.
    pub unbroken: Vec<String>,
}

impl Score {
    /// Number of faults that were noticed by a case of a requirement that they break.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.mutations
            .iter()
            .filter(|m| !m.killed_by.is_empty())
            .count()
    }

    /// Whether nothing is left to wish for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.killed() == self.mutations.len() && self.idle.is_empty() && self.unbroken.is_empty()
    }

    /// For a terminal: the score, and what keeps it from being full.
    #[must_use]
    pub fn text(&self, what: &str) -> String {
        let (killed, all) = (self.killed(), self.mutations.len());
        let mut text = format!("{what}: {killed} of {all} mutants killed\n");
        for mutation in self.mutations.iter().filter(|m| m.killed_by.is_empty()) {
            let _ = writeln!(
                text,
                "survived: {} (breaks {})",
                mutation.name,
                mutation.breaks.join(", ")
            );
        }
        for case in &self.idle {
            let _ = writeln!(text, "kills nothing: {case}");
        }
        for requirement in &self.unbroken {
            let _ = writeln!(text, "no mutant breaks: {requirement}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cases_of_the_broken_requirement_kill() {
        let mutation = Mutation {
            name: "codec any-version".into(),
            breaks: vec!["EIM-VER-004".into()],
            killed_by: Vec::new(),
        };
        let mut score = Score {
            mutations: vec![mutation],
            ..Score::default()
        };
        assert!(!score.is_full());
        assert!(
            score
                .text("codec")
                .contains("survived: codec any-version (breaks EIM-VER-004)")
        );
        score.mutations[0].killed_by.push("ver-other".into());
        assert!(score.is_full());
        score.idle.push("frm-idle".into());
        assert!(!score.is_full());
        assert!(score.text("codec").contains("kills nothing: frm-idle"));
    }
}
