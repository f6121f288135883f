//! The runtime config document of the standalone tenant, and the way back from its field paths
//! to variables.

use serde_json::{Value, json};

use super::{
    AllSecrets, DEFAULT_TENANT, VERSION,
    fields::{CONTENT_SETTINGS, Fields, OPENAI_SETTINGS, known_fields},
    people::{self, ADMIN_LOGIN_EMAILS},
    publishers::{self, PUBLISHERS, Publishers},
    reference,
};
use crate::{
    adapters::env::Environment,
    domain::{
        credential::Provider,
        platform_spec::{BlockField, PlatformSpec, PlatformSpecs},
        storage::{AllowedStorage, StorageKind},
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{FieldProblem, SchemaVersion, TenantConfig},
    },
};

const STORAGE_PATHS: &str = "STORAGE_PATHS";
const CAPTIONFILE_SETTINGS: &str = "CAPTIONFILE_SETTINGS";
const CONFIRMATION_SETTINGS: &str = "CONFIRMATION_SETTINGS";
const PLATFORM_CAPTIONS: &str = "PLATFORM_CAPTIONS";

/// Which block of the document each variable fills, beside those of platforms.
const BLOCKS: [(&str, &str); 8] = [
    ("storage.paths", STORAGE_PATHS),
    ("publishers", PUBLISHERS),
    ("ai", OPENAI_SETTINGS),
    ("captionfile", CAPTIONFILE_SETTINGS),
    ("confirmation", CONFIRMATION_SETTINGS),
    ("content", CONTENT_SETTINGS),
    ("platform_captions", PLATFORM_CAPTIONS),
    ("auth", ADMIN_LOGIN_EMAILS),
];

const AI_FIELDS: [&str; 16] = [
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
    "vision_model_lifecycle",
    "caption_model_lifecycle",
];
const CONTENT_FIELDS: [&str; 6] = [
    "hashtag_string",
    "archive",
    "debug",
    "voice_profile",
    "voice_profile_tags",
    "strip_metadata",
];

/// Reads the document and notes everything that is wrong with it.
///
/// `problems_before` is how many problems there were before the tenant's own.
pub(super) fn read(
    environment: &mut Environment,
    platforms: PlatformSpecs,
    storage: StorageKind,
    secrets: &AllSecrets,
    problems_before: usize,
) -> Value {
    let publishers = publishers::read(environment, platforms);
    let block_of = |spec: &'static PlatformSpec| {
        let block = publishers::block(environment, spec)?;
        Some((spec.block?.name.to_owned(), block.into()))
    };
    let blocks: Fields = publishers.specs().filter_map(block_of).collect();
    publishers.require(environment, &blocks, secrets);
    publishers.warn_of_what_none_needs(environment);
    let features = features(environment);
    let mut ai = block(environment, OPENAI_SETTINGS, &AI_FIELDS);
    if secrets.has(Provider::OPENAI) {
        ai.insert(
            "credentials_ref".to_owned(),
            reference(Provider::OPENAI).into(),
        );
    }
    let mut document = json!({
        "features": features,
        "storage": {
            "provider": storage.as_str(),
            "credentials_ref": storage.provider().map(reference),
            "paths": storage_paths(environment),
        },
        "publishers": publishers.entries,
        "auth": people::block(environment, &publishers),
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
        "content": block(environment, CONTENT_SETTINGS, &CONTENT_FIELDS),
        "platform_captions": environment.json_object(PLATFORM_CAPTIONS),
    });
    for (name, block) in blocks {
        document[name] = block;
    }
    if !has_openai_key(environment) && environment.is_set(OPENAI_SETTINGS) {
        environment.warn(OPENAI_SETTINGS, "has no effect without OPENAI_API_KEY");
    }
    check(environment, &document, &publishers);
    excuse_what_has_no_effect(environment, &document, &publishers, problems_before);
    document
}

/// Is one set, be it good or bad?
fn has_openai_key(environment: &Environment) -> bool {
    environment.is_set("OPENAI_API_KEY") || environment.is_set("OPENAI_API_KEY_FILE")
}

