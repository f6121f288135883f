//! The comparison finds what breaks clients, and lets pass what does not: tried on changes to the
//! document of today.

use publisher::app::http::spec;
use serde_json::{Value, json};

use super::breaking_changes;

/// The document of today with something else at a place, or nothing (`null`). Where nothing is yet,
/// it is added.
fn changed(pointer: &str, to: Value) -> Value {
    let mut document = spec::openapi_document();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer}"));
    match (parent, to) {
        (Value::Array(all), to) => {
            let index = key.parse().unwrap_or(all.len());
            if to.is_null() {
                all.remove(index);
            } else if index < all.len() {
                all[index] = to;
            } else {
                all.push(to);
            }
        }
        (parent, Value::Null) => {
            parent
                .as_object_mut()
                .unwrap()
                .remove(&key)
                .unwrap_or_else(|| panic!("{pointer}"));
        }
        (parent, to) => parent[&key] = to,
    }
    document
}

const PUBLISH: &str = "/paths/~1api~1images~1{filename}~1publish/post";
const LIST: &str = "/paths/~1api~1images~1list/get";
const SCHEMAS: &str = "/components/schemas";

fn below(place: &str, rest: &str) -> String {
    format!("{place}/{rest}")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table with a row for each change")]
fn what_breaks_clients_is_found() {
    let request = |rest: &str| below(SCHEMAS, &format!("PublishRequest/{rest}"));
    let image = |rest: &str| below(SCHEMAS, &format!("ImageInfo/{rest}"));
    for (pointer, to, found) in [
        (
            "/paths/~1api~1publish".to_owned(),
            Value::Null,
            "post /api/publish: is gone",
        ),
        (below(LIST, "operationId"), "list".into(), "another id"),
        (below(LIST, "security/0"), Value::Null, "fewer credentials"),
        (
            "/paths/~1health/get/security/0".to_owned(),
            json!({"bearerAuth": []}),
            "fewer credentials",
        ),
        (
            below(LIST, "parameters/0"),
            Value::Null,
            "\"limit\": is gone",
        ),
        (
            below(LIST, "parameters/0/required"),
            true.into(),
            "\"limit\": must be there now",
        ),
        (
            below(LIST, "parameters/0/schema/maximum"),
            10.into(),
            "takes less (maximum)",
        ),
        (
            below(LIST, "parameters/0/schema/type"),
            "string".into(),
            "takes less (type)",
        ),
        (
            below(LIST, "parameters/-"),
            json!({"name": "x", "in": "query", "required": true}),
            "must be there now",
        ),
        (
            below(PUBLISH, "requestBody/required"),
            true.into(),
            "body: must be there now",
        ),
        (
            below(PUBLISH, "requestBody"),
            Value::Null,
            "body application/json: is gone",
        ),
        (below(PUBLISH, "responses/422"), Value::Null, "422: is gone"),
        (
            below(
                PUBLISH,
                "responses/422/content/application~1problem+json/examples/unusable-image",
            ),
            Value::Null,
            "unusable-image: is gone",
        ),
        (
            below(PUBLISH, "responses/207"),
            json!({"description": "later"}),
            "207: is new",
        ),
        (
            below(LIST, "responses/200/headers/X-Request-Id"),
            Value::Null,
            "need not be there now",
        ),
        (
            below(LIST, "responses/200/content/application~1json"),
            Value::Null,
            "application/json: is gone",
        ),
        (
            request("required"),
            json!(["caption"]),
            "takes less (required \"caption\")",
        ),
        (request("properties/force"), Value::Null, ".force: is gone"),
        (
            request("properties/caption/maxLength"),
            100.into(),
            "takes less (maxLength)",
        ),
        (
            request("properties/caption/pattern"),
            "x".into(),
            "takes less (pattern)",
        ),
        (
            request("properties/caption/nullable"),
            Value::Null,
            "takes less (nullable)",
        ),
        (
            request("properties/force/format"),
            "x".into(),
            "takes less (format)",
        ),
        (
            request("properties/platforms/minItems"),
            2.into(),
            "takes less (minItems)",
        ),
        (
            image("properties/caption"),
            Value::Null,
            ".caption: is gone",
        ),
        (
            image("properties/filename/nullable"),
            true.into(),
            "may be more (nullable)",
        ),
        (
            image("properties/has_sidecar/type"),
            "string".into(),
            "may be more (type)",
        ),
        (
            image("properties/temp_url/format"),
            Value::Null,
            "may be more (format)",
        ),
        (
            image("properties/filename/maxLength"),
            Value::Null,
            "may be more (maxLength)",
        ),
        (image("required"), json!([]), "may be more (required"),
        (
            below(SCHEMAS, "PublishOutcome/enum/-"),
            "queued".into(),
            "may be more (enum)",
        ),
        (
            below(SCHEMAS, "PlatformName/enum/0"),
            Value::Null,
            "takes less (enum)",
        ),
        (
            below(SCHEMAS, "ThumbnailSize/enum/1"),
            Value::Null,
            "takes less (enum)",
        ),
    ] {
        let breaks = breaking_changes(&spec::openapi_document(), &changed(&pointer, to));
        assert!(
            breaks.iter().any(|it| it.contains(found)),
            "{pointer}: {found:?} is not among {breaks:?}"
        );
    }
}

#[test]
fn what_breaks_no_client_passes() {
    let today = spec::openapi_document();
    assert!(breaking_changes(&today, &today).is_empty());
    let problem = today
        .pointer(&below(LIST, "responses/400"))
        .unwrap()
        .clone();
    let image = |rest: &str| below(SCHEMAS, &format!("ImageInfo/{rest}"));
    for (pointer, to) in [
        (
            "/paths/~1new".to_owned(),
            json!({"get": {"operationId": "x"}}),
        ),
        ("/info/title".to_owned(), "Other".into()),
        (below(LIST, "summary"), "Other".into()),
        (below(LIST, "security"), json!([])),
        (below(LIST, "security/-"), json!({"other": []})),
        (
            below(LIST, "parameters/-"),
            json!({"name": "x", "in": "query", "required": false}),
        ),
        (below(LIST, "parameters/0/schema/maximum"), 2000.into()),
        (below(LIST, "responses/418"), problem),
        (
            below(LIST, "responses/200/headers/X-New"),
            json!({"schema": {}}),
        ),
        (image("properties/new"), json!({"type": "string"})),
        (image("properties/filename/maxLength"), 100.into()),
        (image("properties/caption/nullable"), Value::Null),
        (
            below(SCHEMAS, "PublishRequest/properties/new"),
            json!({"type": "string"}),
        ),
        (
            below(SCHEMAS, "PublishRequest/properties/caption/maxLength"),
            Value::Null,
        ),
        (below(SCHEMAS, "ThumbnailSize/enum/-"), "w1w1".into()),
        (below(SCHEMAS, "PublishOutcome/enum/0"), Value::Null),
    ] {
        let breaks = breaking_changes(&today, &changed(&pointer, to));
        assert!(breaks.is_empty(), "{pointer}: {breaks:?}");
    }
}
