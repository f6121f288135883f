//! Where the image of a publication is: in the root folder, or, if it is named, in the archive.

use super::publication::Publication;
use crate::{
    app::usecases::stages::Stage,
    domain::{
        idempotency::ChosenImage,
        image::{ImageName, StoredImage},
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

    /// The image that an earlier try may have sent, if it is still where it was, or in the archive.
    pub(super) async fn find_chosen(
        &mut self,
        chosen: &ChosenImage,
    ) -> Result<Option<StoredImage>, ImageStoreError> {
        let is_chosen = |image: &StoredImage| image.content_hash == chosen.content_hash;
        self.find_where(&chosen.name, is_chosen).await
    }
}
