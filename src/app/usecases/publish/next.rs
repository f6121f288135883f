//! Selecting the next image: the first that the tenant has not published yet.
//!
//! A fault of one image passes the image over and is recorded, so that the next request does not fetch it or pay for
//! it again. A fault of the tenant or of a provider holds for every image, and ends the request.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{error::PublishImageError, publication::Publication};
use crate::{
    app::{
        runtime::{deferred_writes::DeferredWrite, held_lease::Leases},
        usecases::steps::captioning::CaptionsUnavailable,
    },
    domain::{
        content_hash::ContentHash,
        content_hashes::ContentHashes,
        image::{ImageName, StoredImage},
        ledger::{Position, PriorState},
        platform::Platform,
        publication::{Failure, FailureReason, Outcome, PublicationReport, PublishStage},
        selection::Unpublished,
    },
    ports::{CaptionError, ImageStoreError},
};

/// The number of images in one query of the ledger. Published images are usually in the archive, so that one query is
/// enough.
const AT_A_TIME: usize = 500;
/// The most images that one request passes over: each has been downloaded.
const MAX_PASSED_OVER: usize = 100;
/// The most costly ones among them.
const MAX_COSTLY: usize = 10;
/// The most that an answer names; all of them are in the ledger.
const MAX_NAMED: usize = 10;

impl Publication {
    /// Publishes the first image by name that the tenant has not published yet; images that have failed before come
    /// last. The report has no image if there is none to publish.
    pub(super) async fn publish_next(&self) -> Result<PublicationReport, PublishImageError> {
        let listings = &self.usecase.listings;
        let listing = listings.get_current(&self.tenant, &self.request_id);
        let listing = self.stages().time(PublishStage::Find, listing).await;
        let listing = listing.map_err(PublishImageError::Listing)?;
        let mut passed_over = PassedOver::default();
        let mut failed: BTreeMap<Position, StoredImage> = BTreeMap::new();
        let mut listed = listing.iter();
        loop {
            let images = listed.by_ref().take(AT_A_TIME);
            let images: Vec<StoredImage> = images.map(|it| it.to_stored()).collect();
            if images.is_empty() {
                break;
            }
            let contents: Vec<ContentHash> =
                images.iter().map(|it| it.content_hash.clone()).collect();
            let reader = &self.usecase.reader;
            let entries = reader.entries_of(self.tenant.name(), &contents).await?;
            let mut unpublished = Unpublished::among(images, &entries, self.plan.platforms());
            failed.append(&mut unpublished.failed);
            passed_over.before += unpublished.unsuitable;
            passed_over.doubt(unpublished.in_doubt);
            let first = self.first_of(unpublished.fresh, &mut passed_over).await?;
            if let Some(report) = first {
                return Ok(report);
            }
        }
        let first = self
            .first_of(failed.into_values(), &mut passed_over)
            .await?;
        Ok(first.unwrap_or_else(|| PublicationReport {
            image: None,
            results: Vec::new(),
            dry_run: self.plan.is_dry_run(),
            archived: false,
            warnings: passed_over.into_warnings(true),
        }))
    }

    /// Publishes the first of these that can be published; `None` if none can.
    async fn first_of(
        &self,
        candidates: impl IntoIterator<Item = StoredImage>,
        passed_over: &mut PassedOver,
    ) -> Result<Option<PublicationReport>, PublishImageError> {
        for image in candidates {
            if passed_over.is_full() {
                break;
            }
            let mut hashes = image.content_hash.clone().into();
            let tried = self.publish_if_free(&image, &mut hashes, passed_over);
            let error = match tried.await {
                // The ledger has the failures of the platforms.
                Ok(Some(report)) if let Some(fault) = Fault::of_report(&report) => {
                    self.count(&fault);
                    passed_over.add(&image, fault);
                    continue;
                }
                Ok(Some(mut report)) => {
                    let passed_over = std::mem::take(passed_over);
                    report.warnings.extend(passed_over.into_warnings(false));
                    return Ok(Some(report));
                }
                // Another request has taken the image, or it is known by another hash.
                Ok(None) | Err(PublishImageError::InProgress) => continue,
                // The listing is behind.
                Err(PublishImageError::Replaced(_)) => {
                    self.images().record_changed(&image.name);
                    continue;
                }
                Err(PublishImageError::Storage(ImageStoreError::NotFound)) => {
                    self.images().record_gone(&image.name);
                    continue;
                }
                Err(error) => error,
            };
            let Some(fault) = Fault::of_image(&error) else {
                return Err(error);
            };
            self.pass_over(&image, hashes, &fault).await?;
            self.count(&fault);
            passed_over.add(&image, fault);
        }
        Ok(None)
    }

