//! Publishing when no image is named: the first that the tenant has not published yet.
//!
//! What is wrong with one image passes it over, and is written down, so that the next call neither
//! fetches it again nor pays for it again. What is wrong with the tenant or with a provider would be
//! wrong with every image, and ends the request.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    error::PublishImageError,
    publication::{Publication, PublishImage},
};
use crate::{
    app::usecases::{
        captioning::CaptionsUnavailable, deferred_writes::DeferredWrite, stages::Stage,
    },
    domain::{
        image::{ContentHash, StoredImage},
        ledger::{Position, PriorState},
        publication::{Failure, FailureReason, Outcome, PublicationReport},
        selection::Unpublished,
    },
    ports::{CaptionError, ImageStoreError},
};

/// Images that the ledger is asked about at a time. What was published is in the archive, as a
/// rule, so the first few tell.
const AT_A_TIME: usize = 500;
/// How many images are passed over in one request at most: each has been downloaded.
const MAX_PASSED_OVER: usize = 100;
/// How many of them may have been costly.
const MAX_COSTLY: usize = 10;
/// How many are named in an answer; all of them are in the ledger.
const MAX_NAMED: usize = 10;

impl Publication {
    /// Publishes the first image, by name, that the tenant has not published yet; those that have
    /// failed before come last. A report without an image says that there is none.
    pub(super) async fn publish_next(&self) -> Result<PublicationReport, PublishImageError> {
        let images = self.tenant.images(&self.request_id);
        let images = self.stages().time(Stage::Find, images.list()).await?;
        let mut passed_over = PassedOver::default();
        let mut failed: BTreeMap<Position, StoredImage> = BTreeMap::new();
        for images in images.chunks(AT_A_TIME) {
            let contents: Vec<ContentHash> =
                images.iter().map(|it| it.content_hash.clone()).collect();
            let reader = &self.usecase.reader;
            let entries = reader.entries_of(self.tenant.name(), &contents).await?;
            let images = images.iter().cloned();
            let mut unpublished = Unpublished::among(images, &entries, self.plan.platforms());
            failed.append(&mut unpublished.failed);
            passed_over.before += unpublished.unsuitable;
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
            let error = match self.publish_if_free(&image).await {
                // The ledger knows it already, platform by platform.
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
                // Another request was faster.
                Ok(None)
                | Err(
                    PublishImageError::InProgress
                    | PublishImageError::Replaced
                    | PublishImageError::Storage(ImageStoreError::NotFound),
                ) => continue,
                Err(error) => error,
            };
            let Some(fault) = Fault::of_image(&error) else {
                return Err(error);
            };
            self.pass_over(&image, &fault).await?;
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

    /// Writes down what is wrong with an image.
    async fn pass_over(&self, image: &StoredImage, fault: &Fault) -> Result<(), PublishImageError> {
        let Fault { failure, .. } = fault;
        tracing::warn!(
            tenant = %self.tenant.name(),
            reason = failure.reason.as_str(),
            "an image was passed over"
        );
        if self.plan.is_dry_run() {
            return Ok(());
        }
        let PublishImage { ledger, tasks, .. } = &self.usecase;
        let (tenant, hash) = (self.tenant.name(), &image.content_hash);
        let written = ledger.pass_over(tenant, &image.name, hash, failure).await;
        if written.is_err() {
            tasks.defer(DeferredWrite::PassedOver {
                ledger: Arc::clone(ledger),
                tenant: tenant.clone(),
                image: image.name.clone(),
                content_hash: hash.clone(),
                failure: failure.clone(),
            });
        }
        Ok(written?)
    }

    /// Publishes an image unless the ledger knows more of it by now than that it has failed.
    async fn publish_if_free(
        &self,
        image: &StoredImage,
    ) -> Result<Option<PublicationReport>, PublishImageError> {
        if self.plan.is_dry_run() {
            return self.dry_run(image).await.map(Some);
        }
        let claimed = self.claim(image).await?;
        let mut prior = claimed.prior().values();
        if prior.all(|prior| *prior == PriorState::Failed) {
            return self.publish_claimed(claimed, image).await.map(Some);
        }
        claimed.release().await;
        Ok(None)
    }
}

/// What is wrong with one image, and with no other.
struct Fault {
    failure: Failure,
    /// A model has looked at it, and was paid for that, or it was downloaded several times.
    is_costly: bool,
}

impl Fault {
    /// What an error says of the image; `None` if another image would end in the same.
    fn of_image(error: &PublishImageError) -> Option<Self> {
        let (reason, is_costly) = match error {
            PublishImageError::Image(_)
            | PublishImageError::Captions(CaptionsUnavailable::Image(_)) => {
                (FailureReason::ImageUnsuitable, false)
            }
            // Storage may hand it out another day: it comes last from now on.
            PublishImageError::Storage(ImageStoreError::Unreadable { .. }) => {
                (FailureReason::Unavailable, true)
            }
            PublishImageError::Storage(error) if error.is_about_the_image() => {
                (FailureReason::ImageUnsuitable, false)
            }
            // Of an answer that is of no use even after the closer look, nobody can tell whether it is the
            // image or the model; but to ask again would be paid for again, at each call.
            PublishImageError::Captions(CaptionsUnavailable::Writer(error))
                if error.is_about_the_image() || matches!(error, CaptionError::Unusable(_)) =>
            {
                (FailureReason::ImageUnsuitable, true)
            }
            PublishImageError::Plan(_)
            | PublishImageError::TooMany
            | PublishImageError::Exhausted(_)
            | PublishImageError::NoPlatformAvailable { .. }
            | PublishImageError::InProgress
            | PublishImageError::Replaced
            | PublishImageError::Storage(_)
            | PublishImageError::Captions(_)
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

    /// The same of a report in which no platform could take the image.
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
    /// By earlier requests, as the ledger has it.
    before: usize,
    now: usize,
    costly: usize,
    named: Vec<String>,
}

impl PassedOver {
    fn is_full(&self) -> bool {
        self.now >= MAX_PASSED_OVER || self.costly >= MAX_COSTLY
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

    /// What a report says of them; `is_end` where there is no image left to publish.
    fn into_warnings(self, is_end: bool) -> Vec<String> {
        let is_full = self.is_full();
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
        warnings
    }
}

/// A number with a noun and verb that agree with it.
fn counted(number: usize, one: &str, many: &str) -> String {
    let words = if number == 1 { one } else { many };
    format!("{number} {words}")
}
