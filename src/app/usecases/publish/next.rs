//! Publishing when nobody names an image: the first that the tenant has not published yet.

use std::collections::BTreeMap;

use super::{PublishImageError, publication::Publication};
use crate::{
    app::usecases::{captioning::CaptionsUnavailable, stages::Stage},
    domain::{
        image::{ContentHash, StoredImage},
        ledger::{Known, Position},
        publication::PublicationReport,
        selection::Unpublished,
    },
    ports::ImageStoreError,
};

/// Images that the ledger is asked about at a time. What was published is in the archive, as a
/// rule, so the first few tell.
const AT_A_TIME: usize = 500;
/// Files that are no images are passed over, but not without end: each has been downloaded.
const MAX_PASSED_OVER: usize = 10;

impl Publication {
    /// Publishes the first image, by name, that the tenant has not published yet; those that have
    /// failed before come last. A report without an image says that there is none.
    pub(super) async fn publish_next(&self) -> Result<PublicationReport, PublishImageError> {
        let images = self.tenant.images(&self.request_id);
        let images = self.stages().time(Stage::Find, images.list()).await?;
        let mut passed_over = Vec::new();
        let mut failed: BTreeMap<Position, StoredImage> = BTreeMap::new();
        for images in images.chunks(AT_A_TIME) {
            let contents: Vec<ContentHash> =
                images.iter().map(|it| it.content_hash.clone()).collect();
            let reader = &self.usecase.reader;
            let entries = reader.entries_of(self.tenant.name(), &contents).await?;
            let mut unpublished = Unpublished::among(images.iter().cloned(), &entries);
            failed.append(&mut unpublished.failed);
            let first = self.first_of(unpublished.fresh, &mut passed_over).await?;
            if let Some(report) = first {
                return Ok(report);
            }
        }
        let first = self
            .first_of(failed.into_values(), &mut passed_over)
            .await?;
        Ok(first.unwrap_or(PublicationReport {
            image: None,
            results: Vec::new(),
            dry_run: self.plan.is_dry_run(),
            archived: false,
            warnings: passed_over,
        }))
    }

    /// Publishes the first of these that can be published; `None` if none can.
    async fn first_of(
        &self,
        candidates: impl IntoIterator<Item = StoredImage>,
        passed_over: &mut Vec<String>,
    ) -> Result<Option<PublicationReport>, PublishImageError> {
        for image in candidates {
            if passed_over.len() >= MAX_PASSED_OVER {
                break;
            }
            match self.publish_if_free(&image).await {
                Ok(Some(mut report)) => {
                    report.warnings.append(passed_over);
                    return Ok(Some(report));
                }
                // Somebody else was faster.
                Ok(None)
                | Err(
                    PublishImageError::InProgress
                    | PublishImageError::Replaced
                    | PublishImageError::Storage(ImageStoreError::NotFound),
                ) => {}
                Err(
                    error @ (PublishImageError::Image(_)
                    | PublishImageError::Captions(CaptionsUnavailable::Image(_))
                    | PublishImageError::Storage(ImageStoreError::TooLarge)),
                ) => passed_over.push(format!("{} was passed over: {error}", image.name)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Publishes an image unless the ledger knows more of it by now than that it has failed.
    async fn publish_if_free(
        &self,
        image: &StoredImage,
    ) -> Result<Option<PublicationReport>, PublishImageError> {
        if self.plan.is_dry_run() {
            return self.rehearse(image).await.map(Some);
        }
        let (lease, known) = self.claim(image).await?;
        let is_free = known.values().all(|known| *known == Known::Failed);
        let report = if is_free {
            self.publish_as_holder(&lease, &known, image)
                .await
                .map(Some)
        } else {
            Ok(None)
        };
        lease.release().await;
        report
    }
}
