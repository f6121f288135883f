//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use super::publication::Publication;
use crate::{
    app::usecases::{
        caption_file::CaptionFile, captioning::Captions, loaded_image::LoadedImage, stages::Stage,
    },
    domain::image::ImageName,
    ports::{Folder, ImageStoreError, Moved},
};

impl Publication {
    /// Writes the caption file, or updates it.
    pub(super) async fn write_sidecar(
        &self,
        image: &LoadedImage,
        captions: &Captions,
    ) -> Result<(), ImageStoreError> {
        let file = CaptionFile {
            tenant: &self.tenant,
            request_id: &self.request_id,
            name: &image.stored.name,
        };
        let written = file.write(&*self.usecase.clock, image, captions);
        self.stages().time(Stage::Sidecar, written).await
    }

    /// Moves the image and its caption file to the archive.
    pub(super) async fn archive(&self, image: &ImageName) -> Result<Moved, ImageStoreError> {
        let images = self.tenant.images(&self.request_id);
        let moved = images.move_to(image, Folder::Archive);
        self.stages().time(Stage::Archive, moved).await
    }
}
