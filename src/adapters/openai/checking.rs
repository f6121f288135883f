//! Checks a key and its models without a completion, so that it costs nothing. Used by this folder's adapter.

use bytes::Bytes;
use reqwest::{
    RequestBuilder, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::Value;
use url::Url;

use super::chat::{Asked, Chat, Failure, MAX_ANSWER_BYTES, bearer};
use crate::{
    adapters::upstream::{Answer, Call, bounded_body},
    domain::credential::AiCredential,
    ports::CaptionError,
};

/// The scope that a key lacks when it may complete chats and not read models.
const READS_MODELS: &str = "model.read";
/// The operation that sends an empty request.
const EMPTY: &str = "empty";
const MODELS_ARE_THERE: &str = "the key is accepted, and the models are there";
const MODELS_ARE_NOT_TOLD: &str =
    "the key is accepted; whether it may use the models is not told without a paid call";

/// The outcome of a question.
enum Seen {
    Yes,
    /// Nothing is known there, or the key may not ask.
    NotTold,
}

impl Chat {
    /// Asks for each model. If the service gives no information about models, makes an empty
    /// request, which the chat completion endpoint refuses if it is there.
    pub(super) async fn check(
        &self,
        models: &[&str],
        credential: &AiCredential,
    ) -> Result<&'static str, CaptionError> {
        for model in models {
            let ask = || self.http.get(self.model_url(model));
            match self.question("model", model, ask, credential).await? {
                Seen::Yes => {}
                Seen::NotTold => {
                    let ask = || {
                        let post = self.http.post(self.url.clone());
                        post.header(CONTENT_TYPE, "application/json").body("{}")
                    };
                    return match self.question(EMPTY, model, ask, credential).await? {
                        Seen::Yes => Ok(MODELS_ARE_NOT_TOLD),
                        Seen::NotTold => Err(CaptionError::Misconfigured {
                            detail:
                                "nothing that completes chats answers at OPENAI_BASE_URL: correct \
                                     it; it ends with /v1 as a rule"
                                    .to_owned(),
                        }),
                    };
                }
            }
        }
        Ok(MODELS_ARE_THERE)
    }

    async fn question(
        &self,
        operation: &'static str,
        model: &str,
        ask: impl Fn() -> RequestBuilder,
        credential: &AiCredential,
    ) -> Result<Seen, Failure> {
        let call = Call {
            clock: &*self.clock,
            upstream: "openai",
            operation,
        };
        let asked = Asked {
            model,
            has_image: false,
            body: Bytes::new(),
        };
        let attempt = || async {
            let request = ask().header(AUTHORIZATION, bearer(credential)?);
            let response = request.send().await.map_err(Failure::Transport)?;
            let status = response.status();
            let seen = |value| {
                let status = status.as_u16();
                Ok(Answer { status, value })
            };
            if status.is_success() {
                let body = bounded_body(response, MAX_ANSWER_BYTES).await;
                let body = body.map_err(Failure::Transport)?.unwrap_or_default();
                let is_object = serde_json::from_slice(&body).is_ok_and(|it: Value| it.is_object());
                return if is_object {
                    seen(Seen::Yes)
                } else {
                    Err(Failure::NoEnvelope(status))
                };
            }
            match self.refusal(response, &asked, credential).await {
                Failure::SetUp { detail, .. } if detail.contains(READS_MODELS) => {
                    seen(Seen::NotTold)
                }
                // What the empty request lacks, a model among it, is nothing that is missing.
                Failure::Refused { .. } | Failure::Form { .. } | Failure::SetUp { .. }
                    if operation == EMPTY && is_route(status) =>
                {
                    seen(Seen::Yes)
                }
                Failure::Refused { status, .. } if is_nothing(status) => seen(Seen::NotTold),
                other => Err(other),
            }
        };
        call.run(self.policy, attempt).await
    }

    /// `…/models/<model>` beside `…/chat/completions`. A segment is escaped.
    fn model_url(&self, model: &str) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop().pop().push("models").push(model);
        }
        url
    }
}

/// By this, something looked at the request and found it wanting.
fn is_route(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// By this, there is no such route.
fn is_nothing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    )
}
