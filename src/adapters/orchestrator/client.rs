//! The client of the orchestrator: its calls about hosts and credentials, and the retries and time limits of all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::json;
use tracing::{Instrument as _, Span, field};
use url::Url;

use super::{
    envelope::{self, Understood},
    failure::{self, Failure},
    named_tenant, secret_answer,
    service_token::ServiceToken,
    settings::{OrchestratorSettings, OrchestratorSetupError},
    spans::{self, UPSTREAM},
};
use crate::{
    adapters::{
        http_client::{self, ExtraRoots},
        retry_budget::RetryBudget,
        secret_scrub::SecretScrub,
        upstream::{self, Answer, Call, PROBE, Retries, RetryPolicy},
    },
    domain::{
        credential::Credential,
        host::Host,
        request_id::RequestId,
        secret::Secret,
        storage::AllowedStorage,
        tenant_config::{FieldProblem, TenantConfig, Unvalidated},
    },
    ports::{
        Clock, ConfigSourceError, CredentialError, CredentialQuery, CredentialStore,
        TenantConfigSource,
    },
};

/// What the orchestrator was promised (docs/orchestrator.md): 5 s an attempt, 10 s for the whole call, 3 attempts, and between them
/// 250 ms doubling up to 5 s.
const LIMITS: Limits = Limits {
    attempt: Duration::from_secs(5),
    whole: Duration::from_secs(10),
    retries: RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(250),
        max_delay: Duration::from_secs(5),
    },
};

/// Speaks to the orchestrator.
pub struct OrchestratorClient {
    pub(super) http: Client,
    clock: Arc<dyn Clock>,
    by_host_url: Url,
    pub(super) resolve_url: Url,
    pub(super) usage_url: Url,
    service_token: ServiceToken,
    base_domain: Host,
    storage: AllowedStorage,
    /// By-host is called by GET: by choice, or since POST was refused.
    uses_get: AtomicBool,
    /// One for all calls that are retried: an outage is one of the orchestrator as a whole.
    retry_budget: RetryBudget,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    attempt: Duration,
    whole: Duration,
    retries: RetryPolicy,
}

