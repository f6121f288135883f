//! One publication under way, step by step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join;
use tokio_util::task::TaskTracker;

use super::{
    PublishImage, PublishImageError,
    delivery::{Prepared, Ready},
};
use crate::{
    app::{
        tenancy::tenant::Tenant,
        usecases::{
            held_lease::HeldLease,
            loaded_image::LoadedImage,
            publish_once::Attempt,
            stages::{Stage, Stages},
        },
    },
    domain::{
        image::{ImageName, StoredImage},
        ledger::PriorState,
        platform::Platform,
        publication::{
            Failure, FailureReason, Outcome, PlatformResult, PublicationPlan, PublicationReport,
            PublicationRequest, Target,
        },
        request_id::RequestId,
        sidecar::SidecarName,
    },
    ports::{Folder, ImageStoreError},
};

/// One request to publish, and everything that it is carried out with.
pub(super) struct Publication {
    pub(super) usecase: PublishImage,
    pub(super) tenant: Arc<Tenant>,
    pub(super) target: Target,
    pub(super) plan: PublicationPlan,
    pub(super) request: PublicationRequest,
    pub(super) force: bool,
    pub(super) request_id: RequestId,
    pub(super) attempt: Attempt,
    /// The folder that the image is in; `None` is the root.
    pub(super) folder: Option<Folder>,
    /// What follows the posts that were taken.
    pub(super) follow_ups: TaskTracker,
}

impl Publication {
    /// How its stages are timed.
    pub(super) fn stages(&self) -> Stages<'_> {
        Stages::by(&*self.usecase.clock)
    }

    pub(super) async fn run(mut self) -> Result<PublicationReport, PublishImageError> {
        let clock = Arc::clone(&self.usecase.clock);
        let stages = Stages::by(&*clock);
        stages.time(Stage::Whole, self.run_stages()).await
    }

    async fn run_stages(&mut self) -> Result<PublicationReport, PublishImageError> {
        if let Some(chosen) = self.attempt.resumes().cloned() {
            return self.resume(&chosen).await;
        }
        match self.target.clone() {
            Target::Image(name) => {
                let found = self.find_where(&name, |_| true).await?;
                let image = found.ok_or(ImageStoreError::NotFound)?;
                self.publish_found(&image).await
            }
            Target::Next => self.publish_next().await,
        }
    }

    /// Publishes an image that is there.
    pub(super) async fn publish_found(
        &self,
        image: &StoredImage,
    ) -> Result<PublicationReport, PublishImageError> {
        if self.plan.is_dry_run() {
            return self.rehearse(image).await;
        }
        let (lease, known) = self.claim(image).await?;
        let report = self.publish_as_holder(&lease, &known, image).await;
        lease.release().await;
        report
    }

    /// Takes the lease on an image, and learns what is known of it, also on platforms that are not asked for:
    /// what was written for it once need not be written again.
    pub(super) async fn claim(
        &self,
        image: &StoredImage,
    ) -> Result<(HeldLease, BTreeMap<Platform, PriorState>), PublishImageError> {
        let PublishImage { ledger, tasks, .. } = &self.usecase;
        let (tenant, content_hash) = (self.tenant.name().clone(), image.content_hash.clone());
        let claim = HeldLease::claim(ledger, tasks, tenant, content_hash, &Platform::ALL);
        let claimed = self.stages().time(Stage::Claim, claim).await?;
        claimed.ok_or(PublishImageError::InProgress)
    }

    /// Says what would be sent.
    pub(super) async fn rehearse(
        &self,
        image: &StoredImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let loaded = self.load(image).await?;
        let prepared = self.prepare(&loaded.encoded, self.plan.platforms()).await;
        let captions = self.captions_for(&loaded, &prepared, false);
        let (captions, _) = captions.await?;
        let result = |(platform, ready): &Prepared| PlatformResult {
            platform: *platform,
            caption: captions.of(*platform).to_owned(),
            outcome: match ready {
                Ok(_) => Outcome::Skipped(Failure::new(
                    FailureReason::DryRun,
                    "dry run: nothing was sent",
                )),
                Err(outcome) => outcome.clone(),
            },
        };
        let results = prepared.iter().map(result).collect();
        let archived = self.is_from_archive();
        Ok(self.report(image.name.clone(), results, archived, Vec::new()))
    }

    /// Publishes to the platforms that do not have the image, and archives it.
    pub(super) async fn publish_as_holder(
        &self,
        lease: &HeldLease,
        known: &BTreeMap<Platform, PriorState>,
        image: &StoredImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let (mut results, targets) = self.still_to_send(known);
        let (mut warnings, mut loaded, mut sidecars) = (Vec::new(), None, None);
        if !targets.is_empty() {
            let sent = self.send(lease, image, &targets, !known.is_empty());
            let sent = sent.await?;
            results.extend(sent.results);
            warnings.extend(sent.warnings);
            loaded = Some(sent.image);
            sidecars = Some(sent.sidecars);
        }
        let archive = self.archive_if_taken(image, sidecars, &results);
        let ((archived, warning), ()) = join(archive, self.followed_up(loaded)).await;
        warnings.extend(warning);
        results.sort_by_key(|result| result.platform);
        Ok(self.report(image.name.clone(), results, archived, warnings))
    }

    /// Waits for what follows the posts. The image is in memory no longer than this.
    async fn followed_up(&self, image: Option<LoadedImage>) {
        self.follow_ups.close();
        self.follow_ups.wait().await;
        drop(image);
    }

    /// Fetches the image, has captions written, sends it, and writes the caption file.
    async fn send(
        &self,
        lease: &HeldLease,
        image: &StoredImage,
        targets: &[Platform],
        was_tried: bool,
    ) -> Result<Sent, PublishImageError> {
        let loaded = self.load(image).await?;
        let mut prepared = self.prepare(&loaded.encoded, targets).await;
        all_unavailable(&prepared)?;
        for (_, ready) in &mut prepared {
            let _ = ready.as_mut().map(Ready::connect);
        }
        let captions = self.captions_for(&loaded, &prepared, was_tried);
        let (captions, opened) = captions.await?;
        self.attempt.choose(&loaded.stored).await?;
        let targets = about_to_be_sent(&prepared);
        lease.record_intent(&loaded.stored.name, &targets).await?;
        let name = &loaded.stored.name;
        let sent_to = sent_to(&prepared);
        let served = TaskTracker::new();
        let delivered = self.deliver(lease, name, prepared, &captions, &served);
        let filed = async {
            // What is in the caption file can be learnt meanwhile; it is written when all platforms
            // have answered, while the ledger is told what.
            let file = match opened {
                Some(opened) => Ok(opened),
                None => self.caption_file(&loaded.stored).open(&loaded).await,
            };
            served.wait().await;
            let written = self.write_sidecar(file, &loaded.stored, &captions, &sent_to);
            written.await
        };
        // First goes the small request, which a mail that is composed would hold up.
        let (filed, delivered) = join(filed, self.stages().time(Stage::Send, delivered)).await;
        let (results, warnings): (_, Vec<_>) = delivered.into_iter().unzip();
        let mut warnings: Vec<_> = warnings.into_iter().flatten().collect();
        warnings.extend(filed.warning);
        Ok(Sent {
            results,
            warnings,
            sidecars: filed.ours,
            image: loaded,
        })
    }

    async fn load(&self, image: &StoredImage) -> Result<LoadedImage, PublishImageError> {
        let images = self.images();
        let memory = &self.usecase.capacity.memory;
        Ok(LoadedImage::load(memory, images, image, self.stages()).await?)
    }

    /// Results for the platforms that are not sent to, and the others. That an image is in the archive says
    /// that some platform has taken it: where the ledger knows nothing of it, any of them may have it.
    fn still_to_send(
        &self,
        known: &BTreeMap<Platform, PriorState>,
    ) -> (Vec<PlatformResult>, Vec<Platform>) {
        let (mut results, mut targets) = (Vec::new(), Vec::new());
        for &platform in self.plan.platforms() {
            let outcome = match known.get(&platform) {
                Some(PriorState::Published(id)) if !self.force => {
                    Outcome::AlreadyPublished(id.clone())
                }
                Some(PriorState::Unknown) if !self.force => unknown_before(platform),
                None if known.is_empty() && self.is_from_archive() && !self.force => {
                    archived_unknown_to_ledger(platform)
                }
                _ => {
                    targets.push(platform);
                    continue;
                }
            };
            results.push(not_sent(platform, outcome));
        }
        (results, targets)
    }

    pub(super) fn report(
        &self,
        image: ImageName,
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
            if !self.plan.is_dry_run() {
                metrics::counter!(
                    "publisher_publications_total",
                    "platform" => platform.as_str(), "outcome" => outcome.as_str()
                )
                .increment(1);
                if let Some(reason) = outcome.reason() {
                    metrics::counter!(
                        "publisher_publication_failures_total",
                        "platform" => platform.as_str(), "reason" => reason.as_str()
                    )
                    .increment(1);
                }
            }
        }
        PublicationReport {
            image: Some(image),
            results,
            dry_run: self.plan.is_dry_run(),
            archived,
            warnings,
        }
    }
}

