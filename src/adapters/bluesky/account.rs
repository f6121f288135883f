//! An account, and the calls to its server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::TryFutureExt as _;
use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{
    super::{
        platform_call::{CallFailure, exchange},
        renewal::Renewed,
        secret_scrub::SecretScrub,
        upstream::{Answer, Call, RetryPolicy},
        upstream_message::sanitize_upstream_message,
    },
    answer::{CREATE_SESSION, REFRESH_SESSION, UPLOAD_BLOB, read},
    key::Tids,
    session::Session,
    target::BlueskyCredential,
};
use crate::{
    domain::service_url::ServiceUrl,
    ports::{Clock, ImageProcessor},
};

/// Time for a call that carries no image.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long no login is tried after one too many, where the server does not say.
const LOGIN_PAUSE: Duration = Duration::from_mins(5);

/// The parts that all tenants share.
pub(super) struct Shared {
    pub(super) http: Client,
    pub(super) policy: RetryPolicy,
    pub(super) look_up_waits: [Duration; 4],
    pub(super) clock: Arc<dyn Clock>,
    pub(super) images: Arc<dyn ImageProcessor>,
    pub(super) tids: Tids,
}

/// An account, as one credential logs in to it.
pub(super) struct Account {
    pub(super) shared: Arc<Shared>,
    pub(super) service: ServiceUrl,
    pub(super) credential: BlueskyCredential,
    pub(super) session: Renewed<Session, CallFailure>,
    /// No login is tried before.
    pub(super) log_in_after: Mutex<Option<Instant>>,
    /// Its server takes only small images until then.
    pub(super) older_until: Mutex<Option<Instant>>,
}

impl Account {
    /// The session, or a new one instead of the one that the server has refused.
    pub(super) async fn session(
        &self,
        refused: Option<&Arc<Session>>,
    ) -> Result<Arc<Session>, CallFailure> {
        let is_good = |it: &Arc<Session>| refused.is_none_or(|refused| !Arc::ptr_eq(it, refused));
        let session = self.session.get(is_good, |old| self.renew(old));
        session.await.map_err(|failure| (*failure).clone())
    }

    async fn renew(&self, old: Option<Arc<Session>>) -> Result<Session, CallFailure> {
        if let Some(old) = old {
            match self.refresh(&old).await {
                Err(CallFailure::TokenRefused { .. }) => {}
                result => return result,
            }
        }
        self.log_in().await
    }

    async fn refresh(&self, old: &Session) -> Result<Session, CallFailure> {
        let request = || {
            let request = self.procedure(REFRESH_SESSION, &old.server);
            request.bearer_auth(old.refresh.expose())
        };
        let run = self.run(REFRESH_SESSION, Some(old), request);
        Session::read(&run.await?, &old.server)
    }

    /// Logs in, unless the server has asked to be spared that. A refused login is not repeated: servers count them.
    async fn log_in(&self) -> Result<Session, CallFailure> {
        let (service, credential) = (&self.service, &self.credential);
        let now = self.shared.clock.now();
        let log_in_after = *self.log_in_after.lock();
        if let Some(wait) = log_in_after.and_then(|after| after.checked_duration_since(now)) {
            return Err(CallFailure::RateLimited(Some(wait)));
        }
        let request = || {
            self.procedure(CREATE_SESSION, service).json(&json!({
                "identifier": credential.handle().expose(),
                "password": credential.app_password().expose(),
            }))
        };
        let answer = self.run(CREATE_SESSION, None, request).await;
        if let Err(CallFailure::RateLimited(wait)) = &answer {
            *self.log_in_after.lock() = Some(now + wait.unwrap_or(LOGIN_PAUSE));
        }
        Session::read(&answer?, service)
    }

    /// Makes a call with the session, and once more with a new one where the server refuses that.
    pub(super) async fn run_in_session(
        &self,
        method: &'static str,
        request: impl Fn(&Session) -> RequestBuilder,
    ) -> Result<Value, CallFailure> {
        let session = self.session(None).await?;
        let first = || request(&session).bearer_auth(session.access.expose());
        match self.run(method, Some(&session), first).await {
            Err(CallFailure::TokenRefused { .. }) => {
                let session = self.session(Some(&session)).await?;
                let second = || request(&session).bearer_auth(session.access.expose());
                self.run(method, Some(&session), second).await
            }
            result => result,
        }
    }

    /// A call that changes something.
    pub(super) fn procedure(&self, method: &'static str, server: &ServiceUrl) -> RequestBuilder {
        let url = server.join(&["xrpc", method]);
        self.shared.http.post(url).timeout(CALL_TIMEOUT)
    }

    /// A call that reads.
    pub(super) fn query(&self, method: &'static str, server: &ServiceUrl) -> RequestBuilder {
        let url = server.join(&["xrpc", method]);
        self.shared.http.get(url).timeout(CALL_TIMEOUT)
    }

    /// Makes a call, and repeats it where that is safe.
    pub(super) async fn run(
        &self,
        method: &'static str,
        session: Option<&Session>,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Value, CallFailure> {
        let call = Call {
            clock: &*self.shared.clock,
            upstream: "bluesky",
            operation: method.rsplit('.').next().unwrap_or_default(),
        };
        let attempt = || async {
            let clock = &*self.shared.clock;
            let answer = exchange(request(), "`service_url` of the config", clock).await?;
            let words = |text: &str| sanitize_upstream_message(text, &self.scrub(session));
            Ok(Answer {
                status: answer.status,
                value: read(method, &answer, words)?,
            })
        };
        // Nothing is visible of an upload, so that it may be repeated.
        let attempt = || {
            attempt().map_err(|failure: CallFailure| match method {
                UPLOAD_BLOB => failure.repeatable(),
                _ => failure,
            })
        };
        call.run(self.shared.policy, attempt).await
    }

    /// What a server may repeat and nobody is shown: the secrets, and where it is.
    pub(super) fn scrub(&self, session: Option<&Session>) -> SecretScrub {
        let credential = &self.credential;
        let host = |url: &ServiceUrl| url.expose().host_str().unwrap_or_default().to_owned();
        let scrub = SecretScrub::default()
            .with(credential.app_password().expose())
            .with_name(credential.handle().expose())
            .with_name(&host(&self.service));
        let Some(session) = session else {
            return scrub;
        };
        let scrub = scrub.with(session.access.expose());
        let scrub = scrub.with(session.refresh.expose());
        scrub.with_name(&host(&session.server))
    }
}
