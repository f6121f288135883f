//! What the generator leaves out or gets wrong: the problems of each operation, explicit security
//! where there is none, the names of headers and media types, nullable fields.

mod schemas;

use serde_json::{Map, Value, json};

use crate::app::http::{
    analysis, config, curation, dto::problem::Problem, error::needs_retry_after, health, images,
    problem::ProblemKind, publications, publishing,
};
use poem::http::StatusCode;
use poem_openapi::{registry::Registry, types::Type as _};

/// The newest version of 3.0, of whose fields the generator uses none that 3.0.0 lacks.
const OPENAPI_VERSION: &str = "3.0.3";
const PROBLEM_JSON: &str = "application/problem+json";
const EXAMPLE_ID: &str = "7f9c24e8-3b1a-4a57-9d0e-2f6c1b8a5d43";

/// Amends a generated document.
pub(super) fn all(document: &mut Value) {
    document["openapi"] = OPENAPI_VERSION.into();
    add_problem_schemas(&mut document["components"]["schemas"]);
    schemas::amend(&mut document["components"]["schemas"]);
    // The bodies that are read, which take no other fields.
    for body in ["PublishRequest", "CurationRequest"] {
        document["components"]["schemas"][body]["additionalProperties"] = false.into();
    }
    for field in ["started_at", "ended_at"] {
        let publication = &mut document["components"]["schemas"]["Publication"];
        publication["properties"][field]["format"] = "date-time".into();
    }
    let schemas = document["components"]["schemas"].clone();
    for (path, operations) in entries(&mut document["paths"]) {
        let is_tenants = path.starts_with("/api/");
        for (_, operation) in entries(operations) {
            tidy_media_types(operation);
            schemas::tidy(operation);
            if operation.get("security").is_none() {
                operation["security"] = json!([]);
            }
            describe_successes(operation, &schemas);
            declare_problems(operation, is_tenants);
            declare_headers(operation);
            declare_filename_limits(operation);
        }
    }
    document["components"]["headers"] = shared_headers();
}

/// The entries of an object; none if it is no object.
fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// Media types without the parameter that JSON does not have.
fn tidy_media_types(value: &mut Value) {
    for (key, value) in entries(value) {
        if key == "content"
            && let Some(content) = value.as_object_mut()
            && let Some(json) = content.remove("application/json; charset=utf-8")
        {
            content.insert("application/json".to_owned(), json);
        }
        tidy_media_types(value);
    }
}

/// A response that has no description is described as what it holds.
fn describe_successes(operation: &mut Value, schemas: &Value) {
    for (_, response) in entries(&mut operation["responses"]) {
        if response["description"] == "" {
            let schema = response["content"]["application/json"]["schema"]["$ref"].as_str();
            let name = schema.and_then(|path| path.rsplit('/').next());
            response["description"] = schemas[name.unwrap_or_default()]["description"].clone();
        }
    }
}

fn declare_problems(operation: &mut Value, is_tenants: bool) {
    let mut kinds = own_problems(operation["operationId"].as_str().unwrap_or_default());
    if is_tenants {
        kinds.extend([
            ProblemKind::TenantNotFound,
            ProblemKind::TenantUnavailable,
            ProblemKind::Internal,
        ]);
    }
    if operation["security"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        kinds.extend([ProblemKind::Unauthorized, ProblemKind::AdminNotConfigured]);
    }
    if operation.get("requestBody").is_some() {
        kinds.extend([
            ProblemKind::PayloadTooLarge,
            ProblemKind::UnsupportedMediaType,
        ]);
    }
    kinds.sort_unstable();
    kinds.dedup();
    for same_status in kinds.chunk_by(|one, other| one.status() == other.status()) {
        if let Some(first) = same_status.first() {
            let status = first.status().as_str().to_owned();
            operation["responses"][status] = problem_response(first.status(), same_status);
        }
    }
}

