use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// How many there are: a new one is counted here too.
const OPERATIONS: usize = 44;

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

/// What an operation lacks of what every operation has to have.
fn missing(operation: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    let mut need = |what: String, is_there: bool| {
        if !is_there {
            missing.push(what);
        }
    };
    for key in ["operationId", "summary", "description"] {
        let text = operation[key].as_str().unwrap_or_default();
        need(key.to_owned(), !text.is_empty());
    }
    let description = operation["description"].as_str().unwrap_or_default();
    need("what it is for".to_owned(), description.starts_with("For "));
    need("tag".to_owned(), operation["tags"][0].is_string());
    need("security".to_owned(), operation["security"].is_array());
    let parameters = operation["parameters"].as_array().unwrap();
    for parameter in parameters.iter().filter(|it| it.get("$ref").is_none()) {
        let is_complete = !parameter["example"].is_null() && parameter["description"].is_string();
        need(format!("parameter {}", parameter["name"]), is_complete);
    }
    let shared = "#/components/parameters/X-Request-Id";
    let has_id = parameters.iter().any(|it| it["$ref"] == shared);
    need("X-Request-Id".to_owned(), has_id);
    if let Some(body) = operation.get("requestBody") {
        let json = &body["content"]["application/json"];
        // A picture has no example, in a request either.
        let is_upload = body["content"]["multipart/form-data"].is_object();
        let has_example = json["examples"].is_object();
        need("request example".to_owned(), is_upload || has_example);
    }
    let responses = operation["responses"].as_object().unwrap();
    for (status, response) in responses {
        let header = |name: &str| response["headers"][name].is_object();
        need(format!("{status} X-Request-Id"), header("X-Request-Id"));
        let must_wait = ["409", "429", "503"].contains(&status.as_str());
        need(
            format!("{status} Retry-After"),
            header("Retry-After") == must_wait,
        );
        let description = response["description"].as_str().unwrap_or_default();
        need(format!("{status} description"), !description.is_empty());
        let content = response["content"].as_object().into_iter().flatten();
        // A picture has no example that a document could hold.
        for (media_type, media) in content.filter(|(it, _)| !it.starts_with("image/")) {
            let examples = media["examples"].as_object();
            let is_there = examples.is_some_and(|all| !all.is_empty());
            need(format!("{status} {media_type} example"), is_there);
        }
    }
    let problem = |(_, response): &(&String, &Value)| {
        response["content"]["application/problem+json"]["schema"].is_object()
    };
    need(
        "problem".to_owned(),
        responses.iter().any(|it| problem(&it)),
    );
    missing
}

#[test]
fn every_operation_has_an_id_tag_summary_description_security_examples_and_problems() {
    let document = openapi_document();
    let operations = operations(&document);
    let mut ids = BTreeSet::new();
    let mut complete = 0;
    for (path, method, operation) in &operations {
        let missing = missing(operation);
        assert!(missing.is_empty(), "{method} {path} lacks {missing:?}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()));
        complete += 1;
    }
    assert_eq!((complete, operations.len()), (OPERATIONS, OPERATIONS));
    println!(
        "{complete} of {OPERATIONS} operations have an id, a tag, a summary, a description that says \
         what they are for, security, examples of requests and answers, and problems"
    );
}

#[test]
fn ids_are_camel_case_and_every_tag_is_described() {
    let document = openapi_document();
    let tags = document["tags"].as_array().unwrap();
    let names: Vec<_> = tags.iter().map(|tag| tag["name"].as_str()).collect();
    assert_eq!(names, amend::TAGS.map(Some));
    for (_, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let is_camel_case = id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.chars().all(|letter| letter.is_ascii_alphanumeric());
        assert!(is_camel_case, "{id}");
        let tag = tags.iter().find(|tag| tag["name"] == operation["tags"][0]);
        assert!(tag.unwrap()["description"].is_string(), "{id}");
    }
}

#[test]
fn what_holds_texts_and_numbers_says_their_limits() {
    /// Texts for people, and what platforms, models and storage make up: as long as they are.
    const FREE: [&str; 17] = [
        "FieldError.field",
        "ImageAnalysis.alt_text",
        "ImageAnalysis.caption",
        "ImageAnalysis.description",
        "ImageAnalysis.mood",
        "ImageAnalysis.platform_captions",
        "ImageAnalysis.sd_caption",
        "ImageAnalysis.tags",
        "ImageInfo.caption",
        "ImageInfo.caption_generated",
        "ImageInfo.caption_submitted",
        "ImageInfo.sd_caption",
        "Job.caption",
        "Job.captions",
        "PlatformResult.caption",
        "PlatformResult.post_id",
        "Publication.post_id",
    ];
    let document = openapi_document();
    let mut unlimited = BTreeSet::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let held = [&property["items"], &property["additionalProperties"]];
            let held = held.into_iter().find(|held| held["type"].is_string());
            let held = held.unwrap_or(property);
            let has = |keys: &[&str]| keys.iter().any(|key| held.get(key).is_some());
            // A reference to an enum with a name would rule `null` out.
            let is_enum_or_null = held.get("enum").is_some() && held["nullable"] == true;
            let is_limited = match held["type"].as_str() {
                _ if is_enum_or_null => true,
                Some("string") => has(&["format", "pattern", "minLength", "maxLength"]),
                Some("integer") => has(&["format"]) && has(&["minimum"]),
                _ => true,
            };
            if !is_limited {
                unlimited.insert(format!("{name}.{field}"));
            }
            let inline_enum = held.get("enum").is_some() && !is_enum_or_null;
            assert!(!inline_enum, "{name}.{field} has values without a name");
        }
    }
    assert_eq!(unlimited, FREE.map(str::to_owned).into());
}

