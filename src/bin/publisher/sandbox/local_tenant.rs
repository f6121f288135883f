//! A tenant of the sandbox with its images in a folder of this machine, which is removed when the sandbox ends.

use std::fs;

use publisher::domain::storage::StorageKind;
use publisher_sandbox::{DemoTenant, Sandbox, TenantSpec, sample_images};
use serde_json::json;
use tempfile::TempDir;

use crate::Failure;

/// The tenant, and its folder.
pub(super) struct LocalTenant {
    pub(super) tenant: DemoTenant,
    _folder: TempDir,
}

impl LocalTenant {
    /// Adds the tenant, with images in a new folder that its owner alone may read.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn add(sandbox: &Sandbox) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("publisher-sandbox-images-")
            .tempdir()?;
        let [_, images] = sample_images()?;
        for image in &images {
            fs::write(folder.path().join(&image.name), &image.bytes)?;
        }
        let names = images.iter().map(|image| image.name.clone()).collect();
        let spec = TenantSpec::new("carol")
            .root(&folder.path().to_string_lossy())
            .email(true)
            .patch(&json!({"storage": {
                "provider": StorageKind::Local.as_str(),
                "credentials_ref": null,
            }}));
        let tenant = DemoTenant {
            images: names,
            ..sandbox.add_tenant(spec)
        };
        Ok(Self {
            tenant,
            _folder: folder,
        })
    }
}