/// What came of sending.
struct Sent {
    results: Vec<PlatformResult>,
    warnings: Vec<String>,
    /// The image's caption files.
    sidecars: Vec<SidecarName>,
    /// What was sent; what follows may need it still.
    image: LoadedImage,
}

/// The platforms that something is sent to.
fn sent_to(prepared: &[Prepared]) -> Vec<Platform> {
    let ready = prepared.iter().filter(|(_, ready)| ready.is_ok());
    ready.map(|(platform, _)| *platform).collect()
}

/// The platforms that the ledger is told of: all but those that are skipped.
fn about_to_be_sent(prepared: &[Prepared]) -> Vec<Platform> {
    let is_skipped = |ready: &Result<_, Outcome>| matches!(ready, Err(Outcome::Skipped(_)));
    let targets = prepared.iter().filter(|(_, ready)| !is_skipped(ready));
    targets.map(|(platform, _)| *platform).collect()
}

/// An error if the credential of none of these platforms can be had at the moment: then nothing is
/// paid for, and nothing is to be remembered.
fn all_unavailable(prepared: &[Prepared]) -> Result<(), PublishImageError> {
    let mut retry_after: Option<Duration> = None;
    for (_, ready) in prepared {
        match ready {
            Err(Outcome::Skipped(failure)) if failure.reason == FailureReason::Unavailable => {
                retry_after = [retry_after, failure.retry_after]
                    .into_iter()
                    .flatten()
                    .min();
            }
            _ => return Ok(()),
        }
    }
    Err(PublishImageError::NoPlatformAvailable { retry_after })
}

pub(super) fn not_sent(platform: Platform, outcome: Outcome) -> PlatformResult {
    PlatformResult {
        platform,
        caption: String::new(),
        outcome,
    }
}

pub(super) fn unknown_before(platform: Platform) -> Outcome {
    Outcome::Unknown(format!(
        "an earlier attempt ended without an answer; look at {platform} before publishing again \
         with `force`"
    ))
}

fn archived_unknown_to_ledger(platform: Platform) -> Outcome {
    Outcome::Unknown(format!(
        "the image is in the archive, and the ledger knows nothing of it; look at {platform} before \
         publishing it with `force`"
    ))
}
