//! Statuses: what arrives, what is refused, and the list.

use serde_json::{Value, json};

use super::{Alice, photo, refused};
use crate::tests::client;

#[tokio::test]
async fn a_status_with_an_image_arrives_as_it_was_sent() {
    let alice = Alice::new().await;
    let media = alice.image().await;
    let answer = alice
        .post_under(
            "key",
            &[
                ("status", "Grüße 🌙 <b>"),
                ("media_ids[]", &media),
                ("visibility", "unlisted"),
                ("sensitive", "true"),
                ("spoiler_text", "NSFW"),
                ("language", "de"),
            ],
        )
        .await;
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    let statuses = alice.mastodon.statuses_of("alice");
    assert_eq!(statuses.len(), 1);
    let status = &statuses[0];
    assert_eq!(answer["id"], status.id.as_str());
    assert_eq!(answer["url"], status.url.as_str());
    assert_eq!(answer["content"], "<p>Grüße 🌙 &lt;b&gt;</p>");
    assert_eq!(answer["media_attachments"][0]["id"], media.as_str());
    assert_eq!(answer["media_attachments"][0]["description"], "A boat");
    assert_eq!(status.text, "Grüße 🌙 <b>");
    assert_eq!(status.spoiler_text, "NSFW");
    assert_eq!(
        (status.visibility.as_str(), status.sensitive),
        ("unlisted", true)
    );
    assert_eq!(status.language, "de");
    assert_eq!(status.idempotency_key.as_deref(), Some("key"));
    assert_eq!(status.images.len(), 1);
    let image = &status.images[0].image;
    assert_eq!(image.bytes, photo(40, 30));
    assert_eq!((image.width, image.height), (40, 30));
    assert_eq!(image.mime_type, "image/jpeg");
    assert!(image.metadata().is_empty());
    assert_eq!(status.images[0].description.as_deref(), Some("A boat"));
    assert!(alice.mastodon.statuses_of("bob").is_empty());
}

#[tokio::test]
async fn json_says_the_same_as_a_form() {
    let alice = Alice::new().await;
    let media = alice.image().await;
    let url = format!("{}/api/v1/statuses", alice.mastodon.server().url());
    let body = json!({ "status": "Hi", "media_ids": [media], "sensitive": true });
    let request = client().post(url).bearer_auth(&alice.token).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let status = alice.mastodon.statuses().remove(0);
    assert_eq!((status.text.as_str(), status.sensitive), ("Hi", true));
    assert_eq!(status.images[0].id, media);
    // What the form leaves out, and a language that nobody speaks.
    assert_eq!(
        (status.visibility.as_str(), status.language.as_str()),
        ("public", "en")
    );
    alice
        .post(&[("status", "Hi"), ("language", "Klingon")])
        .await;
    assert_eq!(alice.mastodon.statuses()[1].language, "en");
}

#[tokio::test]
async fn the_limits_of_the_instance_are_told_and_kept() {
    let alice = Alice::new().await;
    let instance: Value = alice.get("/api/v2/instance").await.json().await.unwrap();
    let configuration = &instance["configuration"];
    assert_eq!(configuration["statuses"]["max_characters"], 500);
    assert_eq!(configuration["statuses"]["characters_reserved_per_url"], 23);
    let limits = &configuration["media_attachments"];
    assert_eq!(limits["image_size_limit"], 16 * 1024 * 1024);
    assert_eq!(limits["description_limit"], 1500);
    // A family is one character, a link 23, whatever its length.
    let link = format!("https://example.org/{}", "a".repeat(600));
    let fits = format!("{}{link}", "👩‍👩‍👧 ".repeat(236));
    let fits = [("spoiler_text", "NSFW!"), ("status", &fits)];
    assert_eq!(alice.post(&fits).await.status(), 200);
    let beyond = [("spoiler_text", "NSFW!!"), fits[1]];
    refused(
        alice.post(&beyond).await,
        422,
        "character limit of 500 exceeded",
    )
    .await;
    alice.mastodon.edit_instance(|instance| {
        instance["configuration"]["statuses"]["max_characters"] = 2.into();
    });
    assert_eq!(alice.post(&[("status", "ab")]).await.status(), 200);
    refused(
        alice.post(&[("status", "abc")]).await,
        422,
        "limit of 2 exceeded",
    )
    .await;
    assert_eq!(alice.mastodon.statuses().len(), 2);
}

#[tokio::test]
async fn a_status_needs_text_or_an_image_and_a_known_visibility() {
    let alice = Alice::new().await;
    refused(
        alice.post(&[("status", " ")]).await,
        422,
        "Text can't be blank",
    )
    .await;
    let secret = [("status", "Hi"), ("visibility", "secret")];
    refused(alice.post(&secret).await, 422, "Visibility").await;
    let mut many = vec![("status", "Hi")];
    let media = [
        alice.image().await,
        alice.image().await,
        alice.image().await,
        alice.image().await,
        alice.image().await,
    ];
    many.extend(media.iter().map(|id| ("media_ids[]", id.as_str())));
    refused(alice.post(&many).await, 422, "more than 4 files").await;
    // A warning alone becomes the text.
    assert_eq!(alice.post(&[("spoiler_text", "NSFW")]).await.status(), 200);
    let status = alice.mastodon.statuses().remove(0);
    assert_eq!(
        (status.text.as_str(), status.spoiler_text.as_str()),
        ("NSFW", "")
    );
}

#[tokio::test]
async fn statuses_are_listed_in_pages_from_the_newest_on() {
    let alice = Alice::new().await;
    for text in ["one", "two", "three"] {
        alice.post(&[("status", text)]).await;
    }
    let ids: Vec<_> = alice
        .mastodon
        .statuses()
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(alice.page("").await, [&*ids[2], &*ids[1], &*ids[0]]);
    assert_eq!(alice.page("?limit=2").await, [&*ids[2], &*ids[1]]);
    let rest = alice.page(&format!("?limit=2&max_id={}", ids[1])).await;
    assert_eq!(rest, [&*ids[0]]);
    let path = format!("/api/v1/accounts/{}/statuses?limit=2", alice.id);
    let answer = alice.get(&path).await;
    let link = answer.headers()["link"].to_str().unwrap();
    assert!(
        link.contains(&format!("limit=2&max_id={}>; rel=\"next\"", ids[1])),
        "{link}"
    );
    refused(
        alice.get("/api/v1/accounts/1/statuses").await,
        404,
        "Record not found",
    )
    .await;
}

#[tokio::test]
async fn followers_posts_are_shown_to_their_author_only() {
    let alice = Alice::new().await;
    alice
        .post(&[("status", "Hi"), ("visibility", "private")])
        .await;
    assert_eq!(alice.page("").await.len(), 1);
    let path = format!("/api/v1/accounts/{}/statuses", alice.id);
    alice.mastodon.add_account("bob", "bobs-token");
    let bobs: Value = alice
        .get_as("bobs-token", &path)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(bobs, json!([]));
    let url = format!("{}{path}", alice.mastodon.server().url());
    let nobodys: Value = client()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(nobodys, json!([]));
}
