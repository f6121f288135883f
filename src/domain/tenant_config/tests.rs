//! The rules of the runtime config, row by row.

mod off;
mod orchestrators;
mod pasted;
mod paths;
mod people;
mod platform_captions;
mod properties;
mod rows;
mod tenant;
mod values;
mod voice;

use serde_json::{Value, json};

use super::*;
use crate::{
    adapters::platforms,
    domain::{platform::Platform, voice::VoiceProfile},
};

/// A document in which every block is there and good.
fn full() -> Value {
    json!({
        "features": {"publish_enabled": true, "analyze_caption_enabled": true},
        "storage": {
            "provider": "dropbox",
            "credentials_ref": "ref-storage",
            "paths": {"root": "/images"},
        },
        "publishers": [
            {"id": "a", "type": "telegram", "credentials_ref": "ref-telegram",
             "config": {"channel_id": "@channel"}},
            {"id": "b", "type": "fetlife", "credentials_ref": null,
             "config": {"recipient": "up@example.org"}},
        ],
        "email_server": {
            "host": "mail.example.org",
            "from_email": "me@example.org",
            "password_ref": "ref-smtp",
        },
        "ai": {"credentials_ref": "ref-ai"},
        "captionfile": {},
        "confirmation": {},
        "content": {},
    })
}

/// The full document with one field, named by its JSON pointer, set to a value.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = full();
    set(&mut document, pointer, value);
    document
}

/// The full document without one field.
fn without(pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut document = full();
    let parent = document.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().remove(key).unwrap();
    document
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        other => panic!("{pointer} leads into {other}"),
    }
}

fn validate(
    schema: SchemaVersion,
    document: Value,
) -> Result<(TenantSettings, Vec<String>), Vec<String>> {
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        schema,
        document,
    );
    let paths = |problems: &[FieldProblem]| -> Vec<String> {
        problems.iter().map(|p| p.path().to_owned()).collect()
    };
    match config.validate(platforms::spec) {
        Ok(config) => Ok((config.settings().clone(), paths(config.warnings()))),
        Err(violations) => Err(paths(violations.fields())),
    }
}

/// The settings of a document that must be fine and without warnings.
fn settings(document: Value) -> TenantSettings {
    let (settings, warnings) = validate(SchemaVersion::V2, document).unwrap();
    assert_eq!(warnings, [""; 0]);
    settings
}

/// Whether Telegram and e-mail are on.
fn on_platforms(settings: &TenantSettings) -> [bool; 2] {
    [Platform::Telegram, Platform::Email].map(|platform| settings.has(platform))
}

/// What is in effect of a platform that is on: the `config` of its entry.
fn target(settings: &TenantSettings, platform: Platform) -> Value {
    settings.platforms.target(platform).unwrap().config()
}

/// The mail server that is in effect.
fn server(settings: &TenantSettings) -> Value {
    let email = settings.platforms.target(Platform::Email);
    email.unwrap().block().unwrap()
}
