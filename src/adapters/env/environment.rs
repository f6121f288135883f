//! Reads settings, checks them, and collects every problem instead of stopping at the first.
//!
//! No problem ever holds a value: any of them may be a secret in the wrong place.

mod content;
mod dot_env_file;
mod notes;
mod pasted;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fmt::{self, Display},
    fs,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde_json::Value;
use url::Url;

use self::{
    content::{base_url, unreadable, without_mark},
    pasted::{PLACEHOLDER_FILE, QUOTED_FILE, is_placeholder, is_quoted},
};
use super::{
    names::{self, AskedNames},
    problems::{SettingProblem, SettingProblems},
};
use crate::{
    adapters::secret_file,
    domain::secret::{Secret, trim_pasted},
};

/// The file that fills in what the environment does not set.
const DOT_ENV: &str = ".env";

/// The environment, and what was found wrong with it so far.
///
/// A getter gives the value or the default. Where a value is bad it notes the problem and gives
/// the default too, so that the reading goes on; [`Environment::finish`] then fails.
pub struct Environment {
    /// `None` is a value that is not UTF-8: a problem only for who asks for it.
    values: HashMap<String, Option<String>>,
    asked: AskedNames,
    problems: Vec<SettingProblem>,
    warnings: Vec<SettingProblem>,
    /// The names of the existing service that values were taken from, by the names that they have
    /// here.
    taken_from: BTreeMap<String, String>,
    /// The lines of `.env` that values are from, by their names.
    dot_env_lines: HashMap<String, usize>,
}

impl Environment {
    /// The environment of this process, and `.env` in the working directory for what it does not
    /// set. A `.env` that cannot be read is a problem, one that is not there is none.
    #[must_use]
    pub fn from_process() -> Self {
        Self::from_sources(std::env::vars_os(), Path::new(DOT_ENV))
    }

