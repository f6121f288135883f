//! Reading a block of a config document field by field, and collecting its problems. Used by `tenant_config`, and by
//! each platform for its part of the document.

use std::{borrow::Cow, fmt};

use serde_json::{Map, Value};

/// A field and the rule that its value breaks. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    path: String,
    rule: Cow<'static, str>,
    is_advice: bool,
}

impl FieldProblem {
    /// A problem of the field at a path (`storage.paths.root`); `rule` says what the value must be.
    #[must_use]
    pub fn new(path: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self {
            path: path.into(),
            rule: rule.into(),
            is_advice: false,
        }
    }

    /// A problem of a value that is used although it looks like a mistake, or that is left out without changing what
    /// the service does.
    #[must_use]
    pub fn advice(path: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::new(path, rule).into_advice()
    }

    /// The same problem as advice.
    #[must_use]
    pub fn into_advice(self) -> Self {
        Self {
            is_advice: true,
            ..self
        }
    }

    /// Whether the service does what it was told all the same.
    #[must_use]
    pub fn is_advice(&self) -> bool {
        self.is_advice
    }

    /// The path of the field, as in `publishers[0].config.channel_id`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the value must be.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

/// One object of the document. Reading a field returns its value or its default, and adds a problem where the value is
/// invalid: one pass finds every problem of the block.
#[derive(Debug)]
pub struct Block<'a> {
    path: String,
    fields: Option<&'a Map<String, Value>>,
    problems: Vec<FieldProblem>,
}

impl<'a> Block<'a> {
    /// The block at `path`. An absent or `null` block reads as an empty one.
    #[must_use]
    pub fn new(path: impl Into<String>, value: Option<&'a Value>) -> Self {
        let mut block = Self {
            path: path.into(),
            fields: None,
            problems: Vec::new(),
        };
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Object(fields)) => block.fields = Some(fields),
            Some(_) => block
                .problems
                .push(FieldProblem::new(block.path.clone(), "must be an object")),
        }
        block
    }

    /// The block at `path`, which must be there.
    #[must_use]
    pub fn required(path: impl Into<String>, value: Option<&'a Value>) -> Self {
        let mut block = Self::new(path, value);
        if block.fields.is_none() && block.problems.is_empty() {
            block
                .problems
                .push(FieldProblem::new(block.path.clone(), "is required"));
        }
        block
    }

    /// A block inside of this one. Its problems are added to this block by [`Block::absorb`].
    #[must_use]
    pub fn child(&self, key: &str) -> Block<'a> {
        Block::new(self.path_of(key), self.field(key))
    }

    /// Adds the problems of a block inside of this one.
    pub fn absorb(&mut self, child: Block<'_>) {
        self.problems.extend(child.problems);
    }

    /// Whether the block itself is missing or not an object.
    #[must_use]
    pub fn is_empty_because_wrong(&self) -> bool {
        self.fields.is_none() && !self.problems.is_empty()
    }

    /// The problems.
    #[must_use]
    pub fn into_problems(self) -> Vec<FieldProblem> {
        self.problems
    }

    /// The value, if there are no problems.
    ///
    /// # Errors
    /// The problems.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<FieldProblem>> {
        if self.problems.is_empty() {
            Ok(value)
        } else {
            Err(self.problems)
        }
    }

    /// Adds the problem of a field that breaks a rule.
    pub fn reject(&mut self, key: &str, rule: &'static str) {
        self.problems.push(self.problem(key, rule));
    }

    /// The problem of a field that breaks a rule.
    #[must_use]
    pub fn problem(&self, key: &str, rule: impl Into<Cow<'static, str>>) -> FieldProblem {
        FieldProblem::new(self.path_of(key), rule)
    }

    /// The raw field; `null` is the same as absent.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'a Value> {
        self.fields?.get(key).filter(|value| !value.is_null())
    }

    /// All fields of the block, in the order of the document.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let fields = self.fields.into_iter().flatten();
        fields.map(|(key, value)| (key.as_str(), value))
    }

    /// A boolean.
    pub fn bool(&mut self, key: &str, default: bool) -> bool {
        match self.field(key) {
            None => default,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.reject(key, "must be true or false");
                default
            }
        }
    }

    /// A string.
    pub fn string(&mut self, key: &str) -> Option<&'a str> {
        let value = self.field(key)?;
        if value.is_string() {
            return value.as_str();
        }
        self.reject(key, "must be a string");
        None
    }

    /// A string that is not blank.
    pub fn text(&mut self, key: &str) -> Option<&'a str> {
        self.string(key).filter(|value| !value.trim().is_empty())
    }

    /// A string that must be there and not be blank.
    pub fn required_text(&mut self, key: &str) -> Option<&'a str> {
        let before = self.problems.len();
        let value = self.text(key);
        if value.is_none() && self.problems.len() == before {
            self.reject(key, "must be a non-empty string");
        }
        value
    }

    /// An integer; a larger one than `i64` has is read as the largest.
    pub fn integer(&mut self, key: &str, default: i64) -> i64 {
        match self.field(key) {
            None => default,
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
                number.as_i64().unwrap_or(i64::MAX)
            }
            Some(_) => {
                self.reject(key, "must be an integer");
                default
            }
        }
    }

    /// One of these words, in any case, with blanks around it.
    pub fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&str, T)],
        default: T,
        rule: &'static str,
    ) -> T {
        let Some(word) = self.string(key) else {
            return default;
        };
        let found = choices
            .iter()
            .find(|(name, _)| word.trim().eq_ignore_ascii_case(name));
        if let Some((_, value)) = found {
            return *value;
        }
        self.reject(key, rule);
        default
    }

    /// The path of a field, as in `publishers[0].config.channel_id`.
    #[must_use]
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}
