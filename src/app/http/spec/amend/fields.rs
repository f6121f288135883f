//! Formats and limits of fields. The generator does not know the rules that handlers check themselves, since
//! it would check them before, one field at a time; the limits of answers are not checked at all.

use serde_json::{Value, json};

use crate::{
    app::usecases::{list_library::Cursor, manage_jobs::NEXT_SHOWN},
    domain::{
        platform::Platform,
        posting_times::MAX_POSTING_TIMES,
        storage::HashKind,
        voice::{MAX_EXAMPLE_CHARS, MAX_EXAMPLES},
    },
};

/// File names of images, as `ImageName` accepts them.
const FILE_NAME: &str =
    r"^[^/\\\u0000-\u001f\u007f-\u009f]+\.([jJ][pP][eE]?[gG]|[pP][nN][gG]|[wW][eE][bB][pP])$";

/// Posting times, as `PostingTime` reads them.
const POSTING_TIME: &str = r"^ *([mM][oO][nN]|[tT][uU][eE]|[wW][eE][dD]|[tT][hH][uU]|[fF][rR][iI]|[sS][aA][tT]|[sS][uU][nN]|[dD][aA][iI][lL][yY]) +([01][0-9]|2[0-3]):[0-5][0-9] *$";

/// Adds formats and limits to fields.
pub(super) fn limit(schemas: &mut Value) {
    let examples = || json!({"maxItems": MAX_EXAMPLES});
    for (schema, field, limits) in limits() {
        let property = &mut schemas[schema]["properties"][field];
        let is_list = property["type"] == "array";
        let schema = if is_list {
            &mut property["items"]
        } else {
            property
        };
        merge(schema, limits);
    }
    for (schema, field, limits) in [
        ("LibraryList", "objects", json!({"maxItems": 200})),
        ("Job", "platforms", platforms()),
        ("JobChange", "captions", captions()),
        ("JobChange", "platforms", platforms()),
        ("JobList", "jobs", json!({"maxItems": 200})),
        ("JobRequest", "captions", captions()),
        ("JobRequest", "platforms", platforms()),
        ("PublicationList", "publications", json!({"maxItems": 200})),
        ("PublishRequest", "platforms", platforms()),
        ("PublishRequest", "captions", captions()),
        ("Schedule", "next", json!({"maxItems": NEXT_SHOWN})),
        ("Schedule", "platforms", platforms()),
        ("Schedule", "times", json!({"maxItems": MAX_POSTING_TIMES})),
        ("ScheduleChange", "platforms", platforms()),
        (
            "ScheduleChange",
            "times",
            json!({"maxItems": MAX_POSTING_TIMES}),
        ),
        ("Problem", "errors", json!({"minItems": 1})),
        ("VoiceProfile", "voice_profile", examples()),
        ("VoiceProfileChange", "voice_profile", examples()),
        ("ImageAnalysis", "platform_limits", platform_limit()),
        ("ImageInfo", "platform_limits", platform_limit()),
    ] {
        merge(&mut schemas[schema]["properties"][field], limits);
    }
}

fn platforms() -> Value {
    json!({"maxItems": Platform::COUNT})
}

/// Captions that a caller gives, by platform.
fn captions() -> Value {
    json!({"additionalProperties": {
        "type": "string", "minLength": 1, "maxLength": 10_000, "pattern": r"\S"
    }})
}

/// The id of a job or a publication.
fn id() -> Value {
    json!({"pattern": "^-?[0-9]{1,19}$", "maxLength": 20})
}

/// Adds the entries of `limits` to a schema.
pub(super) fn merge(schema: &mut Value, limits: Value) {
    if let Value::Object(limits) = limits {
        for (key, value) in limits {
            schema[key] = value;
        }
    }
}

pub(super) fn file_name() -> Value {
    json!({"type": "string", "minLength": 5, "maxLength": 255, "pattern": FILE_NAME})
}

pub(super) fn request_id() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": "^[A-Za-z0-9._:-]+$",
    })
}

/// The cursor of a page of publications: 16 bytes in base64url.
pub(super) fn cursor() -> Value {
    json!({
        "type": "string",
        "minLength": 22,
        "maxLength": 22,
        "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$",
    })
}

/// An example of a cursor of a library's page, of the list that the examples of the other parameters ask for.
pub(super) const LIBRARY_CURSOR: &str =
    "MXW1yvBKnLQAAAAAABwgAQEAAAAAAAAAABisc4x0_zAAaGFyYm91ci1ldmVuaW5nLmpwZw";