    /// These variables and nothing else.
    #[must_use]
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let values = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), Some(value.into())));
        Self::of(values.collect())
    }

    fn of(values: HashMap<String, Option<String>>) -> Self {
        Self {
            values,
            asked: AskedNames::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            taken_from: BTreeMap::new(),
            dot_env_lines: HashMap::new(),
        }
    }

    fn from_sources(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        dot_env: &Path,
    ) -> Self {
        let values = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok())));
        let mut environment = Self::of(values.collect());
        environment.add_dot_env(dot_env);
        environment
    }

    /// A text without the white space around it; blank counts as unset.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = trim_pasted(self.raw(name)?);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The same, with a default.
    pub fn text_or(&mut self, name: &str, default: &str) -> String {
        self.value(name, default.to_owned(), "", |text| Some(text.to_owned()))
    }

    /// What `read` makes of the text, or the default where it is not set or bad; then it breaks the rule.
    fn value<T: Display>(
        &mut self,
        name: &str,
        default: T,
        rule: impl Into<String>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let text = self.text(name);
        self.asked
            .insert(name.to_owned(), Some(default.to_string()));
        let Some(text) = text else { return default };
        read(&text).unwrap_or_else(|| {
            self.reject(name, rule);
            default
        })
    }

    /// A value whose type parses it; `None` where it is not set or bad.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let parsed = self.text(name)?.parse::<T>();
        parsed
            .map_err(|rule| self.reject(name, rule.to_string()))
            .ok()
    }

    /// A secret: `NAME`, or the content of the file that `NAME_FILE` names, without what cannot be
    /// seen around it. Both at once, a file that is empty or cannot be read, or more than one line, is
    /// a problem.
    pub fn secret(&mut self, name: &str) -> Option<Secret> {
        let (secret, _) = self.secret_and_file(name)?;
        Some(secret)
    }

    /// The same, with the file that it came from, for those who look into it again.
    pub fn secret_and_file(&mut self, name: &str) -> Option<(Secret, Option<PathBuf>)> {
        let file_name = format!("{name}_FILE");
        let inline = self.raw(name).map(str::to_owned).and_then(Secret::pasted);
        let path = self.text(&file_name).map(PathBuf::from);
        let (secret, path) = match (inline, path) {
            (Some(_), Some(_)) => {
                self.reject(name, format!("must not be set together with {file_name}"));
                return None;
            }
            (inline, None) => (inline?, None),
            (None, Some(path)) => match secret_file::read(&path, name) {
                Ok(Some(secret)) => {
                    if is_quoted(secret.expose()) {
                        self.warn(&file_name, QUOTED_FILE);
                    }
                    if is_placeholder(secret.expose()) {
                        self.warn(&file_name, PLACEHOLDER_FILE);
                    }
                    (secret, Some(path))
                }
                Ok(None) => {
                    self.reject(&file_name, "names a file that is empty");
                    return None;
                }
                Err(error) => {
                    self.reject(&file_name, unreadable(&error));
                    return None;
                }
            },
        };
        if secret.expose().contains(['\n', '\r']) {
            let rule = match path {
                None => "must be one line",
                Some(_) => "names a file of several lines: it must be one",
            };
            self.reject(self.set_name(name), rule);
            return None;
        }
        Some((secret, path))
    }

    /// The variable that a secret is from: `NAME_FILE` where that is set, else `NAME`.
    #[must_use]
    pub fn set_name(&self, name: &str) -> String {
        let file_name = format!("{name}_FILE");
        if self.is_set(&file_name) {
            file_name
        } else {
            name.to_owned()
        }
    }

    /// A boolean that has no default.
    pub fn boolean_or_unset(&mut self, name: &str) -> Option<bool> {
        self.or_unset(name, |environment| environment.boolean(name, false))
    }

    /// `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`, in any case.
    pub fn boolean(&mut self, name: &str, default: bool) -> bool {
        const RULE: &str = "must be one of 1, true, yes, on, 0, false, no, off";
        let read = |word: &str| match word.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        };
        self.value(name, default, RULE, read)
    }

    /// A number within a range, ends included.
    pub fn number<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let rule = format!("must be a number from {} to {}", range.start(), range.end());
        let read = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.value(name, default, rule, read)
    }

    /// A number within a range that has no default.
    pub fn number_or_unset<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        self.or_unset(name, |environment| {
            environment.number(name, *range.start(), range)
        })
    }

    /// What `read` reads; `None` where it is not set or bad.
    fn or_unset<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.text(name)?;
        let before = self.problem_count();
        let value = read(self);
        self.asked.insert(name.to_owned(), None);
        (self.problem_count() == before).then_some(value)
    }

    /// An HTTP base URL without user, query and fragment. Its path ends with `/`, so that
    /// [`Url::join`] adds to it.
    pub fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
        let text = match default {
            Some(default) => self.text_or(name, default),
            None => self.text(name)?,
        };
        let url = base_url(&text);
        if url.is_none() {
            self.reject(
                name,
                "must be an http or https URL without user, query and fragment",
            );
        }
        url
    }

    /// An IP address with a port, as in `0.0.0.0:8080` or `[::]:8080`.
    pub fn socket_address(&mut self, name: &str, default: SocketAddr) -> SocketAddr {
        const RULE: &str = "must be an IP address with a port";
        self.value(name, default, RULE, |text| text.parse().ok())
    }

    /// The same for something that can be switched off: set but blank is off (`None`).
    pub fn socket_address_or_off(&mut self, name: &str, default: SocketAddr) -> Option<SocketAddr> {
        let is_off = self.raw(name).is_some_and(|value| value.trim().is_empty());
        (!is_off).then(|| self.socket_address(name, default))
    }

    /// Any JSON value; `null` is the same as not set.
    pub fn json(&mut self, name: &str) -> Option<Value> {
        let text = self.text(name)?;
        match serde_json::from_str(&text) {
            Ok(Value::Null) => None,
            Ok(value) => Some(value),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let rule = format!("is no JSON, from line {line}, column {column} of the value on");
                self.reject(name, rule);
                None
            }
        }
    }

    /// A JSON object; `null` is the same as not set.
    pub fn json_object(&mut self, name: &str) -> Option<serde_json::Map<String, Value>> {
        let value = self.json(name)?;
        if let Value::Object(fields) = value {
            return Some(fields);
        }
        self.reject(name, "must be a JSON object");
        None
    }

    /// The content of the file that the variable names, without the mark of UTF-8 at its head.
    pub fn file(&mut self, name: &str) -> Option<Vec<u8>> {
        let path = self.text(name)?;
        match fs::read(path) {
            Ok(content) => Some(without_mark(&content).to_vec()),
            Err(error) => {
                self.reject(name, unreadable(&error));
                None
            }
        }
    }

    /// Every name that was asked for so far, set or not.
    #[must_use]
    pub fn asked(&self) -> &AskedNames {
        &self.asked
    }

    /// What is set and not among `known`, but looks as if it were meant for us, each with what may
    /// have been meant.
    #[must_use]
    pub fn unknown_names(&self, known: &AskedNames) -> Vec<SettingProblem> {
        let set = self.set_names().map(str::to_owned).collect::<Vec<_>>();
        names::unknown(&set, known)
    }

    /// The names in `known` that are set but were never asked for.
    #[must_use]
    pub fn unused_names(&self, known: &AskedNames) -> Vec<String> {
        let is_set = |name: &&String| self.is_set(name);
        let unused = known.keys().filter(is_set);
        let unused = unused.filter(|name| !self.asked.contains_key(*name));
        unused.cloned().collect()
    }

    /// Has this very variable been found bad?
    #[must_use]
    pub fn has_problem(&self, name: &str) -> bool {
        self.problems.iter().any(|problem| problem.name == name)
    }

    /// How many problems there are so far.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All [`SettingProblems`], if there are any.
    pub fn finish(self) -> Result<(), SettingProblems> {
        self.finish_with(Some(()))
    }

    /// Ends the reading of something that is made of many settings; `None` where one of them is
    /// missing or bad.
    ///
    /// # Errors
    /// All [`SettingProblems`].
    pub fn finish_with<T>(mut self, settings: Option<T>) -> Result<T, SettingProblems> {
        if settings.is_none() && self.problems.is_empty() {
            self.reject("environment", "is not complete");
        }
        let Self {
            problems, warnings, ..
        } = self;
        settings
            .filter(|_| problems.is_empty())
            .ok_or(SettingProblems { problems, warnings })
    }

    fn raw(&mut self, name: &str) -> Option<&str> {
        if !self.asked.contains_key(name) {
            self.asked.insert(name.to_owned(), None);
        }
        if let Some(None) = self.values.get(name)
            && !self.has_problem(name)
        {
            self.reject(name, "must be UTF-8");
        }
        self.values.get(name)?.as_deref()
    }
}

impl fmt::Debug for Environment {
    /// Hides the values: some are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
