//! Archiving: an image that a platform has is moved to the archive, with its sidecar.

use super::publication::Publication;
use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::{image::StoredImage, publication::PublishStage, sidecar::SidecarName},
    ports::{Folder, IfTaken, ImageStoreError, Moved},
};

impl Publication {
    /// Archives an image if `is_published` and the tenant's config says so, with these sidecars, or those that are
    /// found. Returns whether the image is in the archive now, and a warning for people.
    pub(super) async fn archive_if(
        &self,
        is_published: bool,
        image: &StoredImage,
        sidecars: Option<Vec<SidecarName>>,
    ) -> (bool, Option<String>) {
        if self.is_from_archive() {
            return (true, None);
        }
        if !(is_published && self.plan.archives()) {
            return (false, None);
        }
        let (archived, what, error) = match self.archive(image, sidecars).await {
            Ok(Moved {
                sidecar: Ok(()), ..
            }) => return (true, None),
            Ok(Moved {
                sidecar: Err(error),
                ..
            }) => (true, "the sidecar could not be archived", error),
            Err(error) => (false, "the image could not be archived", error),
        };
        tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(&error), "{what}");
        (archived, Some(format!("{what}: {error}")))
    }

    /// Moves the image and its sidecar to the archive.
    async fn archive(
        &self,
        image: &StoredImage,
        sidecars: Option<Vec<SidecarName>>,
    ) -> Result<Moved, ImageStoreError> {
        let sidecars = match sidecars {
            Some(sidecars) => sidecars,
            None => self.sidecar(image).find(None).await?.ours(),
        };
        let images = self.images();
        let moved = images.move_to(image, &sidecars, Folder::Archive, IfTaken::Rename);
        self.stages().time(PublishStage::Archive, moved).await
    }
}
