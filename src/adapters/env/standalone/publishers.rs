//! The publishers of the standalone tenant, and the blocks that platforms read beside them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    AllSecrets,
    fields::{Fields, known_fields, meant},
    reference,
};
use crate::{
    adapters::env::Environment,
    domain::{
        platform::Platform,
        platform_spec::{PlatformSpec, PlatformSpecs, SharedBlock},
    },
};

pub(super) const PUBLISHERS: &str = "PUBLISHERS";

/// The entries of the document as far as they could be read, and the platforms among them that are
/// on.
pub(super) struct Publishers {
    pub(super) specs: PlatformSpecs,
    pub(super) entries: Vec<Value>,
    /// Whether all of it could be read, so that what is not there is known not to be there.
    pub(super) is_known: bool,
    on: BTreeSet<Platform>,
}

/// Reads `PUBLISHERS`.
pub(super) fn read(environment: &mut Environment, specs: PlatformSpecs) -> Publishers {
    let problems_before = environment.problem_count();
    let mut publishers = Publishers {
        specs,
        entries: Vec::new(),
        is_known: false,
        on: BTreeSet::new(),
    };
    let entries = match environment.json(PUBLISHERS) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            environment.reject(PUBLISHERS, "must be a JSON array");
            Vec::new()
        }
    };
    for (index, entry) in entries.into_iter().enumerate() {
        // A bad or ignored entry is replaced by one that is off, so that the others keep their
        // places.
        let entry = publisher(environment, index, entry, &mut publishers);
        publishers
            .entries
            .push(entry.unwrap_or(json!({"enabled": false})));
    }
    publishers.is_known = environment.problem_count() == problems_before;
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
        let names: Vec<_> = seen.specs().map(|it| named(it.types)).collect();
        let rule = format!("must be {}", names.join(" or "));
        environment.reject(format!("{place}.type"), rule);
        return None;
    };
    let Some(spec) = seen.specs().find(|spec| spec.types.contains(&kind)) else {
        let types: Vec<_> = seen.specs().flat_map(|it| it.types).copied().collect();
        warn_of_type(environment, &place, kind, &types);
        return None;
    };
    if !is_on {
        environment.warn(format!("{place}.enabled"), "is false: the entry is ignored");
        return None;
    }
    if !seen.on.insert(spec.platform) {
        environment.reject(format!("{place}.type"), "must not be there twice");
    }
    take_secrets(environment, &place, &mut fields, spec);
    let config = known_fields(environment, &place, fields, spec.fields);
    // If the platform has a block, the reference is in the block.
    let reference = spec.block.is_none().then(|| reference(spec.provider));
    Some(json!({"type": kind, "credentials_ref": reference, "config": config}))
}

/// Takes out what belongs to the credential, and names the variable of each.
fn take_secrets(
    environment: &mut Environment,
    place: &str,
    fields: &mut Fields,
    spec: &PlatformSpec,
) {
    let secrets = spec.provider.fields().iter();
    for secret in secrets.filter(|it| !spec.fields.contains(&it.name)) {
        if fields.remove(secret.name).is_some() {
            let rule = format!(
                "is of the credential, and ignored here: set {}",
                secret.variable
            );
            environment.warn(format!("{place}.{}", secret.name), rule);
        }
    }
}

