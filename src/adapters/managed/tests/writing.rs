//! Uploads and sidecars.

use super::*;

#[tokio::test]
async fn what_is_written_has_its_content_type_and_its_hash() {
    let tenant = Tenant::new().await;
    let image = jpeg("ours");
    tenant.upload(image.clone()).await.unwrap();
    let written = tenant.write_text("text");
    written.await.unwrap();
    let s3 = &tenant.sandbox.s3;
    let header = async |key: &str, header: &str| s3.header(key, header).await.unwrap();
    assert_eq!(
        header("acme/queue/a.jpg", "content-type").await,
        "image/jpeg"
    );
    let sha256 = header("acme/queue/a.jpg", "x-amz-meta-sha256").await;
    assert_eq!(sha256, image.sha256());
    let text = header("acme/queue/a.txt", "content-type").await;
    assert_eq!(text, "text/plain; charset=utf-8");
}

#[tokio::test]
async fn a_name_that_is_taken_between_the_look_and_the_write_stays() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "theirs").await;
    tenant.put("a.txt", "theirs").await;
    tenant
        .switches()
        .inject_times("head", 2, Fault::status(404));
    let put = tenant.upload(jpeg("ours"));
    let error = put.await.unwrap_err();
    assert!(matches!(error, ImageStoreError::NameTaken), "{error:?}");
    let written = tenant.write_text("ours");
    let error = written.await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::SidecarChanged),
        "{error:?}"
    );
    assert_eq!(tenant.object("a.jpg").unwrap(), "theirs");
    assert_eq!(tenant.object("a.txt").unwrap(), "theirs");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_ours() {
    for fault in [
        Fault::ResetAfterRequest,
        refusal(500, "InternalError").after_processing(),
    ] {
        for times in [1, 3] {
            let tenant = Tenant::new().await;
            tenant.switches().inject_times("put", times, fault.clone());
            let put = tenant.upload(jpeg("ours"));
            put.await.unwrap();
            assert!(tenant.object("a.jpg").unwrap().ends_with("ours"));
        }
    }
}

#[tokio::test]
async fn a_store_that_does_not_know_conditions_is_asked_without_after_the_look() {
    let tenant = Tenant::new().await;
    tenant
        .switches()
        .inject("put", refusal(501, "NotImplemented"));
    let put = tenant.upload(jpeg("ours"));
    put.await.unwrap();
    let requests = tenant.switches().requests("put");
    let conditions: Vec<_> = requests
        .iter()
        .map(|it| it.header("if-none-match"))
        .collect();
    assert_eq!(conditions, [Some("*"), None]);
    let again = tenant.upload(jpeg("other"));
    let error = again.await.unwrap_err();
    assert!(matches!(error, ImageStoreError::NameTaken), "{error:?}");
    assert_eq!(tenant.calls("put"), 2, "the look was enough");
}

#[tokio::test]
async fn nothing_is_written_where_the_store_does_not_say_whether_a_name_is_taken() {
    for fault in [
        Fault::status(403),
        Fault::status(503),
        Fault::ResetBeforeRequest,
    ] {
        let tenant = Tenant::new().await;
        for operation in ["head", "get"] {
            tenant.switches().always(operation, fault.clone());
        }
        let put = tenant.upload(jpeg("ours"));
        let error = put.await.unwrap_err();
        assert!(
            matches!(error, ImageStoreError::Undecided(_)),
            "{fault:?}: {error:?}"
        );
        assert_eq!(tenant.calls("put"), 0);
    }
}
