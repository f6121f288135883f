//! Selecting a named image: from the root folder, or else from the archive.

use super::publication::Publication;
use crate::{
    domain::{
        idempotency::ChosenImage,
        image::{ImageName, StoredImage},
        publication::PublishStage,
    },
    ports::{Folder, ImageStoreError},
};

impl Publication {
    /// The image of this name in the root folder, or else in the archive, where it is if one platform has taken it and
    /// another has not. The publication is in the folder of the image from then on.
    pub(super) async fn find_where(
        &mut self,
        name: &ImageName,
        is_wanted: impl Fn(&StoredImage) -> bool,
    ) -> Result<Option<StoredImage>, ImageStoreError> {
        for folder in [Folder::Root, Folder::Archive] {
            self.folder = folder;
            let images = self.images();
            match self
                .stages()
                .time(PublishStage::Find, images.find(name))
                .await
            {
                Ok(image) if is_wanted(&image) => return Ok(Some(image)),
                Ok(_) | Err(ImageStoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The image that an earlier attempt may have sent, if it is still where it was, or in the archive.
    pub(super) async fn find_chosen(
        &mut self,
        chosen: &ChosenImage,
    ) -> Result<Option<StoredImage>, ImageStoreError> {
        let is_chosen = |image: &StoredImage| chosen.hashes.contains(&image.content_hash);
        self.find_where(&chosen.name, is_chosen).await
    }
}
