//! Sessions, uploads and posts: what a server takes, refuses and shows.

mod records;
mod schema;
mod sessions;

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::client;
use crate::{Bluesky, Sample, app_password};

const HANDLE: &str = "alice.bsky.test";
const RKEY: &str = "3mabcdefghij2";

/// A server with an account that is logged in.
struct Alice {
    bluesky: Bluesky,
    did: String,
    password: String,
    access: String,
    refresh: String,
}

impl Alice {
    async fn new() -> Self {
        let bluesky = Bluesky::start().await.unwrap();
        let password = app_password();
        let did = bluesky.add_account(HANDLE, &password);
        let answer = log_in(&bluesky, HANDLE, &password).await;
        let session: Value = answer.json().await.unwrap();
        let token = |name: &str| session[name].as_str().unwrap().to_owned();
        Self {
            did,
            password,
            access: token("accessJwt"),
            refresh: token("refreshJwt"),
            bluesky,
        }
    }

    async fn upload(&self, bytes: Vec<u8>, content_type: &str) -> Response {
        let request = call(&self.bluesky, "com.atproto.repo.uploadBlob");
        let request = request
            .bearer_auth(&self.access)
            .header("content-type", content_type);
        request.body(bytes).send().await.unwrap()
    }

    /// The reference to a new upload.
    async fn blob(&self, bytes: Vec<u8>) -> Value {
        let answer: Value = self.upload(bytes, "image/jpeg").await.json().await.unwrap();
        answer["blob"].clone()
    }

    async fn create(&self, rkey: &str, record: &Value) -> Response {
        self.try_create(&self.did, rkey, record).await.unwrap()
    }

    async fn try_create(
        &self,
        repo: &str,
        rkey: &str,
        record: &Value,
    ) -> reqwest::Result<Response> {
        let body = json!({
            "repo": repo, "collection": "app.bsky.feed.post", "rkey": rkey, "record": record,
        });
        let request = call(&self.bluesky, "com.atproto.repo.createRecord");
        request.bearer_auth(&self.access).json(&body).send().await
    }

    async fn get(&self, repo: &str, rkey: &str) -> Response {
        let url = format!(
            "{}/xrpc/com.atproto.repo.getRecord",
            self.bluesky.server().url()
        );
        let query = [
            ("repo", repo),
            ("collection", "app.bsky.feed.post"),
            ("rkey", rkey),
        ];
        client().get(url).query(&query).send().await.unwrap()
    }

    async fn renew(&self, token: &str) -> Response {
        let request = call(&self.bluesky, "com.atproto.server.refreshSession");
        request.bearer_auth(token).send().await.unwrap()
    }
}

fn call(bluesky: &Bluesky, method: &str) -> RequestBuilder {
    client().post(format!("{}/xrpc/{method}", bluesky.server().url()))
}

async fn log_in(bluesky: &Bluesky, identifier: &str, password: &str) -> Response {
    let body = json!({ "identifier": identifier, "password": password });
    let request = call(bluesky, "com.atproto.server.createSession");
    request.json(&body).send().await.unwrap()
}

fn photo() -> Vec<u8> {
    Sample::jpeg("a.jpg", 40, 30, 1).unwrap().bytes.to_vec()
}

fn post(text: &str) -> Value {
    json!({
        "$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-29T01:02:03.456Z",
    })
}

fn post_with_image(text: &str, blob: &Value) -> Value {
    let mut post = post(text);
    post["langs"] = json!(["en", "de-AT"]);
    post["labels"] = json!({
        "$type": "com.atproto.label.defs#selfLabels", "values": [{ "val": "sexual" }],
    });
    post["embed"] = json!({
        "$type": "app.bsky.embed.images",
        "images": [{
            "alt": "A boat", "image": blob, "aspectRatio": { "width": 40, "height": 30 },
        }],
    });
    post
}

fn tag(start: usize, end: usize, tag: &str) -> Value {
    json!({
        "index": { "byteStart": start, "byteEnd": end },
        "features": [{ "$type": "app.bsky.richtext.facet#tag", "tag": tag }],
    })
}

async fn refused(answer: Response, status: u16, error: &str, words: &str) {
    assert_eq!(answer.status(), status);
    let document: Value = answer.json().await.unwrap();
    assert_eq!(document["error"], error, "{document}");
    let message = document["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
}
