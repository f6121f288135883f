//! Uploading: an image that has arrived as a whole is checked, and then put into the tenant's root folder.

use std::{io, sync::Arc, time::Duration};

use crate::{
    app::{
        runtime::{
            background_tasks::TaskAborted,
            held_lease::Leases,
            memory_budget::{Exhausted, MemoryBudget},
            spool::Spooled,
        },
        tenancy::{images::Images, tenant::Tenant},
    },
    domain::{
        image::{EncodedImage, ImageName},
        request_id::RequestId,
        upload::MAX_SIDE,
        words::words,
    },
    ports::{ImageProcessingError, ImageProcessor, ImageStoreError, LedgerError, PutMode},
};

use super::steps::ImageWork;

/// The part of the memory budget that uploads may take together, in bytes (48 MiB): two of the largest by default.
const MEMORY: u64 = 48 * 1024 * 1024;
/// How long an upload waits for that part. It is on disk meanwhile, and a hundred of them may wait for each other.
const MAX_WAIT: Duration = Duration::from_mins(2);

/// A file that has arrived.
#[derive(Debug)]
pub struct Upload {
    /// The name that it is stored under.
    pub name: ImageName,
    /// The file.
    pub file: Spooled,
    /// Whether it may replace an image of that name.
    pub overwrite: bool,
}

/// An image that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUpload {
    /// Its name.
    pub name: ImageName,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// Why an upload was not stored. Nothing was written, except where storage's answer was lost, and perhaps with
/// [`UploadImageError::Aborted`].
#[derive(Debug, thiserror::Error)]
pub enum UploadImageError {
    /// The file cannot be read as an image.
    #[error(transparent)]
    Image(#[from] ImageProcessingError),
    /// The image is too large.
    #[error("the image has {width} × {height} pixels")]
    TooManyPixels {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// No memory became free in time.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The file that was kept could not be read.
    #[error("the upload could not be read back")]
    Spool(#[from] io::Error),
    /// Another request is working on the image that it would replace.
    #[error("somebody else is working on the image of this name")]
    InProgress,
    /// Storage did not take it.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The ledger, which holds the leases on images, is unavailable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The upload ended without a result.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

words! {
    /// What an upload came to, by its name in the metric.
    pub enum UploadOutcome {
        /// It was stored.
        Stored = "stored",
        /// The form was broken off, or is none.
        Malformed = "malformed",
        /// It is no image that is taken, or not under its name.
        Unsupported = "unsupported",
        /// It has too many bytes.
        TooLarge = "too_large",
        /// The name is taken, or its image is being worked on.
        Conflict = "conflict",
        /// The admin has uploaded too many.
        RateLimited = "rate_limited",
        /// Storage, the ledger, the disk or the memory failed it.
        Failed = "failed",
    }
}

impl UploadOutcome {
    /// Registers all outcomes at 0.
    pub fn register() {
        for outcome in Self::ALL {
            outcome.add(0);
        }
    }

    /// Counts one upload.
    pub fn count(self) {
        self.add(1);
    }

    fn add(self, number: u64) {
        metrics::counter!("publisher_library_uploads_total", "outcome" => self.as_str())
            .increment(number);
    }
}

/// Stores uploads.
#[derive(Clone)]
pub struct UploadImage {
    processor: Arc<dyn ImageProcessor>,
    leases: Leases,
    memory: MemoryBudget,
    uploads: MemoryBudget,
}

impl UploadImage {
    /// A use case that takes its memory from the budget of `work`.
    #[must_use]
    pub fn new(work: &ImageWork) -> Self {
        let memory = work.capacity.memory.clone();
        Self {
            processor: Arc::clone(&work.scaler),
            leases: work.leases.clone(),
            uploads: memory.portion(MEMORY, MAX_WAIT),
            memory,
        }
    }

    /// Checks a file, and stores it with one call. Once that call has begun, a caller who goes away does not stop it.
    ///
    /// The sidecar of an image that is replaced stays: it names the content that it is of, and so is not used for
    /// another.
    ///
    /// # Errors
    /// [`UploadImageError`].
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        upload: Upload,
        request_id: RequestId,
    ) -> Result<StoredUpload, UploadImageError> {
        let Upload {
            name,
            file,
            overwrite,
        } = upload;
        let stored = StoredUpload {
            name,
            size: file.length(),
            sha256: file.sha256().to_owned(),
        };
        if stored.size > self.memory.largest_file() {
            let most_mib = self.memory.largest_file() / (1024 * 1024);
            return Err(ImageProcessingError::TooMuchMemory { most_mib }.into());
        }
        let permits = (
            self.uploads.acquire(tenant.name(), stored.size).await?,
            self.memory.acquire(tenant.name(), stored.size).await?,
        );
        let image = EncodedImage::new(file.read().await?).map_err(ImageProcessingError::from)?;
        let (width, height) = self.processor.sides(&image).await?;
        if width.max(height) > MAX_SIDE {
            return Err(UploadImageError::TooManyPixels { width, height });
        }
        let (usecase, name) = (self.clone(), stored.name.clone());
        let work = async move {
            let _permits = permits;
            let images = tenant.images(&request_id);
            if overwrite {
                usecase.replace(images, &name, &image).await?;
            } else {
                images.put(&name, &image, PutMode::New).await?;
            }
            let bytes = image.bytes().len();
            tracing::info!(tenant = %tenant.name(), bytes, overwrite, "image uploaded");
            Ok::<_, UploadImageError>(())
        };
        self.leases.tasks.run_to_completion(work).await??;
        Ok(stored)
    }

    /// Replaces an image, under its lease: one that is being published is archived by its name.
    async fn replace(
        &self,
        images: Images<'_>,
        name: &ImageName,
        image: &EncodedImage,
    ) -> Result<(), UploadImageError> {
        let found = match images.find(name).await {
            Err(ImageStoreError::NotFound) => {
                return Ok(images.put(name, image, PutMode::New).await?);
            }
            found => found?,
        };
        let tenant = images.tenant.name().clone();
        let claimed = self.leases.claim(tenant, found.content_hash, &[]);
        let (lease, _) = claimed.await?.ok_or(UploadImageError::InProgress)?;
        let put = images.put(name, image, PutMode::Replace).await;
        lease.release().await;
        Ok(put?)
    }
}

#[cfg(test)]
mod tests;