    /// Counts an image that is passed over.
    fn count(&self, fault: &Fault) {
        if !self.plan.is_dry_run() {
            let reason = fault.failure.reason.as_str();
            metrics::counter!("publisher_images_passed_over_total", "reason" => reason)
                .increment(1);
        }
    }

    /// Logs and records the fault of an image.
    async fn pass_over(
        &self,
        image: &StoredImage,
        hashes: ContentHashes,
        fault: &Fault,
    ) -> Result<(), PublishImageError> {
        let Fault { failure, .. } = fault;
        tracing::warn!(
            tenant = %self.tenant.name(),
            reason = failure.reason.as_str(),
            "an image was passed over"
        );
        if self.plan.is_dry_run() {
            return Ok(());
        }
        let Leases { ledger, tasks } = &self.usecase.work.leases;
        let write = DeferredWrite::PassedOver {
            ledger: Arc::clone(ledger),
            tenant: self.tenant.name().clone(),
            image: image.name.clone(),
            hashes,
            failure: failure.clone(),
        };
        Ok(tasks.write(write).await?)
    }

    /// Publishes an image, unless another request has published it or may have published it by now, or one of its
    /// hashes leads to an image that is left out. `hashes` are all hashes of the image once it was read.
    async fn publish_if_free(
        &self,
        image: &StoredImage,
        hashes: &mut ContentHashes,
        passed_over: &mut PassedOver,
    ) -> Result<Option<PublicationReport>, PublishImageError> {
        if self.plan.is_dry_run() {
            return Box::pin(self.dry_run_if_free(image, passed_over)).await;
        }
        let claimed = self.claim(image).await?;
        if !claimed.prior().values().all(has_failed) {
            passed_over.doubt_if(image, claimed.prior());
            claimed.release().await;
            return Ok(None);
        }
        let loaded = Box::pin(self.fetch_and_identify(claimed, image)).await?;
        hashes.clone_from(&loaded.hashes);
        let prior = loaded.identified.prior();
        let is_unsuitable = prior.passed_over == Some(FailureReason::ImageUnsuitable);
        if is_unsuitable || !prior.platforms.values().all(has_failed) {
            passed_over.doubt_if(image, &prior.platforms);
            loaded.identified.release().await;
            passed_over.known += 1;
            return Ok(None);
        }
        Box::pin(self.publish_identified(loaded)).await.map(Some)
    }

    /// A dry run reads the ledger, and writes nothing.
    async fn dry_run_if_free(
        &self,
        image: &StoredImage,
        passed_over: &mut PassedOver,
    ) -> Result<Option<PublicationReport>, PublishImageError> {
        let loaded = self.fetch(image).await?;
        let hashes = self.hashes_of(&loaded).await?;
        let hashes = hashes.get();
        let known = self.entries_of(hashes).await?;
        let entries = HashMap::from([(image.content_hash.clone(), known.clone())]);
        let unpublished = Unpublished::among([image.clone()], &entries, self.plan.platforms());
        if unpublished.fresh.is_empty() && unpublished.failed.is_empty() {
            passed_over.doubt(unpublished.in_doubt);
            passed_over.known += 1;
            return Ok(None);
        }
        self.dry_run_loaded(loaded, hashes, &known).await.map(Some)
    }
}

fn has_failed(prior: &PriorState) -> bool {
    *prior == PriorState::Failed
}

/// A fault of one image that other images do not have.
struct Fault {
    failure: Failure,
    /// Whether a model was paid for the image, or it was downloaded several times.
    is_costly: bool,
}

impl Fault {
    /// The fault that an error stands for; `None` if another image would end in the same error.
    fn of_image(error: &PublishImageError) -> Option<Self> {
        let (reason, is_costly) = match error {
            PublishImageError::Image(_)
            | PublishImageError::Captions(CaptionsUnavailable::Image(_)) => {
                (FailureReason::ImageUnsuitable, false)
            }
            // Storage may return it another day: it comes last from now on.
            PublishImageError::Storage(ImageStoreError::Unreadable { .. }) => {
                (FailureReason::Unavailable, true)
            }
            PublishImageError::Storage(error) if error.is_about_the_image() => {
                (FailureReason::ImageUnsuitable, false)
            }
            // An answer that is unusable even after the fallback may be the fault of the image or of the model; each
            // further request would pay for it again.
            PublishImageError::Captions(CaptionsUnavailable::Writer(error))
                if error.is_about_the_image() || matches!(error, CaptionError::Unusable(_)) =>
            {
                (FailureReason::ImageUnsuitable, true)
            }
            PublishImageError::Plan(_)
            | PublishImageError::TooMany
            | PublishImageError::Exhausted(_)
            | PublishImageError::NoPlatformAvailable { .. }
            | PublishImageError::OutOfCredit
            | PublishImageError::InProgress
            | PublishImageError::Replaced(_)
            | PublishImageError::Listing(_)
            | PublishImageError::Storage(_)
            | PublishImageError::Captions(_)
            | PublishImageError::NothingLeft(_)
            | PublishImageError::Ledger(_)
            | PublishImageError::Aborted(_) => return None,
        };
        let text = match error {
            PublishImageError::Captions(cause) => cause.to_string(),
            error => error.to_string(),
        };
        Some(Self {
            failure: Failure::new(reason, text),
            is_costly,
        })
    }

