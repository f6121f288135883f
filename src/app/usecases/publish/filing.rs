//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use super::publication::Publication;
use crate::{
    app::usecases::{caption_file::CaptionFile, captioning::Captions},
    domain::image::{EncodedImage, ImageName},
    ports::{FetchedImage, Folder, ImageStoreError},
};

impl Publication {
    /// Writes the caption file, or updates it: keys that are there and not ours stay.
    pub(super) async fn write_sidecar(
        &self,
        fetched: &FetchedImage,
        image: &EncodedImage,
        captions: &Captions,
    ) -> Result<(), ImageStoreError> {
        let file = CaptionFile {
            tenant: &self.tenant,
            request_id: &self.request_id,
            name: &fetched.stored.name,
        };
        file.write(&*self.usecase.clock, fetched, image, captions)
            .await
    }

    /// Moves the image and its caption file to the archive.
    pub(super) async fn archive(&self, image: &ImageName) -> Result<(), ImageStoreError> {
        self.tenant
            .images(&self.request_id)
            .move_to(image, Folder::Archive)
            .await
    }
}
