//! Publishing one image, from top to bottom: select, claim, fetch, prepare, caption, record the intent, deliver,
//! sidecar, archive, settle. The steps are in the files of `publish`, their order is here.
//!
//! The claim tells which platforms have the image, or may have it: those get nothing unless the
//! request forces it, and if none is left, nothing is fetched or paid for either.
//!
//! Everything that can be refused is refused before the first paid call, and everything that
//! went wrong after the platforms were served is a warning: the image counts as published.

mod attempt;
mod captions;
mod delivery;
mod error;
mod filing;
mod finding;
mod next;
mod prepare;
pub mod protocol;
mod publication;
mod refusal;
mod report;

use std::sync::Arc;

use futures_util::future::join;
use tokio_util::task::TaskTracker;

pub use self::{
    attempt::Attempt, error::PublishImageError, publication::PublishImage, refusal::Refusal,
};

use self::{
    protocol::{Claimed, Settled},
    publication::Publication,
};
use super::{
    loaded_image::LoadedImage,
    sidecar::Written,
    stages::{Stage, Stages},
};
use crate::{
    app::tenancy::tenant::Tenant,
    domain::{
        image::StoredImage,
        platform::Platform,
        publication::{
            PlatformResult, PublicationPlan, PublicationReport, PublicationRequest, Target,
        },
        request_id::RequestId,
    },
    ports::ImageStoreError,
};

impl PublishImage {
    /// Publishes one image. Runs on a task of its own: a caller that goes away does not stop a
    /// publication half-way.
    ///
    /// # Errors
    /// [`PublishImageError`]. A platform that fails is no error, but in the report; so is that
    /// there is no next image.
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        target: Target,
        request: PublicationRequest,
        request_id: RequestId,
        attempt: Attempt,
    ) -> Result<PublicationReport, PublishImageError> {
        let plan = PublicationPlan::new(&tenant.config(), &request)?;
        let counts = !plan.is_dry_run();
        let Some(permit) = self.capacity.publications.try_acquire(tenant.name()) else {
            count_refusal(counts, &PublishImageError::TooMany);
            return Err(PublishImageError::TooMany);
        };
        let publication = Publication {
            usecase: self.clone(),
            tenant,
            target,
            plan,
            // Forced twice would be sent twice: who resumes a request only ends it.
            force: request.force && attempt.resumes().is_none(),
            request,
            request_id,
            attempt,
            folder: None,
            follow_ups: TaskTracker::new(),
        };
        let task = async move {
            let _permit = permit;
            let result = publication.run().await;
            if let Err(error) = &result {
                count_refusal(counts, error);
            }
            result
        };
        self.tasks.run_to_completion(task).await?
    }
}

/// Counts a publication that was refused, unless it was only to be tried.
fn count_refusal(counts: bool, error: &PublishImageError) {
    if let Some(refusal) = Refusal::of(error).filter(|_| counts) {
        refusal.count();
    }
}

impl Publication {
    async fn run(mut self) -> Result<PublicationReport, PublishImageError> {
        let clock = Arc::clone(&self.usecase.clock);
        let stages = Stages::by(&*clock);
        stages.time(Stage::Whole, self.select()).await
    }

    /// Selects the image, and publishes it: the one that an earlier try may have sent, the one that is named,
    /// or the next.
    async fn select(&mut self) -> Result<PublicationReport, PublishImageError> {
        if let Some(chosen) = self.attempt.resumes().cloned() {
            return match self.find_chosen(&chosen).await? {
                Some(image) => self.publish(&image).await,
                None => self.report_from_ledger(&chosen).await,
            };
        }
        match self.target.clone() {
            Target::Image(name) => {
                let found = self.find_where(&name, |_| true).await?;
                self.publish(&found.ok_or(ImageStoreError::NotFound)?).await
            }
            Target::Next => self.publish_next().await,
        }
    }

    /// Publishes an image that is there.
    async fn publish(&self, image: &StoredImage) -> Result<PublicationReport, PublishImageError> {
        if self.plan.is_dry_run() {
            return self.dry_run(image).await;
        }
        let claimed = self.claim(image).await?;
        self.publish_claimed(claimed, image).await
    }