#[test]
fn every_operation_lists_its_problems_and_every_list_has_an_operation() {
    let document = openapi_document();
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    let listed = amend::problems::OWN.map(|(id, _)| id).into();
    assert_eq!(described, listed);
}

#[test]
fn security_and_its_problems_follow_from_who_may_call() {
    let document = openapi_document();
    let publish = &document["paths"]["/api/images/{filename}/publish"]["post"];
    let list = &document["paths"]["/api/images/list"]["get"];
    let features = &document["paths"]["/api/config/features"]["get"];
    let [bearer, basic, cookie] =
        ["bearerAuth", "basicAuth", "cookieAuth"].map(|name| serde_json::json!({name: []}));
    let any = serde_json::json!([bearer, basic, cookie]);
    assert_eq!(publish["security"], any);
    let or_nobody = serde_json::json!([bearer, basic, cookie, {}]);
    assert_eq!(list["security"], or_nobody);
    let scheme = &document["components"]["securitySchemes"]["cookieAuth"];
    assert_eq!(
        (&scheme["in"], &scheme["name"]),
        (&"cookie".into(), &"__Host-pv2_admin".into())
    );
    assert_eq!(features["security"], serde_json::json!([]));
    assert!(publish["responses"]["401"].is_object());
    assert!(publish["responses"]["413"].is_object());
    let forbidden = |operation: &Value| {
        let examples = &operation["responses"]["403"]["content"]["application/problem+json"];
        examples["examples"]["forbidden"].is_object()
    };
    assert!(forbidden(publish) && !forbidden(list));
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
    assert!(!page.contains(&service().spec()));
    let mut document = openapi_document();
    amend::for_trying(&mut document);
    assert!(page.contains(&text_of(&document)));
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains(PAGE_HEAD) && !page.contains(GENERATED_TITLE));
    let list = &document["paths"]["/api/images/list"]["get"]["parameters"];
    assert_eq!(
        (&list[0]["name"], list[0].get("example")),
        (&"limit".into(), None)
    );
    let image = &document["paths"]["/api/images/{filename}"]["get"]["parameters"];
    assert_eq!(image[0]["example"], "harbour-dawn.jpg");
}

#[test]
fn login_and_logout_tell_of_their_cookie_and_login_needs_a_body() {
    let document = openapi_document();
    for path in ["/api/admin/login", "/api/admin/logout"] {
        let cookie = &document["paths"][path]["post"]["responses"]["200"]["headers"]["Set-Cookie"];
        assert_eq!(cookie["$ref"], "#/components/headers/Set-Cookie", "{path}");
    }
    assert!(document["components"]["headers"]["Set-Cookie"].is_object());
    let is_required = |path: &str| &document["paths"][path]["post"]["requestBody"]["required"];
    assert_eq!(is_required("/api/admin/login"), true);
    assert_ne!(is_required("/api/images/{filename}/publish"), true);
    for body in ["LoginRequest", "PublishRequest"] {
        let schema = &document["components"]["schemas"][body];
        assert_eq!(schema["additionalProperties"], false, "{body}");
    }
    let password = &document["components"]["schemas"]["LoginRequest"]["properties"]["password"];
    assert_eq!(password["writeOnly"], true);
}

/// The lint of the document in CI refuses one that nothing refers to.
#[test]
fn every_component_is_used() {
    let document = openapi_document();
    let text = document.to_string();
    for (kind, components) in document["components"].as_object().unwrap() {
        // Requirements of security name their scheme.
        if kind == "securitySchemes" {
            continue;
        }
        for name in components.as_object().unwrap().keys() {
            let reference = format!("\"#/components/{kind}/{name}\"");
            assert!(text.contains(&reference), "nothing refers to {reference}");
        }
    }
}
