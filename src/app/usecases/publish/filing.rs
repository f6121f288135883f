//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use super::publication::Publication;
use crate::{
    app::usecases::{
        caption_file::{CaptionFile, OpenFile},
        captioning::Captions,
        error_chain::ErrorChain,
        loaded_image::LoadedImage,
        stages::Stage,
    },
    domain::{
        image::{ImageName, StoredImage},
        publication::PlatformResult,
    },
    ports::{Folder, ImageStoreError, Moved},
};

impl Publication {
    /// The caption file of an image.
    pub(super) fn caption_file<'a>(&'a self, name: &'a ImageName) -> CaptionFile<'a> {
        CaptionFile {
            tenant: &self.tenant,
            request_id: &self.request_id,
            name,
        }
    }

    /// Writes the caption file, or updates it, once it is known what is in it.
    pub(super) async fn write_sidecar(
        &self,
        opened: Result<OpenFile, ImageStoreError>,
        image: &LoadedImage,
        captions: &Captions,
    ) -> Result<(), ImageStoreError> {
        let file = self.caption_file(&image.stored.name);
        let written = file.write(opened?, &*self.usecase.clock, image, captions);
        self.stages().time(Stage::Sidecar, written).await
    }

    /// Archives an image that a platform has, where that is wanted: whether it is in the archive now,
    /// and what went wrong.
    pub(super) async fn archive_if_taken(
        &self,
        image: &StoredImage,
        results: &[PlatformResult],
    ) -> (bool, Option<String>) {
        let taken = results.iter().any(|result| result.outcome.is_success());
        if !(taken && self.plan.archives()) {
            return (false, None);
        }
        match self.archive(image).await.map(|moved| moved.sidecar) {
            Ok(Ok(())) => (true, None),
            Ok(Err(error)) => {
                let what = "the caption file could not be archived";
                (true, Some(self.filing_failed(what, &error)))
            }
            Err(error) => {
                let what = "the image could not be archived";
                (false, Some(self.filing_failed(what, &error)))
            }
        }
    }

    /// Says in the log, and for the report, what has not been done.
    pub(super) fn filing_failed(&self, what: &str, error: &ImageStoreError) -> String {
        tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    /// Moves the image and its caption file to the archive.
    async fn archive(&self, image: &StoredImage) -> Result<Moved, ImageStoreError> {
        let images = self.tenant.images(&self.request_id);
        let moved = images.move_to(image, Folder::Archive);
        self.stages().time(Stage::Archive, moved).await
    }
}
