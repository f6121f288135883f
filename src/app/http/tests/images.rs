//! Listing.

use serde_json::json;

use super::{
    Service,
    harness::{get, stored},
};

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
async fn a_bad_limit_is_named() {
    for limit in ["0", "1001", "-1", "many", "1.5", ""] {
        let request = get(&format!("/api/images/list?limit={limit}"));
        let answer = with_three_images().answer(request).await;
        assert_eq!(answer.bad_fields(), ["limit"], "{limit}");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(
            message.contains("is not acceptable: ") && !message.contains("uint"),
            "{message}"
        );
    }
}
