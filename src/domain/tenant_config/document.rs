//! The config document as a whole: its schema versions, its blocks, and the rules across blocks.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    blocks, people, platform_captions, platforms, settings::TenantSettings, violations::Violations,
};
use crate::domain::{
    caption_style::StyleOverrides,
    config_block::{Block, FieldProblem},
    platform_spec::{PlatformSpecs, TenantPlatforms},
    storage::AllowedStorage,
};

/// Which blocks a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaVersion {
    /// `features` and `storage` only; everything else at its default, AI and platforms off.
    V1,
    /// All blocks.
    V2,
}

impl SchemaVersion {
    /// Reads the number that a source sent: absent is 1, anything above 2 is read as 2.
    #[must_use]
    pub fn from_number(number: Option<i64>) -> Self {
        if number.unwrap_or(1) <= 1 {
            Self::V1
        } else {
            Self::V2
        }
    }
}

/// Removes every field that looks like a secret, and names each by its path.
pub(super) fn drop_secrets(document: &mut Value) -> Vec<FieldProblem> {
    let mut dropped = Vec::new();
    drop_secrets_below("", document, &mut dropped);
    dropped
}

fn drop_secrets_below(path: &str, value: &mut Value, dropped: &mut Vec<FieldProblem>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| {
                let keep = !looks_like_secret(key);
                if !keep {
                    let path = join(path, key);
                    dropped.push(FieldProblem::new(
                        path,
                        "looks like a secret and was dropped",
                    ));
                }
                keep
            });
            for (key, value) in fields.iter_mut().filter(|(_, value)| is_nested(value)) {
                drop_secrets_below(&join(path, key), value, dropped);
            }
        }
        Value::Array(items) => {
            for (index, value) in items
                .iter_mut()
                .enumerate()
                .filter(|(_, item)| is_nested(item))
            {
                drop_secrets_below(&format!("{path}[{index}]"), value, dropped);
            }
        }
        _ => {}
    }
}

fn is_nested(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn looks_like_secret(key: &str) -> bool {
    const ENDINGS: [&str; 4] = ["password", "token", "secret", "api_key"];
    let key = key.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// Reads the whole document. Bad fields of optional blocks end as `warnings`, with what they
/// belong to switched off; bad fields of `features` and `storage` are the error.
pub(super) fn read(
    schema: SchemaVersion,
    document: &Value,
    allowed: AllowedStorage,
    specs: PlatformSpecs,
    warnings: &mut Vec<FieldProblem>,
) -> Result<TenantSettings, Violations> {
    let root = Block::required("", Some(document));
    let optional = |key: &str| match schema {
        SchemaVersion::V1 => Block::new(key, None),
        SchemaVersion::V2 => root.child(key),
    };
    let content = blocks::content(optional("content"), warnings);
    let features = Block::required("features", root.field("features"));
    let storage = Block::required("storage", root.field("storage"));
    let (mut features, storage) = match (
        blocks::features(features),
        blocks::storage(storage, allowed),
    ) {
        (Ok(features), Ok(storage)) => (features, storage),
        (features, storage) => {
            let (storage, wrong) = match storage {
                Ok(storage) => (Some(Box::new(storage)), Vec::new()),
                Err(problems) => (None, problems),
            };
            let fields = features.err().into_iter().flatten().chain(wrong).collect();
            return Err(Violations { fields, storage });
        }
    };
    let ai_block = optional("ai");
    let sidecar = blocks::sidecar(optional("captionfile"));
    let confirmation = blocks::confirmation(optional("confirmation"));

    let ai = blocks::ai(ai_block, warnings).filter(|_| features.analyze_caption_enabled);
    features.analyze_caption_enabled = ai.is_some();
    let mut on = match schema {
        SchemaVersion::V1 => BTreeMap::new(),
        SchemaVersion::V2 => platforms::read(&root, specs, warnings),
    };
    let styles = match schema {
        SchemaVersion::V1 => StyleOverrides::default(),
        SchemaVersion::V2 => platform_captions::read(&root, warnings),
    };
    let people = match schema {
        SchemaVersion::V1 => people::People::Unset,
        SchemaVersion::V2 => people::read(&root, warnings),
    };
    if !features.publish_enabled {
        on.clear();
    }
    Ok(TenantSettings {
        features,
        storage,
        platforms: TenantPlatforms::new(specs, on, styles),
        ai: ai.map(Arc::new),
        sidecar: or_default(sidecar, warnings),
        confirmation: or_default(confirmation, warnings),
        content,
        people,
    })
}

fn or_default<T: Default>(
    block: Result<T, Vec<FieldProblem>>,
    warnings: &mut Vec<FieldProblem>,
) -> T {
    block.unwrap_or_else(|problems| {
        warnings.extend(problems);
        T::default()
    })
}