    /// The fault in a report in which no platform could take the image.
    fn of_report(report: &PublicationReport) -> Option<Self> {
        let mut found = None;
        for result in &report.results {
            match &result.outcome {
                Outcome::Failed(failure) if failure.reason == FailureReason::ImageUnsuitable => {
                    found.get_or_insert(Self {
                        failure: failure.clone(),
                        is_costly: !result.caption.is_empty(),
                    });
                }
                _ => return None,
            }
        }
        found
    }
}

/// Images that were passed over.
#[derive(Default)]
struct PassedOver {
    /// Their number in earlier requests, from the ledger.
    before: usize,
    now: usize,
    /// Those of which it turned out after they were read that the ledger knows them by another hash.
    known: usize,
    costly: usize,
    named: Vec<String>,
    /// Images that some platform may have, and none has for certain.
    in_doubt: usize,
    /// The first of them.
    doubtful: Vec<ImageName>,
}

impl PassedOver {
    fn is_full(&self) -> bool {
        self.now + self.known >= MAX_PASSED_OVER || self.costly >= MAX_COSTLY
    }

    fn add(&mut self, image: &StoredImage, fault: Fault) {
        self.now += 1;
        self.costly += usize::from(fault.is_costly);
        if self.named.len() < MAX_NAMED {
            let text = fault.failure.text;
            self.named
                .push(format!("{} was passed over: {text}", image.name));
        }
    }

    fn doubt(&mut self, images: impl IntoIterator<Item = ImageName>) {
        for image in images {
            self.in_doubt += 1;
            if self.doubtful.len() < MAX_NAMED {
                self.doubtful.push(image);
            }
        }
    }

    /// Notes an image that is in doubt by what was known of it before this request.
    fn doubt_if(&mut self, image: &StoredImage, prior: &BTreeMap<Platform, PriorState>) {
        let is_published = |prior: &PriorState| matches!(prior, PriorState::Published(_));
        if prior.values().any(|it| *it == PriorState::Unknown) && !prior.values().any(is_published)
        {
            self.doubt([image.name.clone()]);
        }
    }

    /// The warning of images that are in doubt, if there are any.
    fn doubt_warning(&self) -> Option<String> {
        let images = counted(self.in_doubt, "image is", "images are");
        let names: Vec<&str> = self.doubtful.iter().map(ImageName::as_str).collect();
        let unnamed = self.in_doubt - names.len();
        let more = (unnamed > 0).then(|| format!(" and {unnamed} more"));
        (self.in_doubt > 0).then(|| {
            format!(
                "{images} in doubt: {}{}; a platform may have what `GET /api/publications` lists under the outcome \
                 `unknown`: look there before publishing it by name with `force` and this platform alone in `platforms`",
                names.join(", "),
                more.unwrap_or_default(),
            )
        })
    }

    /// The warnings of a report; `is_end` where no image is left to publish.
    fn into_warnings(self, is_end: bool) -> Vec<String> {
        let is_full = self.is_full();
        let in_doubt = self.doubt_warning().filter(|_| is_end);
        let mut warnings = self.named;
        let unnamed = self.now - warnings.len();
        if unnamed > 0 {
            let images = counted(unnamed, "more image was", "more images were");
            warnings.push(format!("{images} passed over"));
        }
        if is_end && is_full {
            warnings
                .push("other images were not tried; publish again to go on with them".to_owned());
        }
        if is_end && self.before > 0 {
            let images = counted(self.before, "image is", "images are");
            warnings.push(format!(
                "{images} left out; `GET /api/publications` says what is wrong, under the outcome \
                 `skipped` or `failed`"
            ));
        }
        warnings.extend(in_doubt);
        warnings
    }
}

/// A number with a noun and verb that agree with it.
fn counted(number: usize, one: &str, many: &str) -> String {
    let words = if number == 1 { one } else { many };
    format!("{number} {words}")
}
