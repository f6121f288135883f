//! Which problems each operation answers with: what its resource says, and what comes with tenants,
//! security, file names and bodies.

use poem::http::StatusCode;
use poem_openapi::{registry::Registry, types::Type as _};
use serde_json::{Map, Value, json};

use super::{EXAMPLE_ID, body_schema};
use crate::app::http::{
    admin, analysis, config, curation, dto::problem::Problem, error::needs_retry_after, health,
    images, middleware::head_check, problem::ProblemKind, problem_pages, publications, publishing,
};

const PROBLEM_JSON: &str = "application/problem+json";

/// Adds the schemas of problems, which no operation mentions by itself.
pub(super) fn add_schemas(schemas: &mut Value) {
    let mut registry = Registry::new();
    Problem::register(&mut registry);
    for (name, schema) in registry.schemas {
        schemas[name] = serde_json::to_value(&schema).unwrap_or_default();
    }
}

/// Declares the problems of an operation.
pub(super) fn declare(operation: &mut Value, is_tenants: bool, is_write: bool) {
    let kinds = kinds_of(operation, is_tenants, is_write);
    for same_status in kinds.chunk_by(|one, other| one.status() == other.status()) {
        if let Some(first) = same_status.first() {
            let response = problem_response(first.status(), same_status, operation);
            operation["responses"][first.status().as_str()] = response;
        }
    }
}

fn kinds_of(operation: &Value, is_tenants: bool, is_write: bool) -> Vec<ProblemKind> {
    let mut kinds = own_problems(operation["operationId"].as_str().unwrap_or_default());
    // Of a target that names another host than `Host` does, whatever it asks for.
    kinds.extend([ProblemKind::InvalidRequest, ProblemKind::HeadersTooLarge]);
    // Probes are answered however much there is to do.
    if operation["tags"][0] != "Health" {
        kinds.push(ProblemKind::Overloaded);
    }
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
        kinds.extend([
            ProblemKind::Unauthorized,
            ProblemKind::RateLimited,
            ProblemKind::AdminNotConfigured,
        ]);
        kinds.extend(is_write.then_some(ProblemKind::Forbidden));
    }
    if has_parameter(operation, "filename", "path") {
        kinds.push(ProblemKind::ImageNotFound);
    }
    if operation.get("requestBody").is_some() {
        kinds.extend([
            ProblemKind::RequestTimeout,
            ProblemKind::PayloadTooLarge,
            ProblemKind::UnsupportedMediaType,
        ]);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn has_parameter(operation: &Value, name: &str, place: &str) -> bool {
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.any(|parameter| parameter["name"] == name && parameter["in"] == place)
}

/// What the resource itself says about an operation.
fn own_problems(operation_id: &str) -> Vec<ProblemKind> {
    own_problem_lists()
        .find(|(id, _)| *id == operation_id)
        .map(|(_, kinds)| kinds.to_vec())
        .unwrap_or_default()
}

/// What all resources say about their operations.
pub(in crate::app::http::spec) fn own_problem_lists()
-> impl Iterator<Item = &'static (&'static str, &'static [ProblemKind])> {
    [
        health::PROBLEMS,
        problem_pages::PROBLEMS,
        config::PROBLEMS,
        admin::PROBLEMS,
        images::PROBLEMS,
        publishing::PROBLEMS,
        curation::PROBLEMS,
        analysis::PROBLEMS,
        publications::PROBLEMS,
    ]
    .into_iter()
    .flatten()
}

fn problem_response(status: StatusCode, kinds: &[ProblemKind], operation: &Value) -> Value {
    let line = |kind: &ProblemKind| format!("`{}`: {}", kind.slug(), kind.meaning());
    let description: Vec<String> = kinds.iter().map(line).collect();
    let examples: Map<String, Value> = kinds
        .iter()
        .map(|kind| {
            let example = json!({"summary": kind.title(), "value": example(*kind, operation)});
            (kind.slug().to_owned(), example)
        })
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

fn example(kind: ProblemKind, operation: &Value) -> Value {
    let mut example = json!({
        "type": kind.uri(),
        "title": kind.title(),
        "status": kind.status().as_u16(),
        "detail": kind.meaning(),
        "request_id": EXAMPLE_ID,
    });
    let id = operation["operationId"].as_str().unwrap_or_default();
    if kind == ProblemKind::InvalidRequest && !own_problems(id).contains(&kind) {
        example["detail"] = head_check::OTHER_TARGET.into();
    } else if kind == ProblemKind::InvalidRequest {
        let (field, message) = bad_field(operation);
        example["detail"] = format!("Bad fields: {field}.").into();
        example["errors"] = json!([{"field": field, "message": message}]);
    }
    example
}

/// A field of the operation that may be bad, and how.
fn bad_field(operation: &Value) -> (&'static str, &'static str) {
    if has_parameter(operation, "filename", "path") {
        ("filename", "must end in .jpg, .jpeg, .png or .webp")
    } else if has_parameter(operation, "limit", "query") {
        ("limit", "must be at least 1")
    } else if has_parameter(operation, "kind", "path") {
        ("path", "must be percent-encoded UTF-8")
    } else if body_schema(operation) == Some("LoginRequest") {
        ("password", "is required")
    } else {
        ("platforms[0]", "must be one of: telegram, email")
    }
}
