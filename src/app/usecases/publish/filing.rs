//! What becomes of an image once the platforms have been served: its sidecar is written,
//! and both go to the archive.

use super::publication::Publication;
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        usecases::{
            captioning::Captions,
            loaded_image::LoadedImage,
            sidecar::{ImageSidecar, Occasion, OpenSidecar, Written},
            stages::Stage,
        },
    },
    domain::{image::StoredImage, platform::Platform, sidecar::SidecarName},
    ports::{Folder, ImageStoreError, Moved},
};

impl Publication {
    /// The sidecar of an image.
    pub(super) fn sidecar<'a>(&'a self, image: &'a StoredImage) -> ImageSidecar<'a> {
        ImageSidecar {
            images: self.images(),
            image,
        }
    }

    /// Writes the sidecar, or updates it, when all platforms are `served`: that a caption was sent is in it.
    /// Its present content is read meanwhile, unless it is `opened` already.
    pub(super) async fn write_sidecar(
        &self,
        opened: Option<OpenSidecar>,
        image: &LoadedImage,
        captions: &Captions,
        sent_to: &[Platform],
        served: impl Future<Output = ()>,
    ) -> Written {
        let file = self.sidecar(&image.stored);
        let opened = match opened {
            Some(opened) => Ok(opened),
            None => file.open(image).await,
        };
        served.await;
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

    /// Archives an image that a platform has, where that is wanted, with these sidecars, or those that are
    /// found: whether it is in the archive now, and a warning for people.
    pub(super) async fn archive_if(
        &self,
        is_published: bool,
        image: &StoredImage,
        sidecars: Option<Vec<SidecarName>>,
    ) -> (bool, Option<String>) {
        if self.is_from_archive() {
            return (true, None);
        }
        if !(is_published && self.plan.archives()) {
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
    fn filing_failed(&self, what: &str, error: &ImageStoreError) -> String {
        tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    /// Moves the image and its sidecar to the archive.
    async fn archive(
        &self,
        image: &StoredImage,
        sidecars: Option<Vec<SidecarName>>,
    ) -> Result<Moved, ImageStoreError> {
        let sidecars = match sidecars {
            Some(sidecars) => sidecars,
            None => self.sidecar(image).find(None).await?.ours(),
        };
        let images = self.images();
        let moved = images.move_to(image, &sidecars, Folder::Archive);
        self.stages().time(Stage::Archive, moved).await
    }
}