/// What the resource itself says about an operation.
fn own_problems(operation_id: &str) -> Vec<ProblemKind> {
    own_problem_lists()
        .find(|(id, _)| *id == operation_id)
        .map(|(_, kinds)| kinds.to_vec())
        .unwrap_or_default()
}

/// What all resources say about their operations.
pub(super) fn own_problem_lists()
-> impl Iterator<Item = &'static (&'static str, &'static [ProblemKind])> {
    [
        health::PROBLEMS,
        config::PROBLEMS,
        images::PROBLEMS,
        publishing::PROBLEMS,
        curation::PROBLEMS,
        analysis::PROBLEMS,
        publications::PROBLEMS,
    ]
    .into_iter()
    .flatten()
}

fn problem_response(status: StatusCode, kinds: &[ProblemKind]) -> Value {
    let line = |kind: &ProblemKind| format!("`{}`: {}", kind.slug(), kind.meaning());
    let description: Vec<String> = kinds.iter().map(line).collect();
    let examples: Map<String, Value> = kinds
        .iter()
        .map(|kind| (kind.slug().to_owned(), json!({"value": example(*kind)})))
        .collect();
    let mut headers = Map::new();
    if needs_retry_after(status) {
        headers.insert("Retry-After".to_owned(), Value::Null);
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert("WWW-Authenticate".to_owned(), Value::Null);
    }
    json!({
        "description": description.join("\n\n"),
        "headers": headers,
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": examples,
            },
        },
    })
}

fn example(kind: ProblemKind) -> Value {
    let mut example = json!({
        "type": kind.uri(),
        "title": kind.title(),
        "status": kind.status().as_u16(),
        "detail": kind.meaning(),
        "request_id": EXAMPLE_ID,
    });
    if kind == ProblemKind::InvalidRequest {
        example["errors"] = json!([{"field": "limit", "message": "must be at least 1"}]);
    }
    example
}

/// Names headers as people write them and points to what is said of them once; declares the one
/// that every response has.
fn declare_headers(operation: &mut Value) {
    for (_, response) in entries(&mut operation["responses"]) {
        let declared = response["headers"].take();
        let mut names: Vec<String> = declared
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .map(|name| header_name(name).to_owned())
            .collect();
        names.push("X-Request-Id".to_owned());
        let reference = |name: String| {
            let target = format!("#/components/headers/{name}");
            (name, json!({"$ref": target}))
        };
        let headers: Map<String, Value> = names.into_iter().map(reference).collect();
        response["headers"] = headers.into();
    }
}

/// The generator writes them in capitals.
fn header_name(name: &str) -> &str {
    match name {
        "RETRY-AFTER" => "Retry-After",
        other => other,
    }
}

fn shared_headers() -> Value {
    json!({
        "Retry-After": {
            "description": "Seconds after which to try again.",
            "required": true,
            "schema": {"type": "integer", "format": "int32", "minimum": 1, "example": 5},
        },
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "required": true,
            "schema": {"type": "string", "example": "Bearer"},
        },
        "X-Request-Id": {
            "description": "The id of the request: the caller's, or a new one.",
            "required": true,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, "example": EXAMPLE_ID},
        },
    })
}

/// A handler checks file names together with the body, so that one answer names all that is bad;
/// limits that the generator knew would be checked before.
fn declare_filename_limits(operation: &mut Value) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter["name"] == "filename" {
            parameter["schema"]["minLength"] = 1.into();
            parameter["schema"]["maxLength"] = 255.into();
            parameter["example"] = "harbour.png".into();
        }
    }
}

/// The schemas of problems, which no operation mentions by itself.
fn add_problem_schemas(schemas: &mut Value) {
    let mut registry = Registry::new();
    Problem::register(&mut registry);
    for (name, schema) in registry.schemas {
        schemas[name] = serde_json::to_value(&schema).unwrap_or_default();
    }
    schemas["Problem"]["properties"]["type"]["format"] = "uri-reference".into();
}
