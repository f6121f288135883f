//! Parameters: formats, limits, and an example of each.

use serde_json::{Value, json};

use super::{EXAMPLE_ID, EXAMPLE_TAG, fields};

/// The reference to the parameter that every operation has.
const REQUEST_ID: &str = "#/components/parameters/X-Request-Id";

/// Describes the parameters of an operation, and adds the one that all operations have.
pub(super) fn describe(operation: &mut Value) {
    let is_library = operation["operationId"] == "listLibrary";
    let mut parameters = operation["parameters"].take();
    let parameters = parameters.as_array_mut().map(std::mem::take);
    let mut parameters = parameters.unwrap_or_default();
    for parameter in &mut parameters {
        tidy(parameter);
        let name = parameter["name"].as_str().unwrap_or_default();
        let of_library = is_library.then(|| of_library(name)).flatten();
        if let Some((limits, example)) = of_library.or_else(|| limits_and_example(name)) {
            parameter["example"] = example;
            fields::merge(&mut parameter["schema"], limits);
        }
    }
    parameters.push(json!({"$ref": REQUEST_ID}));
    operation["parameters"] = parameters.into();
}

/// The description of the parameter that all operations have.
pub(super) fn shared() -> Value {
    json!({
        "X-Request-Id": {
            "name": "X-Request-Id",
            "in": "header",
            "description": "An id for the request: 1 to 128 letters, digits, `.`, `_`, `:` or `-`. \
                            One that breaks the rules is not refused: the request gets another.",
            "required": false,
            "schema": {"type": "string"},
            "example": EXAMPLE_ID,
        },
    })
}

/// Removes the examples of an operation's optional parameters.
pub(super) fn drop_optional_examples(operation: &mut Value) {
    let parameters = operation["parameters"].as_array_mut();
    let optional = |parameter: &&mut Value| parameter["required"] != true;
    parameters
        .into_iter()
        .flatten()
        .filter(optional)
        .for_each(drop_example);
}

pub(super) fn drop_example(parameter: &mut Value) {
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.remove("example");
    }
}

/// Removes entries that are the default, and makes the schema of a header a string.
fn tidy(parameter: &mut Value) {
    if parameter["in"] == "header" && parameter["schema"]["type"] == "array" {
        parameter["schema"] = json!({"type": "string"});
    }
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.retain(|key, value| key != "explode" && !(key == "deprecated" && value == false));
    }
}

/// The parameters of the library that others have under the same names, and otherwise.
fn of_library(name: &str) -> Option<(Value, Value)> {
    Some(match name {
        "cursor" => (fields::library_cursor(), fields::LIBRARY_CURSOR.into()),
        "limit" => (json!({}), 50.into()),
        _ => return None,
    })
}

fn time() -> Value {
    json!({"format": "date-time"})
}

fn limits_and_example(name: &str) -> Option<(Value, Value)> {
    Some(match name {
        "after" => (json!({}), "bridge.jpg".into()),
        "code" => (json!({}), "SplxlOBeZQQYbYS6WxSbIA".into()),
        "error" => (json!({}), "access_denied".into()),
        "iss" => (json!({}), "https://id.example.org".into()),
        "return_to" => (json!({}), "/#/queue".into()),
        "state" => (json!({}), "af0ifjsldkj".into()),
        "cursor" => (fields::cursor(), "AAABnbo8VCgAAAAAAAAABw".into()),
        "anchor_key" | "file" | "filename" => (fields::file_name(), "harbour-dawn.jpg".into()),
        "force_refresh" => (json!({}), true.into()),
        "Idempotency-Key" => (fields::idempotency_key(), EXAMPLE_ID.into()),
        "id" => (json!({"maxLength": 20}), "7".into()),
        "from" => (time(), "2026-05-01T00:00:00Z".into()),
        "If-None-Match" | "If-Range" => (json!({}), EXAMPLE_TAG.into()),
        "kind" => (fields::problem_name(), "image-not-found".into()),
        "Last-Event-ID" => (json!({}), "41".into()),
        "limit" => (json!({}), 50.into()),
        "offset" => (json!({"minimum": 0}), 0.into()),
        "order" => (json!({}), "desc".into()),
        "outcome" => (json!({}), "published".into()),
        "overwrite" => (json!({}), false.into()),
        "platform" => (json!({}), "telegram".into()),
        "Prefer" => (json!({}), "respond-async".into()),
        "prefix" => (
            json!({"pattern": "^(archive|keep|remove)?$"}),
            "archive".into(),
        ),
        "q" => (json!({"maxLength": 100}), "harbour".into()),
        "Range" => (json!({}), "bytes=0-1023".into()),
        "token" => (
            json!({}),
            "1780000000.RwJMEcS0tXnN2h1lRRCwXz3a8wXcF5hTqkq2sTQkVnE".into(),
        ),
        "size" => (json!({}), "w480h320".into()),
        "status" => (json!({}), "scheduled".into()),
        "to" => (time(), "2026-06-01T00:00:00Z".into()),
        "sort" => (json!({}), "last_modified".into()),
        _ => return None,
    })
}
