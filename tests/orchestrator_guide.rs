//! The examples of `docs/orchestrator.md`, held against the rules that it explains.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use publisher::{
    adapters::platforms,
    domain::{
        platform::Platform,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig},
    },
};
use serde_json::Value;

const GUIDE: &str = include_str!("../docs/orchestrator.md");

#[test]
fn the_example_of_a_config_validates_without_a_warning_and_has_everything_on() {
    let answer = json_block("### Whose host is it?");
    assert_eq!(answer["app_type"], "publisher_v2");
    let config = TenantConfig::new(
        TenantName::new(answer["tenant"].as_str().unwrap()).unwrap(),
        ConfigVersion::new(answer["config_version"].as_str().unwrap()),
        ConfigTtl::from_seconds(answer["ttl_seconds"].as_i64()),
        SchemaVersion::from_number(answer["schema_version"].as_i64()),
        answer["config"].clone(),
    );
    let config = config.validate(platforms::spec).unwrap();
    assert_eq!(config.warnings(), []);
    let settings = config.settings();
    assert!(Platform::ALL.into_iter().all(|it| settings.has(it)) && settings.ai.is_some());
    let sent = answer["ttl_seconds"].as_u64().unwrap();
    assert_eq!(config.ttl().as_duration().as_secs(), sent);
}

#[test]
fn the_example_of_a_credential_has_the_fields_that_its_table_names() {
    let answer = json_block("### What is the secret behind a reference?");
    assert_eq!(answer["provider"], "dropbox");
    assert!(answer["refresh_token"].is_string() && answer["version"].is_string());
}

#[test]
fn every_field_of_the_config_in_effect_stands_in_the_guide() {
    let answer = json_block("### Whose host is it?");
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("v1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        answer["config"].clone(),
    );
    let document = config
        .validate(platforms::spec)
        .unwrap()
        .effective_document()
        .expose();
    let (_, fields) = GUIDE
        .split_once("## The runtime config, field by field")
        .unwrap();
    let mut names = Vec::new();
    list_names(&document, &mut names);
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        assert!(fields.contains(name), "{name}");
    }
}

/// The first whole JSON document that stands in a code block below a heading.
fn json_block(heading: &str) -> Value {
    let (_, below) = GUIDE.split_once(&format!("\n{heading}\n")).unwrap();
    let mut blocks = below.split("```json\n").skip(1);
    let first = blocks.find_map(|block| {
        let (text, _) = block.split_once("```")?;
        serde_json::from_str(text).ok()
    });
    first.unwrap_or_else(|| panic!("no JSON below {heading}"))
}

fn list_names<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name);
                list_names(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| list_names(item, names)),
        _ => {}
    }
}
