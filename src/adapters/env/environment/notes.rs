//! Notes on settings: problems, warnings, and values that come from another name.

use super::{
    Environment, SettingProblem,
    pasted::{PLACEHOLDER, QUOTED, is_placeholder, is_quoted},
};
use crate::domain::secret::trim_pasted;

impl Environment {
    /// Notes that a variable, or a JSON field in it (`PUBLISHERS[0].type`), breaks a rule. The
    /// rule must not hold the value.
    pub fn reject(&mut self, name: impl Into<String>, rule: impl Into<String>) {
        let (name, mut rule) = (name.into(), rule.into());
        if let Some(set) = self.taken_from.get(name.as_str()) {
            rule = format!("{rule} (it is set by {set})");
        }
        if let Some(line) = self.dot_env_line(&name) {
            rule = format!("{rule} (line {line} of .env)");
        }
        self.problems.push(SettingProblem { name, rule });
    }

    /// The line of `.env` that a variable is set in, or the one of a field.
    fn dot_env_line(&self, name: &str) -> Option<usize> {
        let variable = name.split(['.', '[']).next()?;
        let set = self.taken_from.get(variable);
        let variable = set.map_or(variable, String::as_str);
        self.dot_env_lines.get(variable).copied()
    }

    /// Notes something that does not keep the service from starting, once, though it is read twice.
    /// The rule must not hold the value. A variable whose value comes from another name goes by the name that is set.
    pub fn warn(&mut self, name: impl Into<String>, rule: impl Into<String>) {
        let name = name.into();
        let warning = SettingProblem {
            name: self.taken_from.get(&name).cloned().unwrap_or(name),
            rule: rule.into(),
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The same for a variable without effect: nothing else that was noted of it matters.
    pub fn warn_only(&mut self, name: &str, rule: impl Into<String>) {
        let set = self.taken_from.get(name).map_or(name, String::as_str);
        self.warnings.retain(|it| it.name != set);
        self.warn(name, rule);
    }

    /// Turns the problems of these variables, and of fields in them, that were found since there were
    /// `since` problems into warnings: the variables have no effect.
    pub fn excuse_problems(&mut self, since: usize, variables: &[impl AsRef<str>]) {
        let later = self.problems.split_off(since.min(self.problems.len()));
        for problem in later {
            let is_of = |variable: &str| {
                let field = problem.name.strip_prefix(variable);
                field.is_some_and(|field| field.is_empty() || field.starts_with(['.', '[']))
            };
            if variables.iter().any(|it| is_of(it.as_ref())) {
                self.warn(
                    problem.name,
                    format!("{} (it has no effect now)", problem.rule),
                );
            } else {
                self.problems.push(problem);
            }
        }
    }

    /// What was noted so far by [`Environment::warn`].
    #[must_use]
    pub fn warnings(&self) -> &[SettingProblem] {
        &self.warnings
    }

    /// Warns of each value among those asked for that is between quotes, which a shell would have removed, or
    /// still is the placeholder of the examples in `deploy/`.
    pub fn warn_of_pasted(&mut self) {
        let values = self.values.iter();
        let mut asked: Vec<_> = values
            .filter(|(name, _)| self.asked.contains_key(*name))
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect();
        asked.sort();
        for (name, value) in asked {
            if is_quoted(trim_pasted(&value)) {
                self.warn(&name, QUOTED);
            }
            if is_placeholder(&value) {
                self.warn(&name, PLACEHOLDER);
            }
        }
    }

    /// Is the variable set, and not blank? It does not count as asked for.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        let value = self.values.get(name).and_then(Option::as_deref);
        value.is_some_and(|value| !trim_pasted(value).is_empty())
    }

    /// The names of all variables that are set, and not blank.
    pub fn set_names(&self) -> impl Iterator<Item = &str> {
        let names = self.values.keys().map(String::as_str);
        names.filter(|name| self.is_set(name))
    }

    /// Takes the value of another name, for which this service has `name`; warns of it. Where both
    /// are set, `wins` says whether the other one does.
    pub fn take_as(&mut self, other: &str, name: &str, wins: bool) {
        if !self.is_set(other) {
            self.values.remove(other);
            return;
        }
        let Some(value) = self.values.remove(other) else {
            return;
        };
        if self.is_set(name) && !wins {
            self.warn(other, format!("has no effect beside {name}"));
            return;
        }
        let blank = String::new();
        let text = |value: Option<&Option<String>>| {
            let value = value.and_then(Option::as_ref).unwrap_or(&blank);
            trim_pasted(value).to_lowercase()
        };
        let differs = self.is_set(name) && text(self.values.get(name)) != text(Some(&value));
        let rule = if differs {
            format!("is taken for {name}, which says otherwise and has no effect: set {name} alone")
        } else {
            format!("is taken for {name}: use that name")
        };
        self.put_for(other, name, value);
        self.warn(other, rule);
    }

    /// Takes a variable of another name for `name` with this value, unless that is set; warns of it.
    pub fn take_as_value(&mut self, other: &str, name: &str, value: &str) {
        self.values.remove(other);
        if self.is_set(name) {
            self.warn(other, format!("has no effect beside {name}"));
            return;
        }
        self.put_for(other, name, Some(value.to_owned()));
        self.warn(other, format!("is taken for {name}={value}: use that name"));
    }

    fn put_for(&mut self, other: &str, name: &str, value: Option<String>) {
        self.values.insert(name.to_owned(), value);
        self.taken_from.insert(name.to_owned(), other.to_owned());
    }

    /// Takes a variable that is dealt with already out, so that nothing else is said of it.
    pub fn take_out(&mut self, name: &str) {
        self.values.remove(name);
    }
}
