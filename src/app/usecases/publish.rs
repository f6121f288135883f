//! Publishing one image: select, claim, fetch, identify, look up, prepare, caption, stage, record the intent, deliver,
//! write the sidecar, archive, settle. The order is in this file, the steps are in the files of `publish`.
//!
//! The claim returns the image's prior state on each platform, as far as the hash of its listing tells. A platform that
//! has the image, or may have it, gets nothing unless the request forces it; if no other platform is left, nothing is
//! fetched. The same holds for what is known by the other hashes once the bytes are there: then nothing is paid for.
//!
//! A platform that may have the image, and can be asked, is asked first: what it says is recorded, and the image is sent
//! to those that do not have it.
//!
//! A request is refused before the first paid call. A failure after the platforms were served is a warning: the image
//! counts as published.

mod archive;
mod attempt;
mod caption;
mod deliver;
mod delivery;
mod error;
mod look_up;
mod next;
mod prepare;
pub mod protocol;
mod publication;
mod refusal;
mod report;
mod select;
mod sidecar;
mod stage;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join;
use tokio_util::task::TaskTracker;

pub use self::{
    attempt::Attempt, error::PublishImageError, publication::PublishImage, refusal::Refusal,
};

use self::{
    protocol::{Claimed, Settled},
    publication::{Loaded, Publication},
};
use super::steps::{
    loaded_image::LoadedImage, progress::Progress, sidecar::Written, stages::Stages,
};
use crate::{
    app::tenancy::tenant::Tenant,
    domain::{
        content_hashes::ContentHashes,
        image::StoredImage,
        ledger::{Entry, EntryState, PriorState},
        platform::Platform,
        publication::{
            PlatformResult, PublicationPlan, PublicationReport, PublicationRequest, PublishedPost,
            Target,
        },
        request_id::RequestId,
    },
    ports::{Folder, ImageStoreError},
};

impl PublishImage {
    /// Publishes one image, on a task of its own: a caller that goes away does not stop a publication half-way.
    ///
    /// # Errors
    /// [`PublishImageError`]. The failure of a platform is no error but a result in the report. A report without an
    /// image says that there is no next one.
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
        let limit = self.work.capacity.publications.clone();
        let (has_slot, name) = (attempt.has_slot(), tenant.name());
        let permit = if has_slot {
            limit.of_claimed_job(name)
        } else {
            limit.try_acquire(name).ok_or_else(|| too_many(counts))?
        };
        let progress = self.hub.clone().filter(|_| counts).map(|hub| {
            let progress = Progress::new(hub, tenant.name().clone(), attempt.job().cloned());
            if let Target::Image(image) = &target {
                progress.tries(image);
            }
            progress
        });
        let publication = Publication {
            usecase: self.clone(),
            tenant,
            progress,
            target,
            plan,
            force: request.force && !attempt.forces_nothing(),
            request,
            request_id,
            attempt,
            folder: Folder::Root,
            follow_ups: TaskTracker::new(),
        };
        let task = async move {
            let permit = if has_slot {
                permit
            } else {
                let permit = limit.among_all(permit).await;
                permit.ok_or_else(|| too_many(counts))?
            };
            let usage = publication.usecase.usage.clone();
            let tenant = publication.tenant.name().clone();
            let result = Box::pin(publication.run()).await;
            if let Some(usage) = usage {
                usage.gather_storage_calls(&tenant).await;
            }
            if let Err(error) = &result {
                count_refusal(counts, error);
            }
            permit.release().await;
            result
        };
        self.tasks().run_to_completion(Box::pin(task)).await?
    }
}

/// The refusal of a publication beyond the tenant's limit, which is counted.
fn too_many(counts: bool) -> PublishImageError {
    count_refusal(counts, &PublishImageError::TooMany);
    PublishImageError::TooMany
}

/// Counts a refused publication, except a dry run.
fn count_refusal(counts: bool, error: &PublishImageError) {
    if let Some(refusal) = Refusal::of(error).filter(|_| counts) {
        refusal.count();
    }
}

impl Publication {
    async fn run(mut self) -> Result<PublicationReport, PublishImageError> {
        let clock = Arc::clone(&self.usecase.work.clock);
        let publishing = Box::pin(self.select());
        Stages::by(&*clock, None).time_whole(publishing).await
    }

