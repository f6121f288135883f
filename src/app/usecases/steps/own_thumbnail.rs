//! Thumbnails that the service makes, of images in storage that makes none.

use std::sync::Arc;

use super::{
    ImageWork,
    loaded_image::{LoadedImage, Replaced},
    stages::Stages,
};
use crate::{
    app::{
        runtime::memory_budget::MemoryBudget,
        tenancy::{
            images::Images,
            storage_call::{StorageCallError, within_limit},
        },
    },
    domain::{image::ImageName, thumbnail::ThumbnailSize},
    ports::{ImageProcessingError, ImageProcessor, ImageStoreError, Thumbnail},
};

/// Makes thumbnails within the memory budget; clones share it.
#[derive(Clone)]
pub struct ThumbnailMaker {
    /// Makes the copies.
    pub scaler: Arc<dyn ImageProcessor>,
    /// The memory for the images that copies are made of.
    pub memory: MemoryBudget,
}

impl ThumbnailMaker {
    /// The one that shares this scaler and this memory.
    #[must_use]
    pub fn of(work: &ImageWork) -> Self {
        Self {
            scaler: Arc::clone(&work.scaler),
            memory: work.capacity.memory.clone(),
        }
    }

    /// The thumbnail of an image, of its bytes.
    pub(in crate::app::usecases) async fn make(
        &self,
        images: Images<'_>,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, StorageCallError> {
        let found = within_limit(images.find(name)).await?;
        let stages = Stages::untimed();
        let image = LoadedImage::load::<StorageCallError>(&self.memory, images, &found, stages);
        let image = image.await?;
        let copy = self.scaler.thumbnail(&image.encoded, size).await?;
        Ok(Thumbnail {
            stored: image.stored,
            jpeg: copy.bytes().clone(),
        })
    }
}

impl From<ImageStoreError> for StorageCallError {
    fn from(error: ImageStoreError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

impl From<ImageProcessingError> for StorageCallError {
    fn from(_: ImageProcessingError) -> Self {
        ImageStoreError::NoThumbnail.into()
    }
}

impl From<Replaced> for StorageCallError {
    fn from(error: Replaced) -> Self {
        ImageStoreError::Unavailable(error.into()).into()
    }
}
