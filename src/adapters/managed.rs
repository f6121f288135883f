//! Buckets of S3-compatible stores (Cloudflare R2, MinIO, AWS) as the place where tenants keep their
//! images. Only the binary and tests may import this module.

use std::sync::Arc;

use async_trait::async_trait;

use super::registration::StorageRegistration;
use crate::{
    domain::{
        content_hash::ContentHashKind,
        image::{EncodedImage, ImageName, StoredImage},
        sidecar::SidecarName,
        storage::ManagedCredential,
        tenant_config::StoragePaths,
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStore, ImageStoreError, Moved, PutMode,
        SidecarFile,
    },
};

/// A bucket, as a kind of storage.
pub const REGISTRATION: StorageRegistration = StorageRegistration {
    content_hash: ContentHashKind::MD5_ETAG,
    takes_uploads: true,
    upstream: Some(("s3", &["list", "head", "get", "put", "copy", "delete"])),
};

/// The images of one tenant in one folder of a bucket.
pub(super) struct ManagedImageStore;

impl ManagedImageStore {
    pub(super) fn new(_: StoragePaths, _: &ManagedCredential) -> Self {
        Self
    }
}

fn unavailable<T>() -> Result<T, ImageStoreError> {
    let cause = "buckets are not called yet".into();
    Err(ImageStoreError::Unavailable(cause))
}

#[async_trait]
impl ImageStore for ManagedImageStore {
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        unavailable()
    }

    async fn find(&self, _: &ImageName) -> Result<StoredImage, ImageStoreError> {
        unavailable()
    }

    async fn fetch(&self, _: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        unavailable()
    }

    async fn read_sidecar(
        &self,
        _: &ImageName,
        _: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        unavailable()
    }

    async fn write_sidecar(
        &self,
        _: &ImageName,
        _: SidecarName,
        _: &[u8],
        _: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        unavailable()
    }

    async fn put(
        &self,
        _: &ImageName,
        _: &EncodedImage,
        _: PutMode,
    ) -> Result<(), ImageStoreError> {
        unavailable()
    }

    async fn move_to(
        &self,
        _: &StoredImage,
        _: &[SidecarName],
        _: Folder,
        _: IfTaken,
    ) -> Result<Moved, ImageStoreError> {
        unavailable()
    }

    fn in_folder(&self, _: Folder) -> Arc<dyn ImageStore> {
        Arc::new(Self)
    }

    async fn delete(&self, _: &ImageName, _: &[SidecarName]) -> Result<(), ImageStoreError> {
        unavailable()
    }
}
