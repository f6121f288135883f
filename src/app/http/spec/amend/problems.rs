//! The problems of each operation: those listed here, and those that follow from its tag, its security, its parameters
//! and its body.

use std::borrow::Cow;

use poem::http::StatusCode;
use poem_openapi::{registry::Registry, types::Type as _};
use serde_json::{Map, Value, json};

use super::{EXAMPLE_ID, body_schema, examples::platform_names};
use crate::app::http::{
    dto::problem::Problem,
    error::needs_retry_after,
    middleware::head_check,
    problem::ProblemKind::{
        self, AdminNotConfigured, CannotBeAsked, CaptionRequired, Conflict, FeatureDisabled,
        FeatureUnavailable, Forbidden, HeadersTooLarge, IdempotencyMismatch, ImageNotFound,
        InsufficientBalance, Internal, InvalidRequest, JobState, LedgerUnavailable, NotFound,
        Overloaded, PayloadTooLarge, RateLimited, RequestTimeout, TenantNotFound,
        TenantUnavailable, Unauthorized, UnsupportedMediaType, UnusableImage, UpstreamFailed,
        UpstreamLimited, UpstreamTimeout,
    },
};

/// The problems of each operation, by its id, beside those that [`kinds_of`] adds.
pub(in crate::app::http::spec) const OWN: [(&str, &[ProblemKind]); 44] = [
    ("getHealth", &[]),
    ("getLiveness", &[]),
    ("getReadiness", &[]),
    ("getProblem", &[NotFound]),
    ("getFeatures", &[]),
    ("getPublishers", &[]),
    ("getVoiceProfile", &[LedgerUnavailable]),
    ("putVoiceProfile", &[LedgerUnavailable]),
    ("postVoiceProfile", &[LedgerUnavailable]),
    ("getAdminStatus", &[RateLimited]),
    (
        "logIn",
        &[Unauthorized, Forbidden, RateLimited, AdminNotConfigured],
    ),
    ("logInWithAccount", &[]),
    ("finishLogInWithAccount", &[]),
    ("logOut", &[Forbidden, RateLimited]),
    ("logOutByClient", &[Forbidden, RateLimited]),
    ("logOutByForm", &[Forbidden, RateLimited]),
    ("logOutByLink", &[]),
    ("listImages", &[]),
    ("getRandomImage", &[ImageNotFound, UnusableImage]),
    ("getImage", &[UnusableImage]),
    ("getThumbnail", &[UnusableImage]),
    ("getMedia", &[NotFound]),
    ("publishNextImage", PUBLISHING),
    ("publishImage", PUBLISHING),
    ("listLibrary", &[]),
    (
        "uploadImage",
        &[
            Conflict,
            UnusableImage,
            FeatureUnavailable,
            LedgerUnavailable,
        ],
    ),
    ("deleteLibraryImage", CURATION),
    (
        "moveLibraryImage",
        &[
            Conflict,
            UnusableImage,
            FeatureUnavailable,
            LedgerUnavailable,
        ],
    ),
    ("keepImage", CURATION),
    ("removeImage", CURATION),
    ("deleteImage", CURATION),
    (
        "analyzeImage",
        &[
            InsufficientBalance,
            FeatureDisabled,
            Conflict,
            PayloadTooLarge,
            UnusableImage,
            FeatureUnavailable,
            LedgerUnavailable,
        ],
    ),
    ("listPublications", &[LedgerUnavailable]),
    (
        "checkPublication",
        &[
            InsufficientBalance,
            NotFound,
            Conflict,
            CannotBeAsked,
            UpstreamFailed,
            FeatureUnavailable,
            LedgerUnavailable,
            UpstreamLimited,
        ],
    ),
    (
        "addJob",
        &[
            FeatureDisabled,
            Conflict,
            IdempotencyMismatch,
            CaptionRequired,
            LedgerUnavailable,
        ],
    ),
    ("listJobs", &[LedgerUnavailable]),
    ("getJob", &[NotFound, LedgerUnavailable]),
    (
        "changeJob",
        &[
            FeatureDisabled,
            NotFound,
            JobState,
            CaptionRequired,
            LedgerUnavailable,
        ],
    ),
    ("approveJob", MOVING),
    ("cancelJob", MOVING),
    ("retryJob", MOVING),
    ("streamJobEvents", &[LedgerUnavailable]),
    ("getSchedule", &[LedgerUnavailable]),
    ("putSchedule", &[FeatureDisabled, LedgerUnavailable]),
];

const MOVING: &[ProblemKind] = &[NotFound, JobState, LedgerUnavailable];

