//! One request and its answer, sorted: what is success, what is which failure. No attempts here.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    access_token::AccessToken,
    app::App,
    failure::{API_URL, CONTENT_URL, Failure},
    wire::{self, Grant},
};
use crate::{
    adapters::{
        secret_scrub::SecretScrub,
        upstream::{self, Answer},
    },
    domain::secret::Secret,
};

const ARGUMENT: HeaderName = HeaderName::from_static("dropbox-api-arg");
/// Where a content call says what it has done.
pub(super) const RESULT: HeaderName = HeaderName::from_static("dropbox-api-result");

/// The longest JSON answer that is read. The longest real one, a page of 2000 entries, has about
/// 1 MiB.
pub(super) const MAX_JSON_BYTES: usize = 8 * 1024 * 1024;
/// The longest error that is read; real ones have a few hundred bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A call as it is sent, and as it is sent again with another token.
pub(super) struct Request<'a> {
    /// Its path below `/2/files/`.
    pub(super) endpoint: &'static str,
    /// What is asked.
    pub(super) argument: &'a Value,
    /// What goes in the body.
    pub(super) content: Content,
}

/// What goes in the body: the argument itself, or content, with the argument in a header.
pub(super) enum Content {
    Argument,
    Nothing,
    File(Bytes),
}

impl Content {
    /// The setting that the URL of such a call is from.
    const fn url_setting(&self) -> &'static str {
        match self {
            Self::Argument => API_URL,
            Self::Nothing | Self::File(_) => CONTENT_URL,
        }
    }
}

impl App {
    /// Sends one call with this token and passes a successful answer on, its body unread.
    pub(super) async fn exchange(
        &self,
        token: &AccessToken,
        request: &Request<'_>,
    ) -> Result<Response, Failure> {
        let unsendable = |_| Failure::Internal("no header can carry the access token");
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.secret().expose()))
                .map_err(unsendable)?;
        authorization.set_sensitive(true);
        let builder = self.address(request).header(AUTHORIZATION, authorization);
        let builder = match &request.content {
            Content::Argument => builder.json(request.argument),
            content => {
                let argument = wire::header_argument(request.argument)
                    .map_err(|_| Failure::Internal("no header can carry the argument"))?;
                let builder = builder.header(ARGUMENT, argument);
                match content {
                    Content::File(bytes) => builder
                        .header(CONTENT_TYPE, "application/octet-stream")
                        .body(bytes.clone()),
                    Content::Argument | Content::Nothing => builder,
                }
            }
        };
        let response = upstream::send(builder)
            .await
            .map_err(|error| Failure::transport(&error, request.content.url_setting()))?;
        self.accepted(response, token.secret()).await
    }

    fn address(&self, request: &Request<'_>) -> RequestBuilder {
        let Self {
            settings, limits, ..
        } = self;
        let (base, timeout) = match request.content {
            Content::Argument => (&settings.api_url, limits.rpc_timeout),
            Content::Nothing | Content::File(_) => (&settings.content_url, limits.content_timeout),
        };
        let endpoint = request.endpoint;
        self.post(base, &format!("2/files/{endpoint}"), timeout)
    }

    fn post(&self, base: &Url, path: &str, timeout: Duration) -> RequestBuilder {
        let base = base.as_str().trim_end_matches('/');
        let builder = self.client.post(format!("{base}/{path}"));
        builder.timeout(timeout)
    }

    /// Passes a successful answer on, and sorts the others. `secret` is the one that the call was made with.
    async fn accepted(&self, response: Response, secret: &Secret) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = upstream::retry_after(response.headers(), &*self.clock);
        if status.is_server_error() {
            return Err(Failure::Failing {
                status: status.as_u16(),
                retry_after,
            });
        }
        let body = self.error_body(response, secret).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = retry_after.or_else(|| wire::retry_after(&body));
            return Err(Failure::RateLimited { retry_after });
        }
        if let Some(scope) = wire::missing_scope(&body) {
            return Err(Failure::MissingScope(scope));
        }
        let tags = wire::tags(&body);
        Err(if status == StatusCode::UNAUTHORIZED {
            Failure::Unauthorized {
                tags,
                setting: self.settings.refresh_token_setting,
            }
        } else {
            Failure::Refused {
                status: status.as_u16(),
                tags,
            }
        })
    }

    /// One attempt to get an access token.
    pub(super) async fn grant(
        &self,
        refresh_token: &Secret,
    ) -> Result<Answer<AccessToken>, Failure> {
        let Self {
            settings, limits, ..
        } = self;
        let asked_at = self.clock.now();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("client_id", &settings.app_key),
            ("client_secret", settings.app_secret.expose()),
        ];
        let request = self
            .post(&settings.api_url, "oauth2/token", limits.rpc_timeout)
            .form(&form);
        let response = upstream::send(request)
            .await
            .map_err(|error| Failure::transport(&error, API_URL))?;
        let status = response.status();
        if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            let body = self.error_body(response, refresh_token).await;
            let setting = settings.refresh_token_setting;
            return Err(wire::token_failure(status.as_u16(), &body, setting));
        }
        let answer = json::<Grant>(self.accepted(response, refresh_token).await?).await?;
        let (secret, life) = answer.value.into_parts();
        Ok(Answer {
            status: answer.status,
            value: AccessToken::new(secret, asked_at, life),
        })
    }

    /// What an error says, without the secrets that the call was made with; empty when it cannot be read.
    async fn error_body(&self, response: Response, secret: &Secret) -> Bytes {
        let body = upstream::bounded_body(response, MAX_ERROR_BYTES).await;
        let body = body.ok().flatten().unwrap_or_default();
        let scrub = SecretScrub::default()
            .with(secret.expose())
            .with(self.settings.app_secret.expose());
        scrub.scrub(&String::from_utf8_lossy(&body)).into()
    }
}

/// Reads a JSON answer.
pub(super) async fn json<T: DeserializeOwned>(response: Response) -> Result<Answer<T>, Failure> {
    let status = response.status().as_u16();
    let body = upstream::bounded_body(response, MAX_JSON_BYTES)
        .await
        .map_err(|error| Failure::transport(&error, API_URL))?
        .ok_or(Failure::Malformed("a JSON answer of more than 8 MiB"))?;
    let value = serde_json::from_slice(&body)
        .map_err(|_| Failure::Malformed("an answer that is not the JSON it should be"))?;
    Ok(Answer { status, value })
}
