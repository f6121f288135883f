//! Small copies of images, for those who do not have them yet.

use std::sync::Arc;

use super::{looks::LookError, thumbnails::Thumbnails};
use crate::{
    app::tenancy::tenant::Tenant,
    domain::{
        image::{ContentHash, ImageName},
        request_id::RequestId,
        thumbnail::ThumbnailSize,
    },
    ports::Thumbnail,
};

/// Of which contents the caller has the thumbnail, in the size that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Of none that we know.
    Nothing,
    /// Of whatever there is.
    Anything,
    /// Of these.
    These(Vec<ContentHash>),
}

impl Held {
    fn holds(&self, hash: &ContentHash) -> bool {
        match self {
            Self::Nothing => false,
            Self::Anything => true,
            Self::These(hashes) => hashes.contains(hash),
        }
    }
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThumbnailAnswer {
    /// The thumbnail.
    New(Thumbnail),
    /// It has the thumbnail of this content, and that is still the image's.
    Unchanged(ContentHash),
}

/// Fetches thumbnails.
#[derive(Clone)]
pub struct FetchThumbnail {
    thumbnails: Arc<Thumbnails>,
}

impl FetchThumbnail {
    /// Fetches those that `thumbnails` has or gets.
    #[must_use]
    pub fn new(thumbnails: Arc<Thumbnails>) -> Self {
        Self { thumbnails }
    }

    /// The thumbnail of an image, unless the caller holds it.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        name: &ImageName,
        size: ThumbnailSize,
        held: &Held,
    ) -> Result<ThumbnailAnswer, LookError> {
        if *held != Held::Nothing {
            let hash = self.thumbnails.hash_of(tenant, request_id, name).await?;
            if held.holds(&hash) {
                return Ok(ThumbnailAnswer::Unchanged(hash));
            }
        }
        let made = self.thumbnails.of(tenant, request_id, name, size).await?;
        Ok(ThumbnailAnswer::New(made))
    }
}

#[cfg(test)]
mod tests;