/// The cursor of a library's page: 34 bytes and a name, in base64url.
pub(super) fn library_cursor() -> Value {
    json!({
        "type": "string",
        "minLength": 51,
        "maxLength": Cursor::MAX_LENGTH,
        "pattern": "^[A-Za-z0-9_-]+$",
    })
}

pub(super) fn idempotency_key() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"})
}

pub(super) fn problem_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z-]+$"})
}

/// The longest caption of a platform.
fn platform_limit() -> Value {
    json!({"additionalProperties": {"type": "integer", "format": "int64", "minimum": 1}})
}

/// The limits of each field, or of each of its items.
fn limits() -> Vec<(&'static str, &'static str, Value)> {
    let hash = || json!({"minLength": 64, "maxLength": 64, "pattern": "^[0-9A-Fa-f]{64}$"});
    let problem_type = || json!({"format": "uri-reference", "pattern": "^/problems/[a-z-]+$"});
    let text = || json!({"minLength": 1});
    let path = || json!({"minLength": 1, "pattern": "^/"});
    let time = || json!({"format": "date-time"});
    let posting_time = || json!({"minLength": 9, "maxLength": 64, "pattern": POSTING_TIME});
    vec![
        ("AdminStatus", "email", json!({"format": "email"})),
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
        ("Job", "attempts", json!({"minimum": 0})),
        ("Job", "created_at", time()),
        ("Job", "next_attempt_at", time()),
        ("Job", "error", text()),
        ("Job", "filename", file_name()),
        ("Job", "id", id()),
        ("Job", "publish_at", time()),
        ("JobChange", "caption", json!({"pattern": r"\S"})),
        ("JobChange", "publish_at", time()),
        ("JobList", "next_cursor", cursor()),
        ("JobRequest", "caption", json!({"pattern": r"\S"})),
        ("JobRequest", "filename", file_name()),
        ("JobRequest", "publish_at", time()),
        ("LibraryList", "anchor_offset", json!({"minimum": 0})),
        ("LibraryList", "cursor", library_cursor()),
        ("LibraryList", "total_in_window", json!({"minimum": 0})),
        ("LibraryObject", "key", file_name()),
        ("LibraryObject", "last_modified", time()),
        ("LibraryObject", "size", json!({"minimum": 0})),
        ("LoginRequest", "password", json!({"format": "password"})),
        ("MoveResult", "warnings", text()),
        ("PlatformResult", "error", text()),
        ("PlatformResult", "post_url", json!({"format": "uri"})),
        ("Problem", "detail", text()),
        ("Problem", "request_id", request_id()),
        ("Problem", "title", text()),
        ("Problem", "type", problem_type()),
        ("ProblemDescription", "meaning", text()),
        ("ProblemDescription", "remedy", text()),
        ("ProblemDescription", "title", text()),
        ("ProblemDescription", "type", problem_type()),
        (
            "Publication",
            "content_hash",
            json!({"pattern": "^[!-~]{1,128}$", "maxLength": 128}),
        ),
        (
            "Publication",
            "content_hash_kind",
            json!({"pattern": format!("^({})$", HashKind::ALL.map(HashKind::as_str).join("|"))}),
        ),
        ("Publication", "ended_at", time()),
        ("Publication", "error", text()),
        ("Publication", "filename", file_name()),
        ("Publication", "post_url", json!({"format": "uri"})),
        ("Publication", "id", id()),
        ("Publication", "started_at", time()),
        ("PublicationList", "next_cursor", cursor()),
        // Invisible characters that are no white space are answered with `caption-required`.
        ("PublishRequest", "caption", json!({"pattern": r"\S"})),
        ("PublishResult", "filename", file_name()),
        ("PublishResult", "warnings", text()),
        ("Schedule", "next", time()),
        ("Schedule", "times", posting_time()),
        ("Schedule", "timezone", text()),
        ("ScheduleChange", "next", time()),
        ("ScheduleChange", "times", posting_time()),
        (
            "ScheduleChange",
            "timezone",
            json!({"minLength": 1, "maxLength": 64}),
        ),
        ("UploadResult", "key", file_name()),
        ("UploadResult", "sha256", hash()),
        ("UploadResult", "size", json!({"minimum": 0})),
        ("VoiceProfile", "voice_profile", text()),
        (
            "VoiceProfileChange",
            "voice_profile",
            json!({"minLength": 1, "maxLength": MAX_EXAMPLE_CHARS, "pattern": r"\S"}),
        ),
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
