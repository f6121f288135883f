//! Requests to publish that may come twice: under one key, the first answer is the only one.

use std::sync::Arc;

use super::{
    deferred_writes::DeferredWrite,
    publish::{Attempt, PublishImage, PublishImageError, Refusal},
};
use crate::{
    app::tenancy::tenant::Tenant,
    domain::{
        idempotency::{Begun, Fingerprint, IdempotencyKey, KeyedRequest},
        publication::{PublicationReport, PublicationRequest, Target},
        request_id::RequestId,
    },
    ports::IdempotencyStore,
};

/// Publishes, and under a key only once.
#[derive(Clone)]
pub struct PublishOnce {
    publish: PublishImage,
    store: Arc<dyn IdempotencyStore>,
}

/// What a request to publish is answered with.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishAnswer {
    /// What came of it.
    First(PublicationReport),
    /// What the first request under this key was answered with, as it was written down then.
    Replayed(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PublishOnceError {
    /// A request under the same key is being carried out.
    #[error("a request under this key is being carried out")]
    Running,
    /// The key belongs to a request that asks for something else.
    #[error("the key belongs to another request")]
    Mismatch,
    /// The publication failed.
    #[error(transparent)]
    Publish(#[from] PublishImageError),
}

impl PublishOnce {
    /// Publishes with `publish`, and keeps keys in `store`.
    #[must_use]
    pub fn new(publish: PublishImage, store: Arc<dyn IdempotencyStore>) -> Self {
        Self { publish, store }
    }

    /// Publishes; under a key, `write_down` makes the text that the next request under it gets.
    ///
    /// A request that failed leaves its key to the next one: nothing was sent. One that ended
    /// without an answer, because its process was killed, say, is resumed by the next one under its
    /// key: with the same image, and without `force`.
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
            let publish =
                self.publish
                    .run(tenant, target, request, request_id, Attempt::without_key());
            return Ok(PublishAnswer::First(publish.await?));
        };
        let keyed = KeyedRequest::new(
            tenant.name().clone(),
            &key,
            Fingerprint::of(&target, &request),
        );
        // A caller who goes away leaves the task to write the answer down.
        let usecase = self.clone();
        let task = async move {
            let attempt = match usecase.begin(keyed).await? {
                Ok(attempt) => attempt,
                Err(answer) => return Ok(PublishAnswer::Replayed(answer)),
            };
            let publish = usecase
                .publish
                .run(tenant, target, request, request_id, attempt.clone());
            let result = publish.await;
            attempt
                .end(&result, write_down, usecase.publish.tasks())
                .await;
            Ok(PublishAnswer::First(result?))
        };
        let ended = self.publish.tasks().run_to_completion(task).await;
        ended.map_err(PublishImageError::from)?
    }

    /// Takes the key, or says why not; the inner error is the answer that there is already.
    async fn begin(
        &self,
        keyed: KeyedRequest,
    ) -> Result<Result<Attempt, String>, PublishOnceError> {
        let begun = self.store.begin(&keyed).await;
        if begun.is_err() {
            Refusal::Ledger.count();
            // It may be taken all the same: only the answer may be lost.
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
            Begun::Mismatch => return Err(PublishOnceError::Mismatch),
            Begun::Answered(answer) => return Ok(Err(answer)),
        };
        let store = Arc::clone(&self.store);
        Ok(Ok(Attempt::under_key(store, keyed, resumes)))
    }
}