    /// Selects the image and publishes it: the image that an earlier attempt may have sent, the named image, or the
    /// next.
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

    /// Claims an image that was found, and publishes it.
    async fn publish(&self, image: &StoredImage) -> Result<PublicationReport, PublishImageError> {
        if self.plan.is_dry_run() {
            return self.dry_run(image).await;
        }
        let claimed = self.claim(image).await?;
        self.publish_claimed(claimed, image).await
    }

    /// Publishes a claimed image to the platforms that do not have it.
    async fn publish_claimed(
        &self,
        claimed: Claimed,
        image: &StoredImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let unasked = BTreeMap::new();
        let (results, targets) = self.still_to_send(claimed.prior(), false, &unasked);
        // Who else may be working on the image is known by its bytes only: that comes before any question.
        if targets.is_empty() && !self.can_ask(&claimed) {
            let sent = Sent::nothing(claimed.send_nothing());
            return Ok(self.finish(sent, results, image).await);
        }
        // Boxed, as what follows: the future of a publication is large enough.
        let loaded = Box::pin(self.fetch_and_identify(claimed, image)).await?;
        Box::pin(self.publish_identified(loaded)).await
    }

    /// Publishes an image to the platforms that do not have it, whichever storage it was in when they got it.
    async fn publish_identified(
        &self,
        loaded: Loaded,
    ) -> Result<PublicationReport, PublishImageError> {
        let image = loaded.image.stored.clone();
        let (loaded, doubts) = self.look_up(loaded).await?;
        let known = &loaded.identified.prior().platforms;
        let (results, targets) = self.still_to_send(known, true, &doubts);
        let sent = if targets.is_empty() {
            Sent::nothing(loaded.identified.send_nothing())
        } else {
            Box::pin(self.send(loaded, &targets)).await?
        };
        Ok(self.finish(sent, results, &image).await)
    }

    /// Prepares the image, captions it, stages it, delivers it, and writes the sidecar.
    async fn send(&self, image: Loaded, targets: &[Platform]) -> Result<Sent, PublishImageError> {
        let Loaded {
            identified,
            image: loaded,
            hashes,
        } = image;
        let was_tried = !identified.prior().platforms.is_empty();
        let earlier = self.earlier_keys(identified.prior());
        let prepare = async {
            let (loaded, mut prepared) = self.prepare(loaded, targets).await?;
            prepared.ensure_available()?;
            prepared.connect();
            let tried = was_tried.then_some(&hashes);
            let captions = Box::pin(self.captions_for(&loaded, &prepared, tried));
            let (captions, sidecar) = captions.await?;
            let name = &loaded.stored.name;
            self.attempt.choose(name, &hashes).await?;
            let sent_to = prepared.sent_to();
            let staged = self.stage(prepared.deliveries, name, &captions, earlier);
            let staged = staged.await;
            let skipped: Vec<_> = report::skipped(&prepared.skipped, &captions).collect();
            Ok::<_, PublishImageError>((loaded, staged, sent_to, skipped, captions, sidecar))
        };
        let (identified, ready) = identified.hold_during(prepare).await?;
        let (loaded, staged, sent_to, skipped, captions, sidecar) = ready;

        let name = &loaded.stored.name;
        let intended = identified.record_intent(name, staged).await?;
        let served = TaskTracker::new();
        let delivered = self.deliver(intended, &captions, served.token());
        served.close();
        let sidecar = self.write_sidecar(sidecar, &loaded, &captions, &sent_to, served.wait());
        // The sidecar is polled first: composing a mail would delay its small requests.
        let (sidecar, settled) = join(sidecar, delivered).await;
        Ok(Sent {
            settled,
            skipped,
            warning: captions.warning,
            sidecar: Some(sidecar),
            image: Some(loaded),
        })
    }

