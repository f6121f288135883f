//! One chat completion: the call, its repetitions, and what its answer means.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use url::Url;

use super::{
    account::Account,
    forms::{Form, Forms},
    refusals::{Meaning, Said, shown},
    retry_hint::retry_hint,
};
use crate::{
    adapters::{
        secret_scrub::SecretScrub,
        upstream::{Answer, AttemptError, Call, Retry, RetryPolicy, bounded_body, cause, send},
    },
    domain::credential::AiCredential,
    ports::{CaptionError, Cause, Clock, TooLate},
};

/// The setting that the URL is from.
const URL_SETTING: &str = "OPENAI_BASE_URL";

/// The largest answer that is read: far more than all captions need.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Three attempts; a wait of more than 30 s, as long as a call waits for its turn too, is longer
/// than a publish can wait.
pub(super) const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(500),
    max_delay: Duration::from_secs(30),
};

/// Where completions come from.
#[derive(Clone)]
pub(super) struct Chat {
    pub(super) http: Client,
    pub(super) url: Url,
    pub(super) policy: RetryPolicy,
    pub(super) clock: Arc<dyn Clock>,
    /// The form of a request that each model takes.
    pub(super) forms: Arc<Forms>,
}

/// Forms that are tried for one request: instructions, JSON mode, and the two names of the token limit.
const MAX_FORMS: usize = 6;

impl Chat {
    /// Asks, and gives the content of the answer. A request in a form that the model does not take is made
    /// again in another, which is remembered for the model.
    pub(super) async fn complete(
        &self,
        operation: &'static str,
        request: &Value,
        account: &Account,
    ) -> Result<String, CaptionError> {
        let model = request["model"].as_str().unwrap_or_default();
        let known = self.forms.of(model);
        let mut form = known.clone();
        for _ in 0..MAX_FORMS {
            let asked = self.ask(operation, request, &form, account);
            match asked.await {
                Err(Failure::Form { said, .. }) => match form.after(&said, request) {
                    Some(next) => form = next,
                    None => break,
                },
                result => {
                    if form != known && result.is_ok() {
                        tracing::info!(
                            model = shown(model),
                            "a model takes requests in another form"
                        );
                        self.forms.remember(model, form);
                    }
                    return Ok(result?);
                }
            }
        }
        Err(CaptionError::Misconfigured {
            detail: format!(
                "the model \"{}\" does not take requests as this service makes them: name another in \
                 the tenant's AI settings",
                shown(model)
            ),
        })
    }

    async fn ask(
        &self,
        operation: &'static str,
        request: &Value,
        form: &Form,
        account: &Account,
    ) -> Result<String, Failure> {
        let asked = Asked {
            model: request["model"].as_str().unwrap_or_default(),
            has_image: operation == "vision",
            // Written once: the attempts share the buffer, which holds the whole image.
            body: if form.is_usual() {
                Bytes::from(request.to_string())
            } else {
                Bytes::from(form.applied(request).to_string())
            },
        };
        let call = Call {
            clock: &*self.clock,
            upstream: "openai",
            operation,
        };
        let attempt = || self.attempt(&asked, account);
        call.run(self.policy, attempt).await
    }

    async fn attempt(
        &self,
        asked: &Asked<'_>,
        account: &Account,
    ) -> Result<Answer<String>, Failure> {
        let credential = &account.credential;
        account.calls.turn().await?;
        let request = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, bearer(credential)?)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(asked.body.clone());
        let response = send(request).await.map_err(Failure::Transport)?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response, asked, credential).await);
        }
        let wait = retry_hint(response.headers(), &*self.clock);
        let body = bounded_body(response, MAX_ANSWER_BYTES)
            .await
            .map_err(Failure::Transport)?
            .ok_or(Failure::Unusable("it is too long"))?;
        let envelope = serde_json::from_slice(&body).map_err(|_| Failure::NoEnvelope(status))?;
        account.record(&envelope, &*self.clock).await;
        let scrub = scrub(credential);
        if let Some((said, status)) = Said::within(&envelope, &scrub) {
            return Err(refusal(said, status, wait, asked));
        }
        let content = content(&envelope).map_err(|why| why.of(asked.has_image))?;
        // What the model writes is published: a key that comes back in it would be, too.
        Ok(Answer {
            status: status.as_u16(),
            value: scrub.scrub(&content),
        })
    }

    /// What an answer other than a success means.
    pub(super) async fn refusal(
        &self,
        response: Response,
        asked: &Asked<'_>,
        credential: &AiCredential,
    ) -> Failure {
        let status = response.status();
        let wait = retry_hint(response.headers(), &*self.clock);
        let body = bounded_body(response, MAX_ANSWER_BYTES).await;
        let said = Said::new(&body.ok().flatten().unwrap_or_default(), &scrub(credential));
        refusal(said, status, wait, asked)
    }
}

/// What an error means, of this status, whatever the status of the answer that it came in.
fn refusal(said: Said, status: StatusCode, wait: Option<Duration>, asked: &Asked<'_>) -> Failure {
    if status.is_server_error() {
        return Failure::Server { status, wait };
    }
    match said.meaning(status, asked.model, asked.has_image) {
        Meaning::DeadKey => Failure::Unauthorized(said.code()),
        Meaning::NoCredit => Failure::QuotaExhausted(status),
        Meaning::Image(detail) => Failure::Image { status, detail },
        Meaning::Policy => NoContent::HeldBack.of(asked.has_image),
        Meaning::SetUp(detail) => Failure::SetUp { status, detail },
        Meaning::Form => Failure::Form { status, said },
        Meaning::Other if status == StatusCode::TOO_MANY_REQUESTS => Failure::RateLimited(wait),
        Meaning::Other => Failure::Refused {
            status,
            code: said.code(),
        },
    }
}

