//! The report of a publication: one result for each platform.

use std::collections::BTreeMap;

use super::{error::PublishImageError, prepare::Prepared, publication::Publication};
use crate::{
    app::usecases::steps::{captioning::Captions, look_up::StillUnknown},
    domain::{
        idempotency::ChosenImage,
        image::ImageName,
        ledger::{Entry, EntryState, PriorState},
        platform::Platform,
        publication::{
            Failure, FailureReason, Outcome, PlatformResult, PublicationReport, PublishedPost,
        },
    },
    ports::ImageStoreError,
};

impl Publication {
    /// The results of platforms that get nothing, and the platforms that get the image. An image in the archive was
    /// taken by some platform: where the ledger knows nothing of it by any of its hashes (`is_identified`), each
    /// platform may have it. `doubts` says why the platforms that were asked are still unknown.
    pub(super) fn still_to_send(
        &self,
        known: &BTreeMap<Platform, PriorState>,
        is_identified: bool,
        doubts: &BTreeMap<Platform, StillUnknown>,
    ) -> (Vec<PlatformResult>, Vec<Platform>) {
        let (mut results, mut targets) = (Vec::new(), Vec::new());
        for &platform in self.plan.platforms() {
            let outcome = match known.get(&platform) {
                Some(PriorState::Published(id)) if !self.force => {
                    Outcome::AlreadyPublished(id.clone())
                }
                Some(PriorState::Unknown) if !self.force => {
                    unknown_before(platform, doubts.get(&platform))
                }
                None if is_identified
                    && known.is_empty()
                    && self.is_from_archive()
                    && !self.force =>
                {
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

    /// The results of a dry run.
    pub(super) fn dry_run_results(prepared: &Prepared, captions: &Captions) -> Vec<PlatformResult> {
        let dry = prepared.deliveries.iter().map(|delivery| {
            let outcome = match delivery.failure() {
                Some(failure) => Outcome::Failed(failure.clone()),
                None => Outcome::Skipped(Failure::new(
                    FailureReason::DryRun,
                    "dry run: nothing was sent",
                )),
            };
            PlatformResult {
                platform: delivery.platform(),
                caption: captions.of(delivery.platform()).to_owned(),
                outcome,
            }
        });
        dry.chain(skipped(&prepared.skipped, captions)).collect()
    }

    /// The report from the ledger, for an image that is no longer where it was.
    pub(super) async fn report_from_ledger(
        &self,
        chosen: &ChosenImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let contents = chosen.hashes.as_slice();
        let entries = self.usecase.reader.entries_of(self.tenant.name(), contents);
        let mut entries = entries.await?;
        let mut doubts = BTreeMap::new();
        let can_ask = |entry: &Entry| entry.state == EntryState::Unknown && entry.key.is_some();
        if entries.values().flatten().any(can_ask) {
            doubts = self.look_up_chosen(chosen).await?;
            let reader = &self.usecase.reader;
            entries = reader.entries_of(self.tenant.name(), contents).await?;
        }
        let result = |platform: &Platform| {
            let entries = entries.values().flatten();
            let of_platform = entries.filter(|entry| entry.concerns(*platform));
            let entry = of_platform.max_by_key(|entry| entry.state == EntryState::Published)?;
            let outcome = match (entry.state, &entry.post) {
                (EntryState::Published, Some(post)) => Outcome::AlreadyPublished(post.clone()),
                (EntryState::Published, None) => Outcome::AlreadyPublished(PublishedPost::new("")),
                (EntryState::Failed, _) => Outcome::Failed(Failure::new(
                    entry.reason.unwrap_or(FailureReason::Unavailable),
                    entry.error.clone().unwrap_or_default(),
                )),
                // An image that was passed over was sent to no platform.
                (EntryState::Skipped, _) => return None,
                (EntryState::Unknown | EntryState::InProgress, _) => {
                    unknown_before(*platform, doubts.get(platform))
                }
            };
            Some(not_sent(*platform, outcome))
        };
        let results: Vec<_> = self.plan.platforms().iter().filter_map(result).collect();
        if results.is_empty() {
            return Err(ImageStoreError::NotFound.into());
        }
        let archived =
            self.plan.archives() && results.iter().any(|result| result.outcome.is_success());
        Ok(self.report(chosen.name.clone(), results, archived, Vec::new()))
    }

    /// The report. Its results are logged and counted.
    pub(super) fn report(
        &self,
        image: ImageName,
        mut results: Vec<PlatformResult>,
        archived: bool,
        warnings: Vec<String>,
    ) -> PublicationReport {
        results.sort_by_key(|result| result.platform);
        for result in &results {
            let (platform, outcome) = (result.platform.as_str(), result.outcome.as_str());
            tracing::info!(tenant = %self.tenant.name(), platform, outcome, "publication ended");
            if self.plan.is_dry_run() {
                continue;
            }
            metrics::counter!(
                "publisher_publications_total", "platform" => platform, "outcome" => outcome
            )
            .increment(1);
            if let Some(reason) = result.outcome.reason() {
                metrics::counter!(
                    "publisher_publication_failures_total",
                    "platform" => platform, "reason" => reason.as_str()
                )
                .increment(1);
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

/// The results of skipped platforms.
pub(super) fn skipped(
    skipped: &[(Platform, Failure)],
    captions: &Captions,
) -> impl Iterator<Item = PlatformResult> {
    skipped.iter().map(|(platform, failure)| PlatformResult {
        platform: *platform,
        caption: captions.of(*platform).to_owned(),
        outcome: Outcome::Skipped(failure.clone()),
    })
}

fn not_sent(platform: Platform, outcome: Outcome) -> PlatformResult {
    PlatformResult {
        platform,
        caption: String::new(),
        outcome,
    }
}

fn unknown_before(platform: Platform, doubt: Option<&StillUnknown>) -> Outcome {
    let why = doubt.map(|doubt| format!(", and it was asked to no avail ({doubt})"));
    let why = why.unwrap_or_default();
    Outcome::Unknown(format!(
        "an earlier attempt ended without an answer{why}; look at {platform} before publishing \
         again with `force` and this platform alone in `platforms`"
    ))
}

fn archived_unknown_to_ledger(platform: Platform) -> Outcome {
    Outcome::Unknown(format!(
        "the image is in the archive, and the ledger knows nothing of it; look at {platform} before \
         publishing it with `force` and this platform alone in `platforms`"
    ))
}
