//! The runtime config document of the standalone tenant, and the way back from its field paths
//! to variables.

use serde_json::{Map, Value, json};

use super::{AI_REF, DEFAULT_TENANT, SMTP_REF, STORAGE_REF, Secrets, TELEGRAM_REF, VERSION};
use crate::{
    adapters::env::Environment,
    domain::{
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{FieldProblem, SchemaVersion, TenantConfig},
    },
};

const STORAGE_PATHS: &str = "STORAGE_PATHS";
const PUBLISHERS: &str = "PUBLISHERS";
const EMAIL_SERVER: &str = "EMAIL_SERVER";
const OPENAI_SETTINGS: &str = "OPENAI_SETTINGS";
const CAPTIONFILE_SETTINGS: &str = "CAPTIONFILE_SETTINGS";
const CONFIRMATION_SETTINGS: &str = "CONFIRMATION_SETTINGS";
const CONTENT_SETTINGS: &str = "CONTENT_SETTINGS";

/// The mail server where the variable names none.
const DEFAULT_MAIL_SERVER: &str = "smtp.gmail.com";

/// Which block of the document each variable fills.
const BLOCKS: [(&str, &str); 7] = [
    ("storage.paths", STORAGE_PATHS),
    ("publishers", PUBLISHERS),
    ("email_server", EMAIL_SERVER),
    ("ai", OPENAI_SETTINGS),
    ("captionfile", CAPTIONFILE_SETTINGS),
    ("confirmation", CONFIRMATION_SETTINGS),
    ("content", CONTENT_SETTINGS),
];

/// What the document calls the fields of `EMAIL_SERVER`.
const EMAIL_FIELDS: [(&str, &str); 4] = [
    ("sender", "from_email"),
    ("smtp_server", "host"),
    ("smtp_port", "port"),
    ("username", "username"),
];
const TELEGRAM_FIELDS: [&str; 1] = ["channel_id"];
const EMAIL_PUBLISHER_FIELDS: [&str; 3] = ["recipient", "caption_target", "subject_mode"];
/// What the existing service calls the login name in `EMAIL_SERVER`.
const OTHER_USERNAME: &str = "smtp_username";
/// Fields that the contract has and this version does not act on.
const LATER_FIELDS: [(&str, &str); 4] = [
    (OPENAI_SETTINGS, "vision_model_lifecycle"),
    (OPENAI_SETTINGS, "caption_model_lifecycle"),
    (CONTENT_SETTINGS, "voice_profile_tags"),
    (CONTENT_SETTINGS, "strip_metadata"),
];
const AI_FIELDS: [&str; 14] = [
    "vision_model",
    "caption_model",
    "system_prompt",
    "role_prompt",
    "sd_caption_enabled",
    "sd_caption_single_call_enabled",
    "sd_caption_model",
    "sd_caption_system_prompt",
    "sd_caption_role_prompt",
    "vision_max_dimension",
    "vision_detail",
    "vision_fallback_enabled",
    "vision_fallback_max_dimension",
    "vision_fallback_detail",
];

type Fields = Map<String, Value>;

/// The document as far as it could be read, and the types of publisher in it.
struct Publishers {
    entries: Vec<Value>,
    has_telegram: bool,
    has_email: bool,
}

/// Reads the document and notes everything that is wrong with it.
pub(super) fn read(environment: &mut Environment, secrets: &Secrets) -> Value {
    let publishers = publishers(environment);
    let mail_server = mail_server(environment);
    require_for_publishers(environment, &publishers, mail_server.is_some(), secrets);
    warn_of_what_no_publisher_needs(environment, &publishers);
    require_dropbox(environment);
    let mut ai = block(environment, OPENAI_SETTINGS, &AI_FIELDS);
    if secrets.openai.is_some() {
        ai.insert("credentials_ref".to_owned(), AI_REF.into());
    }
    let document = json!({
        "features": features(environment),
        "storage": {
            "provider": "dropbox",
            "credentials_ref": STORAGE_REF,
            "paths": storage_paths(environment),
        },
        "publishers": publishers.entries,
        "email_server": mail_server,
        "ai": ai,
        "captionfile": block(
            environment,
            CAPTIONFILE_SETTINGS,
            &["extended_metadata_enabled", "artist_alias"],
        ),
        "confirmation": block(
            environment,
            CONFIRMATION_SETTINGS,
            &["confirmation_to_sender", "confirmation_tags_count", "confirmation_tags_nature"],
        ),
        "content": block(
            environment,
            CONTENT_SETTINGS,
            &["hashtag_string", "archive", "debug", "voice_profile"],
        ),
    });
    if secrets.openai.is_none() && environment.is_set(OPENAI_SETTINGS) {
        environment.warn(OPENAI_SETTINGS, "has no effect without OPENAI_API_KEY");
    }
    check(environment, &document, publishers.has_email);
    document
}

