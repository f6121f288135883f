//! The headers of each response: named as people write them, and described once.

use serde_json::{Map, Value, json};

use super::{EXAMPLE_ID, EXAMPLE_TAG, entries, fields};

const EXAMPLE_COOKIE: &str =
    "__Host-pv2_admin=…; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800";

/// Replaces headers by references to their shared descriptions, and declares the one
/// that every response has.
pub(super) fn declare(operation: &mut Value) {
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

/// The usual spelling of a header, which the generator writes in capitals.
fn header_name(name: &str) -> &str {
    match name {
        "CACHE-CONTROL" => "Cache-Control",
        "CONTENT-LENGTH" => "Content-Length",
        "CONTENT-RANGE" => "Content-Range",
        "ETAG" => "ETag",
        "RETRY-AFTER" => "Retry-After",
        "IDEMPOTENCY-REPLAYED" => "Idempotency-Replayed",
        "LOCATION" => "Location",
        "PREFERENCE-APPLIED" => "Preference-Applied",
        "SET-COOKIE" => "Set-Cookie",
        other => other,
    }
}

/// The description of each header.
pub(super) fn shared() -> Value {
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
        "Content-Range": {
            "description": "Which bytes of the file the body has, and the size of the file.",
            "required": true,
            "schema": {"type": "string", "example": "bytes 0-1023/48213"},
        },
        "ETag": {
            "description": "Tells this version of the response from others, for `If-None-Match`.",
            "required": true,
            "schema": {"type": "string", "example": EXAMPLE_TAG},
        },
        "Idempotency-Replayed": {
            "description": "`true`: this is the first answer to a request under the same \
                `Idempotency-Key`, and nothing was done for this one. Absent otherwise.",
            "schema": {"type": "boolean", "example": true},
        },
        "Location": {
            "description": "Where it goes on: the path of the job, or the address that a browser is led to.",
            "required": true,
            "schema": {"type": "string", "format": "uri-reference", "example": "/api/jobs/7"},
        },
        "Preference-Applied": {
            "description": "The preference of the request that was followed (RFC 7240).",
            "required": true,
            "schema": {"type": "string", "example": "respond-async"},
        },
        "Retry-After": {
            "description": "Seconds after which to try again.",
            "required": true,
            "schema": {"type": "integer", "format": "int32", "minimum": 1, "example": 5},
        },
        "Set-Cookie": {
            "description": "`__Host-pv2_admin`: the session, `HttpOnly`, `SameSite=Lax`, `Secure`; \
                            with `Max-Age=0` it has ended. A login sets `__Host-pv2_device`, too, in a \
                            header of its own. Where the operator allows browsers without TLS, \
                            neither has the prefix or `Secure`. A logout removes both names.",
            "required": true,
            "schema": {"type": "string", "example": EXAMPLE_COOKIE},
        },
        "WWW-Authenticate": {
            "description": "How to authenticate: a header for each scheme that is configured. \
                            `Cookie` stands for a session. `Basic`, for which browsers open a window, is left out \
                            of the answer to what a page fetches (`Sec-Fetch-Mode`); where it is the only \
                            one, `xBasic` stands for it.",
            "required": true,
            "schema": {"type": "string", "example": "Bearer"},
        },
        "X-Request-Id": {
            "description": "The id of the request: the caller's, or a new one.",
            "required": true,
            "schema": fields::request_id(),
            "example": EXAMPLE_ID,
        },
    })
}
