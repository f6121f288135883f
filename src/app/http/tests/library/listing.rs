//! Listing the library.

use serde_json::{Value, json};

use super::{Service, list};
use crate::{app::http::tests::harness::stored, domain::image::StoredImage};

fn with_folder() -> Service {
    let mut service = Service::new();
    service.images.expect_list().returning(|| {
        let sized = |(name, size)| StoredImage {
            size,
            ..stored(name)
        };
        Ok([("a.jpg", 3), ("b.jpg", 2), ("C.jpg", 1)]
            .map(sized)
            .to_vec())
    });
    service
}

#[tokio::test]
async fn a_folder_is_listed_page_by_page() {
    let first = with_folder().answer(list("sort=size&limit=2")).await.json();
    let keys = |page: &Value| {
        let objects = page["objects"].as_array().unwrap().iter();
        objects
            .map(|it| it["key"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&first), ["C.jpg", "b.jpg"]);
    assert_eq!(
        (&first["total_in_window"], &first["truncated"]),
        (&json!(3), &json!(false))
    );
    let query = format!(
        "sort=size&limit=2&cursor={}",
        first["cursor"].as_str().unwrap()
    );
    let last = with_folder().answer(list(&query)).await.json();
    assert_eq!(
        (keys(&last), &last["cursor"]),
        (vec!["a.jpg".to_owned()], &Value::Null)
    );

    let found = with_folder().answer(list("q=C.J&order=desc")).await.json();
    assert_eq!(keys(&found), ["C.jpg"]);
    let anchored = with_folder()
        .answer(list("anchor_key=b.jpg&limit=2"))
        .await
        .json();
    assert_eq!(
        (keys(&anchored), &anchored["anchor_offset"]),
        (vec!["b.jpg".to_owned()], &json!(2))
    );
    let offset = with_folder().answer(list("offset=1&limit=1")).await.json();
    assert_eq!(keys(&offset), ["a.jpg"]);
}

#[tokio::test]
async fn bad_parameters_of_a_list_are_named() {
    let of_another_list = {
        let page = with_folder().answer(list("limit=1")).await.json();
        format!("sort=size&cursor={}", page["cursor"].as_str().unwrap())
    };
    let long = format!("q={}", "x".repeat(101));
    for (query, field) in [
        ("prefix=root", "prefix"),
        ("prefix=..", "prefix"),
        ("prefix=keep/", "prefix"),
        ("sort=colour", "sort"),
        ("order=up", "order"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("offset=-1", "offset"),
        ("offset=0&cursor=AAAA", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=", "cursor"),
        ("anchor_key=a/b.jpg", "anchor_key"),
        (&long, "q"),
        (&of_another_list, "cursor"),
    ] {
        let answer = Service::new().answer(list(query)).await;
        assert_eq!(answer.bad_fields(), [field], "{query}");
    }
    let long = format!("q={}", "x".repeat(100));
    assert_eq!(with_folder().answer(list(&long)).await.status, 200);
}