    /// Archives the image and settles. `results` are those of platforms that got nothing.
    async fn finish(
        &self,
        sent: Sent,
        mut results: Vec<PlatformResult>,
        image: &StoredImage,
    ) -> PublicationReport {
        let mut all = results.iter().chain(sent.settled.results());
        let is_published = all.any(|it| it.outcome.is_success());
        let (sidecars, sidecar_warning) = match sent.sidecar {
            Some(Written { ours, warning, .. }) => (Some(ours), warning),
            None => (None, None),
        };
        let archive = self.archive_if(is_published, image, sidecars);
        let ((archived, warning), ()) = join(archive, self.followed_up(sent.image)).await;
        let (settled, mut warnings) = sent.settled.release().await;
        results.extend(settled.into_iter().chain(sent.skipped));
        warnings.extend(
            sent.warning
                .into_iter()
                .chain(sidecar_warning)
                .chain(warning),
        );
        self.report(image.name.clone(), results, archived, warnings)
    }

    /// Waits for the follow-ups of the posts, then frees the image's memory.
    async fn followed_up(&self, image: Option<LoadedImage>) {
        self.follow_ups.close();
        self.follow_ups.wait().await;
        drop(image);
    }

    /// The report of what would be sent.
    async fn dry_run(&self, image: &StoredImage) -> Result<PublicationReport, PublishImageError> {
        let loaded = self.fetch(image).await?;
        let hashes = self.hashes_of(&loaded).await?;
        let entries = self.entries_of(hashes.get()).await?;
        self.dry_run_loaded(loaded, hashes.get(), &entries).await
    }

    /// The ledger's entries of an image with these hashes.
    async fn entries_of(&self, hashes: &ContentHashes) -> Result<Vec<Entry>, PublishImageError> {
        let reader = &self.usecase.reader;
        let entries = reader.entries_of(self.tenant.name(), hashes.as_slice());
        Ok(entries.await?.into_values().flatten().collect())
    }

    /// The report of what would be sent of a fetched image, of which the ledger has these entries. Nobody is asked about
    /// posts that are unknown.
    async fn dry_run_loaded(
        &self,
        loaded: LoadedImage,
        hashes: &ContentHashes,
        entries: &[Entry],
    ) -> Result<PublicationReport, PublishImageError> {
        let known = prior_states(entries).ok_or(PublishImageError::InProgress)?;
        let (mut results, platforms) = self.still_to_send(&known, true, &BTreeMap::new());
        let archived = self.is_from_archive();
        let name = loaded.stored.name.clone();
        let mut warnings = Vec::new();
        if !platforms.is_empty() {
            let (loaded, prepared) = self.prepare(loaded, &platforms).await?;
            let tried = (!known.is_empty()).then_some(hashes);
            let captions = Box::pin(self.captions_for(&loaded, &prepared, tried));
            let (captions, _) = captions.await?;
            results.extend(Self::dry_run_results(&prepared, &captions));
            warnings.extend(captions.warning);
        }
        Ok(self.report(name, results, archived, warnings))
    }
}

/// What entries of one image say of each platform; `None` while a request is publishing it.
fn prior_states(entries: &[Entry]) -> Option<BTreeMap<Platform, PriorState>> {
    let mut states = BTreeMap::new();
    for platform in Platform::ALL {
        let concerning = entries.iter().filter(|entry| entry.concerns(platform));
        let Some(entry) = concerning.max_by_key(|entry| entry.state == EntryState::Published)
        else {
            continue;
        };
        let state = match entry.state {
            EntryState::InProgress => return None,
            EntryState::Published => {
                let post = entry.post.clone();
                PriorState::Published(post.unwrap_or_else(|| PublishedPost::new("")))
            }
            EntryState::Unknown => PriorState::Unknown,
            EntryState::Failed | EntryState::Skipped => PriorState::Failed,
        };
        states.insert(platform, state);
    }
    Some(states)
}

/// An image that was sent to its platforms.
struct Sent {
    settled: Settled,
    skipped: Vec<PlatformResult>,
    /// A warning for people about the captions.
    warning: Option<String>,
    sidecar: Option<Written>,
    /// The image, which follow-ups may need.
    image: Option<LoadedImage>,
}

impl Sent {
    fn nothing(settled: Settled) -> Self {
        Self {
            settled,
            skipped: Vec::new(),
            warning: None,
            sidecar: None,
            image: None,
        }
    }
}

#[cfg(test)]
mod tests;
