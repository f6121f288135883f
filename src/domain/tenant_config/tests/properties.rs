//! What holds for any document at all. The seed is fixed, so that a run is like the one before;
//! the fuzz targets look further.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{Index, select},
    test_runner::RngSeed,
};

use super::*;

/// Stands wherever a test puts a secret.
const LEAK: &str = "leaked-8c1f";

/// Words of the contract: as values they say nothing of the tenant, and the rules name them.
const VOCABULARY: [&str; 9] = [
    "dropbox",
    "telegram",
    "fetlife",
    "subject",
    "normal",
    "private",
    "avatar",
    "gpt-4o",
    "gpt-4o-mini",
];

const KEYS: [&str; 53] = [
    "features",
    "publish_enabled",
    "analyze_caption_enabled",
    "keep_enabled",
    "storage",
    "provider",
    "credentials_ref",
    "paths",
    "root",
    "archive",
    "keep",
    "remove",
    "publishers",
    "id",
    "type",
    "enabled",
    "config",
    "channel_id",
    "recipient",
    "caption_target",
    "subject_mode",
    "email_server",
    "host",
    "from_email",
    "port",
    "use_tls",
    "username",
    "password_ref",
    "ai",
    "vision_model",
    "vision_max_dimension",
    "vision_detail",
    "captionfile",
    "confirmation",
    "confirmation_tags_count",
    "content",
    "debug",
    "voice_profile",
    "voice_profile_tags",
    "telegram",
    "vision_model_lifecycle",
    "severity",
    "shutdown_date",
    "auth",
    "allowed_emails",
    "platform_captions",
    "generic",
    "style",
    "guidance",
    "examples",
    "max_length",
    "api_key",
    "Access_Token",
];

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 600,
        rng_seed: RngSeed::Fixed(0x7e4a_11ce),
        ..ProptestConfig::default()
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&VOCABULARY[..]).prop_map(str::to_owned),
        select(vec![
            "",
            " ",
            "\0",
            "..",
            "/",
            "/../..",
            "a/../../b",
            "\u{202e}",
            "localhost",
            "a@b.c",
            "a@b\r\nBcc: c@d.e",
            "true",
            "null",
            "[::1]",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "[a-z/.@]{1,30}",
        Just("x".repeat(70_000)),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2_i64..70_000).prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(&KEYS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

/// JSON of any shape, with a liking for the names of the contract.
fn anything() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 40, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A change to one place of a document.
#[derive(Debug, Clone)]
enum Change {
    Set(Value),
    Delete,
    Bury(usize),
    AddField(String, Value),
    AddSecret(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let secrets = vec![
        "password",
        "Bot_Token",
        "client-secret",
        "OPENAI_API_KEY",
        "accessToken",
    ];
    prop_oneof![
        4 => leaf().prop_map(Change::Set),
        1 => anything().prop_map(Change::Set),
        2 => Just(Change::Delete),
        1 => (1_usize..120).prop_map(Change::Bury),
        1 => (any::<String>(), anything()).prop_map(|(key, value)| Change::AddField(key, value)),
        2 => select(secrets).prop_map(Change::AddSecret),
    ]
}

/// A document that validates, with up to eight changes somewhere.
fn mutated() -> impl Strategy<Value = Value> {
    vec((any::<Index>(), change()), 0..8).prop_map(|changes| {
        let mut document = rich();
        for (place, change) in changes {
            let mut places = Vec::new();
            list_places("", &document, &mut places);
            let pointer = place.get(&places);
            apply(&mut document, pointer, change);
        }
        document
    })
}

/// The full document with every optional field written out.
fn rich() -> Value {
    let config = unvalidated(SchemaVersion::V2, full())
        .validate(platforms::spec)
        .unwrap();
    config.effective_document().expose()
}

fn list_places(pointer: &str, value: &Value, places: &mut Vec<String>) {
    places.push(pointer.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                list_places(&format!("{pointer}/{}", escaped(key)), value, places);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                list_places(&format!("{pointer}/{index}"), value, places);
            }
        }
        _ => {}
    }
}

fn apply(document: &mut Value, pointer: &str, change: Change) {
    if let (Change::Delete, Some((parent, key))) = (&change, pointer.rsplit_once('/')) {
        match document.pointer_mut(parent).unwrap() {
            Value::Object(fields) => {
                fields.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
            Value::Array(items) => {
                items.remove(key.parse().unwrap());
            }
            _ => {}
        }
        return;
    }
    let place = document.pointer_mut(pointer).unwrap();
    match change {
        Change::Set(value) => *place = value,
        Change::Delete => *place = Value::Null,
        Change::Bury(depth) => {
            *place = (0..depth).fold(place.take(), |value, level| match level % 2 {
                0 => json!([value]),
                _ => json!({"below": value}),
            });
        }
        Change::AddField(key, value) => {
            if let Some(fields) = place.as_object_mut() {
                fields.insert(key, value);
            }
        }
        Change::AddSecret(key) => {
            if let Some(fields) = place.as_object_mut() {
                fields.insert(key.to_owned(), json!({"value": LEAK, "list": [LEAK]}));
            }
        }
    }
}

fn unvalidated(schema: SchemaVersion, document: Value) -> TenantConfig<Unvalidated> {
    TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        schema,
        document,
    )
}

/// The string values of a document that are long enough to be distinguished from the words of a
/// rule.
fn telling_values<'a>(document: &'a Value, found: &mut Vec<&'a str>) {
    match document {
        Value::String(text) if text.len() >= 6 && !VOCABULARY.contains(&text.as_str()) => {
            found.push(text);
        }
        Value::Array(items) => items.iter().for_each(|item| telling_values(item, found)),
        Value::Object(fields) => fields.values().for_each(|it| telling_values(it, found)),
        _ => {}
    }
}