fn scrub(credential: &AiCredential) -> SecretScrub {
    SecretScrub::default().with(credential.api_key().expose())
}

/// A request on its way.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) has_image: bool,
    pub(super) body: Bytes,
}

pub(super) fn bearer(credential: &AiCredential) -> Result<HeaderValue, Failure> {
    let text = format!("Bearer {}", credential.api_key().expose());
    let mut value = HeaderValue::from_str(&text).map_err(|_| Failure::UnsendableKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why an answer has no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoContent {
    /// The model said in its own field that it will not.
    Refused,
    /// The provider's filter stepped in.
    HeldBack,
    /// In another way.
    Unusable(&'static str),
}

impl NoContent {
    /// With an image in the request, it is the image that is refused.
    fn of(self, has_image: bool) -> Failure {
        match (self, has_image) {
            (Self::Refused, true) => Failure::Image {
                status: StatusCode::OK,
                detail: REFUSES_IMAGE,
            },
            (Self::HeldBack, true) => Failure::Image {
                status: StatusCode::OK,
                detail: "the provider's content rules forbid a description of the image",
            },
            (Self::Refused, false) => Failure::Unusable("the model refused"),
            (Self::HeldBack, false) => Failure::Unusable("it was held back by the content filter"),
            (Self::Unusable(why), _) => Failure::Unusable(why),
        }
    }
}

/// What is wrong with an image that a model will not describe.
pub(super) const REFUSES_IMAGE: &str = "the model refuses to describe the image";

/// The content of a completion, or why there is none.
fn content(envelope: &Value) -> Result<String, NoContent> {
    let choice = &envelope["choices"][0];
    let message = &choice["message"];
    if message["refusal"]
        .as_str()
        .is_some_and(|text| !text.is_empty())
    {
        return Err(NoContent::Refused);
    }
    match choice["finish_reason"].as_str() {
        Some("length") => return Err(NoContent::Unusable("it was cut short")),
        Some("content_filter") => return Err(NoContent::HeldBack),
        _ => {}
    }
    let content = match &message["content"] {
        // Servers that speak the same protocol may send parts.
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        content => content.as_str().unwrap_or_default().to_owned(),
    };
    if content.trim().is_empty() {
        return Err(NoContent::Unusable("it is empty"));
    }
    Ok(content)
}

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the limit of calls a minute is reached")]
    NoTurn(TooLate),
    #[error("the key cannot be sent")]
    UnsendableKey,
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("refused the key: {0}")]
    Unauthorized(String),
    #[error("no credit left")]
    QuotaExhausted(StatusCode),
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    #[error("answered {status}")]
    Server {
        status: StatusCode,
        wait: Option<Duration>,
    },
    #[error("does not take the image: {detail}")]
    Image {
        status: StatusCode,
        detail: &'static str,
    },
    #[error("answered {status}: {detail}")]
    SetUp { status: StatusCode, detail: String },
    #[error("answered {status}: it does not take the request in this form ({})", said.code())]
    Form { status: StatusCode, said: Said },
    #[error(
        "answered {status}: {code}; check the models and prompts of the tenant, and OPENAI_BASE_URL"
    )]
    Refused { status: StatusCode, code: String },
    #[error("answered {0} without JSON")]
    NoEnvelope(StatusCode),
    #[error("the answer cannot be used: {0}")]
    Unusable(&'static str),
}

impl From<TooLate> for Failure {
    fn from(too_late: TooLate) -> Self {
        Self::NoTurn(too_late)
    }
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited(wait) | Self::Server { wait, .. } => {
                wait.map_or(Retry::Soon, Retry::After)
            }
            Self::Transport(error) if error.is_builder() => Retry::Never,
            Self::Transport(_) | Self::NoEnvelope(_) => Retry::Soon,
            Self::NoTurn(_)
            | Self::UnsendableKey
            | Self::Unauthorized(_)
            | Self::QuotaExhausted(_)
            | Self::Image { .. }
            | Self::SetUp { .. }
            | Self::Form { .. }
            | Self::Refused { .. }
            | Self::Unusable(_) => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized(_) => Some(401),
            Self::RateLimited(_) => Some(429),
            Self::QuotaExhausted(status)
            | Self::Server { status, .. }
            | Self::Image { status, .. }
            | Self::SetUp { status, .. }
            | Self::Form { status, .. }
            | Self::Refused { status, .. }
            | Self::NoEnvelope(status) => Some(status.as_u16()),
            Self::NoTurn(_) | Self::UnsendableKey | Self::Transport(_) | Self::Unusable(_) => None,
        }
    }
}

impl From<Failure> for CaptionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoTurn(TooLate { wait }) => Self::RateLimited {
                retry_after: Some(wait),
            },
            Failure::RateLimited(retry_after) => Self::RateLimited { retry_after },
            Failure::Transport(error) if error.is_timeout() => {
                Self::Timeout(cause(&error, URL_SETTING))
            }
            Failure::Transport(error) => Self::Unavailable(cause(&error, URL_SETTING)),
            Failure::QuotaExhausted(_) => Self::QuotaExhausted,
            Failure::Image { detail, .. } => Self::ImageRefused { detail },
            Failure::SetUp { detail, .. } => Self::Misconfigured { detail },
            Failure::Unusable(why) => Self::Unusable(why),
            Failure::UnsendableKey | Failure::Unauthorized(_) => {
                Self::Unauthorized(Cause::from(failure))
            }
            Failure::Server { .. }
            | Failure::Form { .. }
            | Failure::Refused { .. }
            | Failure::NoEnvelope(_) => Self::Unavailable(Cause::from(failure)),
        }
    }
}

#[cfg(test)]
mod tests;
