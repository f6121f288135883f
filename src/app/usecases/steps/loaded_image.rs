//! An image in memory, together with its part of the memory budget.

use super::stages::{Stage, Stages};
use crate::{
    app::{
        runtime::memory_budget::{Exhausted, MemoryBudget, MemoryPermit},
        tenancy::images::Images,
    },
    domain::image::{EncodedImage, MAX_IMAGE_BYTES, StoredImage},
    ports::{ImageProcessingError, ImageStoreError},
};

/// An image with its bytes. Dropping it returns its memory to the budget.
pub(in crate::app::usecases) struct LoadedImage {
    /// The image as storage describes it.
    pub(in crate::app::usecases) stored: StoredImage,
    /// The bytes.
    pub(in crate::app::usecases) encoded: EncodedImage,
    _permit: MemoryPermit,
}

/// The content of the image has changed since it was found.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the image was replaced")]
pub struct Replaced;

impl LoadedImage {
    /// Fetches an image that was found, once the memory budget has a part for it.
    pub(in crate::app::usecases) async fn load<E>(
        memory: &MemoryBudget,
        images: Images<'_>,
        found: &StoredImage,
        stages: Stages<'_>,
    ) -> Result<Self, E>
    where
        E: From<Exhausted> + From<Replaced> + From<ImageStoreError> + From<ImageProcessingError>,
    {
        if found.size > MAX_IMAGE_BYTES {
            return Err(ImageStoreError::TooLarge.into());
        }
        if found.size > memory.largest_file() {
            let most_mib = memory.largest_file() / (1024 * 1024);
            return Err(ImageProcessingError::TooMuchMemory { most_mib }.into());
        }
        let permit = memory.acquire(images.tenant.name(), found.size);
        let permit = stages.time(Stage::WaitForRoom, permit).await?;
        let fetched = images.fetch(&found.name);
        let fetched = stages.time(Stage::Fetch, fetched).await?;
        if fetched.stored.content_hash != found.content_hash {
            return Err(Replaced.into());
        }
        Ok(Self {
            encoded: EncodedImage::new(fetched.bytes).map_err(ImageProcessingError::from)?,
            stored: fetched.stored,
            _permit: permit,
        })
    }
}
