//! Publishing under an idempotency key: a repeated request gets the answer of the first.

use std::sync::Arc;

use super::publish::{Attempt, PublishImage, PublishImageError, Refusal};
use crate::{
    app::{runtime::deferred_writes::DeferredWrite, tenancy::tenant::Tenant},
    domain::{
        idempotency::{Begun, Fingerprint, IdempotencyKey, KeyedRequest},
        publication::{PublicationReport, PublicationRequest, Target},
        request_id::RequestId,
    },
    ports::IdempotencyStore,
};

/// Publishes; under one key, once.
#[derive(Clone)]
pub struct PublishOnce {
    publish: PublishImage,
    store: Arc<dyn IdempotencyStore>,
}

/// The answer to a request to publish.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishAnswer {
    /// The report of this request.
    First(PublicationReport),
    /// The recorded answer to the first request under this key.
    Replayed(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PublishOnceError {
    /// A request under the same key is running.
    #[error("a request under this key is being carried out")]
    Running,
    /// The key belongs to a different request.
    #[error("the key belongs to another request")]
    Mismatch,
    /// The publication failed.
    #[error(transparent)]
    Publish(#[from] PublishImageError),
}

impl PublishOnce {
    /// A use case that publishes with `publish`, and records keys in `store`.
    #[must_use]
    pub fn new(publish: PublishImage, store: Arc<dyn IdempotencyStore>) -> Self {
        Self { publish, store }
    }

    /// Publishes. Under a key, `write_down` makes the text that the next request under the key gets.
    ///
    /// A request that failed sent nothing, and leaves its key to the next one. A request that ended without an answer,
    /// because its process was killed, for example, is resumed by the next one under its key: with the same image, and
    /// without `force`.
    ///
    /// # Errors
    /// [`PublishOnceError`].
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        target: Target,
        request: PublicationRequest,
        request_id: RequestId,
        key: Option<IdempotencyKey>,
        write_down: fn(&PublicationReport) -> String,
    ) -> Result<PublishAnswer, PublishOnceError> {
        let Some(key) = key else {
            let attempt = Attempt::without_key();
            let publish = &self.publish;
            let report = publish.run(tenant, target, request, request_id, attempt);
            return Ok(PublishAnswer::First(report.await?));
        };
        let keyed = KeyedRequest::new(
            tenant.name().clone(),
            &key,
            Fingerprint::of(&target, &request),
        );
        // The task records the answer also when the caller goes away.
        let usecase = self.clone();
        let task = async move {
            let attempt = match usecase.begin(keyed).await? {
                Ok(attempt) => attempt,
                Err(answer) => return Ok(PublishAnswer::Replayed(answer)),
            };
            let publish = &usecase.publish;
            let result = publish.run(tenant, target, request, request_id, attempt.clone());
            let result = result.await;
            attempt.end(&result, write_down, publish.tasks()).await;
            Ok(PublishAnswer::First(result?))
        };
        let ended = self.publish.tasks().run_to_completion(task).await;
        ended.map_err(PublishImageError::from)?
    }

    /// Takes the key; the inner error is the recorded answer.
    async fn begin(
        &self,
        keyed: KeyedRequest,
    ) -> Result<Result<Attempt, String>, PublishOnceError> {
        let begun = self.store.begin(&keyed).await;
        if begun.is_err() {
            Refusal::Ledger.count();
            // The key may be taken all the same: only the answer may be lost.
            self.publish.tasks().defer(DeferredWrite::Abandon {
                store: Arc::clone(&self.store),
                request: keyed.clone(),
                may_have_sent: true,
            });
        }
        let resumes = match begun.map_err(PublishImageError::from)? {
            Begun::First => None,
            Begun::Resumed(image) => Some(image),
            Begun::Running => {
                Refusal::Conflict.count();
                return Err(PublishOnceError::Running);
            }
            // Requests for jobs have other fingerprints.
            Begun::Mismatch | Begun::HasJob(_) => return Err(PublishOnceError::Mismatch),
            Begun::Answered(answer) => return Ok(Err(answer)),
        };
        let store = Arc::clone(&self.store);
        Ok(Ok(Attempt::under_key(store, keyed, resumes)))
    }
}
