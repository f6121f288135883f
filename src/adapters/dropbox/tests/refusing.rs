//! What is about one file, and what about all of them.

use super::*;
use publisher_sandbox::Fault;

use crate::domain::thumbnail::ThumbnailSize;

/// The calls about one file.
const OPERATIONS: [&str; 3] = ["download", "get_temporary_link", "get_thumbnail_v2"];

async fn error_of(tenant: &Tenant, operation: &str) -> ImageStoreError {
    let (image, size) = (name("a.jpg"), ThumbnailSize::default());
    match operation {
        "download" => tenant.store.fetch(&image).await.unwrap_err(),
        "get_temporary_link" => tenant.store.temporary_link(&image).await.unwrap_err(),
        _ => tenant.store.thumbnail(&image, size).await.unwrap_err(),
    }
}

#[tokio::test]
async fn a_file_that_is_refused_without_a_reason_is_about_that_file_and_asked_for_once() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    let mut calls = 0;
    for fault in [
        Dropbox::endpoint_error(&["other"]),
        Dropbox::endpoint_error(&["path", "other"]),
        Fault::status(400),
        Fault::status(404),
        Fault::status(409),
        Fault::status(410),
        Fault::status(422),
        Fault::text(400, "Error in call to API function"),
    ] {
        calls += 1;
        for operation in OPERATIONS {
            tenant.switches().inject(operation, fault.clone());
            let error = error_of(&tenant, operation).await;
            assert!(
                matches!(error, ImageStoreError::Unreadable { .. }),
                "{operation} {fault:?}: {error:?}"
            );
            assert!(error.is_about_the_image());
            assert_eq!(tenant.calls(operation), calls, "{operation}");
        }
    }
    for operation in OPERATIONS {
        tenant.switches().inject(operation, Fault::status(451));
        let error = error_of(&tenant, operation).await;
        let ImageStoreError::Restricted { detail } = error else {
            panic!("{operation}: {error:?}")
        };
        assert!(detail.contains("legal"), "{detail}");
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_listed_file_is_told() {
    let tenant = Tenant::new().await;
    tenant.dropbox().make_folder(ACCOUNT, "/Queue/a.jpg");
    let error = error_of(&tenant, "download").await;
    assert!(
        matches!(error, ImageStoreError::Restricted { detail } if detail.contains("folder")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_file_that_ends_too_early_each_time_is_about_that_file() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "content");
    tenant.switches().always("download", Fault::TruncatedBody);
    let error = error_of(&tenant, "download").await;
    assert!(
        matches!(error, ImageStoreError::Unreadable { detail, .. } if detail.contains("too early")),
        "{error:?}"
    );
    assert_eq!(tenant.calls("download"), 3);
}

#[tokio::test]
async fn what_is_about_the_storage_stays_so_whichever_file_is_asked_for() {
    let tenant = Tenant::with("/Queue", IMPATIENT).await;
    tenant.put("/Queue/a.jpg", "a");
    for fault in [
        Fault::status(401),
        Fault::status(403),
        Fault::status(408),
        Fault::status(429),
        Fault::status(500),
        Fault::status(503),
        Dropbox::endpoint_error(&["path", "internal_error"]),
        Dropbox::endpoint_error(&["no_permission"]),
        Fault::Timeout,
    ] {
        for operation in OPERATIONS {
            tenant.switches().inject_times(operation, 3, fault.clone());
            let error = error_of(&tenant, operation).await;
            assert!(
                !error.is_about_the_image(),
                "{operation} {fault:?}: {error:?}"
            );
            tenant.switches().clear(operation);
        }
    }
    tenant.dropbox().server().stop_listening().await;
    let error = error_of(&tenant, "download").await;
    assert!(!error.is_about_the_image(), "{error:?}");
}

#[tokio::test]
async fn a_sidecar_that_is_refused_is_about_its_image_and_not_overlooked() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.txt", "caption");
    for fault in [Fault::status(451), Dropbox::endpoint_error(&["other"])] {
        tenant.switches().inject("download", fault);
        let image = name("a.jpg");
        let read = tenant.store.read_sidecar(&image, SidecarName::Stem);
        let error = read.await.unwrap_err();
        assert!(error.is_about_the_image(), "{error:?}");
    }
}
