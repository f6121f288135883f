//! Curation: an image is moved to a folder, or deleted, together with its sidecar.
//!
//! The request holds the lease on the image: an image that is being published stays where it is.

use std::sync::Arc;

use super::steps::sidecar::ImageSidecar;
use crate::{
    app::{
        runtime::{background_tasks::TaskAborted, error_chain::ErrorChain, held_lease::Leases},
        tenancy::{images::Images, tenant::Tenant},
    },
    domain::{
        curation::Curation,
        image::{ImageName, StoredImage},
        request_id::RequestId,
        tenant_config::StoragePath,
    },
    ports::{Folder, IfTaken, ImageStoreError, LedgerError, Moved},
};

/// The result of a curation, or of its preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurationReport {
    /// The image.
    pub image: ImageName,
    /// What was done.
    pub curation: Curation,
    /// The folder that the image moves to; `None` if it is deleted.
    pub destination: Option<StoragePath>,
    /// The name of the image in that folder; `None` in a preview.
    pub new_name: Option<String>,
    /// Whether a sidecar went along.
    pub with_sidecar: bool,
    /// Nothing was moved or deleted.
    pub preview_only: bool,
    /// Warnings for people: failures after the image has moved (of its sidecar).
    pub warnings: Vec<String>,
}

/// The result of moving an image to another folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relocation {
    /// Whether it was moved.
    pub is_done: bool,
    /// Warnings for people: failures after the image has moved (of its sidecar).
    pub warnings: Vec<String>,
}

/// Why there is no report. Except for [`CurateImageError::Aborted`], and a storage whose answer was lost, the image
/// is where it was.
#[derive(Debug, thiserror::Error)]
pub enum CurateImageError {
    /// The tenant's config does not allow it.
    #[error("this is off for the tenant")]
    Off(Curation),
    /// Another request is working on the image.
    #[error("somebody else is working on this image")]
    InProgress,
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The ledger, which holds the leases on images, is unavailable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The curation ended without a report.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// Curates images.
#[derive(Clone)]
pub struct CurateImage(Leases);

impl CurateImage {
    /// A use case that works under `leases`.
    #[must_use]
    pub fn new(leases: Leases) -> Self {
        Self(leases)
    }

    /// Curates an image. For a preview, and for a tenant whose content settings have `debug`, only reports what would
    /// be done. A caller that goes away does not stop it between the image and its sidecar.
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
        let usecase = self.clone();
        let work = async move {
            let images = tenant.images(&request_id);
            usecase.curate(images, &name, curation, preview_only).await
        };
        self.0.tasks.run_to_completion(work).await?
    }

    /// Moves an image, with its sidecar, from one folder to another under its own name, whichever way. For a tenant
    /// whose content settings have `debug`, only checks that the image is there. A caller that goes away does not stop
    /// it between the image and its sidecar.
    ///
    /// # Errors
    /// [`CurateImageError`]; [`ImageStoreError::NameTaken`] where the other folder has a file of that name.
    pub async fn relocate(
        &self,
        tenant: Arc<Tenant>,
        name: ImageName,
        from: Folder,
        to: Folder,
        request_id: RequestId,
    ) -> Result<Relocation, CurateImageError> {
        let leases = self.0.clone();
        let work = async move {
            let images = tenant.images(&request_id).in_folder(from);
            let found = images.find(&name).await?;
            if tenant.settings().content.debug {
                return Ok(Relocation::default());
            }
            let claimed = leases.claim(tenant.name().clone(), found.content_hash.clone(), &[]);
            let (lease, _) = claimed.await?.ok_or(CurateImageError::InProgress)?;
            let moved = relocate_held(images, &found, to).await;
            lease.release().await;
            let warnings = left_behind(images, moved?.sidecar);
            tracing::info!(tenant = %tenant.name(), action = "move", ?from, ?to, "image moved");
            Ok(Relocation {
                is_done: true,
                warnings: warnings.into_iter().collect(),
            })
        };
        self.0.tasks.run_to_completion(work).await?
    }

    async fn curate(
        &self,
        images: Images<'_>,
        name: &ImageName,
        curation: Curation,
        preview_only: bool,
    ) -> Result<CurationReport, CurateImageError> {
        let found = images.find(name).await?;
        let paths = &images.tenant.settings().storage.paths;
        let mut report = CurationReport {
            image: found.name.clone(),
            curation,
            destination: curation.destination(paths).cloned(),
            new_name: None,
            with_sidecar: false,
            preview_only,
            warnings: Vec::new(),
        };
        if preview_only {
            return Ok(report);
        }
        let tenant = images.tenant.name();
        let claimed = self
            .0
            .claim(tenant.clone(), found.content_hash.clone(), &[]);
        let (lease, _) = claimed.await?.ok_or(CurateImageError::InProgress)?;
        let done = curate_held(images, &found, &mut report).await;
        lease.release().await;
        done?;
        tracing::info!(%tenant, action = curation.as_str(), "image curated");
        Ok(report)
    }
}

/// Curates an image under its lease.
async fn curate_held(
    images: Images<'_>,
    image: &StoredImage,
    report: &mut CurationReport,
) -> Result<(), ImageStoreError> {
    let sidecars = ImageSidecar { images, image }.find(None).await?.ours();
    let folder = match report.curation {
        Curation::Keep => Folder::Keep,
        Curation::Remove => Folder::Remove,
        Curation::Delete => {
            images.delete(&image.name, &sidecars).await?;
            report.with_sidecar = !sidecars.is_empty();
            return Ok(());
        }
    };
    let Moved { name, sidecar } = images
        .move_to(image, &sidecars, folder, IfTaken::Rename)
        .await?;
    report.new_name = Some(name);
    report.with_sidecar = sidecar.is_ok() && !sidecars.is_empty();
    report.warnings.extend(left_behind(images, sidecar));
    Ok(())
}

/// Moves an image under its lease.
async fn relocate_held(
    images: Images<'_>,
    image: &StoredImage,
    to: Folder,
) -> Result<Moved, ImageStoreError> {
    let sidecars = ImageSidecar { images, image }.find(None).await?.ours();
    images.move_to(image, &sidecars, to, IfTaken::Refuse).await
}

/// Logs that a sidecar was left behind, and returns that as a warning for people.
fn left_behind(images: Images<'_>, sidecar: Result<(), ImageStoreError>) -> Option<String> {
    let error = sidecar.err()?;
    let what = "the sidecar could not be moved";
    tracing::warn!(tenant = %images.tenant.name(), error = %ErrorChain(&error), "{what}");
    Some(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests;