/// A problem with a setting that has no effect beside the others only causes a warning.
fn excuse_what_has_no_effect(
    environment: &mut Environment,
    document: &Value,
    publishers: &Publishers,
    problems_before: usize,
) {
    let is_on = |feature: &str| document["features"][feature] == true;
    let is_publishing = is_on("publish_enabled");
    let is_known = publishers.is_known;
    let has_ai = is_on("analyze_caption_enabled") && has_openai_key(environment);
    let with_files = |variables: &[&'static str]| {
        let files = variables.iter().map(|it| format!("{it}_FILE"));
        let variables = variables.iter().map(|it| (*it).to_owned());
        variables.chain(files).collect::<Vec<_>>()
    };
    let mut groups = vec![
        (is_publishing, vec![PUBLISHERS.to_owned()]),
        (has_ai, with_files(&[OPENAI_SETTINGS, "OPENAI_API_KEY"])),
    ];
    for spec in publishers.specs() {
        let has_effect = is_publishing && (publishers.has(spec) || !is_known);
        let more = spec.block.iter().flat_map(|it| it.settings).copied();
        let variables: Vec<_> = publishers::variables(spec).chain(more).collect();
        groups.push((has_effect, with_files(&variables)));
    }
    for (has_effect, variables) in groups {
        if !has_effect {
            environment.excuse_problems(problems_before, &variables);
        }
    }
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
        "smart_hashtags_enabled": environment.boolean("FEATURE_SMART_HASHTAGS", true),
        "library_enabled": environment.boolean("FEATURE_LIBRARY", true),
    })
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

/// Runs the validation once, with everything switched on, and names each problem by its variable.
fn check(environment: &mut Environment, document: &Value, publishers: &Publishers) {
    // Any name will do: the validation does not look at it.
    let Some(tenant) = TenantName::new(DEFAULT_TENANT) else {
        return;
    };
    let mut document = document.clone();
    // Without a key analysis is off, and its settings would not be looked at.
    document["ai"]["credentials_ref"] = reference(Provider::OPENAI).into();
    for spec in publishers.specs().filter(|spec| !publishers.has(spec)) {
        // Nothing else would look at the block: it is read for this platform only.
        if let Some(block) = spec.block.filter(|block| !document[block.name].is_null())
            && let Some(entries) = document["publishers"].as_array_mut()
            && let Ok(config) = serde_json::from_str::<Value>(block.sample)
        {
            entries.push(json!({"type": spec.types.first(), "config": config}));
        }
    }
    let config = |document| {
        let version = ConfigVersion::new(VERSION);
        let ttl = ConfigTtl::from_seconds(None);
        TenantConfig::new(tenant.clone(), version, ttl, SchemaVersion::V2, document)
            .allowing(AllowedStorage::Any)
    };
    let mut problems = Vec::new();
    let mut validated = config(document.clone()).validate(publishers.specs);
    if let Err(violations) = &validated {
        // The other blocks are only looked at when nothing is wrong with the storage.
        problems.extend_from_slice(violations.fields());
        document["storage"]["paths"] = json!({"root": "/"});
        validated = config(document).validate(publishers.specs);
    }
    problems.extend(validated.iter().flat_map(TenantConfig::warnings).cloned());
    for problem in &problems {
        let (variable, field) = setting(problem, publishers);
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
fn setting<'a>(problem: &'a FieldProblem, publishers: &Publishers) -> (&'a str, String) {
    let path = problem.path();
    let of_platforms = publishers.specs().filter_map(|spec| spec.block);
    let of_platforms = of_platforms.map(|block| (block.name, block.variable, block.fields));
    let others = BLOCKS.map(|(block, variable)| (block, variable, &[][..]));
    for (block, variable, fields) in others.into_iter().chain(of_platforms) {
        let Some(field) = path.strip_prefix(block) else {
            continue;
        };
        if !field.is_empty() && !field.starts_with(['.', '[']) {
            continue;
        }
        let of_block = |it: &&BlockField| field.strip_prefix('.') == Some(it.document_name);
        let field = match fields.iter().find(of_block) {
            Some(named) => format!(".{}", named.name),
            None if variable == PUBLISHERS => field.replace(".config", ""),
            None if variable == ADMIN_LOGIN_EMAILS => people::place(field),
            None => field.to_owned(),
        };
        return (variable, field);
    }
    (path, String::new())
}
