//! Whether what answers at the base URL is an orchestrator that takes our service token. Used by
//! `publisher check`.
//!
//! A host that belongs to no tenant is answered with 404, and so is a base URL with a wrong path.
//! The credentials call distinguishes them: without a tenant and a reference, only an orchestrator
//! answers it with 400.

use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{
    client::OrchestratorClient,
    envelope::{self, Understood},
    failure::{self, Failure},
};
use crate::{
    adapters::{secret_scrub::SecretScrub, upstream::Answer},
    domain::{host::Host, request_id::RequestId},
    ports::Cause,
};

/// Why no tenant could be looked up, as a clause with what to do. Names no host.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorFault {
    /// 403, or 401 of what stands before it.
    #[error(
        "it refuses ORCHESTRATOR_SERVICE_TOKEN ({status}): set the token that the orchestrator expects"
    )]
    TokenRefused {
        /// The status.
        status: u16,
    },
    /// Another route answers, or none.
    #[error(
        "no orchestrator answers under ORCHESTRATOR_BASE_URL, whatever is asked for ({status}): check \
         its path; `v1/runtime/by-host` is added to it"
    )]
    NoSuchRoute {
        /// The status.
        status: u16,
    },
    /// 3xx, which is not followed.
    #[error(
        "it redirects ({status}), which is not followed, because the token would go along: set \
         ORCHESTRATOR_BASE_URL to where it redirects to"
    )]
    Redirects {
        /// The status.
        status: u16,
    },
    /// An answer that is not JSON at all.
    #[error(
        "it answers with {what} ({status}), which no orchestrator does: check ORCHESTRATOR_BASE_URL, and \
         what stands before the orchestrator"
    )]
    NoJson {
        /// What it is instead.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// 429 or 5xx.
    #[error(
        "it is there, and cannot answer ({status}): look at the orchestrator, and at what stands before it"
    )]
    Failing {
        /// The status.
        status: u16,
    },
    /// Another status.
    #[error(
        "it answers with a status that means nothing here ({status}): check ORCHESTRATOR_BASE_URL"
    )]
    Status {
        /// The status.
        status: u16,
    },
    /// JSON that is no answer of an orchestrator.
    #[error("its answer cannot be understood: {0}")]
    Malformed(String),
    /// No answer.
    #[error("{0}")]
    Unreachable(Cause),
}

/// An answer, as far as it matters here.
struct Seen {
    status: u16,
    is_html: bool,
    body: Option<Value>,
}

impl OrchestratorClient {
    /// Asks for a host that need not be a tenant's, and for no credential; one attempt each.
    ///
    /// # Errors
    /// [`OrchestratorFault`].
    pub async fn check(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<(), OrchestratorFault> {
        let by_host = || {
            self.with_token(|token| async move {
                Seen::of(self.ask_about(host, request_id, &token).await?).await
            })
        };
        let seen = self.run("check_by_host", self.once(), by_host).await?;
        match seen.status {
            200 => return seen.check_config(),
            404 => {}
            _ => return Err(seen.fault()),
        }
        let resolve = || {
            self.with_token(|token| async move {
                let post = self.http.post(self.resolve_url.clone()).json(&json!({}));
                Seen::of(self.send(post, request_id, &token).await?).await
            })
        };
        let resolved = self.run("check_resolve", self.once(), resolve).await;
        // Only an orchestrator knows of credit.
        if matches!(resolved, Err(Failure::OutOfCredit)) {
            return Ok(());
        }
        let seen = resolved?;
        match seen.status {
            400 | 422 => Ok(()),
            _ => Err(seen.fault()),
        }
    }
}

impl Seen {
    async fn of(response: Response) -> Result<Answer<Self>, Failure> {
        let status = response.status().as_u16();
        // So that a rotated token is tried.
        if status == 403 {
            return Err(failure::of_refused_credential(response).await);
        }
        let kind = response.headers().get(CONTENT_TYPE);
        let is_html = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let body = failure::json_body(response).await.ok();
        let value = Self {
            status,
            is_html,
            body,
        };
        Ok(Answer { status, value })
    }

    /// Whether a success is about a tenant, ours or another app's.
    fn check_config(self) -> Result<(), OrchestratorFault> {
        let Some(body) = self.body else {
            return Err(self.fault());
        };
        match envelope::read(body, &SecretScrub::default()) {
            Ok(Understood { .. }) | Err(Failure::NotFound { .. }) => Ok(()),
            Err(failure) => Err(OrchestratorFault::Malformed(failure.to_string())),
        }
    }

    fn fault(&self) -> OrchestratorFault {
        let status = self.status;
        match status {
            401 => OrchestratorFault::TokenRefused { status },
            300..=399 => OrchestratorFault::Redirects { status },
            404 | 405 | 410 => OrchestratorFault::NoSuchRoute { status },
            429 | 500..=599 => OrchestratorFault::Failing { status },
            200..=299 if self.body.is_none() => {
                let what = if self.is_html {
                    "a web page"
                } else {
                    "something that is no JSON"
                };
                OrchestratorFault::NoJson { what, status }
            }
            _ => OrchestratorFault::Status { status },
        }
    }
}

impl From<Failure> for OrchestratorFault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unauthorized => Self::TokenRefused { status: 403 },
            Failure::Transport { cause, .. } => Self::Unreachable(cause),
            other => Self::Unreachable(other.into()),
        }
    }
}
