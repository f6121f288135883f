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

/// An image with its bytes. Its memory is given back to the budget when it is dropped.
pub(super) struct LoadedImage {
    /// What storage says of it.
    pub(super) stored: StoredImage,
    /// Its bytes.
    pub(super) encoded: EncodedImage,
    _permit: MemoryPermit,
}

/// Why an image that was found is not here.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The memory budget was exhausted.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// It is another one by now.
    #[error("the image was replaced")]
    Replaced,
    /// Storage did not give it, or it is too large.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// It is no image.
    #[error(transparent)]
    NoImage(#[from] ImageProcessingError),
}

impl LoadedImage {
    /// Fetches an image that was found, once the memory budget has a part for it.
    pub(super) async fn load(
        memory: &MemoryBudget,
        images: Images<'_>,
        found: &StoredImage,
        stages: Stages<'_>,
    ) -> Result<Self, LoadError> {
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
            return Err(LoadError::Replaced);
        }
        Ok(Self {
            encoded: EncodedImage::new(fetched.bytes).map_err(ImageProcessingError::from)?,
            stored: fetched.stored,
            _permit: permit,
        })
    }
}
