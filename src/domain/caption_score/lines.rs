//! A file of captions: JSON lines, `{"tenant": …, "platform": …, "caption": …, "analysis": …}`, oldest first.

use std::fmt;

use serde_json::{Map, Value};

/// The longest name of a tenant or a platform, in characters.
const LONGEST_NAME: usize = 100;

/// A caption of a corpus.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CaptionLine {
    /// Whose it is.
    pub tenant: String,
    /// Where it was published, or is to be.
    pub platform: String,
    /// The text.
    pub caption: String,
    /// All texts of the analysis that it was written from, one a line; blank if there is none.
    pub analysis: String,
}

/// What is in a file of captions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The captions, in the order of the file.
    pub captions: Vec<CaptionLine>,
    /// The lines that are none.
    pub bad: Vec<BadLine>,
}

/// A line that is no caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadLine {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// What is wrong with a line. Repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is no JSON object.
    #[error("it is no JSON object on one line")]
    NoObject,
    /// A name is missing, or cannot be one.
    #[error("`{0}` must be a name of 1 to {LONGEST_NAME} visible characters")]
    Name(&'static str),
    /// There is no caption.
    #[error("`caption` must be a text")]
    Caption,
    /// The analysis is neither an object nor a text.
    #[error("`analysis` must be an object, a text or null")]
    Analysis,
}

impl Lines {
    /// Reads a file. Blank lines are left out, and fields of other names do not matter.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
        let mut lines = Self::default();
        for (bytes, line) in bytes.split(|byte| *byte == b'\n').zip(1..) {
            match std::str::from_utf8(bytes) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => match CaptionLine::parse(text) {
                    Ok(caption) => lines.captions.push(caption),
                    Err(problem) => lines.bad.push(BadLine { line, problem }),
                },
                Err(_) => lines.bad.push(BadLine {
                    line,
                    problem: LineProblem::NotUtf8,
                }),
            }
        }
        lines
    }
}

impl CaptionLine {
    /// Reads one line.
    ///
    /// # Errors
    /// [`LineProblem`].
    pub fn parse(line: &str) -> Result<Self, LineProblem> {
        let fields: Map<String, Value> =
            serde_json::from_str(line).map_err(|_| LineProblem::NoObject)?;
        let name = |field: &'static str| {
            let name = fields.get(field).and_then(Value::as_str).map(str::trim);
            let is_name = |it: &&str| {
                !it.is_empty()
                    && it.chars().count() <= LONGEST_NAME
                    && !it.chars().any(char::is_control)
            };
            let name = name.filter(is_name).map(str::to_owned);
            name.ok_or(LineProblem::Name(field))
        };
        let caption = fields.get("caption").and_then(Value::as_str);
        let mut analysis = Vec::new();
        match fields.get("analysis") {
            None | Some(Value::Null) => {}
            Some(value @ (Value::Object(_) | Value::String(_))) => texts(value, &mut analysis),
            Some(_) => return Err(LineProblem::Analysis),
        }
        Ok(Self {
            tenant: name("tenant")?,
            platform: name("platform")?,
            caption: caption.ok_or(LineProblem::Caption)?.to_owned(),
            analysis: analysis.join("\n"),
        })
    }
}

/// All texts in a value; names of fields are none.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| texts(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl fmt::Debug for CaptionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptionLine")
            .field("tenant", &self.tenant)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}
