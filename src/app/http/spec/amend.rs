//! The parts of the spec that the generator leaves out or gets wrong: problems, headers, limits, examples, explicit
//! security where there is none, the names of media types, nullable fields.
//!
//! | file | adds |
//! | --- | --- |
//! | `schemas` | schemas in the form that generators of clients read well |
//! | `fields` | formats and limits of fields |
//! | `parameters` | formats, limits and examples of parameters |
//! | `problems` | the problems of each operation |
//! | `headers` | the headers of each response |
//! | `examples` | requests and answers |

mod examples;
mod fields;
mod headers;
mod parameters;
pub(super) mod problems;
mod schemas;

use serde_json::{Value, json};

/// The newest version of 3.0. The generator uses only fields that 3.0.0 has, too.
const OPENAPI_VERSION: &str = "3.0.3";
const JSON: &str = "application/json";
const EXAMPLE_ID: &str = "7f9c24e8-3b1a-4a57-9d0e-2f6c1b8a5d43";
const EXAMPLE_TAG: &str =
    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855-w960h640\"";

/// The tags in the order of the spec: what most readers look for comes first.
pub(super) const TAGS: [&str; 8] = [
    "Images",
    "Library",
    "Publications",
    "Jobs",
    "Config",
    "Admin",
    "Problems",
    "Health",
];

/// Amends a generated document.
pub(super) fn all(document: &mut Value) {
    document["openapi"] = OPENAPI_VERSION.into();
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(|tag| TAGS.iter().position(|name| tag["name"] == *name));
    }
    let bodies = body_schemas(document);
    let schemas = &mut document["components"]["schemas"];
    problems::add_schemas(schemas);
    schemas::amend(schemas, &bodies);
    let inlined = schemas::inline_nullable_enums(schemas);
    fields::limit(schemas);
    examples::complete(schemas);
    let schemas = schemas.clone();
    for (path, operations) in entries(&mut document["paths"]) {
        let is_tenants = path.starts_with("/api/") || path.starts_with("/auth/");
        for (method, operation) in entries(operations) {
            tidy_media_types(operation);
            schemas::tidy(operation);
            if operation.get("security").is_none() {
                operation["security"] = json!([]);
            }
            describe_successes(operation, &schemas);
            problems::declare(operation, is_tenants, method != "get");
            require_body(operation, &schemas);
            headers::declare(operation);
            parameters::describe(operation);
            examples::add(operation, &schemas);
        }
    }
    document["components"]["headers"] = headers::shared();
    document["components"]["parameters"] = parameters::shared();
    drop_unused(document, &inlined);
}

/// Drops the named schemas that have no reference to them.
fn drop_unused(document: &mut Value, names: &[String]) {
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object_mut();
    if let Some(schemas) = schemas {
        schemas.retain(|name, _| {
            let is_used = text.contains(&format!("\"{}{name}\"", schemas::REFERENCE));
            is_used || !names.contains(name)
        });
    }
}

/// Removes the examples of optional parameters: the page that tries requests would fill them in and send them.
pub(super) fn for_trying(document: &mut Value) {
    for (_, operations) in entries(&mut document["paths"]) {
        for (_, operation) in entries(operations) {
            parameters::drop_optional_examples(operation);
        }
    }
    for (_, parameter) in entries(&mut document["components"]["parameters"]) {
        parameters::drop_example(parameter);
    }
}

/// The entries of an object; none for other values.
fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// Removes the parameter `charset` from media types: JSON has none, and a page's is of no use to readers.
fn tidy_media_types(value: &mut Value) {
    for (key, value) in entries(value) {
        for media_type in [JSON, "text/html"] {
            if key == "content"
                && let Some(content) = value.as_object_mut()
                && let Some(media) = content.remove(&format!("{media_type}; charset=utf-8"))
            {
                content.insert(media_type.to_owned(), media);
            }
        }
        tidy_media_types(value);
    }
}

/// The names of the schemas of all requests' bodies.
fn body_schemas(document: &mut Value) -> Vec<String> {
    let operations =
        entries(&mut document["paths"]).flat_map(|(_, operations)| entries(operations));
    operations
        .filter_map(|(_, operation)| Some(body_schema(operation)?.to_owned()))
        .collect()
}

/// The name of the schema of an operation's body.
fn body_schema(operation: &Value) -> Option<&str> {
    let content = operation.pointer("/requestBody/content")?.as_object()?;
    Some(schema_name(&content.values().next()?["schema"]))
}

/// The name of the schema that a reference leads to; empty if it is none.
fn schema_name(schema: &Value) -> &str {
    let reference = schema["$ref"].as_str();
    let name = reference.and_then(|it| it.strip_prefix(schemas::REFERENCE));
    name.unwrap_or_default()
}

/// Makes a body required that has a required field.
fn require_body(operation: &mut Value, schemas: &Value) {
    let name = body_schema(operation).unwrap_or_default();
    let has_required = schemas[name]["required"]
        .as_array()
        .is_some_and(|fields| !fields.is_empty());
    if has_required {
        operation["requestBody"]["required"] = true.into();
    }
}

/// Gives a response without a description that of its schema.
fn describe_successes(operation: &mut Value, schemas: &Value) {
    for (_, response) in entries(&mut operation["responses"]) {
        if response["description"] == "" {
            let name = schema_name(&response["content"][JSON]["schema"]);
            response["description"] = schemas[name]["description"].clone();
        }
    }
}
