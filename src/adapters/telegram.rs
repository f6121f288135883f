//! Telegram: posts photos to a channel, by its Bot API.
//!
//! Plain requests rather than a client library: whether a photo may be sent again takes the
//! moment of the failure. The bot's token stands in the URL, so that no URL may leave this file.

#[cfg(feature = "sandbox")]
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{
    Body, Client, Response, StatusCode,
    multipart::{Form, Part},
};
use serde_json::Value;
use url::Url;

use super::{
    http_client::{self, ExtraRoots},
    stated_reason::stated_reason,
    upstream::{
        Answer, AttemptError, Call, Retry, RetryPolicy, bounded_body, cause, failed_before_sending,
        retry_after,
    },
};
use crate::{
    domain::{
        credential::{Credential, Provider, TelegramCredential, WrongProvider},
        platform::{ImageLimits, Platform},
        publication::PostId,
        secret::CredentialsRef,
        tenant_config::{Resolved, TenantConfig, TenantSettings},
    },
    ports::{Cause, Clock, Post, Posted, PublishError, Publisher, PublisherFactory},
};

/// Time for one attempt, upload included: 10 MB on a slow line.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);
/// The largest answer that is read; a message with its photo sizes takes a few KiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// What the Bot API takes as a photo.
const LIMITS: ImageLimits = ImageLimits {
    max_bytes: 10 * 1024 * 1024,
    max_side_sum: 10_000,
    max_ratio: 20,
};
/// Three attempts, with a wait of up to 30 s where Telegram asks for one.
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(500),
    max_delay: Duration::from_secs(30),
};

/// Where Telegram's Bot API is.
#[derive(Debug, Clone)]
pub struct TelegramApiSettings {
    /// Its address: `https://api.telegram.org`.
    pub api_url: Url,
}

/// Opens Telegram for tenants.
pub struct TelegramPublisherFactory {
    api: Api,
}

impl TelegramPublisherFactory {
    /// Sets up what all tenants share. Contacts nobody.
    ///
    /// # Errors
    /// The TLS set-up failed.
    pub fn new(
        settings: TelegramApiSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let TelegramApiSettings { api_url } = settings;
        Ok(Self {
            api: Api {
                http: http_client::build(ATTEMPT_TIMEOUT, roots)?,
                url: api_url,
                policy: POLICY,
                clock,
            },
        })
    }
}

impl PublisherFactory for TelegramPublisherFactory {
    fn platform(&self) -> Platform {
        Platform::Telegram
    }

    fn image_limits(&self) -> Option<ImageLimits> {
        Some(LIMITS)
    }

    fn credential(&self, settings: &TenantSettings) -> Option<(Provider, CredentialsRef)> {
        let telegram = settings.telegram.as_ref()?;
        Some((Provider::Telegram, telegram.credentials_ref.clone()))
    }

    fn open(
        &self,
        config: &TenantConfig<Resolved>,
        credential: Arc<Credential>,
    ) -> Result<Option<Arc<dyn Publisher>>, WrongProvider> {
        let Some(telegram) = &config.settings().telegram else {
            return Ok(None);
        };
        Ok(Some(Arc::new(TelegramPublisher {
            api: self.api.clone(),
            chat_id: telegram.channel_id.clone(),
            credential: TelegramCredential::try_from(credential)?,
        })))
    }
}

/// What all tenants share.
#[derive(Clone)]
struct Api {
    http: Client,
    url: Url,
    policy: RetryPolicy,
    clock: Arc<dyn Clock>,
}

/// Telegram for one tenant.
struct TelegramPublisher {
    api: Api,
    chat_id: String,
    credential: TelegramCredential,
}

#[async_trait]
impl Publisher for TelegramPublisher {
    async fn publish(&self, post: &Post) -> Result<Posted, PublishError> {
        let call = Call {
            clock: &*self.api.clock,
            upstream: "telegram",
            operation: "sendPhoto",
        };
        let id = call.run(self.api.policy, || self.attempt(post)).await?;
        Ok(id.into())
    }

    /// Connections are kept, and shared by all tenants.
    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        None
    }
}

impl TelegramPublisher {
    async fn attempt(&self, post: &Post) -> Result<Answer<PostId>, Failure> {
        let request = self.api.http.post(self.method_url()?);
        let response = request
            .multipart(self.form(post)?)
            .send()
            .await
            .map_err(Failure::from_sending)?;
        let status = response.status();
        let hint = retry_after(response.headers(), &*self.api.clock);
        let body = read(response).await;
        let document = body.as_ref().ok().and_then(|body| {
            let document: Value = serde_json::from_slice(body).ok()?;
            document["ok"].is_boolean().then_some(document)
        });
        let outcome = match document {
            Some(document) if document["ok"] == true => message_id(&document, status),
            Some(document) => Err(self.refusal(status, &document, hint)),
            None => Err(self.no_document(status, body.err(), hint)),
        };
        outcome.map(|value| Answer {
            status: status.as_u16(),
            value,
        })
    }

