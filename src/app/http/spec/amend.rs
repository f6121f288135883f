//! What the generator leaves out or gets wrong: the problems of each operation, explicit security
//! where there is none, the names of headers and media types, nullable fields.

mod schemas;

use serde_json::{Map, Value, json};

use crate::app::http::{
    admin, analysis, config, curation, dto::problem::Problem, error::needs_retry_after, health,
    images, problem::ProblemKind, publications, publishing,
};
use poem::http::StatusCode;
use poem_openapi::{registry::Registry, types::Type as _};

/// The newest version of 3.0, of whose fields the generator uses none that 3.0.0 lacks.
const OPENAPI_VERSION: &str = "3.0.3";
const PROBLEM_JSON: &str = "application/problem+json";
const EXAMPLE_COOKIE: &str = "pv2_admin=…; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure";
const EXAMPLE_TAG: &str =
    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855-w960h640\"";
const EXAMPLE_ID: &str = "7f9c24e8-3b1a-4a57-9d0e-2f6c1b8a5d43";

/// Amends a generated document.
pub(super) fn all(document: &mut Value) {
    document["openapi"] = OPENAPI_VERSION.into();
    add_problem_schemas(&mut document["components"]["schemas"]);
    schemas::amend(&mut document["components"]["schemas"]);
    close_bodies(document);
    for (schema, field, format) in [
        ("Publication", "started_at", "date-time"),
        ("Publication", "ended_at", "date-time"),
        ("ImageInfo", "temp_url", "uri"),
        ("ImageInfo", "thumbnail_url", "uri-reference"),
    ] {
        let schema = &mut document["components"]["schemas"][schema];
        schema["properties"][field]["format"] = format.into();
    }
    let schemas = document["components"]["schemas"].clone();
    for (path, operations) in entries(&mut document["paths"]) {
        let is_tenants = path.starts_with("/api/");
        for (method, operation) in entries(operations) {
            tidy_media_types(operation);
            schemas::tidy(operation);
            if operation.get("security").is_none() {
                operation["security"] = json!([]);
            }
            describe_successes(operation, &schemas);
            declare_problems(operation, is_tenants, method != "get");
            require_body(operation, &schemas);
            declare_headers(operation);
            declare_parameter_limits(operation);
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

/// No body takes fields that it does not know.
fn close_bodies(document: &mut Value) {
    let operations =
        entries(&mut document["paths"]).flat_map(|(_, operations)| entries(operations));
    let bodies: Vec<String> = operations
        .filter_map(|(_, operation)| Some(body_schema(operation)?.to_owned()))
        .collect();
    for name in bodies {
        document["components"]["schemas"][name]["additionalProperties"] = false.into();
    }
}

/// The name of the schema of an operation's body.
fn body_schema(operation: &Value) -> Option<&str> {
    let content = operation.pointer("/requestBody/content")?.as_object()?;
    let schema = content.values().next()?["schema"]["$ref"].as_str()?;
    schema.rsplit('/').next()
}

/// A body with a field that must be there must be there itself.
fn require_body(operation: &mut Value, schemas: &Value) {
    let name = body_schema(operation).unwrap_or_default();
    let has_required = schemas[name]["required"]
        .as_array()
        .is_some_and(|fields| !fields.is_empty());
    if has_required {
        operation["requestBody"]["required"] = true.into();
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

fn declare_problems(operation: &mut Value, is_tenants: bool, is_write: bool) {
    let mut kinds = own_problems(operation["operationId"].as_str().unwrap_or_default());
    if is_tenants {
        kinds.extend([
            ProblemKind::TenantNotFound,
            ProblemKind::TenantUnavailable,
            ProblemKind::Overloaded,
            ProblemKind::Internal,
        ]);
    }
    if operation["security"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        kinds.extend([ProblemKind::Unauthorized, ProblemKind::AdminNotConfigured]);
        kinds.extend(is_write.then_some(ProblemKind::Forbidden));
    }
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    if parameters.any(|parameter| parameter["name"] == "filename" && parameter["in"] == "path") {
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
        "CACHE-CONTROL" => "Cache-Control",
        "CONTENT-LENGTH" => "Content-Length",
        "ETAG" => "ETag",
        "RETRY-AFTER" => "Retry-After",
        "IDEMPOTENCY-REPLAYED" => "Idempotency-Replayed",
        "SET-COOKIE" => "Set-Cookie",
        other => other,
    }
}

fn shared_headers() -> Value {
    json!({
        "Cache-Control": {
            "description": "Who may keep the response, and for how long.",
            "required": true,
            "schema": {"type": "string", "example": "private, max-age=600"},
        },
        "Content-Length": {
            "description": "The length of the body in bytes.",
            "required": true,
            "schema": {"type": "integer", "format": "int64", "minimum": 0, "example": 48_213},
        },
        "ETag": {
            "description": "Tells this version of the response from others, for `If-None-Match`.",
            "required": true,
            "schema": {"type": "string", "example": EXAMPLE_TAG},
        },
        "Idempotency-Replayed": {
            "description": "`true`: this is the first answer to a request under the same \
                `Idempotency-Key`, and nothing was done for this one. Else it is not there.",
            "schema": {"type": "string", "enum": ["true"], "example": "true"},
        },
        "Retry-After": {
            "description": "Seconds after which to try again.",
            "required": true,
            "schema": {"type": "integer", "format": "int32", "minimum": 1, "example": 5},
        },
        "Set-Cookie": {
            "description": "`pv2_admin`: the session, `HttpOnly`, `SameSite=Lax`, and `Secure` \
                            unless the operator says otherwise; with `Max-Age=0` it has ended. A \
                            login sets `pv2_device` too, in a header of its own.",
            "required": true,
            "schema": {"type": "string", "example": EXAMPLE_COOKIE},
        },
        "WWW-Authenticate": {
            "description": "How to authenticate: a header for each scheme that is configured. \
                            `Cookie` stands for a session.",
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

/// A handler checks file names and keys together with the body, so that one answer names all that
/// is bad; limits that the generator knew would be checked before.
fn declare_parameter_limits(operation: &mut Value) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let example = match parameter["name"].as_str() {
            Some("filename") => "harbour.png",
            Some("Idempotency-Key") => EXAMPLE_ID,
            _ => continue,
        };
        parameter["schema"]["minLength"] = 1.into();
        parameter["schema"]["maxLength"] = 255.into();
        parameter["example"] = example.into();
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
