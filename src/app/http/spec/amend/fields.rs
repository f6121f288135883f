//! Formats and limits of fields. What a handler checks itself stays unknown to the generator, which
//! would check it before, one field at a time; what is sent has limits that nobody checks.

use serde_json::{Value, json};

use crate::domain::platform::Platform;

/// File names of images, as `ImageName` takes them.
const FILE_NAME: &str =
    r"^[^/\\\u0000-\u001f\u007f-\u009f]+\.([jJ][pP][eE]?[gG]|[pP][nN][gG]|[wW][eE][bB][pP])$";

/// Says what each field may hold.
pub(super) fn limit(schemas: &mut Value) {
    for (schema, field, limits) in limits() {
        let property = &mut schemas[schema]["properties"][field];
        let is_list = property["type"] == "array";
        merge(
            if is_list {
                &mut property["items"]
            } else {
                property
            },
            limits,
        );
    }
    merge(
        &mut schemas["PublicationList"]["properties"]["publications"],
        json!({"maxItems": 200}),
    );
    merge(
        &mut schemas["PublishRequest"]["properties"]["platforms"],
        json!({"maxItems": Platform::COUNT}),
    );
    merge(
        &mut schemas["Problem"]["properties"]["errors"],
        json!({"minItems": 1}),
    );
}

/// Adds to a schema what `limits` has.
pub(super) fn merge(schema: &mut Value, limits: Value) {
    if let Value::Object(limits) = limits {
        for (key, value) in limits {
            schema[key] = value;
        }
    }
}

/// The file name of an image.
pub(super) fn file_name() -> Value {
    json!({"type": "string", "minLength": 5, "maxLength": 255, "pattern": FILE_NAME})
}

/// The id of a request.
pub(super) fn request_id() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": "^[A-Za-z0-9._:-]+$",
    })
}

/// Where a page of publications begins: 16 bytes in base64url.
pub(super) fn cursor() -> Value {
    json!({
        "type": "string",
        "minLength": 22,
        "maxLength": 22,
        "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$",
    })
}

/// What a caller calls a request.
pub(super) fn idempotency_key() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"})
}

/// The name of a kind of problem.
pub(super) fn problem_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z-]+$"})
}

/// Each field with what it may hold, or each of its items.
fn limits() -> Vec<(&'static str, &'static str, Value)> {
    let hash = || json!({"minLength": 64, "maxLength": 64, "pattern": "^[0-9A-Fa-f]{64}$"});
    let problem_type = || json!({"format": "uri-reference", "pattern": "^/problems/[a-z-]+$"});
    let text = || json!({"minLength": 1});
    let path = || json!({"minLength": 1, "pattern": "^/"});
    let time = || json!({"format": "date-time"});
    vec![
        ("CurationResult", "destination_filename", text()),
        ("CurationResult", "destination_folder", path()),
        ("CurationResult", "filename", file_name()),
        ("CurationResult", "warnings", text()),
        ("FieldError", "message", text()),
        ("ImageAnalysis", "filename", file_name()),
        ("ImageInfo", "filename", file_name()),
        ("ImageInfo", "sha256", hash()),
        ("ImageInfo", "temp_url", json!({"format": "uri"})),
        (
            "ImageInfo",
            "thumbnail_url",
            json!({"format": "uri-reference", "pattern": "^/api/images/"}),
        ),
        ("ImageList", "count", json!({"minimum": 0})),
        ("ImageList", "filenames", file_name()),
        ("LoginRequest", "password", json!({"format": "password"})),
        ("PlatformResult", "error", text()),
        ("Problem", "detail", text()),
        ("Problem", "request_id", request_id()),
        ("Problem", "title", text()),
        ("Problem", "type", problem_type()),
        ("ProblemDescription", "meaning", text()),
        ("ProblemDescription", "remedy", text()),
        ("ProblemDescription", "title", text()),
        ("ProblemDescription", "type", problem_type()),
        ("Publication", "content_hash", hash()),
        ("Publication", "ended_at", time()),
        ("Publication", "error", text()),
        ("Publication", "filename", file_name()),
        ("Publication", "started_at", time()),
        ("PublicationList", "next_cursor", cursor()),
        // What is no white space, and is not seen all the same, is a `caption-required`.
        ("PublishRequest", "caption", json!({"pattern": r"\S"})),
        ("PublishResult", "filename", file_name()),
        ("PublishResult", "warnings", text()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::http::spec::openapi_document;

    #[test]
    fn every_limit_is_of_a_field_that_there_is() {
        let document = openapi_document();
        for (schema, field, _) in limits() {
            let property = &document["components"]["schemas"][schema]["properties"][field];
            assert!(property["description"].is_string(), "{schema}.{field}");
        }
    }
}
