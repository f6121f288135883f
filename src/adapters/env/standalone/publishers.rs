//! The publishers of the standalone tenant, and the mail server that one of them needs.

use serde_json::{Value, json};

use super::{
    SMTP_REF, Secrets, TELEGRAM_REF,
    fields::{Fields, known_fields, meant},
};
use crate::adapters::env::Environment;

pub(super) const PUBLISHERS: &str = "PUBLISHERS";
pub(super) const EMAIL_SERVER: &str = "EMAIL_SERVER";

/// The mail server where the variable names none.
const DEFAULT_MAIL_SERVER: &str = "smtp.gmail.com";

/// What the document calls the fields of `EMAIL_SERVER`.
pub(super) const EMAIL_FIELDS: [(&str, &str); 5] = [
    ("sender", "from_email"),
    ("smtp_server", "host"),
    ("smtp_port", "port"),
    ("username", "username"),
    ("use_tls", "use_tls"),
];
const TELEGRAM_FIELDS: [&str; 1] = ["channel_id"];
const EMAIL_PUBLISHER_FIELDS: [&str; 3] = ["recipient", "caption_target", "subject_mode"];
const TYPES: [&str; 3] = ["telegram", "email", "fetlife"];
/// What the existing service calls the login name in `EMAIL_SERVER`.
const OTHER_USERNAME: &str = "smtp_username";

/// The entries of the document as far as they could be read, and the types among them that are on.
pub(super) struct Publishers {
    pub(super) entries: Vec<Value>,
    /// Whether all of it could be read, so that what is not there is known not to be there.
    pub(super) is_known: bool,
    pub(super) has_telegram: bool,
    pub(super) has_email: bool,
}

/// Reads `PUBLISHERS`.
pub(super) fn read(environment: &mut Environment) -> Publishers {
    let problems_before = environment.problem_count();
    let mut publishers = read_entries(environment);
    publishers.is_known = environment.problem_count() == problems_before;
    publishers
}

fn read_entries(environment: &mut Environment) -> Publishers {
    let mut publishers = Publishers {
        entries: Vec::new(),
        is_known: false,
        has_telegram: false,
        has_email: false,
    };
    let entries = match environment.json(PUBLISHERS) {
        None => return publishers,
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            environment.reject(PUBLISHERS, "must be a JSON array");
            return publishers;
        }
    };
    for (index, entry) in entries.into_iter().enumerate() {
        // What is bad or ignored leaves an entry behind that is off, so that the others keep their
        // places.
        let entry = publisher(environment, index, entry, &mut publishers);
        publishers
            .entries
            .push(entry.unwrap_or(json!({"enabled": false})));
    }
    publishers
}

fn publisher(
    environment: &mut Environment,
    index: usize,
    entry: Value,
    seen: &mut Publishers,
) -> Option<Value> {
    let place = format!("{PUBLISHERS}[{index}]");
    let Value::Object(mut fields) = entry else {
        environment.reject(place, "must be a JSON object");
        return None;
    };
    let is_on = is_enabled(environment, &place, &mut fields);
    let kind = fields.remove("type");
    let Some(kind) = kind.as_ref().and_then(Value::as_str) else {
        let rule = "must be `telegram` or `email` (or `fetlife`, which is the same)";
        environment.reject(format!("{place}.type"), rule);
        return None;
    };
    let (kind, reference, known, is_repeated): (_, _, &[&str], &mut bool) = match kind {
        "telegram" => (
            "telegram",
            Some(TELEGRAM_REF),
            &TELEGRAM_FIELDS,
            &mut seen.has_telegram,
        ),
        // Two names of one type.
        "email" | "fetlife" => ("email", None, &EMAIL_PUBLISHER_FIELDS, &mut seen.has_email),
        other => {
            warn_of_type(environment, &place, other);
            return None;
        }
    };
    if !is_on {
        environment.warn(format!("{place}.enabled"), "is false: the entry is ignored");
        return None;
    }
    if std::mem::replace(is_repeated, true) {
        environment.reject(format!("{place}.type"), "must not be there twice");
    }
    let config = known_fields(environment, &place, fields, known);
    Some(json!({"type": kind, "credentials_ref": reference, "config": config}))
}