impl OrchestratorClient {
    /// Checks the settings. Makes no network call.
    ///
    /// # Errors
    /// [`OrchestratorSetupError`].
    pub fn new(
        settings: OrchestratorSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OrchestratorSetupError> {
        let OrchestratorSettings {
            mut base_url,
            service_token,
            base_domain,
            prefer_post,
            storage,
        } = settings;
        if !matches!(base_url.scheme(), "http" | "https") {
            return Err(OrchestratorSetupError::BaseUrl);
        }
        if !base_url.path().ends_with('/') {
            let path = format!("{}/", base_url.path());
            base_url.set_path(&path);
        }
        let url = |path| {
            base_url
                .join(path)
                .map_err(|_| OrchestratorSetupError::BaseUrl)
        };
        if !service_token.can_travel() {
            return Err(OrchestratorSetupError::ServiceToken);
        }
        Ok(Self {
            http: http_client::build(LIMITS.attempt, roots)
                .map_err(OrchestratorSetupError::Client)?,
            clock,
            by_host_url: url("v1/runtime/by-host")?,
            resolve_url: url("v1/credentials/resolve")?,
            usage_url: url("v1/billing/usage")?,
            service_token,
            base_domain,
            storage,
            uses_get: AtomicBool::new(!prefer_post),
            retry_budget: RetryBudget::new(),
            limits: LIMITS,
        })
    }

    /// One attempt to look up a host. That it belongs to no tenant is an answer too, and is not
    /// logged as a failure.
    async fn by_host(
        &self,
        host: &Host,
        request_id: &RequestId,
        span: &Span,
    ) -> Result<Answer<Option<TenantConfig<Unvalidated>>>, Failure> {
        let config = self
            .with_token(|token| self.config_of(host, request_id, span, token))
            .await;
        match config {
            Ok(Answer { status, value }) => Ok(Answer {
                status,
                value: Some(value),
            }),
            Err(Failure::NotFound { status }) => Ok(Answer {
                status,
                value: None,
            }),
            Err(failure) => Err(failure),
        }
    }

    async fn config_of(
        &self,
        host: &Host,
        request_id: &RequestId,
        span: &Span,
        token: Arc<Secret>,
    ) -> Result<Answer<TenantConfig<Unvalidated>>, Failure> {
        let response = self.ask_about(host, request_id, &token).await?;
        let status = response.status().as_u16();
        failure::of_by_host(&response, &*self.clock)?;
        let document = failure::json_body(response).await?;
        let scrub = SecretScrub::default().with(token.expose());
        let Understood { value: config, odd } = envelope::read(document, &scrub)?;
        span.record("tenant", field::display(config.tenant()));
        span.record("config_version", field::display(config.version()));
        warn_of_odd("runtime_by_host", &odd);
        Ok(Answer {
            status,
            value: config.allowing(self.storage),
        })
    }

    /// By POST, and once that has been refused, by GET for the life of the process.
    pub(super) async fn ask_about(
        &self,
        host: &Host,
        request_id: &RequestId,
        token: &Secret,
    ) -> Result<Response, Failure> {
        if !self.uses_get.load(Ordering::Relaxed) {
            let post = self.http.post(self.by_host_url.clone());
            let post = post.json(&json!({"host": host.as_str()}));
            let response = self.send(post, request_id, token).await?;
            if response.status() != StatusCode::METHOD_NOT_ALLOWED {
                return Ok(response);
            }
            if !self.uses_get.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    upstream = UPSTREAM,
                    "the orchestrator refuses POST for hosts; GET is used from now on"
                );
            }
        }
        let get = self.http.get(self.by_host_url.clone());
        let get = get.query(&[("host", host.as_str())]);
        self.send(get, request_id, token).await
    }

    /// One attempt to resolve a reference.
    async fn resolve_once(
        &self,
        query: &CredentialQuery,
        token: Arc<Secret>,
    ) -> Result<Answer<Credential>, Failure> {
        let post = self
            .http
            .post(self.resolve_url.clone())
            .header("x-tenant", query.tenant.as_str())
            .json(&json!({"credentials_ref": query.reference.expose()}));
        let response = self.send(post, &query.request_id, &token).await?;
        let status = response.status().as_u16();
        if status == 403 {
            return Err(failure::of_refused_credential(response).await);
        }
        failure::of_resolve(&response, &*self.clock)?;
        let document = failure::json_body(response).await?;
        let Understood { value, odd } = secret_answer::read(document, query.provider)?;
        warn_of_odd("resolve_credential", &odd);
        Ok(Answer { status, value })
    }

    /// One attempt, which is made again when the token has been replaced by another one. The
    /// refusal is then due to a rotation, and need not be reported.
    pub(super) async fn with_token<T, F, Fut>(&self, attempt: F) -> Result<T, Failure>
    where
        F: Fn(Arc<Secret>) -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let token = self.service_token.current(self.clock.now()).await;
        let result = attempt(Arc::clone(&token)).await;
        if matches!(result, Err(Failure::Unauthorized))
            && let Some(other) = self.service_token.instead_of(&token).await
        {
            return attempt(other).await;
        }
        result
    }

    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        request_id: &RequestId,
        token: &Secret,
    ) -> Result<Response, Failure> {
        self.send_within(self.limits.attempt, request, request_id, token)
            .await
    }

    /// The same with another time limit.
    pub(super) async fn send_within(
        &self,
        limit: Duration,
        request: RequestBuilder,
        request_id: &RequestId,
        token: &Secret,
    ) -> Result<Response, Failure> {
        let request = request
            .bearer_auth(token.expose())
            .header("x-request-id", request_id.as_str())
            .timeout(limit);
        upstream::send_in_trace(request)
            .await
            .map_err(|error| Failure::of_transport(&error))
    }

    fn retries(&self) -> Retries<'_> {
        self.limits.retries.within(&self.retry_budget)
    }

    /// One attempt, for a call that only looks whether the orchestrator answers.
    pub(super) fn once(&self) -> Retries<'_> {
        let once = RetryPolicy {
            attempts: 1,
            ..self.limits.retries
        };
        once.into()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Every call that a request waits for goes through here, with the limit that all of them share.
    pub(super) async fn run<T, F, Fut>(
        &self,
        operation: &'static str,
        retries: Retries<'_>,
        attempt: F,
    ) -> Result<T, Failure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, Failure>>,
    {
        self.run_for(self.limits.whole, operation, retries, attempt)
            .await
    }

    /// The same with another limit.
    pub(super) async fn run_for<T, F, Fut>(
        &self,
        limit: Duration,
        operation: &'static str,
        retries: Retries<'_>,
        attempt: F,
    ) -> Result<T, Failure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, Failure>>,
    {
        let call = Call {
            clock: &*self.clock,
            upstream: UPSTREAM,
            operation,
        };
        call.run_within(limit, || Failure::OutOfTime, retries, attempt)
            .await
    }
}

/// What is read otherwise than it stands there, without what stands there.
fn warn_of_odd(operation: &'static str, odd: &[FieldProblem]) {
    for problem in odd {
        tracing::warn!(
            upstream = UPSTREAM,
            operation,
            field = problem.path(),
            rule = problem.rule(),
            "a field of the orchestrator's answer does not keep its rule"
        );
    }
}

#[async_trait]
impl TenantConfigSource for OrchestratorClient {
    async fn fetch(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
        let span = spans::of_host(request_id);
        let attempt = || self.by_host(host, request_id, &span);
        let config = self.run("runtime_by_host", self.retries(), attempt);
        let config = config.instrument(span.clone()).await?;
        let config = config.ok_or(ConfigSourceError::NotFound)?;
        named_tenant::check(host, &self.base_domain, config.tenant(), request_id)?;
        Ok(config)
    }

    async fn probe(&self, host: &Host, request_id: &RequestId) -> Result<(), ConfigSourceError> {
        let span = spans::of_probe(request_id);
        let attempt = || self.by_host(host, request_id, &span);
        self.run(PROBE, self.once(), attempt)
            .instrument(span.clone())
            .await?;
        Ok(())
    }
}

#[async_trait]
impl CredentialStore for OrchestratorClient {
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError> {
        let CredentialQuery {
            tenant,
            config_version,
            request_id,
            ..
        } = query;
        let span = spans::of_credential(tenant, config_version, request_id);
        self.run("resolve_credential", self.retries(), || {
            self.with_token(|token| self.resolve_once(query, token))
        })
        .instrument(span)
        .await
        .map_err(Into::into)
    }
}

#[cfg(test)]
mod tests;
