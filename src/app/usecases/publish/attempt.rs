//! One attempt at a request to publish. Under an idempotency key, it records the image that it is about to send, and
//! its answer.

use std::sync::Arc;

use super::error::PublishImageError;
use crate::{
    app::runtime::{
        background_tasks::BackgroundTasks, deferred_writes::DeferredWrite, error_chain::ErrorChain,
    },
    domain::{
        content_hashes::ContentHashes,
        idempotency::{ChosenImage, KeyedRequest},
        image::ImageName,
        publication::PublicationReport,
    },
    ports::{IdempotencyStore, LedgerError},
};

/// One attempt at a request, which may have a key.
#[derive(Clone)]
pub struct Attempt(Option<Arc<Keyed>>);

struct Keyed {
    store: Arc<dyn IdempotencyStore>,
    request: KeyedRequest,
    resumes: Option<ChosenImage>,
}

impl Attempt {
    /// An attempt at a request under a key of `store`, which may resume an earlier attempt.
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

    /// An attempt at a request without a key.
    #[must_use]
    pub fn without_key() -> Self {
        Self(None)
    }

    /// The image that an earlier attempt may have sent, if this one resumes it.
    pub(super) fn resumes(&self) -> Option<&ChosenImage> {
        self.0.as_ref()?.resumes.as_ref()
    }

    /// Records the image that is about to be sent.
    pub(super) async fn choose(
        &self,
        image: &ImageName,
        hashes: &ContentHashes,
    ) -> Result<(), LedgerError> {
        let Some(keyed) = &self.0 else {
            return Ok(());
        };
        let chosen = ChosenImage {
            name: image.clone(),
            hashes: hashes.clone(),
        };
        keyed.store.choose(&keyed.request, &chosen).await
    }

    /// Records the answer, or releases the key; in the background, where the ledger is unavailable.
    pub(in crate::app::usecases) async fn end(
        &self,
        result: &Result<PublicationReport, PublishImageError>,
        write_down: fn(&PublicationReport) -> String,
        tasks: &BackgroundTasks,
    ) {
        let Some(keyed) = &self.0 else { return };
        let (store, request) = (Arc::clone(&keyed.store), keyed.request.clone());
        let write = match result {
            Ok(report) => DeferredWrite::Answer {
                store,
                request,
                answer: write_down(report),
            },
            Err(error) => DeferredWrite::Abandon {
                store,
                request,
                may_have_sent: matches!(error, PublishImageError::Aborted(_))
                    || keyed.resumes.is_some(),
            },
        };
        if let Err(error) = tasks.write(write).await {
            tracing::warn!(
                tenant = %keyed.request.tenant(),
                error = %ErrorChain(&error),
                "an idempotency key could not be given its answer; retrying in the background"
            );
        }
    }
}
