//! Publishing one image: select → fetch → caption → publish in parallel → sidecar → archive.
//!
//! Everything that can be refused is refused before the first paid call, and everything that
//! went wrong after the platforms were served is a warning: the image counts as published.

mod captions;
mod delivery;
mod filing;
mod in_progress;

use std::sync::Arc;

use tracing::Instrument as _;

use self::{captions::Captions, delivery::Prepared, in_progress::InProgress};
use super::{
    error_chain::ErrorChain,
    imaging::{ImageScaler, ScaleError},
    tenant::{ClientUnavailable, Tenant},
};
use crate::{
    domain::{
        image::{EncodedImage, ImageName},
        publication::{
            Outcome, PlanError, PlatformResult, PublicationPlan, PublicationReport,
            PublicationRequest,
        },
        request_id::RequestId,
    },
    ports::{CaptionError, Clock, ImageStoreError},
};

/// Why there is no report. But for [`PublishImageError::Lost`], nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PublishImageError {
    /// The tenant's config does not allow it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The same image is being published right now.
    #[error("this image is being published already")]
    InProgress,
    /// Storage did not give the image.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The file cannot be published as an image.
    #[error(transparent)]
    Image(#[from] ScaleError),
    /// No caption could be had, and the request does not allow an empty one.
    #[error("no caption could be written")]
    Captions(#[source] CaptionsUnavailable),
    /// The publication ended without a report. Whether anything was sent is in the log.
    #[error("the publication ended unexpectedly")]
    Lost,
}

/// Why no caption could be had.
#[derive(Debug, thiserror::Error)]
pub enum CaptionsUnavailable {
    /// There is no caption writer.
    #[error("the caption writer is not available")]
    NoWriter(#[from] ClientUnavailable),
    /// It failed.
    #[error(transparent)]
    Writer(#[from] CaptionError),
    /// The image could not be prepared for it.
    #[error(transparent)]
    Image(#[from] ScaleError),
}

/// Publishes images.
#[derive(Clone)]
pub struct PublishImage {
    scaler: ImageScaler,
    clock: Arc<dyn Clock>,
    in_progress: InProgress,
}

impl PublishImage {
    /// Publishes with images scaled by `scaler`.
    #[must_use]
    pub fn new(scaler: ImageScaler, clock: Arc<dyn Clock>) -> Self {
        Self {
            scaler,
            clock,
            in_progress: InProgress::default(),
        }
    }

    /// Publishes one image. Runs on a task of its own: a caller that goes away does not stop a
    /// publication half-way.
    ///
    /// # Errors
    /// [`PublishImageError`]. A platform that fails is no error, but in the report.
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        name: ImageName,
        request: PublicationRequest,
        request_id: RequestId,
    ) -> Result<PublicationReport, PublishImageError> {
        let plan = PublicationPlan::new(&tenant.config(), &request)?;
        let turn = self
            .in_progress
            .begin(tenant.name(), &name)
            .ok_or(PublishImageError::InProgress)?;
        let publication = Publication {
            usecase: self.clone(),
            tenant,
            name,
            plan,
            request,
            request_id,
        };
        let task = async move {
            let _turn = turn;
            publication.run().await
        };
        let ended = tokio::spawn(task.in_current_span()).await;
        ended.unwrap_or_else(|error| {
            tracing::error!(%error, "publication ended without a report");
            Err(PublishImageError::Lost)
        })
    }
}

/// One publication under way.
struct Publication {
    usecase: PublishImage,
    tenant: Arc<Tenant>,
    name: ImageName,
    plan: PublicationPlan,
    request: PublicationRequest,
    request_id: RequestId,
}

impl Publication {
    async fn run(self) -> Result<PublicationReport, PublishImageError> {
        let fetched = self
            .tenant
            .images(&self.request_id)
            .fetch(&self.name)
            .await?;
        let image = EncodedImage::new(fetched.bytes.clone()).ok_or(ScaleError::Undecodable)?;
        let prepared = self.prepare(&image).await;
        let captions = if prepared.iter().any(|(_, ready)| ready.is_ok()) {
            self.captions(&image).await?
        } else {
            Captions::default()
        };
        if self.plan.is_dry_run() {
            return Ok(self.report(dry_run_results(&prepared, &captions), false, Vec::new()));
        }
        let results = self.deliver(prepared, &captions).await;
        let mut warnings = Vec::new();
        if let Err(error) = self.write_sidecar(&fetched, &image, &captions).await {
            warnings.push(self.filing_failed("the caption file could not be written", &error));
        }
        let mut archived = false;
        if self.plan.archives() && results.iter().any(|result| result.outcome.is_success()) {
            match self.archive().await {
                Ok(()) => archived = true,
                Err(error) => {
                    warnings.push(self.filing_failed("the image could not be archived", &error));
                }
            }
        }
        Ok(self.report(results, archived, warnings))
    }

    fn filing_failed(&self, what: &str, error: &ImageStoreError) -> String {
        tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    fn report(
        self,
        results: Vec<PlatformResult>,
        archived: bool,
        warnings: Vec<String>,
    ) -> PublicationReport {
        for PlatformResult {
            platform,
            outcome,
            caption: _,
        } in &results
        {
            tracing::info!(
                tenant = %self.tenant.name(),
                platform = platform.as_str(),
                outcome = outcome.as_str(),
                "publication ended"
            );
        }
        let dry_run = self.plan.is_dry_run();
        PublicationReport {
            image: self.name,
            results,
            dry_run,
            archived,
            warnings,
        }
    }
}

/// What would have been sent.
fn dry_run_results(prepared: &[Prepared], captions: &Captions) -> Vec<PlatformResult> {
    let result = |(platform, ready): &Prepared| PlatformResult {
        platform: *platform,
        caption: captions.of(*platform).to_owned(),
        outcome: match ready {
            Ok(_) => Outcome::Skipped("dry run: nothing was sent".to_owned()),
            Err(error) => Outcome::Failed(error.to_string()),
        },
    };
    prepared.iter().map(result).collect()
}

#[cfg(test)]
mod tests;
