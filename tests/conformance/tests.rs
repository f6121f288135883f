//! What does not agree is told.

use serde_json::{Value, json};

use super::{Observed, check};

fn document() -> Value {
    json!({
        "paths": {
            "/images/list": {"get": {"responses": {"200": {
                "headers": {"X-Count": {"$ref": "#/components/headers/X-Count"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/List"}}},
            }}}},
            "/images/{name}": {"get": {"responses": {"304": {}}}},
            "/voice": {"get": {"responses": {"200": {}}}, "put": {"responses": {"200": {
                "headers": {"X-Count": {"$ref": "#/components/headers/X-Count"}},
            }, "400": {}}}},
        },
        "components": {
            "headers": {"X-Count": {"required": true, "schema": {"type": "integer", "minimum": 1}}},
            "schemas": {
                "List": {
                    "type": "object",
                    "properties": {
                        "names": {"type": "array", "maxItems": 2, "items": {
                            "type": "string", "pattern": "^[a-z]+$", "maxLength": 3,
                        }},
                        "time": {"type": "string", "format": "date-time", "nullable": true},
                        "kind": {"allOf": [{"type": "string", "enum": ["a", "b"]}]},
                    },
                    "required": ["names"],
                },
                "Problem": {"type": "object", "properties": {"status": {"type": "integer"}}},
            },
        },
    })
}

fn judged(
    (method, path): (&str, &str),
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(), String> {
    let header = |name: &str| {
        let found = headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| (*value).to_owned())
    };
    let observed = Observed {
        method: Some(method).filter(|method| *method != UNKNOWN),
        path,
        status,
        header: &header,
        body: body.as_bytes(),
    };
    check(&document(), &observed)
}

/// In place of a method, for one that is not known.
const UNKNOWN: &str = "?";
const LIST: (&str, &str) = ("GET", "/images/list");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const COUNT: (&str, &str) = ("x-count", "1");
const PROBLEM: (&str, &str) = ("content-type", "application/problem+json");

#[test]
fn what_is_declared_agrees() {
    for body in [
        r#"{"names": []}"#,
        r#"{"names": ["abc"], "time": null, "kind": "a"}"#,
        r#"{"names": ["a", "b"], "time": "2026-05-04T18:30:00Z"}"#,
    ] {
        assert_eq!(judged(LIST, 200, &[JSON, COUNT], body), Ok(()), "{body}");
    }
    assert_eq!(judged(("HEAD", LIST.1), 200, &[JSON, COUNT], ""), Ok(()));
    assert_eq!(judged(("GET", "/images/x"), 304, &[], ""), Ok(()));
    for path in ["/", "/docs", "/assets/0/main.js"] {
        assert_eq!(judged(("GET", path), 200, &[], "page"), Ok(()), "{path}");
    }
    let not_found = r#"{"status": 404}"#;
    assert_eq!(judged(("GET", "/x"), 404, &[PROBLEM], not_found), Ok(()));
    let wrong_method = [PROBLEM, ("allow", "GET")];
    assert_eq!(judged(("PUT", LIST.1), 405, &wrong_method, "{}"), Ok(()));
}

#[test]
fn a_body_that_the_schema_does_not_know_is_told() {
    for (body, complaint) in [
        ("", "EOF"),
        ("[]", "breaks"),
        ("{}", "required"),
        (r#"{"names": null}"#, "is null"),
        (r#"{"names": ["A"]}"#, "pattern"),
        (r#"{"names": ["abcd"]}"#, "maxLength"),
        (r#"{"names": [1]}"#, ".names[0]"),
        (r#"{"names": ["a", "b", "c"]}"#, "maxItems"),
        (r#"{"names": [], "time": "today"}"#, "format"),
        (r#"{"names": [], "kind": "c"}"#, "enum"),
        (r#"{"names": [], "more": 1}"#, ".more is not declared"),
    ] {
        let told = judged(LIST, 200, &[JSON, COUNT], body).unwrap_err();
        assert!(told.contains(complaint), "{body}: {told}");
    }
}

#[test]
fn a_response_that_is_not_declared_is_told() {
    let body = r#"{"names": []}"#;
    for (call, status, headers, body, complaint) in [
        (LIST, 201, &[JSON, COUNT][..], body, "does not declare 201"),
        (LIST, 404, &[PROBLEM], "{}", "does not declare 404"),
        (LIST, 200, &[JSON], body, "X-Count is missing"),
        (LIST, 200, &[JSON, ("x-count", "0")], body, "minimum"),
        (LIST, 200, &[COUNT], body, "media type"),
        (("GET", "/images/x"), 304, &[], "x", "none is declared"),
        (("POST", LIST.1), 200, &[JSON, COUNT], body, "get only"),
        (("POST", LIST.1), 405, &[PROBLEM], "{}", "get only"),
        (("GET", "/x"), 200, &[JSON], "{}", "no operation"),
        (("GET", "/x"), 404, &[JSON], "{}", "media type"),
        (("GET", "/x"), 404, &[PROBLEM], r#"{"status": "x"}"#, "type"),
    ] {
        let told = judged(call, status, headers, body).unwrap_err();
        assert!(told.contains(complaint), "{call:?} {status}: {told}");
    }
}

#[test]
fn of_several_methods_the_one_that_was_used_has_to_agree_or_any_if_none_is_known() {
    let judged = |method: &str, status: u16, headers: &[(&str, &str)]| {
        judged((method, "/voice"), status, headers, "").is_ok()
    };
    assert!(judged("GET", 200, &[]) && judged("HEAD", 200, &[]));
    assert!(!judged("PUT", 200, &[]) && judged("PUT", 200, &[COUNT]));
    assert!(!judged("GET", 400, &[]) && judged("PUT", 400, &[]));
    assert!(!judged("POST", 200, &[]));
    assert!(judged(UNKNOWN, 200, &[]) && judged(UNKNOWN, 200, &[COUNT]));
    assert!(judged(UNKNOWN, 400, &[]) && !judged(UNKNOWN, 404, &[]));
}
