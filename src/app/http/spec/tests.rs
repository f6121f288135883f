use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods)| {
        let (path, methods): (&String, &Value) = (path, methods);
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn yaml_and_json_say_the_same() {
    let from_json: Value = serde_json::from_str(&json()).unwrap();
    let from_yaml: Value = serde_saphyr::from_str(&yaml()).unwrap();
    assert_eq!(from_json, openapi_document());
    assert_eq!(from_yaml, from_json);
}

#[test]
fn every_operation_is_fully_described() {
    let document = openapi_document();
    let operations = operations(&document);
    assert_eq!(operations.len(), 12);
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations {
        let name = format!("{method} {path}");
        let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
        assert!(ids.insert(text("operationId")), "{name}");
        assert!(!text("summary").is_empty(), "{name}: summary");
        assert!(!text("description").is_empty(), "{name}: description");
        assert!(operation["tags"][0].is_string(), "{name}: tag");
        assert!(operation["security"].is_array(), "{name}: security");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let id = &response["headers"]["X-Request-Id"];
            assert!(id.is_object(), "{name} {status}: X-Request-Id");
            let wait = &response["headers"]["Retry-After"];
            assert_eq!(
                wait.is_object(),
                status == "503",
                "{name} {status}: Retry-After"
            );
            assert!(
                response["description"].is_string(),
                "{name} {status}: description"
            );
        }
    }
}

#[test]
fn every_operation_lists_its_problems_and_every_list_has_an_operation() {
    let document = openapi_document();
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    let listed: BTreeSet<_> = amend::own_problem_lists().map(|(id, _)| *id).collect();
    assert_eq!(described, listed);
}

#[test]
fn security_and_its_problems_follow_from_who_may_call() {
    let document = openapi_document();
    let publish = &document["paths"]["/api/images/{filename}/publish"]["post"];
    let list = &document["paths"]["/api/images/list"]["get"];
    let features = &document["paths"]["/api/config/features"]["get"];
    let bearer = serde_json::json!({"bearerAuth": []});
    assert_eq!(publish["security"], serde_json::json!([bearer]));
    assert_eq!(list["security"], serde_json::json!([bearer, {}]));
    assert_eq!(features["security"], serde_json::json!([]));
    assert!(publish["responses"]["401"].is_object());
    assert!(publish["responses"]["413"].is_object());
    assert!(features["responses"].get("401").is_none());
    let not_found = &publish["responses"]["404"]["content"]["application/problem+json"];
    assert!(not_found["examples"]["tenant-not-found"].is_object());
    assert!(not_found["examples"]["image-not-found"].is_object());
}

#[test]
fn every_kind_of_problem_is_documented_and_every_schema_is_described() {
    let document = openapi_document();
    let overview = document["info"]["description"].as_str().unwrap();
    for kind in ProblemKind::ALL {
        assert!(overview.contains(&format!("`{}`", kind.uri())), "{kind:?}");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
        let is_complete = schema["enum"].is_array() || schema["example"].is_object();
        assert!(is_complete, "{name} has neither values nor an example");
    }
}

#[test]
fn the_page_shows_the_document_that_is_published() {
    let page = page();
    assert!(page.contains(&json()));
    assert!(!page.contains(&service().spec()));
}
