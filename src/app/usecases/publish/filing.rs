//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use super::{Captions, Publication};
use crate::{
    app::usecases::caption_file::CaptionFile,
    domain::image::EncodedImage,
    ports::{FetchedImage, Folder, ImageStoreError},
};

impl Publication {
    /// Writes the caption file, or updates it.
    pub(super) async fn write_sidecar(
        &self,
        fetched: &FetchedImage,
        image: &EncodedImage,
        captions: &Captions,
    ) -> Result<(), ImageStoreError> {
        let file = CaptionFile {
            tenant: &self.tenant,
            request_id: &self.request_id,
            name: &self.name,
        };
        file.write(&*self.usecase.clock, fetched, image, captions)
            .await
    }

    /// Moves the image and its caption file to the archive.
    pub(super) async fn archive(&self) -> Result<(), ImageStoreError> {
        let moved = self
            .tenant
            .images(&self.request_id)
            .move_to(&self.name, Folder::Archive)
            .await?;
        moved.sidecar
    }
}
