//! Listing.

use serde_json::json;

use poem::Endpoint as _;

use super::{
    Service,
    harness::{Answer, get, stored},
};
use crate::app::http::spec;

fn with_three_images() -> Service {
    let mut service = Service::new().open_to_viewers();
    let images = || Ok(["a.jpg", "b.png", "c.webp"].map(stored).into());
    service.images.expect_list().returning(images);
    service
}

#[tokio::test]
async fn a_list_is_paged_by_limit_and_after_and_counts_all() {
    for (query, expected) in [
        ("", json!(["a.jpg", "b.png", "c.webp"])),
        ("?limit=2", json!(["a.jpg", "b.png"])),
        ("?limit=2&after=b.png", json!(["c.webp"])),
        ("?after=c.webp", json!([])),
        ("?limit=1000&after=", json!(["a.jpg", "b.png", "c.webp"])),
    ] {
        let request = get(&format!("/api/images/list{query}"));
        let answer = with_three_images().answer(request).await;
        assert_eq!(
            answer.json(),
            json!({"filenames": expected, "count": 3}),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_list_without_a_limit_has_a_thousand_names_and_counts_all() {
    let mut service = Service::new().open_to_viewers();
    let images = || {
        Ok((0..2_500)
            .map(|it| stored(&format!("{it:04}.jpg")))
            .collect())
    };
    service.images.expect_list().returning(images);
    let routes = service.routes();
    let mut after = String::new();
    for (length, last) in [(1_000, "0999.jpg"), (1_000, "1999.jpg"), (500, "2499.jpg")] {
        let request = get(&format!("/api/images/list?after={after}"));
        let page = Answer::of(routes.get_response(request).await).await.json();
        let names = page["filenames"].as_array().unwrap();
        assert_eq!((names.len(), &page["count"]), (length, &json!(2_500)));
        assert_eq!(names[length - 1], last);
        after = last.to_owned();
    }
}

#[test]
fn the_spec_says_how_many_names_a_page_has() {
    let document = spec::openapi_document();
    let parameters = &document["paths"]["/api/images/list"]["get"]["parameters"];
    let limit = parameters.as_array().unwrap().iter();
    let limit = limit.clone().find(|it| it["name"] == "limit").unwrap();
    assert_eq!(limit["required"], false);
    let schema = &limit["schema"];
    for (key, value) in [("minimum", 1.0), ("maximum", 1_000.0), ("default", 1_000.0)] {
        assert_eq!(schema[key].as_f64(), Some(value), "{key} of {schema}");
    }
}

#[tokio::test]
async fn an_after_that_no_name_can_be_is_named() {
    let request = get(&format!("/api/images/list?after={}", "a".repeat(256)));
    let answer = with_three_images().answer(request).await;
    assert_eq!(answer.bad_fields(), ["after"]);
    let message = &answer.json()["errors"][0]["message"];
    assert_eq!(message, "must have at most 255 characters");
}

#[tokio::test]
async fn a_bad_limit_is_named() {
    for (limit, rule) in [
        ("0", "must be at least 1"),
        ("1001", "must be at most 1000"),
        ("-1", "must be a whole number"),
        ("many", "must be a whole number"),
        ("1.5", "must be a whole number"),
        ("", "must be a whole number"),
        ("99999999999999999999", "is too large"),
    ] {
        let request = get(&format!("/api/images/list?limit={limit}"));
        let answer = with_three_images().answer(request).await;
        assert_eq!(answer.bad_fields(), ["limit"], "{limit}");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(
            message.contains(rule) && !message.contains("uint"),
            "{message}"
        );
    }
}