const PUBLISHING: &[ProblemKind] = &[
    InsufficientBalance,
    FeatureDisabled,
    Conflict,
    IdempotencyMismatch,
    CaptionRequired,
    UnusableImage,
    FeatureUnavailable,
    LedgerUnavailable,
];

const CURATION: &[ProblemKind] = &[FeatureDisabled, Conflict, UnusableImage, LedgerUnavailable];

const PROBLEM_JSON: &str = "application/problem+json";

/// Adds the schemas of problems, which no operation mentions by itself.
pub(super) fn add_schemas(schemas: &mut Value) {
    let mut registry = Registry::new();
    Problem::register(&mut registry);
    for (name, schema) in registry.schemas {
        schemas[name] = serde_json::to_value(&schema).unwrap_or_default();
    }
}

pub(super) fn declare(operation: &mut Value, is_tenants: bool, is_write: bool) {
    let kinds = kinds_of(operation, is_tenants, is_write);
    for same_status in kinds.chunk_by(|one, other| one.status() == other.status()) {
        if let Some(first) = same_status.first() {
            let response = problem_response(first.status(), same_status, operation);
            operation["responses"][first.status().as_str()] = response;
        }
    }
    let mut responses = operation["responses"].as_object().into_iter();
    let succeeds = responses.any(|all| all.keys().any(|status| status.starts_with('2')));
    if !succeeds {
        // An operation that leads elsewhere: for those who read the document by rules, what any other answer is.
        let mut other = problem_response(Internal.status(), &[Internal], operation);
        other["description"] = "Any other answer is a problem.".into();
        operation["responses"]["default"] = other;
    }
}

fn kinds_of(operation: &Value, is_tenants: bool, is_write: bool) -> Vec<ProblemKind> {
    let (id, tag) = (&operation["operationId"], &operation["tags"][0]);
    let own = OWN.iter().find(|(own, _)| id == own);
    let mut kinds = own.map_or(Vec::new(), |(_, kinds)| kinds.to_vec());
    // Every operation checks the head of a request.
    kinds.extend([InvalidRequest, HeadersTooLarge]);
    // Probes need no permit.
    if tag != "Health" {
        kinds.push(Overloaded);
    }
    if is_tenants {
        kinds.extend([TenantNotFound, TenantUnavailable, Internal]);
    }
    if tag == "Library" {
        kinds.push(NotFound);
    }
    if tag == "Images" || tag == "Library" {
        kinds.extend([UpstreamFailed, UpstreamLimited, UpstreamTimeout]);
    }
    let security = operation["security"].as_array();
    if security.is_some_and(|all| !all.is_empty()) {
        kinds.extend([Unauthorized, RateLimited, AdminNotConfigured]);
        kinds.extend(is_write.then_some(Forbidden));
    }
    if has_parameter(operation, "filename", "path") {
        kinds.push(ImageNotFound);
    }
    // Also of operations without a body: bodies are read before the route is known.
    if is_write {
        kinds.extend([RequestTimeout, PayloadTooLarge]);
    }
    if operation.get("requestBody").is_some() {
        kinds.push(UnsupportedMediaType);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn has_parameter(operation: &Value, name: &str, place: &str) -> bool {
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.any(|parameter| parameter["name"] == name && parameter["in"] == place)
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
    if kind == InvalidRequest {
        if let Some((field, message)) = bad_field(operation) {
            example["detail"] = format!("Bad fields: {field}.").into();
            example["errors"] = json!([{"field": field, "message": message}]);
        } else {
            example["detail"] = head_check::OTHER_TARGET.into();
        }
    }
    example
}

/// A field of the operation that may be bad, and the rule that it breaks.
fn bad_field(operation: &Value) -> Option<(&'static str, Cow<'static, str>)> {
    if has_parameter(operation, "filename", "path") {
        Some(("filename", "must end in .jpg, .jpeg, .png or .webp".into()))
    } else if operation["operationId"] == "listJobs" {
        Some(("limit", "must be a number from 1 to 200".into()))
    } else if has_parameter(operation, "limit", "query") {
        Some(("limit", "must be at least 1".into()))
    } else if ["id", "kind"]
        .iter()
        .any(|it| has_parameter(operation, it, "path"))
    {
        Some(("path", "must be percent-encoded UTF-8".into()))
    } else {
        match body_schema(operation)? {
            "LoginRequest" => Some(("password", "is required".into())),
            "ScheduleChange" => Some(("timezone", "is required".into())),
            "VoiceProfileChange" => Some(("voice_profile", "is required".into())),
            // The form of an upload has no name.
            "" => Some(("file", "is required".into())),
            _ => {
                let rule = format!("must be one of: {}", platform_names());
                Some(("platforms[0]", rule.into()))
            }
        }
    }
}
