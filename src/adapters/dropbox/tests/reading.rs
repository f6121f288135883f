//! Listing, fetching, and reading sidecars.

use std::time::Duration;

use serde_json::json;

use super::{super::content_hash, ACCOUNT, IMPATIENT, SWIFT, Tenant, arguments, name, text};
use publisher_sandbox::{Dropbox, Fault};

use crate::{
    domain::sidecar::{MAX_SIDECAR_BYTES, SidecarName},
    ports::{ImageStoreError, SidecarFile},
};

#[tokio::test]
async fn a_listing_has_all_images_of_all_pages_sorted_and_nothing_else() {
    let tenant = Tenant::new().await;
    tenant.dropbox().set_page_size(2);
    for path in ["c.jpg", "a.png", "b.webp", "夜.jpg", "a.txt", "deep/x.jpg"] {
        tenant.put(&format!("/Queue/{path}"), path);
    }
    tenant.dropbox().make_folder(ACCOUNT, "/Queue/folder.jpg");
    assert_eq!(tenant.names().await, ["a.png", "b.webp", "c.jpg", "夜.jpg"]);
    assert_eq!(tenant.calls("list_folder"), 1);
    assert_eq!(tenant.calls("list_folder/continue"), 3);
    let first = &arguments(&tenant, "list_folder")[0];
    assert_eq!(
        (&first["path"], &first["limit"]),
        (&json!("/Queue"), &json!(2000))
    );
}

#[tokio::test]
async fn a_listing_knows_hashes_without_a_download() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "content");
    let image = tenant.store.list().await.unwrap().remove(0);
    let metadata = tenant.dropbox().metadata(ACCOUNT, "/Queue/a.jpg").unwrap();
    assert_eq!(image.content_hash, content_hash::of(b"content"));
    assert_eq!(image.size, 7);
    assert_eq!(json!(image.file_id), metadata["id"]);
    assert_eq!(json!(image.revision), metadata["rev"]);
    assert_eq!(tenant.calls("download"), 0);
}

#[tokio::test]
async fn one_image_is_found_without_a_download() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "content");
    tenant.dropbox().make_folder(ACCOUNT, "/Queue/folder.jpg");
    let image = tenant.store.find(&name("A.jpg")).await.unwrap();
    assert_eq!(image.name.as_str(), "a.jpg", "the name that storage shows");
    assert_eq!(image.content_hash, content_hash::of(b"content"));
    assert_eq!(tenant.calls("download"), 0);
    for missing in ["b.jpg", "folder.jpg"] {
        let error = tenant.store.find(&name(missing)).await.unwrap_err();
        assert!(matches!(error, ImageStoreError::NotFound), "{missing}");
    }
}

#[tokio::test]
async fn the_top_folder_can_be_the_root() {
    let tenant = Tenant::with("/", SWIFT).await;
    tenant.put("/a.jpg", "a");
    assert_eq!(tenant.names().await, ["a.jpg"]);
    assert_eq!(tenant.store.fetch(&name("a.jpg")).await.unwrap().bytes, "a");
}

#[tokio::test]
async fn a_root_that_does_not_exist_is_a_clear_failure() {
    let tenant = Tenant::new().await;
    let error = tenant.store.list().await.unwrap_err();
    assert!(text(&error).contains("the root folder does not exist"));
    assert!(!text(&error).contains("Queue"), "the log does not name it");
    let ImageStoreError::Misconfigured { detail, .. } = error else {
        panic!("{error:?}")
    };
    assert!(detail.contains("\"/Queue\" does not exist"), "{detail}");
    for tag in ["not_folder", "restricted_content", "malformed_path"] {
        let refused = Dropbox::endpoint_error(&["path", tag]);
        tenant.switches().inject("list_folder", refused);
        let error = tenant.store.list().await.unwrap_err();
        assert!(
            matches!(error, ImageStoreError::Misconfigured { .. }),
            "{tag}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_dropbox_does_not_hand_out_is_told_from_a_failure_and_asked_for_once() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    for tags in [
        &["path", "restricted_content"][..],
        &["path", "unsupported_content_type"],
        &["unsupported_file"],
        &["path", "locked"],
    ] {
        let refused = Dropbox::endpoint_error(tags);
        tenant.switches().inject("download", refused);
        let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
        assert!(
            matches!(error, ImageStoreError::Restricted { .. }),
            "{tags:?}: {error:?}"
        );
        assert!(error.is_about_the_image());
    }
    assert_eq!(tenant.calls("download"), 4);
}

#[tokio::test]
async fn a_wait_that_stands_in_the_body_alone_is_kept() {
    let tenant = Tenant::new().await;
    let body = json!({ "error_summary": "too_many_write_operations/..",
        "error": { "reason": { ".tag": "too_many_write_operations" }, "retry_after": 60 } });
    tenant
        .switches()
        .inject("list_folder", Fault::json(429, &body));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::RateLimited { retry_after }
            if retry_after == Some(Duration::from_mins(1))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_listing_whose_cursor_went_bad_starts_afresh_once() {
    let tenant = Tenant::new().await;
    tenant.dropbox().set_page_size(1);
    for path in ["/Queue/a.jpg", "/Queue/b.jpg"] {
        tenant.put(path, path);
    }
    let reset = Dropbox::endpoint_error(&["reset"]);
    tenant
        .switches()
        .inject("list_folder/continue", reset.clone());
    assert_eq!(tenant.names().await, ["a.jpg", "b.jpg"]);
    assert_eq!(tenant.calls("list_folder"), 2);

    tenant.switches().always("list_folder/continue", reset);
    let error = tenant.store.list().await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Unavailable(_)));
    assert_eq!(tenant.calls("list_folder"), 4);
}

