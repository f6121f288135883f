//! The examples in the spec are true: each request is sent as it stands there, and answered as it
//! says.

mod world;

use std::collections::BTreeSet;

use poem::{Body, Request, http::Method};
use serde_json::{Value, json};

use self::world::world;
use super::{
    Answer, Service,
    harness::{HOST, SMALL_JPEG, TOKEN, file, form},
};
use crate::app::http::spec;

/// An operation of the spec.
struct Operation {
    id: String,
    method: Method,
    path: String,
    said: Value,
}

fn operations() -> Vec<Operation> {
    let document = spec::openapi_document();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap() {
            operations.push(Operation {
                id: said["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                said: said.clone(),
            });
        }
    }
    operations
}

impl Operation {
    /// The examples of an answer, by their names.
    fn answers(&self, status: u16, media_type: &str) -> Vec<(&str, &Value)> {
        let content = &self.said["responses"][status.to_string()]["content"];
        let examples = content[media_type]["examples"].as_object();
        let value = |(name, example): (_, _)| {
            let (name, example): (&String, &Value) = (name, example);
            (name.as_str(), &example["value"])
        };
        examples.into_iter().flatten().map(value).collect()
    }

    /// The request with every example that the spec has for it.
    fn request(&self) -> Request {
        self.request_with(|name| name != "Prefer")
    }

    /// The request with the examples of some of its parameters.
    fn request_with(&self, takes: impl Fn(&str) -> bool) -> Request {
        let parameters = self.said["parameters"].as_array().unwrap();
        let own = parameters.iter().filter(|it| it.get("$ref").is_none());
        let (mut path, mut query, mut headers) = (self.path.clone(), Vec::new(), Vec::new());
        for parameter in own {
            let name = parameter["name"].as_str().unwrap();
            // A page begins in one way only.
            if ["offset", "anchor_key"].contains(&name) || !takes(name) {
                continue;
            }
            let example = &parameter["example"];
            let example = example.as_str().map_or(example.to_string(), str::to_owned);
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &example),
                "query" => query.push(format!("{name}={example}")),
                _ => headers.push((name, example)),
            }
        }
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri_str(format!("{path}?{}", query.join("&")))
            .header("host", HOST)
            .header("authorization", format!("Bearer {TOKEN}"));
        for (name, example) in headers {
            request = request.header(name, example);
        }
        match self
            .said
            .pointer("/requestBody/content/application~1json/examples")
        {
            Some(examples) => {
                let example = examples.as_object().unwrap().values().next().unwrap();
                let request = request.content_type("application/json");
                request.body(Body::from_string(example["value"].to_string()))
            }
            None if self.id == "uploadImage" => {
                let request = request.content_type("multipart/form-data; boundary=line");
                request.body(Body::from_vec(form(&[file(
                    "harbour-dawn.jpg",
                    &SMALL_JPEG,
                )])))
            }
            None => request.finish(),
        }
    }
}

#[tokio::test]
async fn every_request_is_answered_as_the_spec_says_by_example() {
    let mut tried = BTreeSet::new();
    for operation in operations() {
        let statuses: &[u16] = if operation.id == "getReadiness" {
            &[200, 503]
        } else {
            &[200, 201, 202]
        };
        for status in statuses {
            for (name, expected) in operation.answers(*status, "application/json") {
                let service = world(&operation.id, name);
                let prefers = |name: &str| *status == 202 || name != "Prefer";
                let request = operation.request_with(prefers);
                let answer = service.answer(request).await;
                let context = format!("{} {name}: {}", operation.id, answer.body);
                assert_eq!(answer.status, *status, "{context}");
                assert_eq!(answer.json(), *expected, "{context}");
                tried.insert(operation.id.clone());
            }
        }
    }
    // Pictures have no example: the request for a thumbnail is tried below, as the page that logs out is, and a link is
    // signed by each service. A stream has no end. A login with an account is answered without a body.
    assert_eq!(tried.len() + 6, operations().len());
}

#[tokio::test]
async fn pages_and_pictures_are_what_the_spec_says_by_example() {
    for operation in operations() {
        match &*operation.id {
            "getProblem" => {
                for media_type in ["text/html", "text/markdown"] {
                    let mut request = operation.request();
                    request
                        .headers_mut()
                        .insert("accept", media_type.parse().unwrap());
                    let answer = Service::new().answer(request).await;
                    let expected = operation.answers(200, media_type)[0].1;
                    assert_eq!(answer.body, expected.as_str().unwrap());
                }
            }
            "logOutByLink" => {
                let answer = Service::new().answer(operation.request()).await;
                let expected = operation.answers(200, "text/html")[0].1;
                assert_eq!(answer.body, expected.as_str().unwrap());
            }
            "logOutByForm" => {
                let mut request = operation.request();
                let html = "text/html".parse().unwrap();
                request.headers_mut().insert("accept", html);
                let answer = world(&operation.id, "").answer(request).await;
                let expected = operation.answers(200, "text/html")[0].1;
                assert_eq!(answer.body, expected.as_str().unwrap());
            }
            "getThumbnail" => {
                let service = world("getThumbnail", "");
                let answer = service.answer(operation.request()).await;
                assert_eq!(
                    (answer.status.as_u16(), &*answer.body),
                    (200, "a small picture")
                );
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn bad_fields_are_told_as_the_spec_says_by_example() {
    for operation in operations() {
        let bad = &operation.said["responses"]["400"]["content"]["application/problem+json"];
        let Some(expected) = bad.pointer("/examples/invalid-request/value") else {
            continue;
        };
        let answer = if expected["errors"].is_array() {
            bad_request(&operation).await
        } else {
            of_two_hosts(&operation).await
        };
        let mut told = answer.problem(400, "invalid-request");
        told["request_id"] = expected["request_id"].clone();
        assert_eq!(told, *expected, "{}", operation.id);
    }
}

/// An operation's example with a target that names another host.
async fn of_two_hosts(operation: &Operation) -> Answer {
    let mut request = operation.request();
    let target = format!("http://elsewhere.example{}", request.uri());
    *request.uri_mut() = target.parse().unwrap();
    world(&operation.id, "").answer(request).await
}

/// An operation's example with something bad in it.
async fn bad_request(operation: &Operation) -> Answer {
    let mut request = operation.request();
    let service = world(&operation.id, "");
    let uri = request.uri().to_string();
    let bad = uri
        .replace("harbour-dawn.jpg/", "notes.txt/")
        .replace("limit=50", "limit=0");
    let bad = bad.replace("s/harbour-dawn.jpg?", "s/notes.txt?");
    let bad = bad.replace("problems/image-not-found", "problems/%FF");
    let bad = bad.replace("publications/7/", "publications/%FF/");
    let bad = bad.replace("jobs/7", "jobs/%FF");
    if operation.id == "uploadImage" {
        request.set_body(form(&[]));
    } else if bad == uri {
        let body = if operation.id == "putSchedule" {
            json!({"times": [], "enabled": false})
        } else if ["logIn", "putVoiceProfile", "postVoiceProfile"].contains(&&*operation.id) {
            json!({})
        } else {
            json!({"platforms": ["fax"]})
        };
        request.set_body(body.to_string());
    } else {
        *request.uri_mut() = bad.parse().unwrap();
    }
    service.answer(request).await
}
