//! Links to images, and thumbnails of them.

use image::GenericImageView as _;
use serde_json::{Value, json};

use super::{super::content_hash, ACCOUNT, IMPATIENT, SWIFT, Tenant, arguments, name, text};
use crate::{
    adapters::http_client::{self, ExtraRoots},
    domain::thumbnail::ThumbnailSize,
    ports::ImageStoreError,
};
use publisher_sandbox::{Dropbox, Fault, Sample};

/// Names that a careless client gets wrong.
const NAMES: [&str; 6] = [
    "a b.jpg",
    "夜と🌙.png",
    "Übung \"x\".webp",
    "שלום.jpg",
    "100%2F.jpg",
    "e\u{301}.png",
];

fn put_picture(tenant: &Tenant, path: &str) -> Sample {
    let sample = Sample::png(path, 1200, 600, 1).unwrap();
    let bytes = sample.bytes.clone();
    assert!(tenant.dropbox().put(ACCOUNT, path, bytes));
    sample
}

#[tokio::test]
async fn a_link_leads_to_the_image_and_comes_with_what_storage_says_of_it() {
    let tenant = Tenant::new().await;
    let client = http_client::build(SWIFT.rpc_timeout, &ExtraRoots::default()).unwrap();
    for file in NAMES {
        let path = format!("/Queue/{file}");
        tenant.put(&path, file);
        let linked = tenant.store.temporary_link(&name(file)).await.unwrap();
        assert_eq!(linked.stored.name, name(file));
        assert_eq!(
            linked.stored.content_hash,
            content_hash::of(file.as_bytes())
        );
        let metadata = tenant.dropbox().metadata(ACCOUNT, &path).unwrap();
        assert_eq!(json!(linked.stored.revision), metadata["rev"]);
        let bytes = client.get(linked.link.expose()).send().await.unwrap();
        assert_eq!(bytes.bytes().await.unwrap(), file);
        assert!(!format!("{linked:?}").contains(linked.link.expose()));
    }
    assert_eq!(tenant.calls("download"), 0);
}

#[tokio::test]
async fn a_link_has_the_name_that_storage_shows() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "a");
    let linked = tenant.store.temporary_link(&name("A.JPG")).await.unwrap();
    assert_eq!(linked.stored.name.as_str(), "a.jpg");
}

#[tokio::test]
async fn what_is_not_there_has_neither_link_nor_thumbnail_and_is_asked_for_once() {
    let tenant = Tenant::new().await;
    tenant.dropbox().make_folder(ACCOUNT, "/Queue/folder.jpg");
    for missing in ["a.jpg", "folder.jpg"] {
        let error = tenant.store.temporary_link(&name(missing)).await;
        let error = error.unwrap_err();
        assert!(matches!(error, ImageStoreError::NotFound), "{error:?}");
        let size = ThumbnailSize::default();
        let error = tenant.store.thumbnail(&name(missing), size).await;
        let error = error.unwrap_err();
        assert!(matches!(error, ImageStoreError::NotFound), "{error:?}");
    }
    assert_eq!(tenant.calls("get_temporary_link"), 2);
    assert_eq!(tenant.calls("get_thumbnail_v2"), 2);
}

#[tokio::test]
async fn a_link_that_is_none_is_a_failure_that_does_not_show_it() {
    let tenant = Tenant::new().await;
    let metadata =
        json!({ "name": "a.jpg", "size": 1, "content_hash": content_hash::of(b"a").to_string() });
    let script = "javascript:alert('canary')";
    let good = "https://dl.example/canary";
    for answer in [
        json!({ "metadata": metadata, "link": script }),
        json!({ "metadata": {}, "link": good }),
        json!({ "metadata": metadata }),
        json!({ "link": good }),
    ] {
        let fault = Fault::json(200, &answer);
        tenant.switches().inject("get_temporary_link", fault);
        let error = tenant.store.temporary_link(&name("a.jpg")).await;
        let error = error.unwrap_err();
        let is_failure = matches!(error, ImageStoreError::Unavailable(_));
        assert!(is_failure, "{error:?}");
        let told = format!("{} {error:?}", text(&error));
        assert!(!told.contains("canary"), "{told}");
    }
}

#[tokio::test]
async fn a_thumbnail_is_a_jpeg_that_fits_its_size_and_comes_with_what_it_is_of() {
    let tenant = Tenant::new().await;
    let sizes = [(256, 128), (480, 240), (640, 320), (960, 480), (1024, 512)];
    let picture = put_picture(&tenant, "/Queue/夜.png");
    for (size, dimensions) in ThumbnailSize::ALL.into_iter().zip(sizes) {
        let made = tenant.store.thumbnail(&name("夜.png"), size).await.unwrap();
        let decoded = image::load_from_memory_with_format(&made.jpeg, image::ImageFormat::Jpeg);
        assert_eq!(decoded.unwrap().dimensions(), dimensions, "{size:?}");
        assert_eq!(made.stored.content_hash, content_hash::of(&picture.bytes));
        assert_eq!(made.stored.name, name("夜.png"));
    }
    let asked: Vec<Value> = arguments(&tenant, "get_thumbnail_v2");
    let sizes: Vec<&Value> = asked.iter().map(|argument| &argument["size"]).collect();
    let named = ["w256h256", "w480h320", "w640h480", "w960h640", "w1024h768"];
    assert_eq!(sizes, named);
    assert_eq!(tenant.calls("download"), 0);
}