#[tokio::test]
async fn an_image_is_fetched_whole_with_what_storage_says_of_it() {
    let tenant = Tenant::new().await;
    for file in ["a b.jpg", "夜と🌙.png", "Übung \"x\".webp", "שלום.jpg"] {
        tenant.put(&format!("/Queue/{file}"), file);
        let fetched = tenant.store.fetch(&name(file)).await.unwrap();
        assert_eq!(fetched.bytes, file);
        assert_eq!(fetched.stored.name, name(file));
        assert_eq!(fetched.stored.size, file.len() as u64);
        assert_eq!(
            fetched.stored.content_hash,
            content_hash::of(file.as_bytes())
        );
        let metadata = tenant
            .dropbox()
            .metadata(ACCOUNT, &format!("/Queue/{file}"));
        assert_eq!(json!(fetched.stored.file_id), metadata.unwrap()["id"]);
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_is_not_found_and_not_asked_for_again() {
    let tenant = Tenant::new().await;
    let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::NotFound), "{error:?}");
    assert_eq!(tenant.calls("download"), 1);
}

/// A download that says of itself what is not so.
fn download(result: &serde_json::Value, body: &str) -> Fault {
    Fault::text(200, body).with_header("dropbox-api-result", &result.to_string())
}

#[tokio::test]
async fn an_image_that_is_too_large_is_not_read() {
    let tenant = Tenant::new().await;
    let result = json!({ "name": "a.jpg", "size": 50 * 1024 * 1024 + 1 });
    tenant.switches().inject("download", download(&result, "x"));
    let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::TooLarge), "{error:?}");
}

#[tokio::test]
async fn an_image_that_grows_beyond_the_limit_is_not_read_to_its_end() {
    let tenant = Tenant::new().await;
    let body = "x".repeat(50 * 1024 * 1024 + 1);
    let result = json!({ "name": "a.jpg" });
    tenant
        .switches()
        .inject("download", download(&result, &body));
    let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::TooLarge), "{error:?}");
}

#[tokio::test]
async fn an_image_that_is_not_what_it_says_is_a_failure() {
    let tenant = Tenant::new().await;
    let hash = content_hash::of(b"other");
    for (result, is_about_the_image) in [
        (json!({ "name": "a.jpg", "size": 6 }), true),
        (
            json!({ "name": "a.jpg", "size": 5, "content_hash": hash.to_string() }),
            true,
        ),
        (json!("nonsense"), false),
    ] {
        tenant
            .switches()
            .inject("download", download(&result, "bytes"));
        let error = tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
        let is_as_it_should_be = match error {
            ImageStoreError::Unreadable { .. } => is_about_the_image,
            ImageStoreError::Unavailable(_) => !is_about_the_image,
            _ => false,
        };
        assert!(is_as_it_should_be, "{error:?}");
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_started_again() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "content");
    tenant.switches().inject("download", Fault::TruncatedBody);
    let fetched = tenant.store.fetch(&name("a.jpg")).await.unwrap();
    assert_eq!(fetched.bytes, "content");
    assert_eq!(tenant.calls("download"), 2);
}

