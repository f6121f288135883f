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
    model_support::{Adaptation, ModelSupport},
    rate_limit::{RateLimit, TooLate},
    refusal::{ErrorBody, Meaning},
    retry_hint::retry_hint,
};
use crate::{
    adapters::upstream::{Answer, AttemptError, Call, Retry, RetryPolicy, bounded_body, cause},
    domain::credential::AiCredential,
    ports::{CaptionError, Cause, Clock},
};

/// The largest answer that is read: far more than all captions need.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

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
    pub(super) support: Arc<ModelSupport>,
}

impl Chat {
    /// Asks, and gives the content of the answer. What the model turns out not to take is put otherwise.
    pub(super) async fn complete(
        &self,
        operation: &'static str,
        mut request: Value,
        credential: &AiCredential,
        limit: &RateLimit,
    ) -> Result<String, CaptionError> {
        let model = request["model"].as_str().unwrap_or_default().to_owned();
        for _ in 0..Adaptation::COUNT {
            self.support.adapt(&mut request);
            match self.ask(operation, &request, credential, limit).await {
                Err(Failure::Unsupported { adaptation, .. })
                    if self.support.learn(&model, adaptation) =>
                {
                    tracing::info!(
                        model,
                        ?adaptation,
                        "a model does not take a part of a request"
                    );
                }
                result => return result.map_err(|failure| failure.of_model(&model)),
            }
        }
        let asked = self.ask(operation, &request, credential, limit).await;
        asked.map_err(|failure| failure.of_model(&model))
    }

    async fn ask(
        &self,
        operation: &'static str,
        request: &Value,
        credential: &AiCredential,
        limit: &RateLimit,
    ) -> Result<String, Failure> {
        // Written once: the attempts share the buffer, which holds the whole image.
        let body = Bytes::from(request.to_string());
        let call = Call {
            clock: &*self.clock,
            upstream: "openai",
            operation,
        };
        let attempt = || self.attempt(body.clone(), credential, limit);
        call.run(self.policy, attempt).await
    }

    async fn attempt(
        &self,
        body: Bytes,
        credential: &AiCredential,
        limit: &RateLimit,
    ) -> Result<Answer<String>, Failure> {
        limit.turn().await?;
        let response = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, bearer(credential)?)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .send()
            .await
            .map_err(Failure::Transport)?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response).await);
        }
        let body = bounded_body(response, MAX_ANSWER_BYTES)
            .await
            .map_err(Failure::Transport)?
            .ok_or(Failure::Unusable("it is too long"))?;
        let envelope = serde_json::from_slice(&body).map_err(|_| Failure::NoEnvelope(status))?;
        Ok(Answer {
            status: status.as_u16(),
            value: content(&envelope)?,
        })
    }

    /// What an answer other than a success means.
    async fn refusal(&self, response: Response) -> Failure {
        let status = response.status();
        let wait = retry_hint(response.headers(), &*self.clock);
        let body = bounded_body(response, MAX_ANSWER_BYTES).await;
        let error = ErrorBody::read(&body.ok().flatten().unwrap_or_default());
        let meaning = error.meaning(status);
        let code = error.code;
        match meaning {
            Meaning::DeadKey => Failure::Unauthorized(code),
            Meaning::OutOfCredit => Failure::QuotaExhausted(status),
            Meaning::TooMany => Failure::RateLimited(wait),
            Meaning::Image(why) => Failure::Image {
                status: Some(status),
                why,
            },
            Meaning::Model => Failure::Model { status, code },
            Meaning::Forbidden(why) => Failure::Forbidden { status, why },
            Meaning::Unsupported(adaptation) => Failure::Unsupported { status, adaptation },
            Meaning::Other if status.is_server_error() => Failure::Server { status, wait },
            Meaning::Other => Failure::Refused { status, code },
        }
    }
}

