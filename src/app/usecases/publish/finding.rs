//! Where the image of a publication is: in the root folder, or, if it is named, in the archive; and
//! what is told of one that is in neither.

use super::{
    PublishImageError,
    publication::{Publication, not_sent, unknown_before},
};
use crate::{
    app::{tenancy::images::Images, usecases::stages::Stage},
    domain::{
        idempotency::ChosenImage,
        image::{ImageName, StoredImage},
        ledger::{Entry, EntryState},
        platform::Platform,
        publication::{Failure, FailureReason, Outcome, PostId, PublicationReport},
    },
    ports::{Folder, ImageStoreError},
};

impl Publication {
    /// The image of this name, from the root folder; or else, as one that a platform has taken and another
    /// has not, from the archive. From then on, the publication is about the folder that it was found in.
    pub(super) async fn find_where(
        &mut self,
        name: &ImageName,
        is_wanted: impl Fn(&StoredImage) -> bool,
    ) -> Result<Option<StoredImage>, ImageStoreError> {
        for folder in [None, Some(Folder::Archive)] {
            self.folder = folder;
            match self
                .stages()
                .time(Stage::Find, self.images().find(name))
                .await
            {
                Ok(image) if is_wanted(&image) => return Ok(Some(image)),
                Ok(_) | Err(ImageStoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The images in the folder that the publication is about.
    pub(super) fn images(&self) -> Images<'_> {
        let images = self.tenant.images(&self.request_id);
        images.in_folder(self.folder)
    }

    /// The image has been archived before, and stays where it is.
    pub(super) fn is_from_archive(&self) -> bool {
        self.folder == Some(Folder::Archive)
    }

    /// Ends a request whose process has ended before it: publishes what is missing, or, when the
    /// image has left its place, tells what the ledger knows of it.
    pub(super) async fn resume(
        &mut self,
        chosen: &ChosenImage,
    ) -> Result<PublicationReport, PublishImageError> {
        let is_chosen = |image: &StoredImage| image.content_hash == chosen.content_hash;
        if let Some(image) = self.find_where(&chosen.name, is_chosen).await? {
            return self.publish_found(&image).await;
        }
        let contents = std::slice::from_ref(&chosen.content_hash);
        let entries = self.usecase.reader.entries_of(self.tenant.name(), contents);
        self.recollect(chosen, &entries.await?)
    }

    fn recollect(
        &self,
        chosen: &ChosenImage,
        entries: &[Entry],
    ) -> Result<PublicationReport, PublishImageError> {
        let result = |platform: &Platform| {
            let mut entries = entries.iter();
            let entry = entries.find(|entry| entry.platform == Some(*platform))?;
            let outcome = match (entry.state, &entry.post_id) {
                (EntryState::Published, Some(id)) => Outcome::AlreadyPublished(id.clone()),
                (EntryState::Published, None) => Outcome::AlreadyPublished(PostId::new("")),
                (EntryState::Failed, _) => Outcome::Failed(Failure::new(
                    entry.reason.unwrap_or(FailureReason::Unavailable),
                    entry.error.clone().unwrap_or_default(),
                )),
                // Nothing was sent of an image that was passed over, to no platform.
                (EntryState::Skipped, _) => return None,
                (EntryState::Unknown | EntryState::InProgress, _) => unknown_before(*platform),
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
}