#[tokio::test]
async fn a_file_is_read_where_a_sidecar_can_be_if_it_has_a_sane_size() {
    let tenant = Tenant::new().await;
    let read = async |which| {
        let file = tenant.store.read_sidecar(&name("a.jpg"), which).await;
        file.unwrap()
    };
    let (full, stem) = (SidecarName::Full, SidecarName::Stem);
    assert_eq!(read(stem).await, SidecarFile::Missing);
    let text = "x".repeat(MAX_SIDECAR_BYTES);
    tenant.put("/Queue/a.txt", &text);
    assert!(matches!(read(stem).await, SidecarFile::Found { bytes, .. } if bytes == text));
    assert_eq!(read(full).await, SidecarFile::Missing);
    tenant.put("/Queue/a.txt", &"x".repeat(MAX_SIDECAR_BYTES + 1));
    assert_eq!(read(stem).await, SidecarFile::Unreadable);
    tenant.put("/Queue/a.jpg.txt", "y");
    assert!(matches!(read(full).await, SidecarFile::Found { bytes, .. } if bytes == "y"));
    tenant.put("/Queue/b.txt/precious.jpg", "image");
    tenant.put("/Queue/b.jpg.txt", "y");
    let blocked = Dropbox::endpoint_error(&["path", "restricted_content"]);
    tenant
        .switches()
        .inject_matching("download", 1, "b.jpg.txt", blocked);
    for which in [stem, full] {
        let file = tenant.store.read_sidecar(&name("b.jpg"), which).await;
        assert_eq!(file.unwrap(), SidecarFile::Unreadable);
    }
}

#[tokio::test]
async fn a_failing_dropbox_is_tried_three_times() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant
        .switches()
        .inject_times("list_folder", 2, Fault::status(500));
    assert_eq!(tenant.names().await, ["a.jpg"]);
    assert_eq!(tenant.calls("list_folder"), 3);

    tenant.switches().always("list_folder", Fault::status(503));
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    assert_eq!(tenant.calls("list_folder"), 6);
}

#[tokio::test]
async fn a_wait_that_dropbox_asks_for_is_kept() {
    let mut limits = SWIFT;
    limits.retry.max_delay = Duration::from_secs(5);
    let tenant = Tenant::with("/Queue", limits).await;
    tenant.put("/Queue/a.jpg", "a");
    let limited = Dropbox::rate_limited(1);
    tenant.switches().inject("list_folder", limited);
    let list = tokio::time::timeout(Duration::from_millis(900), tenant.names());
    assert!(list.await.is_err(), "the wait was cut short");
    assert_eq!(tenant.calls("list_folder"), 1);
    let limited = Dropbox::rate_limited(0);
    tenant.switches().inject("list_folder", limited);
    assert_eq!(tenant.names().await, ["a.jpg"]);
    assert_eq!(tenant.calls("list_folder"), 3);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_handed_on() {
    let tenant = Tenant::new().await;
    let limited = Dropbox::rate_limited(60);
    tenant.switches().inject("list_folder", limited);
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::RateLimited { retry_after }
            if retry_after == Some(Duration::from_mins(1))),
        "{error:?}"
    );
    assert_eq!(tenant.calls("list_folder"), 1);
}

#[tokio::test]
async fn silence_is_a_timeout_after_three_attempts() {
    let tenant = Tenant::with("/Queue", IMPATIENT).await;
    tenant.switches().always("list_folder", Fault::Timeout);
    let error = tenant.store.list().await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Timeout(_)), "{error:?}");
    assert_eq!(tenant.calls("list_folder"), 3);
}

#[tokio::test]
async fn what_is_no_json_is_a_failure_and_not_asked_for_again() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    tenant
        .switches()
        .inject("list_folder", Fault::MalformedBody);
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    assert_eq!(tenant.calls("list_folder"), 1);
}

#[tokio::test]
async fn a_json_answer_without_an_end_is_not_read_to_its_end() {
    let tenant = Tenant::new().await;
    let endless = Fault::text(200, &" ".repeat(8 * 1024 * 1024 + 1));
    tenant.switches().inject("list_folder", endless);
    let error = tenant.store.list().await.unwrap_err();
    assert!(text(&error).contains("more than 8 MiB"), "{error:?}");
}

#[tokio::test]
async fn a_dropbox_that_cannot_be_reached_is_unavailable() {
    let tenant = Tenant::new().await;
    tenant.dropbox().server().stop_listening().await;
    let error = tenant.store.list().await.unwrap_err();
    assert!(
        matches!(error, ImageStoreError::Unavailable(_)),
        "{error:?}"
    );
    let text = text(&error);
    assert!(text.contains("there was no connection"), "{text}");
    assert!(!text.contains("127.0.0.1"), "{text}");
}