#[tokio::test]
async fn thumbnails_are_had_of_names_in_any_script() {
    let tenant = Tenant::new().await;
    for file in NAMES {
        put_picture(&tenant, &format!("/Queue/{file}"));
        let size = ThumbnailSize::W256H256;
        let made = tenant.store.thumbnail(&name(file), size).await.unwrap();
        assert_eq!(made.stored.name, name(file));
    }
}

#[tokio::test]
async fn an_image_that_dropbox_cannot_scale_has_no_thumbnail_and_is_not_asked_for_again() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "no picture");
    let refusals = [
        "unsupported_extension",
        "unsupported_image",
        "conversion_error",
    ];
    for refusal in refusals {
        let fault = Dropbox::endpoint_error(&[refusal]);
        tenant.switches().inject("get_thumbnail_v2", fault);
    }
    // The last time it is the stand-in's own refusal.
    for _ in 0..=refusals.len() {
        let size = ThumbnailSize::default();
        let error = tenant.store.thumbnail(&name("a.jpg"), size).await;
        let error = error.unwrap_err();
        assert!(matches!(error, ImageStoreError::NoThumbnail), "{error:?}");
    }
    assert_eq!(tenant.calls("get_thumbnail_v2"), 1 + refusals.len());
}

#[tokio::test]
async fn a_thumbnail_that_is_not_what_it_should_be_is_a_failure() {
    let tenant = Tenant::new().await;
    let file =
        json!({ "name": "a.jpg", "size": 1, "content_hash": content_hash::of(b"a").to_string() });
    let said = json!({ "file_metadata": file });
    let thumbnail = |said: &Value, body: &[u8]| {
        let mut fault = Fault::text(200, "").with_header("dropbox-api-result", &said.to_string());
        if let Fault::Status { body: bytes, .. } = &mut fault {
            *bytes = body.to_vec().into();
        }
        fault
    };
    let large = [b"\xFF\xD8\xFF".as_slice(), &vec![0; 4 * 1024 * 1024]].concat();
    for fault in [
        thumbnail(&said, b""),
        thumbnail(&said, b"<html>"),
        thumbnail(&said, &large),
        thumbnail(&json!({}), b"\xFF\xD8\xFF"),
        thumbnail(&json!({ "file_metadata": {} }), b"\xFF\xD8\xFF"),
    ] {
        tenant.switches().inject("get_thumbnail_v2", fault);
        let size = ThumbnailSize::default();
        let error = tenant.store.thumbnail(&name("a.jpg"), size).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, ImageStoreError::Unavailable(_)),
            "{error:?}"
        );
    }
    assert_eq!(tenant.calls("get_thumbnail_v2"), 5);
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_refreshed_and_the_call_repeated() {
    let tenant = Tenant::new().await;
    put_picture(&tenant, "/Queue/a.png");
    tenant.names().await;
    tenant.dropbox().expire_access_tokens();
    let linked = tenant.store.temporary_link(&name("a.png")).await;
    assert!(linked.is_ok(), "{linked:?}");
    tenant.dropbox().expire_access_tokens();
    let (name, size) = (name("a.png"), ThumbnailSize::default());
    assert!(tenant.store.thumbnail(&name, size).await.is_ok());
    assert_eq!(tenant.calls("token"), 3);
    assert_eq!(tenant.calls("get_temporary_link"), 2);
    assert_eq!(tenant.calls("get_thumbnail_v2"), 2);
}

#[tokio::test]
async fn a_thumbnail_that_breaks_off_is_asked_for_again_and_silence_is_a_timeout() {
    let tenant = Tenant::with("/Queue", IMPATIENT).await;
    let small = Sample::png("a.png", 8, 4, 1).unwrap();
    assert!(tenant.dropbox().put(ACCOUNT, "/Queue/a.png", small.bytes));
    let size = ThumbnailSize::W256H256;
    let switches = tenant.switches();
    switches.inject("get_thumbnail_v2", Fault::TruncatedBody);
    assert!(tenant.store.thumbnail(&name("a.png"), size).await.is_ok());
    assert_eq!(tenant.calls("get_thumbnail_v2"), 2);
    switches.always("get_thumbnail_v2", Fault::Timeout);
    let error = tenant.store.thumbnail(&name("a.png"), size).await;
    let error = error.unwrap_err();
    assert!(matches!(error, ImageStoreError::Timeout(_)), "{error:?}");
    assert_eq!(tenant.calls("get_thumbnail_v2"), 5);
}