fn features(environment: &mut Environment) -> Value {
    json!({
        "publish_enabled": environment.boolean("FEATURE_PUBLISH", true),
        "analyze_caption_enabled": environment.boolean("FEATURE_ANALYZE_CAPTION", true),
        "keep_enabled": environment.boolean("FEATURE_KEEP_CURATE", true),
        "remove_enabled": environment.boolean("FEATURE_REMOVE_CURATE", true),
        "delete_enabled": environment.boolean("FEATURE_DELETE", false),
        "auto_view_enabled": environment.boolean("AUTO_VIEW", false),
        "alt_text_enabled": environment.boolean("FEATURE_ALT_TEXT", true),
        "voice_matching_enabled": environment.boolean_or_unset("FEATURE_VOICE_MATCHING"),
    })
}

/// Another storage than the one that there is would be something else than was told.
fn require_dropbox(environment: &mut Environment) {
    const NAME: &str = "STORAGE_PROVIDER";
    if environment.text_or(NAME, "dropbox") != "dropbox" {
        environment.reject(NAME, "must be `dropbox`");
    }
}

/// `null` when it is not set, so that the validation says that it is required.
fn storage_paths(environment: &mut Environment) -> Option<Fields> {
    let fields = environment.json_object(STORAGE_PATHS)?;
    let known = ["root", "archive", "keep", "remove"];
    Some(known_fields(environment, STORAGE_PATHS, fields, &known))
}

fn block(environment: &mut Environment, variable: &str, known: &[&str]) -> Fields {
    let fields = environment.json_object(variable).unwrap_or_default();
    known_fields(environment, variable, fields, known)
}

/// A field that nobody reads is a typo, and what it was meant to set would be missing.
fn known_fields(
    environment: &mut Environment,
    place: &str,
    mut fields: Fields,
    known: &[&str],
) -> Fields {
    fields.retain(|name, _| {
        let is_known = known.contains(&name.as_str());
        if LATER_FIELDS.contains(&(place, name.as_str())) {
            environment.warn(format!("{place}.{name}"), "has no effect in this version");
        } else if !is_known {
            environment.reject(format!("{place}.{name}"), "is no field that we know");
        }
        is_known
    });
    fields
}

