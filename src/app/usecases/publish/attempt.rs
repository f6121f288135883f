//! One try at a request to publish. Under an idempotency key, it notes the image that it is about to send,
//! and its answer.

use std::sync::Arc;

use super::error::PublishImageError;
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        usecases::{background_tasks::BackgroundTasks, deferred_writes::DeferredWrite},
    },
    domain::{
        idempotency::{ChosenImage, KeyedRequest},
        image::StoredImage,
        publication::PublicationReport,
    },
    ports::{IdempotencyStore, LedgerError},
};

/// One try at a request, which may have a key.
#[derive(Clone)]
pub struct Attempt(Option<Arc<Keyed>>);

struct Keyed {
    store: Arc<dyn IdempotencyStore>,
    request: KeyedRequest,
    resumes: Option<ChosenImage>,
}

impl Attempt {
    /// A try at a request under a key that `store` has given, which may resume an earlier try.
    pub(in crate::app::usecases) fn under_key(
        store: Arc<dyn IdempotencyStore>,
        request: KeyedRequest,
        resumes: Option<ChosenImage>,
    ) -> Self {
        Self(Some(Arc::new(Keyed {
            store,
            request,
            resumes,
        })))
    }

    /// A try at a request that has no key.
    #[must_use]
    pub fn without_key() -> Self {
        Self(None)
    }

    /// The image that an earlier try may have sent, if this one resumes it.
    pub(super) fn resumes(&self) -> Option<&ChosenImage> {
        self.0.as_ref()?.resumes.as_ref()
    }

    /// Notes the image that is about to be sent.
    pub(super) async fn choose(&self, image: &StoredImage) -> Result<(), LedgerError> {
        let Some(keyed) = &self.0 else {
            return Ok(());
        };
        let chosen = ChosenImage {
            name: image.name.clone(),
            content_hash: image.content_hash.clone(),
        };
        keyed.store.choose(&keyed.request, &chosen).await
    }

    /// Writes the answer down, or gives the key back; in the background, where the ledger is away.
    pub(in crate::app::usecases) async fn end(
        &self,
        result: &Result<PublicationReport, PublishImageError>,
        write_down: fn(&PublicationReport) -> String,
        tasks: &BackgroundTasks,
    ) {
        let Some(keyed) = &self.0 else { return };
        let (store, request) = (&keyed.store, &keyed.request);
        let (ended, write) = match result {
            Ok(report) => {
                let answer = write_down(report);
                let ended = store.finish(request, &answer).await;
                let write = DeferredWrite::Answer {
                    store: Arc::clone(store),
                    request: request.clone(),
                    answer,
                };
                (ended, write)
            }
            Err(error) => {
                let may_have_sent =
                    matches!(error, PublishImageError::Aborted(_)) || keyed.resumes.is_some();
                let ended = store.abandon(request, may_have_sent).await;
                let write = DeferredWrite::Abandon {
                    store: Arc::clone(store),
                    request: request.clone(),
                    may_have_sent,
                };
                (ended, write)
            }
        };
        if let Err(error) = ended {
            tracing::warn!(
                tenant = %request.tenant(),
                error = %ErrorChain(&error),
                "an idempotency key could not be given its answer; retrying in the background"
            );
            tasks.defer(write);
        }
    }
}
