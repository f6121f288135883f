//! Deleting images and their sidecars.

use super::{IMPATIENT, STEM, Tenant, name};
use publisher_sandbox::{Dropbox, Fault};

use crate::ports::ImageStoreError;

#[tokio::test]
async fn an_image_and_its_sidecar_are_deleted_and_nothing_else() {
    for image in ["夜と🌙", "café", "a.b", "ночь"] {
        let tenant = Tenant::new().await;
        tenant.put(&format!("/Queue/{image}.jpg"), "image");
        tenant.put(&format!("/Queue/{image}.txt"), "text");
        tenant.put(&format!("/Queue/{image}.png"), "another image");
        tenant.put(&format!("/Done/{image}.jpg"), "image");
        let file = name(&format!("{image}.jpg"));
        tenant.store.delete(&file, STEM).await.unwrap();
        let others = [format!("/Done/{image}.jpg"), format!("/Queue/{image}.png")];
        assert_eq!(tenant.paths(), others);
        assert_eq!(tenant.calls("delete_v2"), 2);
    }
}

#[tokio::test]
async fn an_image_without_a_sidecar_is_deleted_as_well() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
    assert!(tenant.paths().is_empty());
    assert_eq!(tenant.calls("delete_v2"), 1);
}

#[tokio::test]
async fn what_is_no_image_of_that_name_is_not_deleted() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.txt", "text");
    tenant.put("/Queue/folder.jpg/x.txt", "text");
    for missing in ["a.jpg", "folder.jpg"] {
        let deleted = tenant.store.delete(&name(missing), STEM).await;
        assert!(matches!(deleted, Err(ImageStoreError::NotFound)));
    }
    assert_eq!(tenant.paths(), ["/Queue/a.txt", "/Queue/folder.jpg/x.txt"]);
    assert_eq!(tenant.calls("delete_v2"), 0);
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_sidecar_is_left_alone() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    tenant.put("/Queue/a.txt/precious.jpg", "image");
    tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
    assert_eq!(tenant.paths(), ["/Queue/a.txt/precious.jpg"]);
}

#[tokio::test]
async fn a_deletion_that_happened_without_an_answer_is_looked_up_and_not_repeated() {
    for fault in [
        Fault::TimeoutAfterProcessing,
        Fault::ResetAfterRequest,
        Fault::MalformedBody,
    ] {
        let tenant = Tenant::with("/Queue", IMPATIENT).await;
        tenant.put("/Queue/a.jpg", "image");
        tenant.put("/Queue/a.txt", "text");
        tenant
            .switches()
            .inject_times("delete_v2", 2, fault.clone());
        tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
        assert!(tenant.paths().is_empty(), "{fault:?}");
        assert_eq!(tenant.calls("delete_v2"), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_deletion_that_did_not_happen_is_looked_up_and_repeated() {
    for fault in [
        Fault::Timeout,
        Fault::ResetBeforeRequest,
        Fault::status(502),
    ] {
        let tenant = Tenant::with("/Queue", IMPATIENT).await;
        tenant.put("/Queue/a.jpg", "image");
        tenant.switches().inject("delete_v2", fault.clone());
        tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
        assert!(tenant.paths().is_empty(), "{fault:?}");
        assert_eq!(tenant.calls("delete_v2"), 2, "{fault:?}");
        let looks = tenant.switches().calls_matching("get_metadata", "id:");
        assert_eq!(looks, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_repeated_deletion_spares_a_file_that_has_taken_the_place_of_the_deleted_one() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    let switches = tenant.switches();
    switches.inject("delete_v2", Fault::ResetBeforeRequest);
    // The look finds the file; before its answer arrives, the file is replaced.
    let look = switches.hold_matching("get_metadata", "id:");
    let replace = async {
        look.arrived(1).await;
        tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
        tenant.put("/Queue/a.jpg", "new image");
        look.release();
    };
    let image = name("a.jpg");
    let (deleted, ()) = tokio::join!(tenant.store.delete(&image, STEM), replace);
    assert!(
        matches!(deleted, Err(ImageStoreError::NotFound)),
        "{deleted:?}"
    );
    assert_eq!(tenant.file("/Queue/a.jpg").as_deref(), Some("new image"));
}

#[tokio::test]
async fn a_sidecar_that_cannot_be_deleted_keeps_its_image_and_the_next_try_ends_it() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    tenant.put("/Queue/a.txt", "text");
    let locked = Dropbox::endpoint_error(&["path_write", "no_write_permission"]);
    tenant.switches().inject("delete_v2", locked);
    let refused = tenant.store.delete(&name("a.jpg"), STEM).await;
    assert!(matches!(
        refused,
        Err(ImageStoreError::Misconfigured { .. })
    ));
    assert_eq!(tenant.paths(), ["/Queue/a.jpg", "/Queue/a.txt"]);
    tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
    assert!(tenant.paths().is_empty());
}

#[tokio::test]
async fn an_image_that_outlives_its_sidecar_is_deleted_by_the_next_try() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    tenant.put("/Queue/a.txt", "text");
    let id = tenant.store.find(&name("a.jpg")).await.unwrap().file_id;
    let switches = tenant.switches();
    switches.inject_matching("delete_v2", 3, &id, Fault::status(500));
    let failed = tenant.store.delete(&name("a.jpg"), STEM).await;
    assert!(matches!(failed, Err(ImageStoreError::Unavailable(_))));
    assert_eq!(tenant.paths(), ["/Queue/a.jpg"]);
    tenant.store.delete(&name("a.jpg"), STEM).await.unwrap();
    assert!(tenant.paths().is_empty());
}

#[tokio::test]
async fn an_image_that_vanishes_before_it_is_deleted_is_not_found() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "image");
    let gone = Dropbox::endpoint_error(&["path_lookup", "not_found"]);
    tenant.switches().inject("delete_v2", gone);
    let deleted = tenant.store.delete(&name("a.jpg"), STEM).await;
    assert!(matches!(deleted, Err(ImageStoreError::NotFound)));
}