/// Validates, and checks all that holds whatever comes out.
fn check(schema: SchemaVersion, document: &Value) -> Result<(), TestCaseError> {
    let taken_in = unvalidated(schema, document.clone());
    prop_assert!(!taken_in.state.document.to_string().contains(LEAK));
    let outcome = taken_in.validate(platforms::spec);
    let problems = match &outcome {
        Ok(config) => config.warnings(),
        Err(violations) => violations.fields(),
    };
    prop_assert!(outcome.is_ok() || !problems.is_empty());
    let mut values = Vec::new();
    telling_values(document, &mut values);
    for problem in problems {
        prop_assert!(!problem.path().is_empty() && !problem.rule().is_empty());
        let shown = format!("{problem} {problem:?}");
        let told = values.iter().find(|value| shown.contains(**value));
        prop_assert_eq!(told, None, "{}", shown);
    }
    let Ok(config) = outcome else { return Ok(()) };

    let effective = config.effective_document().expose();
    let again = unvalidated(SchemaVersion::V2, effective.clone()).validate(platforms::spec);
    let again = again.map_err(|violations| TestCaseError::fail(violations.to_string()))?;
    prop_assert_eq!(again.settings(), config.settings());
    prop_assert!(again.warnings().iter().all(FieldProblem::is_advice));
    prop_assert_eq!(again.effective_document().expose(), effective);
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_json_ends_in_settings_or_violations_that_tell_no_value(document in anything()) {
        check(SchemaVersion::V1, &document)?;
        check(SchemaVersion::V2, &document)?;
    }

    #[test]
    fn any_blocks_beside_the_required_ones_leave_the_tenant_served(
        blocks in btree_map(key(), anything(), 0..6)
    ) {
        let mut document = rich();
        for (name, block) in blocks {
            if !["features", "storage"].contains(&name.as_str()) {
                document[name] = block;
            }
        }
        prop_assert!(unvalidated(SchemaVersion::V2, document.clone()).validate(platforms::spec).is_ok());
        check(SchemaVersion::V2, &document)?;
    }

    #[test]
    fn a_good_document_with_any_changes_keeps_its_secrets_and_its_meaning(document in mutated()) {
        check(SchemaVersion::V1, &document)?;
        check(SchemaVersion::V2, &document)?;
    }
}

#[test]
fn an_effective_document_is_never_printed() {
    let config = unvalidated(SchemaVersion::V2, full())
        .validate(platforms::spec)
        .unwrap();
    let document = config.effective_document();
    assert_eq!(format!("{document:?}"), "EffectiveDocument(***)");
    assert_eq!(document.expose()["ai"]["credentials_ref"], "ref-ai");
}

#[test]
fn a_document_as_deep_as_a_parser_lets_through_is_validated() {
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let deep: Value = serde_json::from_str(&deep).unwrap();
    let (settings, _) = validate(SchemaVersion::V2, with("/from_the_future", deep)).unwrap();
    assert_eq!(settings, super::settings(full()));
}
