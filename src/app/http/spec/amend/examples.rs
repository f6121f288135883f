//! The examples of schemas, requests and answers, out of `spec/examples.json`. An example without a `value` has
//! that of its schema. `app::http::tests::examples` sends every request to a service and compares the answers.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{entries, schema_name};
use crate::{
    app::http::{log_out, problem::ProblemKind, problem_pages},
    domain::platform::Platform,
};

static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../examples.json").replace("{platforms}", &platform_names());
    serde_json::from_str(&text).unwrap_or_default()
});

/// The names of the platforms, as messages list them.
pub(super) fn platform_names() -> String {
    Platform::ALL.map(Platform::as_str).join(", ")
}

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
    let is_log_out_page = id == "logOutByLink";
    let is_log_out_form = id == "logOutByForm";
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
            if is_log_out_form {
                content["text/html"]["examples"] = json!({"page": logged_out()});
            }
        } else if is_log_out_page && status == "200" {
            let button = json!({"summary": "A page with a button", "value": log_out::PAGE});
            content["text/html"]["examples"] = json!({"page": button, "said": logged_out()});
        } else if is_problem_page && status == "200" {
            let kind = ProblemKind::ImageNotFound;
            for (media_type, media) in entries(content) {
                let page = problem_pages::page(kind, media_type);
                media["examples"] = json!({kind.slug(): {"summary": kind.title(), "value": page}});
            }
        }
    }
}

fn logged_out() -> Value {
    json!({"summary": "The session has ended", "value": log_out::LOGGED_OUT})
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
