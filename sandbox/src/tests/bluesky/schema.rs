//! The schema of posts, their images and facets.

use serde_json::{Value, json};

use super::{Alice, RKEY, call, photo, post, post_with_image, refused, tag};
use crate::{LargeBlobs, Sample};

#[tokio::test]
async fn records_are_checked_by_their_schema() {
    let alice = Alice::new().await;
    let blob = alice.blob(photo()).await;
    let family = "👩‍👩‍👧";
    let good = [
        post(&"a".repeat(300)),
        post(&family.repeat(166)),
        post_with_image("", &blob),
        json!({ "text": "no type", "createdAt": "2026-11-29T01:02:03+01:00" }),
    ];
    for (index, record) in good.iter().enumerate() {
        let rkey = format!("3mabcdefghi{}2", ["a", "b", "c", "d"][index]);
        let answer = alice.create(&rkey, record).await;
        assert_eq!(answer.status(), 200, "{record}");
    }
    let changed = |path: &str, value: Value| {
        let mut record = post_with_image("Grüße", &blob);
        *record.pointer_mut(path).unwrap() = value;
        record
    };
    let with_facets = |facets: Value| {
        let mut record = post("Grüße");
        record["facets"] = facets;
        record
    };
    let image = "/embed/images/0/image";
    let bad = [
        (post(&"a".repeat(301)), "300 graphemes"),
        (post(&family.repeat(167)), "3000 bytes"),
        (changed("/text", Value::Null), "\"text\""),
        (
            changed("/createdAt", "2026-11-29 01:02".into()),
            "createdAt",
        ),
        (
            changed("/createdAt", "2026-11-29T01:02:03-00:00".into()),
            "createdAt",
        ),
        (
            changed("/langs", json!(["en", "de", "fr", "it"])),
            "more than 3",
        ),
        (changed("/langs", json!(["English language"])), "BCP 47"),
        (changed("/labels/$type", "labels".into()), "selfLabels"),
        (changed("/labels/values", json!(["sexual"])), "\"val\""),
        (
            changed("/embed/$type", "app.bsky.embed.video".into()),
            "app.bsky.embed.images",
        ),
        (
            changed("/embed/images", json!([1, 2, 3, 4, 5])),
            "more than 4",
        ),
        (changed("/embed/images/0/alt", Value::Null), "\"alt\""),
        (
            changed("/embed/images/0/aspectRatio/width", 0.into()),
            "aspectRatio",
        ),
        (
            changed(image, json!({ "cid": "b", "mimeType": "image/jpeg" })),
            "blob ref",
        ),
        (
            changed("/embed/images/0/image/mimeType", "text/plain".into()),
            "image/*",
        ),
        (with_facets(json!([tag(0, 8, "a")])), "not inside the text"),
        (with_facets(json!([tag(3, 3, "a")])), "not inside the text"),
        (with_facets(json!([tag(0, 3, "a")])), "inside a character"),
        (
            with_facets(json!([tag(0, 4, "a"), tag(2, 7, "b")])),
            "overlap",
        ),
        (
            with_facets(json!([tag(0, 4, &"a".repeat(65))])),
            "64 graphemes",
        ),
        (
            with_facets(json!([{ "index": { "byteStart": 0, "byteEnd": 2 } }])),
            "features",
        ),
        (
            with_facets(json!([{ "index": {}, "features": [] }])),
            "byteStart",
        ),
        (with_facets(json!({})), "array"),
    ];
    for (record, words) in bad {
        let answer = alice.create(RKEY, &record).await;
        refused(answer, 400, "InvalidRequest", words).await;
    }
    assert_eq!(alice.bluesky.posts().len(), good.len());
}

#[tokio::test]
async fn features_of_facets_are_checked() {
    let alice = Alice::new().await;
    let create = async |feature: Value| {
        let mut record = post("Grüße");
        record["facets"] =
            json!([{ "index": { "byteStart": 0, "byteEnd": 4 }, "features": [feature] }]);
        alice.create(RKEY, &record).await
    };
    let kind = |name: &str| format!("app.bsky.richtext.facet#{name}");
    let answer = create(json!({ "$type": kind("link"), "uri": "no uri" })).await;
    refused(answer, 400, "InvalidRequest", "must be a uri").await;
    let answer = create(json!({ "$type": kind("mention"), "did": "@bob" })).await;
    refused(answer, 400, "InvalidRequest", "valid did").await;
    let answer = create(json!({ "$type": kind("bold") })).await;
    refused(answer, 400, "InvalidRequest", "unknown type").await;
    let answer = create(json!({ "$type": kind("mention"), "did": alice.did })).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn references_must_be_to_ones_own_uploads_and_true() {
    let alice = Alice::new().await;
    let blob = alice.blob(photo()).await;
    let changed = |path: &str, value: Value| {
        let mut blob = blob.clone();
        *blob.pointer_mut(path).unwrap() = value;
        post_with_image("Hi", &blob)
    };
    let unknown = changed("/ref/$link", "bafkreiunknown".into());
    refused(
        alice.create(RKEY, &unknown).await,
        400,
        "BlobNotFound",
        "Could not find blob",
    )
    .await;
    let mistyped = changed("/mimeType", "image/png".into());
    refused(
        alice.create(RKEY, &mistyped).await,
        400,
        "InvalidMimeType",
        "image/png",
    )
    .await;
    let resized = changed("/size", 1.into());
    refused(
        alice.create(RKEY, &resized).await,
        400,
        "InvalidSize",
        "Got: 1",
    )
    .await;
    // The type is that of the content, whatever the request says.
    let png = Sample::png("a.png", 4, 3, 1).unwrap().bytes.to_vec();
    assert_eq!(alice.blob(png).await["mimeType"], "image/png");
    let answer: Value = alice
        .upload(b"no image".to_vec(), "text/plain")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["blob"]["mimeType"], "text/plain");
    let request = call(&alice.bluesky, "com.atproto.repo.uploadBlob").bearer_auth(&alice.access);
    let answer = request.body(photo()).send().await.unwrap();
    refused(answer, 400, "InvalidRequest", "Content-Type").await;
}

#[tokio::test]
async fn large_images_are_refused_where_the_server_does() {
    let alice = Alice::new().await;
    let mut fits = photo();
    fits.resize(2_000_000, 0);
    assert_eq!(alice.upload(fits.clone(), "image/jpeg").await.status(), 200);
    fits.push(0);
    let answer = alice.upload(fits, "image/jpeg").await;
    refused(answer, 400, "BlobTooLarge", "the maximum size is 2000000").await;
    let limit = photo().len() - 1;
    alice
        .bluesky
        .set_blob_limit(limit, LargeBlobs::AtUploadAsPayload);
    let answer = alice.upload(photo(), "image/jpeg").await;
    refused(answer, 413, "PayloadTooLarge", "too large").await;
    alice.bluesky.set_blob_limit(limit, LargeBlobs::AtRecord);
    let post = post_with_image("Hi", &alice.blob(photo()).await);
    refused(
        alice.create(RKEY, &post).await,
        400,
        "BlobTooLarge",
        "maximum size",
    )
    .await;
    alice
        .bluesky
        .set_blob_limit(limit, LargeBlobs::AtRecordBySchema);
    refused(
        alice.create(RKEY, &post).await,
        400,
        "InvalidRequest",
        "blob too big",
    )
    .await;
    alice
        .bluesky
        .set_blob_limit(limit + 1, LargeBlobs::AtRecord);
    assert_eq!(alice.create(RKEY, &post).await.status(), 200);
}
