//! The examples of schemas, requests and answers, out of `spec/examples.json`. An example without a `value` has
//! that of its schema. `app::http::tests::examples` sends every request to a service and compares the answers.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{entries, schema_name};
use crate::app::http::{problem::ProblemKind, problem_pages};

static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../examples.json")).unwrap_or_default());

pub(super) fn complete(schemas: &mut Value) {
    for (name, example) in EXAMPLES["schemas"].as_object().into_iter().flatten() {
        schemas[name]["example"] = example.clone();
    }
}

/// Adds the examples of an operation's body and of its answers that are no problems.
pub(super) fn add(operation: &mut Value, schemas: &Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let examples = &EXAMPLES["operations"][id];
    let is_problem_page = id == "getProblem";
    // A form with a file has none.
    if let Some(content) = operation.pointer_mut("/requestBody/content")
        && let Some(examples) = examples.get("body")
    {
        fill(content, examples, schemas);
    }
    for (status, response) in entries(&mut operation["responses"]) {
        let Some(content) = response.get_mut("content") else {
            continue;
        };
        if let Some(examples) = examples.get(status) {
            fill(content, examples, schemas);
        } else if is_problem_page && status == "200" {
            let kind = ProblemKind::ImageNotFound;
            for (media_type, media) in entries(content) {
                let page = problem_pages::page(kind, media_type);
                media["examples"] = json!({kind.slug(): {"summary": kind.title(), "value": page}});
            }
        }
    }
}

fn fill(content: &mut Value, examples: &Value, schemas: &Value) {
    for (_, media) in entries(content) {
        let of_schema = &schemas[schema_name(&media["schema"])]["example"];
        let mut examples = examples.clone();
        for (_, example) in entries(&mut examples) {
            if example.get("value").is_none() {
                example["value"] = of_schema.clone();
            }
        }
        media["examples"] = examples;
    }
}
