//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use super::publication::Publication;
use crate::{
    app::usecases::{
        caption_file::{CaptionFile, OpenFile},
        captioning::Captions,
        loaded_image::LoadedImage,
        stages::Stage,
    },
    domain::image::{ImageName, StoredImage},
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

    /// Moves the image and its caption file to the archive.
    pub(super) async fn archive(&self, image: &StoredImage) -> Result<Moved, ImageStoreError> {
        let images = self.tenant.images(&self.request_id);
        let moved = images.move_to(image, Folder::Archive);
        self.stages().time(Stage::Archive, moved).await
    }
}
