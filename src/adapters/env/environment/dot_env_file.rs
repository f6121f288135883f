//! The `.env` file: what it adds to the environment, and what is reported about it.

use std::{fs, io, path::Path};

use super::{DOT_ENV, Environment, content::why_unreadable};
use crate::adapters::env::dot_env::DotEnv;

const NOT_EXPANDED: &str =
    "holds `${…}` in .env, which is not expanded: it is taken as it is written";

impl Environment {
    /// Adds what the file has; one that is not there adds nothing.
    pub(super) fn add_dot_env(&mut self, path: &Path) {
        let content = match fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                let rule = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "cannot be read by this user (permission denied)".to_owned()
                    }
                    _ => why_unreadable(&error),
                };
                return self.reject(DOT_ENV, rule);
            }
        };
        let text = match str::from_utf8(&content) {
            Ok(text) => text,
            Err(error) => {
                let before = content.get(..error.valid_up_to()).unwrap_or_default();
                let line = before.split(|byte| *byte == b'\n').count();
                return self.reject(DOT_ENV, format!("line {line} must be UTF-8"));
            }
        };
        let DotEnv { entries, bad_lines } = DotEnv::parse(text);
        if !bad_lines.is_empty() {
            // What stands there may be a secret.
            self.reject(DOT_ENV, bad_lines_rule(&bad_lines));
        }
        // The last entry of a name wins.
        for entry in entries.into_iter().rev() {
            if self.values.contains_key(&entry.name) {
                continue;
            }
            if entry.has_reference() {
                self.warn(&entry.name, NOT_EXPANDED);
            }
            self.dot_env_lines.insert(entry.name.clone(), entry.line);
            self.values.insert(entry.name, Some(entry.value));
        }
    }
}

/// Which lines of `.env` are no entries.
fn bad_lines_rule(lines: &[usize]) -> String {
    let numbers: Vec<_> = lines.iter().map(ToString::to_string).collect();
    let noun = if lines.len() == 1 { "line" } else { "lines" };
    format!(
        "{noun} {} must be of the form NAME=value",
        numbers.join(", ")
    )
}
