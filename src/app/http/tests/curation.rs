//! Keeping, sorting out, deleting.

use serde_json::json;

use super::{
    Service,
    harness::{post, stored},
};
use crate::{
    app::usecases::fixtures::moved,
    domain::ledger::Claim,
    ports::{Folder, MockLedger, SidecarFile},
};

/// Has one image, which is looked up once, and may do everything.
fn with_image() -> Service {
    let mut service = Service::new();
    service.document["features"]["delete_enabled"] = true.into();
    service
        .images
        .expect_find()
        .times(1)
        .returning(|name| Ok(stored(name.as_str())));
    service
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    service
}

#[tokio::test]
async fn an_image_is_kept_or_sorted_out() {
    for (action, folder, path) in [
        ("keep", Folder::Keep, "/images/keep"),
        ("remove", Folder::Remove, "/images/reject"),
    ] {
        let mut service = with_image();
        service
            .images
            .expect_move_to()
            .times(1)
            .withf(move |image, _, to, _| image.name.as_str() == "a b.jpg" && *to == folder)
            .returning(|_, _, _, _| Ok(moved("a b (1).jpg")));
        let answer = service
            .answer(post(&format!("a%20b.jpg/{action}"), ""))
            .await;
        let expected = json!({
            "filename": "a b.jpg",
            "action": action,
            "destination_folder": path,
            "destination_filename": "a b (1).jpg",
            "preview_only": false,
            "warnings": [],
        });
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn an_image_is_deleted() {
    let mut service = with_image();
    service
        .images
        .expect_delete()
        .times(1)
        .returning(|_, _| Ok(()));
    let answer = service.answer(post("a.jpg/delete", "{}")).await;
    let expected = json!({
        "filename": "a.jpg",
        "action": "delete",
        "destination_folder": null,
        "destination_filename": null,
        "preview_only": false,
        "warnings": [],
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn a_preview_moves_and_deletes_nothing() {
    for action in ["keep", "remove", "delete"] {
        let request = post(&format!("a.jpg/{action}"), r#"{"preview_only": true}"#);
        let answer = with_image().answer(request).await.json();
        assert_eq!(answer["preview_only"], true, "{action}");
        assert_eq!(answer["action"], action);
        assert!(answer["destination_filename"].is_null(), "{action}");
    }
}

#[tokio::test]
async fn what_is_off_is_forbidden_and_calls_nothing() {
    for action in ["keep", "remove", "delete"] {
        let mut service = Service::new();
        service.document["features"][format!("{action}_enabled")] = false.into();
        let answer = service.answer(post(&format!("a.jpg/{action}"), "")).await;
        answer.problem(403, "feature-disabled");
    }
}

#[tokio::test]
async fn an_image_that_somebody_works_on_is_a_conflict() {
    for action in ["keep", "remove", "delete"] {
        let mut service = with_image();
        let mut ledger = MockLedger::new();
        ledger
            .expect_claim()
            .times(1)
            .returning(|_, _| Ok(Claim::HeldByOther));
        service.ledger = Some(ledger);
        let answer = service.answer(post(&format!("a.jpg/{action}"), "")).await;
        answer.problem(409, "conflict");
    }
}

#[tokio::test]
async fn all_bad_fields_are_named_at_once() {
    for action in ["keep", "remove", "delete"] {
        let body = r#"{"preview_only": "yes", "preview-only": true}"#;
        let answer = Service::new()
            .answer(post(&format!("a.gif/{action}"), body))
            .await;
        assert_eq!(
            answer.bad_fields(),
            ["filename", "preview_only", "preview-only"]
        );
    }
}

#[tokio::test]
async fn only_admins_sort_images() {
    for action in ["keep", "remove", "delete"] {
        let mut request = post(&format!("a.jpg/{action}"), "");
        request.headers_mut().remove("authorization");
        let answer = Service::new().open_to_viewers().answer(request).await;
        answer.problem(401, "unauthorized");
    }
}
