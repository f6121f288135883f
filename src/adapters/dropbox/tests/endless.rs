//! Listings without an end, and errors that repeat secrets.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::adapters::dropbox::app::ListingLimits;
use publisher_sandbox::Fault;

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A tenant each of whose pages has these entries, and is followed by another.
async fn endless(entries: &[Value], limits: Limits) -> Tenant {
    let tenant = Tenant::with("/Queue", limits).await;
    let page = json!({ "entries": entries, "cursor": "c", "has_more": true });
    for operation in ["list_folder", "list_folder/continue"] {
        tenant.switches().always(operation, Fault::json(200, &page));
    }
    tenant.switches().keep_requests(false);
    tenant
}

fn calls(tenant: &Tenant) -> usize {
    tenant.calls("list_folder") + tenant.calls("list_folder/continue")
}

async fn assert_too_large(tenant: &Tenant) {
    let error = tenant.store.list().await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("the root folder holds more than this service lists"),
        "{told}"
    );
    let ImageStoreError::Misconfigured { detail, .. } = error else {
        panic!("{told}")
    };
    assert!(detail.contains("\"/Queue\""), "{detail}");
}

#[tokio::test]
async fn a_listing_of_long_names_ends_at_its_bound_in_bytes() {
    let entries: Vec<Value> = (0..2_000)
        .map(|number| {
            let name = format!("{number:04}{}.jpg", "n".repeat(240));
            json!({ ".tag": "file", "name": name, "id": "i".repeat(255), "rev": "r".repeat(255),
                "size": 1, "content_hash": HASH })
        })
        .collect();
    let tenant = endless(&entries, SWIFT).await;
    assert_too_large(&tenant).await;
    // Each entry takes 950 bytes: a page 1.9 MB.
    assert!((15..=20).contains(&calls(&tenant)), "{}", calls(&tenant));
}

#[tokio::test]
async fn a_listing_of_what_is_no_image_ends_at_its_bound_in_entries() {
    for entry in [
        json!(0),
        json!({ ".tag": "folder", "name": "x" }),
        json!([[]]),
    ] {
        let tenant = endless(&vec![entry; 100_001], SWIFT).await;
        assert_too_large(&tenant).await;
        assert_eq!(calls(&tenant), 5);
    }
}

#[tokio::test]
async fn a_listing_of_empty_pages_ends_at_its_bound_in_pages() {
    let limits = Limits {
        listing: ListingLimits {
            pages: 20,
            ..SWIFT.listing
        },
        ..SWIFT
    };
    let tenant = endless(&[], limits).await;
    assert_too_large(&tenant).await;
    assert_eq!(calls(&tenant), 21);
}

#[tokio::test]
async fn a_page_of_more_than_8_mib_is_not_read() {
    let tenant = endless(&[json!("x".repeat(9 * 1024 * 1024))], SWIFT).await;
    let error = tenant.store.list().await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn an_error_that_repeats_a_secret_is_told_without_it() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "x");
    tenant.store.list().await.unwrap();
    let request = &tenant.switches().requests("list_folder")[0];
    let bearer = request.header("authorization").unwrap();
    let access_token = bearer.strip_prefix("Bearer ").unwrap().to_owned();
    let app_secret = tenant.dropbox().app_secret().to_owned();
    for secret in [access_token.as_str(), app_secret.as_str()] {
        let hex: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let hex = hex.concat();
        let plain: String = secret.to_lowercase().replace('-', "_");
        for echo in [
            plain.replace('_', "/"),
            hex,
            secret.to_lowercase(),
            STANDARD.encode(secret).to_lowercase().replace('=', ""),
        ] {
            let summary = json!({ "error_summary": format!("path/{echo}/..") });
            let scope = json!({ "error_summary": "missing_scope/..",
                "error": { ".tag": "missing_scope", "required_scope": echo } });
            for body in [summary, scope] {
                tenant
                    .switches()
                    .inject("get_metadata", Fault::json(409, &body));
                let error = tenant.store.find(&name("a.jpg")).await.unwrap_err();
                let told = text(&error);
                let marked = crate::adapters::secret_scrub::SecretScrub::default().with(secret);
                assert!(!marked.finds_in(&told), "{echo}: {told}");
                if let ImageStoreError::Misconfigured { detail, .. } = &error {
                    assert!(!marked.finds_in(detail), "{echo}: {detail}");
                }
            }
        }
    }
}
