//! Uploads: their checks, their processing, and until when they are found.

use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::{Alice, image_form, photo, refused};
use crate::{Processing, Sample};

#[tokio::test]
async fn images_beyond_the_limits_are_refused() {
    let alice = Alice::new().await;
    let upload =
        async |bytes, description: &str| alice.upload(image_form(bytes, description)).await;
    assert_eq!(upload(photo(40, 30), &"ä".repeat(1500)).await.status(), 200);
    let answer = upload(photo(40, 30), &"ä".repeat(1501)).await;
    refused(
        answer,
        422,
        "Description is too long (maximum is 1500 characters)",
    )
    .await;
    refused(
        upload(b"no image".to_vec(), "").await,
        422,
        "could not be verified",
    )
    .await;
    let answer = alice.upload(Form::new().text("file", "text")).await;
    refused(answer, 422, "File can't be blank").await;
    alice.mastodon.edit_instance(|instance| {
        let limits = &mut instance["configuration"]["media_attachments"];
        limits["image_matrix_limit"] = 1200.into();
        limits["supported_mime_types"] = json!(["image/jpeg"]);
    });
    assert_eq!(upload(photo(40, 30), "").await.status(), 200);
    refused(
        upload(photo(41, 30), "").await,
        422,
        "41x30 images are not supported",
    )
    .await;
    let png = Sample::png("a.png", 4, 3, 1).unwrap().bytes.to_vec();
    refused(upload(png, "").await, 422, "content type is invalid").await;
    let size = photo(40, 30).len();
    alice.mastodon.edit_instance(|instance| {
        instance["configuration"]["media_attachments"]["image_size_limit"] = size.into();
    });
    refused(
        upload(photo(40, 30), "").await,
        422,
        "File must be less than",
    )
    .await;
    assert_eq!(alice.mastodon.uploads().len(), 2);
}

#[tokio::test]
async fn an_image_may_take_its_time() {
    let alice = Alice::new().await;
    alice.mastodon.set_processing(Processing::After(2));
    let answer = alice.upload(image_form(photo(40, 30), "")).await;
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["url"], Value::Null);
    let id = answer["id"].as_str().unwrap();
    let early = alice.post(&[("media_ids[]", id)]).await;
    refused(early, 422, "have not finished processing").await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(alice.status_of_media(id).await);
    }
    assert_eq!(statuses, [206, 206, 200]);
    assert_eq!(alice.post(&[("media_ids[]", id)]).await.status(), 200);
}

#[tokio::test]
async fn an_image_may_fail() {
    let alice = Alice::new().await;
    alice.mastodon.set_processing(Processing::Fails);
    let id = alice.image().await;
    let answer = alice.get(&format!("/api/v1/media/{id}")).await;
    refused(answer, 422, "Error processing").await;
    refused(
        alice.post(&[("media_ids[]", &id)]).await,
        422,
        "not finished",
    )
    .await;
    assert!(alice.mastodon.statuses().is_empty());
}

#[tokio::test]
async fn an_image_is_found_until_it_is_attached() {
    let alice = Alice::new().await;
    let id = alice.image().await;
    assert_eq!(alice.status_of_media(&id).await, 200);
    assert_eq!(alice.post(&[("media_ids[]", &id)]).await.status(), 200);
    assert_eq!(alice.status_of_media(&id).await, 404);
    let again = alice
        .post(&[("status", "again"), ("media_ids[]", &id)])
        .await;
    refused(again, 422, "not found or already attached").await;
    alice.mastodon.add_account("bob", "bobs-token");
    let answer = alice
        .upload_as("bobs-token", image_form(photo(4, 3), ""))
        .await;
    let bobs: Value = answer.json().await.unwrap();
    let bobs = bobs["id"].as_str().unwrap();
    assert_eq!(alice.status_of_media(bobs).await, 404);
    refused(alice.post(&[("media_ids[]", bobs)]).await, 422, "not found").await;
    let removed = alice.image().await;
    alice.mastodon.remove(&removed);
    assert_eq!(alice.status_of_media(&removed).await, 404);
}
