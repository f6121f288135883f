//! Statuses with images: what an instance takes, refuses and shows.

mod media;
mod repeats;
mod statuses;

use reqwest::Response;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::client;
use crate::{Mastodon, Sample, mastodon_token};

/// An instance with an account and its token.
struct Alice {
    mastodon: Mastodon,
    token: String,
    id: String,
}

impl Alice {
    async fn new() -> Self {
        let mastodon = Mastodon::start().await.unwrap();
        let token = mastodon_token();
        let id = mastodon.add_account("alice", &token);
        Self {
            mastodon,
            token,
            id,
        }
    }

    async fn get(&self, path: &str) -> Response {
        self.get_as(&self.token, path).await
    }

    async fn get_as(&self, token: &str, path: &str) -> Response {
        let url = format!("{}{path}", self.mastodon.server().url());
        client().get(url).bearer_auth(token).send().await.unwrap()
    }

    async fn upload(&self, form: Form) -> Response {
        self.upload_as(&self.token, form).await
    }

    async fn upload_as(&self, token: &str, form: Form) -> Response {
        let url = format!("{}/api/v2/media", self.mastodon.server().url());
        let request = client().post(url).bearer_auth(token).multipart(form);
        request.send().await.unwrap()
    }

    /// The id of a new upload.
    async fn image(&self) -> String {
        let answer = self.upload(image_form(photo(40, 30), "A boat")).await;
        assert!(answer.status().is_success(), "{answer:?}");
        let answer: Value = answer.json().await.unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    async fn post(&self, fields: &[(&str, &str)]) -> Response {
        self.try_post("", fields).await.unwrap()
    }

    async fn post_under(&self, key: &str, fields: &[(&str, &str)]) -> Response {
        self.try_post(key, fields).await.unwrap()
    }

    async fn try_post(&self, key: &str, fields: &[(&str, &str)]) -> reqwest::Result<Response> {
        let url = format!("{}/api/v1/statuses", self.mastodon.server().url());
        let request = client().post(url).bearer_auth(&self.token);
        request
            .header("Idempotency-Key", key)
            .form(fields)
            .send()
            .await
    }

    async fn status_of_media(&self, id: &str) -> u16 {
        let answer = self.get(&format!("/api/v1/media/{id}")).await;
        answer.status().as_u16()
    }

    async fn page(&self, query: &str) -> Vec<String> {
        let path = format!("/api/v1/accounts/{}/statuses{query}", self.id);
        let page: Value = self.get(&path).await.json().await.unwrap();
        let ids = page.as_array().unwrap().iter();
        ids.map(|status| status["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn photo(width: u32, height: u32) -> Vec<u8> {
    let sample = Sample::jpeg("a.jpg", width, height, 1).unwrap();
    sample.bytes.to_vec()
}

fn image_form(bytes: Vec<u8>, description: &str) -> Form {
    Form::new()
        .part("file", Part::bytes(bytes).file_name("a.jpg"))
        .text("description", description.to_owned())
}

async fn refused(answer: Response, status: u16, words: &str) {
    assert_eq!(answer.status(), status);
    let document: Value = answer.json().await.unwrap();
    let error = document["error"].as_str().unwrap();
    assert!(error.contains(words), "{error}");
}
