//! `ai.vision_model_lifecycle` and `ai.caption_model_lifecycle`: what the orchestrator knows of the end of a model.

use serde_json::json;
use time::{Date, Month};

use crate::domain::{
    config_block::{Block, FieldProblem},
    words::words,
};

/// The longest warning, and the longest name of a model, in characters. Both come from outside, and go to the log.
const MAX_WARNING: usize = 500;
const MAX_MODEL: usize = 100;

words! {
    /// How much a warning of a model's end matters.
    pub enum LifecycleSeverity {
        /// Good to know.
        Info = "info",
        /// Somebody should choose another model.
        Warning = "warning",
        /// The model will not answer for much longer.
        Critical = "critical",
    }
}

/// What is known of the end of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLifecycle {
    /// How much it matters.
    pub severity: LifecycleSeverity,
    /// What the orchestrator says, for people.
    pub warning: Option<String>,
    /// The day from which the model does not answer.
    pub shutdown_date: Option<Date>,
    /// The model to use instead.
    pub recommended_replacement: Option<String>,
}

impl ModelLifecycle {
    /// 00:00 UTC of the day from which the model does not answer, in Unix seconds.
    #[must_use]
    pub fn shutdown_timestamp(&self) -> Option<i64> {
        let midnight = self.shutdown_date?.midnight().assume_utc();
        Some(midnight.unix_timestamp())
    }

    /// The lifecycle in a field; `None` where nothing is said of it, or something that makes no sense: that is ignored,
    /// with a warning for each wrong field.
    pub(super) fn read(
        parent: &Block<'_>,
        key: &str,
        warnings: &mut Vec<FieldProblem>,
    ) -> Option<Self> {
        let mut block = parent.child(key);
        let severities = LifecycleSeverity::ALL.map(|it| (it.as_str(), Some(it)));
        let rule = "must be `info`, `warning` or `critical`";
        let severity = block.choice("severity", &severities, None, rule);
        let text = |text: Option<&str>, most| Some(text?.trim().chars().take(most).collect());
        let warning: Option<String> = text(block.text("warning"), MAX_WARNING);
        let replacement: Option<String> = text(block.text("recommended_replacement"), MAX_MODEL);
        let shutdown_date = block.text("shutdown_date").map(date);
        if shutdown_date == Some(None) {
            block.reject("shutdown_date", "must be a day, as in 2027-01-31");
        }
        let is_said = severity.is_some()
            || warning.is_some()
            || replacement.is_some()
            || shutdown_date.is_some();
        let lifecycle = Self {
            severity: severity.unwrap_or(LifecycleSeverity::Warning),
            warning,
            shutdown_date: shutdown_date.flatten(),
            recommended_replacement: replacement,
        };
        match block.finish(lifecycle) {
            Ok(lifecycle) => Some(lifecycle).filter(|_| is_said),
            Err(problems) => {
                warnings.extend(problems.into_iter().map(FieldProblem::into_advice));
                None
            }
        }
    }

    /// As a config says it.
    pub(super) fn document(&self) -> serde_json::Value {
        let Self {
            severity,
            warning,
            shutdown_date,
            recommended_replacement,
        } = self;
        let date = |date: &Date| {
            let (year, month, day) = date.to_calendar_date();
            format!("{year:04}-{:02}-{day:02}", u8::from(month))
        };
        json!({
            "severity": severity.as_str(),
            "warning": warning,
            "shutdown_date": shutdown_date.as_ref().map(date),
            "recommended_replacement": recommended_replacement,
        })
    }
}

/// A day of the form YYYY-MM-DD.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.trim().split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|it| it.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| is_number)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}