fn bearer(credential: &AiCredential) -> Result<HeaderValue, Failure> {
    let text = format!("Bearer {}", credential.api_key().expose());
    let mut value = HeaderValue::from_str(&text).map_err(|_| Failure::UnsendableKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The content of a completion, or why there is none.
fn content(envelope: &Value) -> Result<String, Failure> {
    let choice = &envelope["choices"][0];
    let message = &choice["message"];
    if message["refusal"]
        .as_str()
        .is_some_and(|text| !text.is_empty())
    {
        return Err(Failure::refused_image("it refuses to describe it"));
    }
    match choice["finish_reason"].as_str() {
        Some("length") => return Err(Failure::Unusable("it was cut short")),
        Some("content_filter") => {
            let why = "what it says of it is held back by its content filter";
            return Err(Failure::refused_image(why));
        }
        _ => {}
    }
    let content = match &message["content"] {
        Value::String(text) => text.clone(),
        // Some servers answer in parts, as they are asked.
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    };
    if content.trim().is_empty() {
        return Err(Failure::Unusable("it is empty"));
    }
    Ok(content)
}

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the limit of calls a minute is reached")]
    NoTurn(TooLate),
    #[error("the key cannot be sent")]
    UnsendableKey,
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("refused the key: {0}")]
    Unauthorized(String),
    #[error("answered {0}: no credit left")]
    QuotaExhausted(StatusCode),
    #[error("the image is not taken: {why}")]
    Image {
        status: Option<StatusCode>,
        why: &'static str,
    },
    #[error("answered {status}: {code}")]
    Model { status: StatusCode, code: String },
    #[error("answered {status}: {why}")]
    Forbidden {
        status: StatusCode,
        why: &'static str,
    },
    #[error("answered {status}: the model does not take a part of the request ({adaptation:?})")]
    Unsupported {
        status: StatusCode,
        adaptation: Adaptation,
    },
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    #[error("answered {status}")]
    Server {
        status: StatusCode,
        wait: Option<Duration>,
    },
    #[error("answered {status}: {code}")]
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
            | Self::Model { .. }
            | Self::Forbidden { .. }
            | Self::Unsupported { .. }
            | Self::Refused { .. }
            | Self::Unusable(_) => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized(_) => Some(401),
            Self::RateLimited(_) => Some(429),
            Self::Image { status, .. } => status.map(|status| status.as_u16()),
            Self::QuotaExhausted(status)
            | Self::Model { status, .. }
            | Self::Forbidden { status, .. }
            | Self::Unsupported { status, .. }
            | Self::Server { status, .. }
            | Self::Refused { status, .. }
            | Self::NoEnvelope(status) => Some(status.as_u16()),
            Self::NoTurn(_) | Self::UnsendableKey | Self::Transport(_) | Self::Unusable(_) => None,
        }
    }
}

impl Failure {
    fn refused_image(why: &'static str) -> Self {
        Self::Image { status: None, why }
    }

    /// The same for whoever asked; `model` is the one that was asked.
    fn of_model(self, model: &str) -> CaptionError {
        match self {
            Self::Model { .. } => CaptionError::Misconfigured {
                detail: format!(
                    "the model {model} does not exist, or the API key may not use it; name another in the \
                     tenant's config"
                ),
            },
            Self::Unsupported { .. } => CaptionError::Misconfigured {
                detail: format!("the model {model} does not take requests as they have to be"),
            },
            failure => failure.into(),
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
            Failure::Transport(error) if error.is_timeout() => Self::Timeout(cause(error)),
            Failure::Transport(error) => Self::Unavailable(cause(error)),
            Failure::QuotaExhausted(_) => Self::QuotaExhausted,
            Failure::Image { why, .. } => Self::ImageRefused { detail: why },
            Failure::Forbidden { why, .. } => Self::Misconfigured {
                detail: why.to_owned(),
            },
            Failure::Unusable(why) => Self::Unusable(why),
            Failure::UnsendableKey | Failure::Unauthorized(_) => {
                Self::Unauthorized(Cause::from(failure))
            }
            Failure::Server { .. }
            | Failure::Model { .. }
            | Failure::Unsupported { .. }
            | Failure::Refused { .. }
            | Failure::NoEnvelope(_) => Self::Unavailable(Cause::from(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn envelope(content: &Value, refusal: &Value, finish: &str) -> Value {
        let message = json!({ "content": content, "refusal": refusal });
        json!({ "choices": [{ "message": message, "finish_reason": finish }] })
    }

    #[test]
    fn a_finished_answer_is_its_content() {
        let answer = envelope(&json!("{}"), &Value::Null, "stop");
        assert_eq!(content(&answer).unwrap(), "{}");
        let parts = json!([{ "type": "text", "text": "{" }, { "type": "text", "text": "}" }]);
        let answer = envelope(&parts, &Value::Null, "stop");
        assert_eq!(content(&answer).unwrap(), "{}");
    }

    #[test]
    fn refused_cut_held_back_and_empty_answers_are_unusable() {
        for (answer, why) in [
            (
                envelope(&Value::Null, &json!("I cannot"), "stop"),
                "refuses",
            ),
            (envelope(&json!("{"), &Value::Null, "length"), "cut short"),
            (
                envelope(&json!("x"), &Value::Null, "content_filter"),
                "filter",
            ),
            (envelope(&json!(" "), &Value::Null, "stop"), "empty"),
            (json!({ "choices": [] }), "empty"),
            (json!([]), "empty"),
        ] {
            let error = content(&answer).unwrap_err().to_string();
            assert!(error.contains(why), "{answer}: {error}");
        }
    }

    #[test]
    fn the_key_is_marked_as_a_secret() {
        let credential = crate::adapters::sample_tenant::credential(
            crate::domain::credential::Provider::OpenAi,
            "sk-secret",
        );
        let header = bearer(&AiCredential::try_from(credential).unwrap()).unwrap();
        assert!(header.is_sensitive());
        assert_eq!(header.as_bytes(), b"Bearer sk-secret");
    }
}
