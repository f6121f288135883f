//! Sorting an image by hand: it moves to a folder, or is deleted, together with its sidecar.
//!
//! Whoever does so holds the image's lease meanwhile: an image that is being published stays where
//! it is.

use std::sync::Arc;

use super::{held_lease::HeldLease, sidecar::ImageSidecar};
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::tenant::Tenant,
        usecases::background_tasks::{BackgroundTasks, TaskAborted},
    },
    domain::{
        curation::Curation,
        image::{ImageName, StoredImage},
        request_id::RequestId,
        tenant_config::StoragePath,
    },
    ports::{Folder, ImageStoreError, Ledger, LedgerError, Moved},
};

/// What was done with an image, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurationReport {
    /// The image.
    pub image: ImageName,
    /// What was done.
    pub curation: Curation,
    /// The folder that it moves to; `None` if it is deleted.
    pub destination: Option<StoragePath>,
    /// The name that it has there, once it is there.
    pub new_name: Option<String>,
    /// Nothing was moved or deleted.
    pub preview_only: bool,
    /// What went wrong after the image had moved (its sidecar), for people.
    pub warnings: Vec<String>,
}

/// Why there is no report. But for [`CurateImageError::Aborted`], and storage that cannot tell, the
/// image is where it was.
#[derive(Debug, thiserror::Error)]
pub enum CurateImageError {
    /// The tenant's config does not allow it.
    #[error("this is off for the tenant")]
    Off(Curation),
    /// Somebody else is working on the image right now.
    #[error("somebody else is working on this image")]
    InProgress,
    /// Storage did not do it.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The ledger, which knows who is working on the image, cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It ended without a report.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// Sorts images.
#[derive(Clone)]
pub struct CurateImage {
    ledger: Arc<dyn Ledger>,
    tasks: BackgroundTasks,
}

impl CurateImage {
    /// Sorts images that nobody else, as `ledger` knows, is working on; on `tasks`.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, tasks: BackgroundTasks) -> Self {
        Self { ledger, tasks }
    }

    /// Does this with an image; or, for a preview and for a tenant whose content settings say
    /// `debug`, only tells what would be done. A caller that goes away does not stop it between the
    /// image and its sidecar.
    ///
    /// # Errors
    /// [`CurateImageError`].
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        name: ImageName,
        curation: Curation,
        preview_only: bool,
        request_id: RequestId,
    ) -> Result<CurationReport, CurateImageError> {
        let settings = tenant.settings();
        if !curation.is_allowed_by(settings.features) {
            return Err(CurateImageError::Off(curation));
        }
        let preview_only = preview_only || settings.content.debug;
        let work = CurationWork {
            usecase: self.clone(),
            tenant,
            curation,
            request_id,
        };
        let work = async move { work.run(&name, preview_only).await };
        self.tasks.run_to_completion(work).await?
    }
}

/// One curation under way.
struct CurationWork {
    usecase: CurateImage,
    tenant: Arc<Tenant>,
    curation: Curation,
    request_id: RequestId,
}

impl CurationWork {
    async fn run(
        &self,
        name: &ImageName,
        preview_only: bool,
    ) -> Result<CurationReport, CurateImageError> {
        let found = self.tenant.images(&self.request_id).find(name).await?;
        let paths = &self.tenant.settings().storage.paths;
        let mut report = CurationReport {
            image: found.name.clone(),
            curation: self.curation,
            destination: self.curation.destination(paths).cloned(),
            new_name: None,
            preview_only,
            warnings: Vec::new(),
        };
        if preview_only {
            return Ok(report);
        }
        let tenant = self.tenant.name().clone();
        let CurateImage { ledger, tasks } = &self.usecase;
        let lease = HeldLease::take(ledger, tasks, tenant, found.content_hash.clone()).await?;
        let lease = lease.ok_or(CurateImageError::InProgress)?;
        let done = self.run_as_holder(&found, &mut report).await;
        lease.release().await;
        done?;
        tracing::info!(
            tenant = %self.tenant.name(),
            action = self.curation.as_str(),
            "image curated"
        );
        Ok(report)
    }

    async fn run_as_holder(
        &self,
        found: &StoredImage,
        report: &mut CurationReport,
    ) -> Result<(), ImageStoreError> {
        let images = self.tenant.images(&self.request_id);
        let file = ImageSidecar {
            images: self.tenant.images(&self.request_id),
            image: found,
        };
        let sidecars = file.find(None).await?.ours();
        let folder = match self.curation {
            Curation::Keep => Folder::Keep,
            Curation::Remove => Folder::Remove,
            Curation::Delete => return images.delete(&found.name, &sidecars).await,
        };
        let Moved { name, sidecar } = images.move_to(found, &sidecars, folder).await?;
        report.new_name = Some(name);
        if let Err(error) = sidecar {
            let what = "the caption file could not be moved";
            tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(&error), "{what}");
            report.warnings.push(format!("{what}: {error}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
