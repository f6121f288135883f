//! Publishing one image: fetch → claim → caption → intent → publish in parallel, each outcome into
//! the ledger → sidecar → archive.
//!
//! The claim tells which platforms have the image, or may have it: those get nothing unless the
//! request forces it, and if none is left, nothing is paid for either.
//!
//! Everything that can be refused is refused before the first paid call, and everything that
//! went wrong after the platforms were served is a warning: the image counts as published.

mod captions;
mod delivery;
mod filing;

use std::{collections::BTreeMap, sync::Arc};

use tracing::Instrument as _;

use self::delivery::Prepared;
use super::{
    captioning::{Captions, CaptionsUnavailable},
    error_chain::ErrorChain,
    held_lease::HeldLease,
    imaging::{ImageScaler, ScaleError},
    tenant::Tenant,
};
use crate::{
    domain::{
        image::{EncodedImage, ImageName},
        ledger::{Claim, Known, Lease},
        platform::Platform,
        publication::{
            Outcome, PlanError, PlatformResult, PublicationPlan, PublicationReport,
            PublicationRequest,
        },
        request_id::RequestId,
    },
    ports::{Clock, FetchedImage, ImageStoreError, Ledger, LedgerError},
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
    /// The ledger cannot be asked or written.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The publication ended without a report. Whether anything was sent is in the log.
    #[error("the publication ended unexpectedly")]
    Lost,
}

/// Publishes images.
#[derive(Clone)]
pub struct PublishImage {
    scaler: ImageScaler,
    clock: Arc<dyn Clock>,
    ledger: Arc<dyn Ledger>,
}

impl PublishImage {
    /// Publishes with images scaled by `scaler`, and nothing that `ledger` knows to be published.
    #[must_use]
    pub fn new(scaler: ImageScaler, clock: Arc<dyn Clock>, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            scaler,
            clock,
            ledger,
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
        let publication = Publication {
            usecase: self.clone(),
            tenant,
            name,
            plan,
            request,
            request_id,
        };
        let task = async move { publication.run().await };
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
    async fn run(&self) -> Result<PublicationReport, PublishImageError> {
        let fetched = self
            .tenant
            .images(&self.request_id)
            .fetch(&self.name)
            .await?;
        if self.plan.is_dry_run() {
            let image = encoded(&fetched)?;
            let (prepared, captions) = self.ready(&image, self.plan.platforms()).await?;
            return Ok(self.report(dry_run_results(&prepared, &captions), false, Vec::new()));
        }
        let hash = fetched.stored.content_hash.clone();
        let lease = Lease::for_new_holder(self.tenant.name().clone(), hash);
        let ledger = &self.usecase.ledger;
        let known = match ledger.claim(&lease, self.plan.platforms()).await? {
            Claim::Held(known) => known,
            Claim::HeldByOther => return Err(PublishImageError::InProgress),
        };
        let lease = HeldLease::keep(Arc::clone(ledger), lease);
        let report = self.run_as_holder(&lease, &known, &fetched).await;
        lease.release().await;
        report
    }

    /// Publishes to the platforms that do not have the image, and archives it.
    async fn run_as_holder(
        &self,
        lease: &HeldLease,
        known: &BTreeMap<Platform, Known>,
        fetched: &FetchedImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let (mut results, targets) = self.still_to_send(known);
        let mut warnings = Vec::new();
        if !targets.is_empty() {
            let image = encoded(fetched)?;
            let (prepared, captions) = self.ready(&image, &targets).await?;
            lease.intend(&self.name, &targets).await?;
            for (result, warning) in self.deliver(lease, prepared, &captions).await {
                results.push(result);
                warnings.extend(warning);
            }
            if let Err(error) = self.write_sidecar(fetched, &image, &captions).await {
                warnings.push(self.filing_failed("the caption file could not be written", &error));
            }
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
        results.sort_by_key(|result| result.platform);
        Ok(self.report(results, archived, warnings))
    }

    /// Results for the platforms that are not sent to, and the others.
    fn still_to_send(
        &self,
        known: &BTreeMap<Platform, Known>,
    ) -> (Vec<PlatformResult>, Vec<Platform>) {
        let (mut results, mut targets) = (Vec::new(), Vec::new());
        for &platform in self.plan.platforms() {
            let outcome = match known.get(&platform) {
                Some(Known::Published(id)) if !self.request.force => {
                    Outcome::AlreadyPublished(id.clone())
                }
                Some(Known::Unknown) if !self.request.force => Outcome::Unknown(format!(
                    "an earlier attempt ended without an answer; look at {platform} before \
                     publishing again with `force`"
                )),
                _ => {
                    targets.push(platform);
                    continue;
                }
            };
            results.push(PlatformResult {
                platform,
                caption: String::new(),
                outcome,
            });
        }
        (results, targets)
    }

    /// The image and the caption for each platform. Nothing is paid for if no platform can take
    /// the image.
    async fn ready(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<(Vec<Prepared>, Captions), PublishImageError> {
        let prepared = self.prepare(image, platforms).await;
        let captions = if prepared.iter().any(|(_, ready)| ready.is_ok()) {
            self.captions(image, platforms).await?
        } else {
            Captions::default()
        };
        Ok((prepared, captions))
    }

    fn filing_failed(&self, what: &str, error: &ImageStoreError) -> String {
        tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    fn report(
        &self,
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
            image: self.name.clone(),
            results,
            dry_run,
            archived,
            warnings,
        }
    }
}

/// A lease that is lost before anything was sent is somebody else's now.
impl From<LedgerError> for PublishImageError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::LeaseLost => Self::InProgress,
            LedgerError::Unavailable(_) => Self::Ledger(error),
        }
    }
}

fn encoded(fetched: &FetchedImage) -> Result<EncodedImage, ScaleError> {
    EncodedImage::new(fetched.bytes.clone()).ok_or(ScaleError::Undecodable)
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