fn publishers(environment: &mut Environment) -> Publishers {
    let mut publishers = Publishers {
        entries: Vec::new(),
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
    let kind = fields.remove("type");
    let (kind, reference, known, is_repeated): (_, _, &[&str], &mut bool) = match kind
        .as_ref()
        .and_then(Value::as_str)
    {
        Some("telegram") => (
            "telegram",
            Some(TELEGRAM_REF),
            &TELEGRAM_FIELDS,
            &mut seen.has_telegram,
        ),
        // Two names of one type.
        Some("email" | "fetlife") => ("email", None, &EMAIL_PUBLISHER_FIELDS, &mut seen.has_email),
        Some("instagram") => {
            environment.warn(
                format!("{place}.type"),
                "is reserved, and ignored until it is served",
            );
            return None;
        }
        _ => {
            let rule = "must be `telegram` or `email` (or `fetlife`, which is the same)";
            environment.reject(format!("{place}.type"), rule);
            return None;
        }
    };
    if std::mem::replace(is_repeated, true) {
        environment.reject(format!("{place}.type"), "must not be there twice");
    }
    let config = known_fields(environment, &place, fields, known);
    Some(json!({"type": kind, "credentials_ref": reference, "config": config}))
}

fn mail_server(environment: &mut Environment) -> Option<Fields> {
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

fn warn_of_what_no_publisher_needs(environment: &mut Environment, publishers: &Publishers) {
    for (is_needed, variable, kind) in [
        (publishers.has_telegram, "TELEGRAM_BOT_TOKEN", "telegram"),
        (publishers.has_email, "EMAIL_PASSWORD", "email"),
        (publishers.has_email, EMAIL_SERVER, "email"),
    ] {
        for variable in [variable.to_owned(), format!("{variable}_FILE")] {
            if !is_needed && environment.is_set(&variable) {
                let rule = format!("has no effect: {PUBLISHERS} has no {kind} entry");
                environment.warn(variable, rule);
            }
        }
    }
}

fn require_for_publishers(
    environment: &mut Environment,
    publishers: &Publishers,
    has_mail_server: bool,
    secrets: &Secrets,
) {
    for (is_missing, variable, kind) in [
        (
            publishers.has_telegram && secrets.telegram.is_none(),
            "TELEGRAM_BOT_TOKEN",
            "telegram",
        ),
        (
            publishers.has_email && secrets.smtp.is_none(),
            "EMAIL_PASSWORD",
            "email",
        ),
        (
            publishers.has_email && !has_mail_server,
            EMAIL_SERVER,
            "email",
        ),
    ] {
        let is_told = environment.has_problem(variable)
            || environment.has_problem(&format!("{variable}_FILE"));
        if is_missing && !is_told {
            let rule = format!("is required, because {PUBLISHERS} has a {kind} entry");
            environment.reject(variable, rule);
        }
    }
}

/// Runs the validation once, with everything switched on, and names each problem by its variable.
fn check(environment: &mut Environment, document: &Value, has_email: bool) {
    // Any name will do: the validation does not look at it.
    let Some(tenant) = TenantName::new(DEFAULT_TENANT) else {
        return;
    };
    let mut document = document.clone();
    // Without a key analysis is off, and its settings would not be looked at.
    document["ai"]["credentials_ref"] = AI_REF.into();
    let has_mail_server = !document["email_server"].is_null();
    if !has_email
        && has_mail_server
        && let Some(entries) = document["publishers"].as_array_mut()
    {
        // Nobody else would look at the mail server: it is read for this platform only.
        let config = json!({"recipient": "nobody@localhost"});
        entries.push(json!({"type": "email", "config": config}));
    }
    let config = |document| {
        let version = ConfigVersion::new(VERSION);
        let ttl = ConfigTtl::from_seconds(None);
        TenantConfig::new(tenant.clone(), version, ttl, SchemaVersion::V2, document)
    };
    let mut problems = Vec::new();
    let mut validated = config(document.clone()).validate();
    if let Err(violations) = &validated {
        // The other blocks are only looked at when nothing is wrong with the storage.
        problems.extend_from_slice(violations.fields());
        document["storage"]["paths"] = json!({"root": "/"});
        validated = config(document).validate();
    }
    problems.extend(validated.iter().flat_map(TenantConfig::warnings).cloned());
    for problem in &problems {
        let (variable, field) = setting(problem);
        if problem.is_advice() {
            environment.warn(format!("{variable}{field}"), problem.rule());
            continue;
        }
        // Once a variable could not be read at all, everything seems to be missing from it.
        if !environment.has_problem(variable) {
            environment.reject(format!("{variable}{field}"), problem.rule());
        }
    }
}

/// The variable of a path of the document, and the field in it as the variable calls it.
fn setting(problem: &FieldProblem) -> (&str, String) {
    let path = problem.path();
    for (block, variable) in BLOCKS {
        let Some(field) = path.strip_prefix(block) else {
            continue;
        };
        if !field.is_empty() && !field.starts_with(['.', '[']) {
            continue;
        }
        let field = match variable {
            EMAIL_SERVER => EMAIL_FIELDS
                .iter()
                .find(|(_, name)| field.strip_prefix('.') == Some(name))
                .map_or_else(|| field.to_owned(), |(name, _)| format!(".{name}")),
            PUBLISHERS => field.replace(".config", ""),
            _ => field.to_owned(),
        };
        return (variable, field);
    }
    (path, String::new())
}
