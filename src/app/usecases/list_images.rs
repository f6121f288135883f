//! Listing a tenant's images.

use std::sync::Arc;

use crate::{
    app::tenancy::{listing_cache::ListingCache, storage_call::StorageCallError, tenant::Tenant},
    domain::request_id::RequestId,
};

/// One page of a tenant's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePage {
    /// The names on this page, sorted.
    pub names: Vec<String>,
    /// The number of all images.
    pub total: usize,
}

/// Lists images.
#[derive(Clone)]
pub struct ListImages {
    listings: Arc<ListingCache>,
}

impl ListImages {
    /// A use case that reads `listings`.
    #[must_use]
    pub fn new(listings: Arc<ListingCache>) -> Self {
        Self { listings }
    }

    /// The images whose names come after `after`, at most `limit` of them.
    ///
    /// # Errors
    /// [`StorageCallError`].
    pub async fn run(
        &self,
        tenant: &Arc<Tenant>,
        request_id: &RequestId,
        limit: usize,
        after: Option<&str>,
    ) -> Result<ImagePage, StorageCallError> {
        let listing = self.listings.get(tenant, request_id).await?;
        let page = listing.after(after.unwrap_or_default()).take(limit);
        Ok(ImagePage {
            names: page.map(|image| image.name().to_owned()).collect(),
            total: listing.len(),
        })
    }
}
