//! Which images a tenant has.

use super::tenant::Tenant;
use crate::{
    domain::{image::ImageName, request_id::RequestId},
    ports::ImageStoreError,
};

/// One page of a tenant's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePage {
    /// The names on this page, sorted.
    pub names: Vec<ImageName>,
    /// How many images there are in all.
    pub total: usize,
}

/// Lists images.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListImages;

impl ListImages {
    /// The images whose names come after `after`, at most `limit` of them (`None` is all).
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn run(
        &self,
        tenant: &Tenant,
        request_id: &RequestId,
        limit: Option<usize>,
        after: Option<&str>,
    ) -> Result<ImagePage, ImageStoreError> {
        let images = tenant.images(request_id).list().await?;
        let total = images.len();
        let is_later = |name: &ImageName| after.is_none_or(|after| name.as_str() > after);
        let names = images.into_iter().map(|image| image.name).filter(is_later);
        Ok(ImagePage {
            names: names.take(limit.unwrap_or(usize::MAX)).collect(),
            total,
        })
    }
}