    /// The only place where the token is shown. A segment is escaped, so that no token can lead
    /// elsewhere.
    fn method_url(&self) -> Result<Url, Failure> {
        let mut url = self.api.url.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Unsendable("the address cannot have a path"))?
            .pop_if_empty()
            .push(&format!("bot{}", self.credential.bot_token().expose()))
            .push("sendPhoto");
        Ok(url)
    }

    /// The form; the image's buffer is shared, not copied. The tenant's file name stays here.
    fn form(&self, post: &Post) -> Result<Form, Failure> {
        let format = post.image.format();
        let bytes: Bytes = post.image.bytes().clone();
        let length = bytes.len() as u64;
        let photo = Part::stream_with_length(Body::from(bytes), length)
            .file_name(format!("photo{}", format.ending()))
            .mime_str(format.media_type())
            .map_err(|_| Failure::Unsendable("the image has no media type"))?;
        let mut form = Form::new().text("chat_id", self.chat_id.clone());
        if !post.caption.is_empty() {
            form = form.text("caption", post.caption.clone());
        }
        Ok(form.part("photo", photo))
    }

    /// An answer in which Telegram itself says no: it has not taken the photo.
    fn refusal(&self, status: StatusCode, document: &Value, hint: Option<Duration>) -> Failure {
        let code = document["error_code"].as_u64();
        let code = code.and_then(|code| u16::try_from(code).ok());
        let code = code.unwrap_or(status.as_u16());
        let description = document["description"].as_str().unwrap_or_default();
        let asked = document["parameters"]["retry_after"].as_u64();
        self.refused(code, description, asked.map(Duration::from_secs).or(hint))
    }

    /// An answer that does not come from Telegram itself, or not whole: a proxy's, for instance.
    /// A redirect or a client error is a no all the same; after any other answer the photo may
    /// have been taken.
    fn no_document(
        &self,
        status: StatusCode,
        error: Option<reqwest::Error>,
        hint: Option<Duration>,
    ) -> Failure {
        if status.is_redirection() || status.is_client_error() {
            return self.refused(status.as_u16(), "", hint);
        }
        Failure::Unknown {
            status: Some(status.as_u16()),
            error,
        }
    }

    fn refused(&self, code: u16, description: &str, wait: Option<Duration>) -> Failure {
        match code {
            401 => Failure::Unauthorized,
            429 => Failure::RateLimited(wait),
            500.. => Failure::Server { code, wait },
            _ => {
                let token = self.credential.bot_token().expose();
                Failure::Rejected {
                    code,
                    reason: stated_reason(description, token),
                }
            }
        }
    }
}

/// The body of an answer; empty when it is too long to be one of Telegram's.
async fn read(response: Response) -> Result<Bytes, reqwest::Error> {
    let body = bounded_body(response, MAX_ANSWER_BYTES).await?;
    Ok(body.unwrap_or_default())
}

fn message_id(document: &Value, status: StatusCode) -> Result<PostId, Failure> {
    let id = document["result"]["message_id"].as_i64();
    let id = id.ok_or(Failure::Unknown {
        status: Some(status.as_u16()),
        error: None,
    })?;
    Ok(PostId::new(id.to_string()))
}

/// Why one attempt failed. No text here holds the token or the URL.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the request could not be built: {0}")]
    Unsendable(&'static str),
    #[error("not reached")]
    NotSent(Cause),
    #[error("no usable answer after the photo was sent")]
    Unknown {
        status: Option<u16>,
        error: Option<reqwest::Error>,
    },
    #[error("refused the token")]
    Unauthorized,
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    #[error("answered {code}")]
    Server { code: u16, wait: Option<Duration> },
    #[error("answered {code}")]
    Rejected { code: u16, reason: String },
}

impl Failure {
    fn from_sending(error: reqwest::Error) -> Self {
        if failed_before_sending(&error) {
            return Self::NotSent(cause(error));
        }
        Self::Unknown {
            status: None,
            error: Some(error.without_url()),
        }
    }
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match self {
            Self::NotSent(_) => Retry::Soon,
            Self::RateLimited(wait) | Self::Server { wait, .. } => {
                wait.map_or(Retry::Soon, Retry::After)
            }
            Self::Unsendable(_)
            | Self::Unknown { .. }
            | Self::Unauthorized
            | Self::Rejected { .. } => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Unsendable(_) | Self::NotSent(_) => None,
            Self::Unknown { status, .. } => *status,
            Self::Unauthorized => Some(401),
            Self::RateLimited(_) => Some(429),
            Self::Server { code, .. } | Self::Rejected { code, .. } => Some(*code),
        }
    }
}

impl From<Failure> for PublishError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(cause) => Self::unavailable(cause),
            Failure::Unsendable(_) | Failure::Server { .. } => {
                Self::unavailable(Cause::from(failure))
            }
            Failure::Unknown {
                error: Some(error), ..
            } => Self::Unknown(cause(error)),
            Failure::Unknown { error: None, .. } => Self::Unknown(Cause::from(failure)),
            Failure::Unauthorized => Self::unauthorized(Cause::from(failure)),
            Failure::RateLimited(retry_after) => Self::RateLimited { retry_after },
            Failure::Rejected { code, reason } if reason.is_empty() => {
                Self::Rejected(format!("answered {code}"))
            }
            Failure::Rejected { reason, .. } => Self::Rejected(reason),
        }
    }
}
