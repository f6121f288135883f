//! An image in memory, together with its part of the memory budget.

use tokio::sync::OnceCell;

use super::stages::Stages;
use crate::{
    app::{
        runtime::memory_budget::{Exhausted, MemoryBudget, MemoryPermit},
        tenancy::images::Images,
    },
    domain::{
        image::{EncodedImage, MAX_IMAGE_BYTES, StoredImage},
        publication::PublishStage,
        tenant_config::ContentSettings,
    },
    ports::{ImageProcessingError, ImageProcessor, ImageStoreError},
};

/// An image with its bytes. Dropping it returns its memory to the budget.
pub(in crate::app::usecases) struct LoadedImage {
    /// The image as storage describes it.
    pub(in crate::app::usecases) stored: StoredImage,
    /// The bytes; those of the stored file before [`LoadedImage::for_sending`].
    pub(in crate::app::usecases) encoded: EncodedImage,
    /// The SHA-256 of the stored file, once it is known.
    sha256: OnceCell<String>,
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
        let permit = stages.time(PublishStage::WaitForRoom, permit).await?;
        let fetched = images.fetch(&found.name);
        let fetched = stages.time(PublishStage::Fetch, fetched).await?;
        if fetched.stored.content_hash != found.content_hash {
            return Err(Replaced.into());
        }
        Ok(Self {
            encoded: EncodedImage::new(fetched.bytes).map_err(ImageProcessingError::from)?,
            stored: fetched.stored,
            sha256: OnceCell::new(),
            _permit: permit,
        })
    }

    /// The image as it may be sent: without metadata, unless the tenant's config keeps it. The bytes of the stored file
    /// are not kept beside it, so that the image takes no more of the memory budget than its file.
    pub(in crate::app::usecases) async fn for_sending<E>(
        mut self,
        processor: &dyn ImageProcessor,
        settings: &ContentSettings,
    ) -> Result<Self, E>
    where
        E: From<ImageStoreError> + From<ImageProcessingError>,
    {
        if settings.strip_metadata {
            // The sidecar has the hash of the stored file. It comes first: while it is computed, the stored file's bytes
            // stay, and those that take their place are not part of the budget.
            self.sha256().await?;
            self.encoded = processor.strip_metadata(&self.encoded).await?;
        }
        Ok(self)
    }

    /// The SHA-256 of the stored file, in hex.
    ///
    /// # Errors
    /// [`ImageStoreError::Unavailable`]: the task that computes it did not end.
    pub(in crate::app::usecases) async fn sha256(&self) -> Result<&str, ImageStoreError> {
        // The hash of 50 MB takes a good part of a second: too long for an async thread.
        let compute = || {
            let encoded = self.encoded.clone();
            tokio::task::spawn_blocking(move || encoded.sha256())
        };
        let sha256 = self.sha256.get_or_try_init(compute).await;
        let sha256 = sha256.map_err(|error| ImageStoreError::Unavailable(error.into()))?;
        Ok(sha256)
    }
}