    /// Reports what would be sent.
    async fn dry_run(&self, image: &StoredImage) -> Result<PublicationReport, PublishImageError> {
        let (loaded, platforms) = (self.fetch(image).await?, self.plan.platforms());
        let prepared = self.prepare(&loaded.encoded, platforms).await;
        let captions = self.captions_for(&loaded, &prepared, platforms, false);
        let (captions, _) = captions.await?;
        let results = Self::dry_run_results(&prepared, &captions);
        let archived = self.is_from_archive();
        Ok(self.report(image.name.clone(), results, archived, Vec::new()))
    }

    /// Publishes a claimed image to the platforms that do not have it, and archives it.
    async fn publish_claimed(
        &self,
        claimed: Claimed,
        image: &StoredImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let (mut results, targets) = self.still_to_send(claimed.prior());
        let sent = if targets.is_empty() {
            Sent::nothing(claimed)
        } else {
            // Boxed: the future of a publication is large enough.
            Box::pin(self.send(claimed, image, &targets)).await?
        };
        let is_published = |it: &PlatformResult| it.outcome.is_success();
        let is_published = results
            .iter()
            .chain(sent.settled.results())
            .any(is_published);
        let (sidecars, sidecar_warning) = match sent.sidecar {
            Some(Written { ours, warning, .. }) => (Some(ours), warning),
            None => (None, None),
        };
        let archive = self.archive_if(is_published, image, sidecars);
        let ((archived, warning), ()) = join(archive, self.followed_up(sent.image)).await;
        let (settled, mut warnings) = sent.settled.release().await;
        results.extend(settled.into_iter().chain(sent.skipped));
        warnings.extend(sidecar_warning.into_iter().chain(warning));
        Ok(self.report(image.name.clone(), results, archived, warnings))
    }

    /// Fetches the image, has captions written, sends it, and writes the sidecar.
    async fn send(
        &self,
        claimed: Claimed,
        image: &StoredImage,
        targets: &[Platform],
    ) -> Result<Sent, PublishImageError> {
        let was_tried = !claimed.prior().is_empty();
        let get_ready = async {
            let loaded = self.fetch(image).await?;
            let mut prepared = self.prepare(&loaded.encoded, targets).await;
            prepared.ensure_available()?;
            prepared.connect();
            let captions = self.captions_for(&loaded, &prepared, targets, was_tried);
            let (captions, sidecar) = captions.await?;
            self.attempt.choose(&loaded.stored).await?;
            Ok::<_, PublishImageError>((loaded, prepared, captions, sidecar))
        };
        let (claimed, ready) = claimed.hold_during(get_ready).await?;
        let (loaded, prepared, captions, sidecar) = ready;
        let sent_to = prepared.sent_to();
        let skipped = report::skipped(&prepared.skipped, &captions).collect();

        let name = &loaded.stored.name;
        let intended = claimed.record_intent(name, prepared.deliveries).await?;
        let served = TaskTracker::new();
        let delivered = self.deliver(intended, name, &captions, served.token());
        served.close();
        let sidecar = self.write_sidecar(sidecar, &loaded, &captions, &sent_to, served.wait());
        // First goes the small request, which a mail that is composed would hold up.
        let (sidecar, settled) = join(sidecar, delivered).await;
        Ok(Sent {
            settled,
            skipped,
            sidecar: Some(sidecar),
            image: Some(loaded),
        })
    }

    /// Waits for what follows the posts. The image is in memory no longer than this.
    async fn followed_up(&self, image: Option<LoadedImage>) {
        self.follow_ups.close();
        self.follow_ups.wait().await;
        drop(image);
    }
}

/// An image that was sent to its platforms.
struct Sent {
    settled: Settled,
    skipped: Vec<PlatformResult>,
    sidecar: Option<Written>,
    /// What was sent; what follows may need it still.
    image: Option<LoadedImage>,
}

impl Sent {
    fn nothing(claimed: Claimed) -> Self {
        Self {
            settled: claimed.send_nothing(),
            skipped: Vec::new(),
            sidecar: None,
            image: None,
        }
    }
}

#[cfg(test)]
mod tests;