/// Whether the entry counts; one that is switched off publishes nothing.
fn is_enabled(environment: &mut Environment, place: &str, fields: &mut Fields) -> bool {
    match fields.remove("enabled") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(is_enabled)) => is_enabled,
        Some(_) => {
            environment.reject(format!("{place}.enabled"), "must be true or false");
            false
        }
    }
}

/// Entries of types that are not served are ignored, as those of an orchestrator are.
fn warn_of_type(environment: &mut Environment, place: &str, kind: &str) {
    let rule = match meant(kind, &TYPES) {
        _ if kind == "instagram" => "is reserved, and ignored until it is served".to_owned(),
        Some(near) => format!(
            "is of no platform that is served, and the entry is ignored: did you mean `{near}`?"
        ),
        None => "is of no platform that is served, and the entry is ignored".to_owned(),
    };
    environment.warn(format!("{place}.type"), rule);
}

/// The mail server as the document has it.
pub(super) fn mail_server(environment: &mut Environment) -> Option<Fields> {
    let mut fields = environment.json_object(EMAIL_SERVER)?;
    take_other_username(environment, &mut fields);
    let known = EMAIL_FIELDS.map(|(name, _)| name);
    let mut fields = known_fields(environment, EMAIL_SERVER, fields, &known);
    let mut server = Fields::new();
    for (name, document_name) in EMAIL_FIELDS {
        let value = fields.remove(name).filter(|value| !value.is_null());
        let value = value.or_else(|| (name == "smtp_server").then(|| DEFAULT_MAIL_SERVER.into()));
        server.extend(value.map(|value| (document_name.to_owned(), value)));
    }
    server.insert("password_ref".to_owned(), SMTP_REF.into());
    Some(server)
}

fn take_other_username(environment: &mut Environment, fields: &mut Fields) {
    let Some(other) = fields.remove(OTHER_USERNAME).filter(|it| !it.is_null()) else {
        return;
    };
    let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    let name = format!("{EMAIL_SERVER}.{OTHER_USERNAME}");
    match fields.get("username") {
        Some(own) if !own.is_null() && !is_blank(own) => {
            environment.warn(name, "has no effect beside `username`");
        }
        _ => {
            fields.insert("username".to_owned(), other);
            environment.warn(name, "is taken for `username`: use that name");
        }
    }
}

impl Publishers {
    /// Warns of what is set for a platform that no entry is for. Where an entry could not be read, nobody
    /// knows what it is for.
    pub(super) fn warn_of_what_none_needs(&self, environment: &mut Environment) {
        if !self.is_known {
            return;
        }
        for (is_needed, variable, kind) in [
            (self.has_telegram, "TELEGRAM_BOT_TOKEN", "telegram"),
            (self.has_email, "EMAIL_PASSWORD", "email"),
            (self.has_email, EMAIL_SERVER, "email"),
        ] {
            for variable in [variable.to_owned(), format!("{variable}_FILE")] {
                if !is_needed && environment.is_set(&variable) {
                    let rule = format!("has no effect: {PUBLISHERS} has no {kind} entry");
                    environment.warn(variable, rule);
                }
            }
        }
    }

    /// Notes what is missing for the platforms that there are entries for.
    pub(super) fn require(
        &self,
        environment: &mut Environment,
        has_mail_server: bool,
        secrets: &Secrets,
    ) {
        for (is_missing, variable, entry) in [
            (
                self.has_telegram && secrets.telegram.is_none(),
                "TELEGRAM_BOT_TOKEN",
                "a telegram entry",
            ),
            (
                self.has_email && secrets.smtp.is_none(),
                "EMAIL_PASSWORD",
                "an email entry",
            ),
            (
                self.has_email && !has_mail_server,
                EMAIL_SERVER,
                "an email entry",
            ),
        ] {
            let is_told = environment.has_problem(variable)
                || environment.has_problem(&format!("{variable}_FILE"));
            if is_missing && !is_told {
                let rule = format!("is required, because {PUBLISHERS} has {entry}");
                environment.reject(variable, rule);
            }
        }
    }
}