/// A type, with those that are the same.
fn named(types: &[&str]) -> String {
    match types {
        [name] => format!("`{name}`"),
        [name, others @ ..] => {
            format!("`{name}` (or `{}`, which is the same)", others.join("`, `"))
        }
        [] => String::new(),
    }
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
fn warn_of_type(environment: &mut Environment, place: &str, kind: &str, types: &[&str]) {
    let rule = match meant(kind, types) {
        _ if kind == "instagram" => "is reserved, and ignored until it is served".to_owned(),
        Some(near) => format!(
            "is of no platform that is served, and the entry is ignored: did you mean `{near}`?"
        ),
        None => "is of no platform that is served, and the entry is ignored".to_owned(),
    };
    environment.warn(format!("{place}.type"), rule);
}

/// The block of a platform as the document has it.
pub(super) fn block(environment: &mut Environment, spec: &PlatformSpec) -> Option<Fields> {
    let block = spec.block?;
    let mut fields = environment.json_object(block.variable)?;
    take_other_names(environment, block, &mut fields);
    let known: Vec<_> = block.fields.iter().map(|it| it.name).collect();
    let mut fields = known_fields(environment, block.variable, fields, &known);
    let mut document = Fields::new();
    for field in block.fields {
        let value = fields.remove(field.name).filter(|value| !value.is_null());
        let value = value.or_else(|| field.default.map(Value::from));
        document.extend(value.map(|value| (field.document_name.to_owned(), value)));
    }
    let reference = reference(spec.provider);
    document.insert(block.reference.to_owned(), reference.into());
    Some(document)
}

fn take_other_names(environment: &mut Environment, block: &SharedBlock, fields: &mut Fields) {
    let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    for field in block.fields {
        let other = field
            .other_name
            .and_then(|name| Some((name, fields.remove(name)?)));
        let Some((other_name, value)) = other.filter(|(_, value)| !value.is_null()) else {
            continue;
        };
        let place = format!("{}.{other_name}", block.variable);
        match fields.get(field.name) {
            Some(own) if !own.is_null() && !is_blank(own) => {
                environment.warn(place, format!("has no effect beside `{}`", field.name));
            }
            _ => {
                fields.insert(field.name.to_owned(), value);
                let rule = format!("is taken for `{}`: use that name", field.name);
                environment.warn(place, rule);
            }
        }
    }
}

impl Publishers {
    pub(super) fn specs(&self) -> impl Iterator<Item = &'static PlatformSpec> + use<> {
        Platform::ALL.into_iter().map(self.specs)
    }

    /// Is there an entry of the platform that is on?
    pub(super) fn has(&self, spec: &PlatformSpec) -> bool {
        self.on.contains(&spec.platform)
    }

    /// Warns of settings for a platform that has no entry. If an entry could not be read, its platform is not known.
    pub(super) fn warn_of_what_none_needs(&self, environment: &mut Environment) {
        if !self.is_known {
            return;
        }
        for spec in self.specs().filter(|spec| !self.has(spec)) {
            for variable in variables(spec) {
                for variable in [variable.to_owned(), format!("{variable}_FILE")] {
                    if environment.is_set(&variable) {
                        let platform = spec.platform;
                        let rule = format!("has no effect: {PUBLISHERS} has no {platform} entry");
                        environment.warn(variable, rule);
                    }
                }
            }
        }
    }

    /// Notes what is missing for the platforms that there are entries for.
    pub(super) fn require(
        &self,
        environment: &mut Environment,
        blocks: &Fields,
        secrets: &AllSecrets,
    ) {
        for spec in self.specs().filter(|spec| self.has(spec)) {
            let fields = spec.provider.fields().iter();
            let fields = fields.filter(|field| secrets.of(field).is_none());
            let block = spec.block.filter(|block| !blocks.contains_key(block.name));
            let missing = fields
                .map(|it| it.variable)
                .chain(block.map(|it| it.variable));
            for variable in missing {
                let is_told = environment.has_problem(variable)
                    || environment.has_problem(&format!("{variable}_FILE"));
                if !is_told {
                    let name = spec.platform.as_str();
                    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
                        "an"
                    } else {
                        "a"
                    };
                    let rule =
                        format!("is required, because {PUBLISHERS} has {article} {name} entry");
                    environment.reject(variable, rule);
                }
            }
        }
    }
}

/// The variables that a platform needs beside its entry.
pub(super) fn variables(spec: &PlatformSpec) -> impl Iterator<Item = &'static str> + use<> {
    let secrets = spec.provider.fields().iter().map(|it| it.variable);
    secrets.chain(spec.block.map(|it| it.variable))
}
