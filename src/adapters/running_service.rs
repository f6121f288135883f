//! Another process of this service, asked over its HTTP API. For the command line, where a ledger is in use by it.

use std::time::Duration;

use reqwest::{
    Client, Method, StatusCode,
    header::{CONTENT_TYPE, HOST},
};
use serde_json::{Value, json};
use url::Url;

use super::http_client::{self, ExtraRoots, HttpSetupError};
use crate::domain::{
    host::Host,
    image::ImageName,
    publication::{PublicationRequest, Target},
    request_id::RequestId,
    secret::Secret,
};

/// How long an answer may take: one publication may pass over a hundred images, and ask a platform for a minute.
const ANSWER_LIMIT: Duration = Duration::from_mins(15);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// A running service.
pub struct RunningService {
    client: Client,
    base: Url,
    token: Secret,
}

/// What it has answered: a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAnswer {
    /// The report of the publication.
    Report(String),
    /// A problem, with its status.
    Problem(u16, String),
}

/// Why there is no answer that can be used. Names neither the address nor the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunningServiceError {
    /// The client cannot be made.
    #[error("PUBLISHER_URL: no connection can be set up")]
    Client(#[source] HttpSetupError),
    /// Nothing was sent.
    #[error("PUBLISHER_URL: the service cannot be reached, so that nothing was published")]
    Unreachable(#[source] reqwest::Error),
    /// It may have published.
    #[error(
        "PUBLISHER_URL: the service was asked and its answer did not come: what it has begun it ends; look at \
         GET /api/publications before you publish again"
    )]
    Lost(#[source] reqwest::Error),
    /// It answers that the API is elsewhere. The token is not sent there.
    #[error(
        "PUBLISHER_URL: it answers with a redirect ({0}), which is not followed: name the address that it leads to"
    )]
    Redirect(StatusCode),
    /// What answers is not this service.
    #[error(
        "PUBLISHER_URL: what answers there ({0}) is not the API of this service; if it is a proxy before it, look at \
         GET /api/publications before you publish again"
    )]
    Foreign(StatusCode),
}

impl RunningService {
    /// The service at a URL, with the token that it is shown. These roots are trusted beside the system's.
    ///
    /// # Errors
    /// [`RunningServiceError::Client`].
    pub fn new(base: Url, token: Secret, roots: &ExtraRoots) -> Result<Self, RunningServiceError> {
        let client = http_client::build_direct(ANSWER_LIMIT, roots);
        Ok(Self {
            client: client.map_err(RunningServiceError::Client)?,
            base,
            token,
        })
    }

    /// Has an image published. `host` names the tenant; without it, the host of the URL does.
    ///
    /// # Errors
    /// [`RunningServiceError`].
    pub async fn publish(
        &self,
        target: &Target,
        host: Option<&Host>,
        options: &PublicationRequest,
        request_id: &RequestId,
    ) -> Result<ServiceAnswer, RunningServiceError> {
        let mut request = self
            .client
            .request(Method::POST, self.url(target))
            .bearer_auth(self.token.expose())
            .header("x-request-id", request_id.as_str())
            .json(&body_of(options));
        if let Some(host) = host {
            request = request.header(HOST, host.as_str());
        }
        let response = request.send().await.map_err(|error| {
            let error = error.without_url();
            if error.is_connect() || error.is_builder() {
                RunningServiceError::Unreachable(error)
            } else {
                RunningServiceError::Lost(error)
            }
        })?;
        let status = response.status();
        if status.is_redirection() {
            return Err(RunningServiceError::Redirect(status));
        }
        let kind = response.headers().get(CONTENT_TYPE);
        let is_json = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/") && kind.contains("json"));
        let body = read(response).await?;
        let document = body.filter(|_| is_json).and_then(|body| {
            serde_json::from_str::<Value>(&body)
                .ok()
                .map(|it| (body, it))
        });
        match document {
            Some((body, document)) if status == StatusCode::OK && is_report(&document) => {
                Ok(ServiceAnswer::Report(body))
            }
            Some((body, document)) if !status.is_success() && document["type"].is_string() => {
                Ok(ServiceAnswer::Problem(status.as_u16(), body))
            }
            // Also that of a proxy which has waited long enough.
            _ => Err(RunningServiceError::Foreign(status)),
        }
    }

    fn url(&self, target: &Target) -> Url {
        let image = match target {
            Target::Image(name) => Some(ImageName::as_str(name)),
            Target::Next => None,
        };
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            match image {
                Some(name) => path.extend(["api", "images", name, "publish"]),
                None => path.extend(["api", "publish"]),
            };
        }
        url
    }
}

/// Whether an answer has the shape of a report.
fn is_report(document: &Value) -> bool {
    let filename = document.get("filename");
    filename.is_some_and(|name| name.is_string() || name.is_null())
        && document["results"].is_object()
        && document["any_success"].is_boolean()
}

/// A request as the API takes it.
fn body_of(options: &PublicationRequest) -> Value {
    let PublicationRequest {
        platforms,
        caption,
        captions,
        dry_run,
        allow_empty_caption,
        force,
    } = options;
    let mut body = json!({
        "dry_run": dry_run,
        "allow_empty_caption": allow_empty_caption,
        "force": force,
    });
    if let Some(platforms) = platforms {
        let names = platforms.iter().map(|platform| platform.as_str());
        body["platforms"] = names.collect();
    }
    if let Some(caption) = caption {
        body["caption"] = caption.as_str().into();
    }
    if let Some(captions) = captions {
        for (platform, caption) in captions {
            body["captions"][platform.as_str()] = caption.as_str().into();
        }
    }
    body
}

/// The body, if it is a text of a size that answers have.
async fn read(mut response: reqwest::Response) -> Result<Option<String>, RunningServiceError> {
    let mut body = Vec::new();
    let lost = |error: reqwest::Error| RunningServiceError::Lost(error.without_url());
    while let Some(part) = response.chunk().await.map_err(lost)? {
        if body.len() + part.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&part);
    }
    Ok(String::from_utf8(body).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, target: &Target) -> String {
        let base = Url::parse(base).unwrap();
        let token = Secret::new("token".to_owned());
        let service = RunningService::new(base, token, &ExtraRoots::default()).unwrap();
        service.url(target).into()
    }

    #[test]
    fn only_a_report_is_taken_for_one() {
        for (document, expected) in [
            (
                json!({"filename": null, "results": {}, "any_success": false}),
                true,
            ),
            (
                json!({"filename": "a.jpg", "results": {}, "any_success": true}),
                true,
            ),
            (json!({}), false),
            (json!({"filename": null}), false),
            (
                json!({"filename": 5, "results": {}, "any_success": true}),
                false,
            ),
            (
                json!({"filename": null, "results": [], "any_success": false}),
                false,
            ),
            (
                json!({"filename": null, "results": {}, "any_success": "yes"}),
                false,
            ),
            (json!([]), false),
        ] {
            assert_eq!(is_report(&document), expected, "{document}");
        }
    }

    #[test]
    fn a_name_is_one_part_of_the_path() {
        for base in ["https://example.org", "https://example.org/"] {
            assert_eq!(url(base, &Target::Next), "https://example.org/api/publish");
        }
        let named = |name| Target::Image(ImageName::new(name).unwrap());
        assert_eq!(
            url("http://127.0.0.1:8080/base/", &named("a b?#%2e é.jpg")),
            "http://127.0.0.1:8080/base/api/images/a%20b%3F%23%252e%20%C3%A9.jpg/publish"
        );
    }
}
