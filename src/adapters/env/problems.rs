//! The problems with the settings, as they are reported to an operator.

use std::fmt::{self, Display};

/// One setting and the rule that it breaks. Never holds its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    pub(super) name: String,
    pub(super) rule: String,
}

impl SettingProblem {
    /// The variable, with the JSON field in it where there is one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it must be.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A field's name comes from outside: it must not break the line.
        write!(f, "{}: {}", self.name.escape_debug(), self.rule)
    }
}

/// All problems of the settings, a line each, and the warnings: these may have the reason, as quotes around a
/// value do. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblems {
    pub(super) problems: Vec<SettingProblem>,
    pub(super) warnings: Vec<SettingProblem>,
}

impl SettingProblems {
    /// The problems in the order in which they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[SettingProblem] {
        &self.problems
    }

    /// What would not have kept the service from starting.
    #[must_use]
    pub fn warnings(&self) -> &[SettingProblem] {
        &self.warnings
    }
}

impl std::error::Error for SettingProblems {}

impl Display for SettingProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
