//! Small copies of images, for those who do not have them yet.

use std::sync::Arc;

use super::{listings::Listings, tenant::Tenant};
use crate::{
    domain::{
        image::{ContentHash, ImageName},
        request_id::RequestId,
        thumbnail::ThumbnailSize,
    },
    ports::{ImageStoreError, Thumbnail},
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
    listings: Arc<Listings>,
}

impl FetchThumbnail {
    /// Looks into `listings` for what images hold.
    #[must_use]
    pub fn new(listings: Arc<Listings>) -> Self {
        Self { listings }
    }

    /// The thumbnail of an image, unless the caller holds it.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn run(
        &self,
        tenant: &Tenant,
        request_id: &RequestId,
        name: &ImageName,
        size: ThumbnailSize,
        held: &Held,
    ) -> Result<ThumbnailAnswer, ImageStoreError> {
        if *held != Held::Nothing {
            let hash = self.hash_of(tenant, request_id, name).await?;
            if held.holds(&hash) {
                return Ok(ThumbnailAnswer::Unchanged(hash));
            }
        }
        let made = tenant.images(request_id).thumbnail(name, size).await?;
        Ok(ThumbnailAnswer::New(made))
    }

    /// The hash of an image's content: as it was listed a moment ago, or else as it is.
    async fn hash_of(
        &self,
        tenant: &Tenant,
        request_id: &RequestId,
        name: &ImageName,
    ) -> Result<ContentHash, ImageStoreError> {
        let listing = self.listings.kept_of(tenant);
        if let Some(listed) = listing.as_ref().and_then(|listing| listing.find(name)) {
            return Ok(listed.content_hash.clone());
        }
        let found = tenant.images(request_id).find(name).await?;
        Ok(found.content_hash)
    }
}

#[cfg(test)]
mod tests;
