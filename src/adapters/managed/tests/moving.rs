//! Moving, and what an interruption leaves.

use super::*;

#[tokio::test]
async fn a_moved_image_keeps_content_type_and_metadata() {
    let tenant = Tenant::new().await;
    let image = jpeg("ours");
    tenant.upload(image.clone()).await.unwrap();
    let moved = tenant.moved("a.jpg", IfTaken::Refuse).await.unwrap();
    assert_eq!(moved.name, "a.jpg");
    assert_eq!(tenant.object("a.jpg"), None);
    let s3 = &tenant.sandbox.s3;
    let header = async |header: &str| s3.header("acme/queue/archive/a.jpg", header).await.unwrap();
    assert_eq!(header("content-type").await, "image/jpeg");
    assert_eq!(header("x-amz-meta-sha256").await, image.sha256());
    assert_eq!(tenant.calls("copy"), 1);
}

#[tokio::test]
async fn a_move_that_ended_after_the_copy_is_finished_by_the_next() {
    for if_taken in [IfTaken::Rename, IfTaken::Refuse] {
        let tenant = Tenant::new().await;
        tenant.put("a.jpg", "one").await;
        tenant
            .switches()
            .always("delete", refusal(503, "ServiceUnavailable"));
        tenant.moved("a.jpg", if_taken).await.unwrap_err();
        assert_eq!(tenant.object("a.jpg").unwrap(), "one");
        assert_eq!(tenant.object("archive/a.jpg").unwrap(), "one");

        tenant.switches().clear("delete");
        let moved = tenant.moved("a.jpg", if_taken).await.unwrap();
        assert_eq!(moved.name, "a.jpg", "it is the copy, and no other image");
        assert_eq!(tenant.sandbox.s3.keys(), ["acme/queue/archive/a.jpg"]);
        assert_eq!(tenant.calls("copy"), 1);
    }
}

#[tokio::test]
async fn another_image_under_the_name_stays() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "one").await;
    tenant.put("archive/a.jpg", "two").await;
    tenant.put("archive/a (1).jpg", "three").await;
    let refused = tenant.moved("a.jpg", IfTaken::Refuse).await.unwrap_err();
    assert!(matches!(refused, ImageStoreError::NameTaken), "{refused:?}");
    assert_eq!((tenant.calls("copy"), tenant.calls("delete")), (0, 0));
    let moved = tenant.moved("a.jpg", IfTaken::Rename).await.unwrap();
    assert_eq!(moved.name, "a (2).jpg");
    assert_eq!(tenant.object("archive/a.jpg").unwrap(), "two");
    assert_eq!(tenant.object("archive/a (2).jpg").unwrap(), "one");
}

#[tokio::test]
async fn a_name_that_is_taken_between_the_look_and_the_copy_stays() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "one").await;
    tenant.put("archive/a.jpg", "two").await;
    let absent = Fault::status(404);
    tenant
        .switches()
        .inject_matching("head", 1, "archive", absent);
    let moved = tenant.moved("a.jpg", IfTaken::Rename).await.unwrap();
    assert_eq!(moved.name, "a (1).jpg");
    assert_eq!(tenant.object("archive/a.jpg").unwrap(), "two");
    assert_eq!(tenant.calls("copy"), 2);
}

#[tokio::test]
async fn a_copy_whose_answer_is_lost_or_says_an_error_late_is_made_once() {
    for fault in [
        Fault::ResetAfterRequest,
        refusal(500, "InternalError").after_processing(),
        refusal(200, "InternalError").after_processing(),
        refusal(200, "InternalError"),
    ] {
        let tenant = Tenant::new().await;
        tenant.put("a.jpg", "one").await;
        tenant.switches().inject("copy", fault.clone());
        let moved = tenant.moved("a.jpg", IfTaken::Rename).await.unwrap();
        assert_eq!(moved.name, "a.jpg", "{fault:?}");
        assert_eq!(tenant.sandbox.s3.keys(), ["acme/queue/archive/a.jpg"]);
    }
}

#[tokio::test]
async fn an_image_that_is_written_while_it_is_moved_is_not_deleted() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "one").await;
    let held = tenant.switches().hold("copy");
    let moving = tenant.moved("a.jpg", IfTaken::Rename);
    let writing = async {
        held.arrived(1).await;
        tenant.put("a.jpg", "two").await;
        held.release();
    };
    let (moved, ()) = tokio::join!(moving, writing);
    moved.unwrap();
    assert_eq!(tenant.object("a.jpg").unwrap(), "two");
    assert_eq!(tenant.object("archive/a.jpg").unwrap(), "one");
}

#[tokio::test]
async fn a_copy_in_one_part_of_an_original_in_several_is_known_by_its_content() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "one").await;
    tenant.put("archive/a.jpg", "one").await;
    let parts = Fault::text(200, "")
        .with_header("content-length", "3")
        .with_header("etag", "\"d41d8cd98f00b204e9800998ecf8427e-2\"");
    tenant
        .switches()
        .always_matching("head", "queue/a.jpg", parts);
    let moved = tenant.moved("a.jpg", IfTaken::Rename).await.unwrap();
    assert_eq!(moved.name, "a.jpg");
    assert_eq!(tenant.sandbox.s3.keys(), ["acme/queue/archive/a.jpg"]);
    assert_eq!(tenant.calls("copy"), 0);
}
