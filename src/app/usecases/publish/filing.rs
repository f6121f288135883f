//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use super::publication::Publication;
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        usecases::{
            caption_file::{CaptionFile, Occasion, OpenFile, Written},
            captioning::Captions,
            stages::Stage,
        },
    },
    domain::{
        image::StoredImage, platform::Platform, publication::PlatformResult, sidecar::SidecarName,
    },
    ports::{Folder, ImageStoreError, Moved},
};

impl Publication {
    /// The caption file of an image.
    pub(super) fn caption_file<'a>(&'a self, image: &'a StoredImage) -> CaptionFile<'a> {
        CaptionFile {
            images: self.images(),
            image,
        }
    }

    /// Writes the caption file, or updates it, once it is known what is in it, and to which platforms the captions
    /// were sent.
    pub(super) async fn write_sidecar(
        &self,
        opened: Result<OpenFile, ImageStoreError>,
        image: &StoredImage,
        captions: &Captions,
        sent_to: &[Platform],
    ) -> Written {
        let file = self.caption_file(image);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                return Written {
                    warning: Some(file.failed(&error)),
                    ..Written::default()
                };
            }
        };
        let clock = &*self.usecase.clock;
        let written = file.write(opened, clock, captions, Occasion::Publication(sent_to));
        self.stages().time(Stage::Sidecar, written).await
    }

    /// Archives an image that a platform has, where that is wanted, with these caption files, or those
    /// that are found: whether it is in the archive now,
    /// and what went wrong.
    pub(super) async fn archive_if_taken(
        &self,
        image: &StoredImage,
        sidecars: Option<Vec<SidecarName>>,
        results: &[PlatformResult],
    ) -> (bool, Option<String>) {
        if self.is_from_archive() {
            return (true, None);
        }
        let taken = results.iter().any(|result| result.outcome.is_success());
        if !(taken && self.plan.archives()) {
            return (false, None);
        }
        match self
            .archive(image, sidecars)
            .await
            .map(|moved| moved.sidecar)
        {
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
    async fn archive(
        &self,
        image: &StoredImage,
        sidecars: Option<Vec<SidecarName>>,
    ) -> Result<Moved, ImageStoreError> {
        let sidecars = match sidecars {
            Some(sidecars) => sidecars,
            None => self.caption_file(image).find(None).await?.ours(),
        };
        let images = self.images();
        let moved = images.move_to(image, &sidecars, Folder::Archive);
        self.stages().time(Stage::Archive, moved).await
    }
}
