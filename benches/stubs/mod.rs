//! Ports that answer at once and from memory: what a benchmark measures is the use case.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use publisher::{
    adapters::{platforms, storages},
    app::tenancy::tenant::ProviderFactories,
    domain::{
        analysis::Analysis,
        caption::WrittenCaptions,
        credential::{AiCredential, Credential, CredentialVersion, Secrets},
        host::Host,
        image::{EncodedImage, ImageName, StoredImage},
        platform::Platform,
        request_id::RequestId,
        secret::{Secret, SecretField},
        sidecar::SidecarName,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{AiSettings, Resolved, SchemaVersion, TenantConfig, Unvalidated},
    },
    ports::{
        CaptionBrief, CaptionError, CaptionWriter, CaptionWriterFactory, ConfigSourceError,
        CredentialError, CredentialQuery, CredentialStore, FetchedImage, Folder, IfTaken,
        ImageStore, ImageStoreError, ImageStoreFactory, Moved, OpenedStorage, OverlongCaption,
        PutMode, SidecarFile, TenantConfigSource, VisionImage,
    },
};
use serde_json::json;

/// Every host is a tenant's, named by its first label.
pub(crate) struct AnyHost;

#[async_trait]
impl TenantConfigSource for AnyHost {
    async fn fetch(
        &self,
        host: &Host,
        _: &RequestId,
    ) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
        Ok(TenantConfig::new(
            TenantName::new(host.first_label()).ok_or(ConfigSourceError::NotFound)?,
            ConfigVersion::new("v1"),
            // As long as may be: nothing expires while it is measured.
            ConfigTtl::from_seconds(Some(i64::MAX)),
            SchemaVersion::V2,
            json!({
                "features": {},
                "storage": {
                    "provider": "dropbox", "credentials_ref": "ref", "paths": {"root": "/images"},
                },
            }),
        ))
    }

    async fn probe(&self, _: &Host, _: &RequestId) -> Result<(), ConfigSourceError> {
        Ok(())
    }
}

/// Every reference leads to a credential of the provider that is asked for.
pub(crate) struct AnyCredential;

#[async_trait]
impl CredentialStore for AnyCredential {
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError> {
        let secret = |_: &SecretField| Some(Secret::new("secret".to_owned()));
        let secrets = Secrets::read(query.provider, secret).ok_or(CredentialError::NotFound)?;
        Ok(Credential::new(secrets, CredentialVersion::new("c1"), None))
    }
}

/// Clients that are opened and never called.
pub(crate) fn providers() -> ProviderFactories {
    ProviderFactories {
        images: Arc::new(Unused),
        content_hashes: storages::content_hash,
        takes_uploads: storages::takes_uploads,
        captions: Arc::new(Unused),
        platforms: platforms::spec,
        publishers: Vec::new(),
    }
}

struct Unused;

impl ImageStoreFactory for Unused {
    fn open(&self, _: &TenantConfig<Resolved>) -> OpenedStorage {
        OpenedStorage::without_previews(Arc::new(Self))
    }
}

impl CaptionWriterFactory for Unused {
    fn open(
        &self,
        _: &TenantConfig<Resolved>,
        _: &AiSettings,
        _: AiCredential,
    ) -> Arc<dyn CaptionWriter> {
        Arc::new(Self)
    }
}

#[async_trait]
impl CaptionWriter for Unused {
    async fn analyze(&self, _: &VisionImage) -> Result<Analysis, CaptionError> {
        Err(CaptionError::QuotaExhausted)
    }

    async fn write(&self, _: &CaptionBrief) -> Result<WrittenCaptions, CaptionError> {
        Err(CaptionError::QuotaExhausted)
    }

    async fn condense(
        &self,
        _: &BTreeMap<Platform, OverlongCaption>,
    ) -> Result<BTreeMap<Platform, String>, CaptionError> {
        Err(CaptionError::QuotaExhausted)
    }

    async fn check(&self) -> Result<&'static str, CaptionError> {
        Err(CaptionError::QuotaExhausted)
    }
}

#[async_trait]
impl ImageStore for Unused {
    fn in_folder(&self, _: Folder) -> Arc<dyn ImageStore> {
        Arc::new(Unused)
    }

    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        Ok(Vec::new())
    }

    async fn find(&self, _: &ImageName) -> Result<StoredImage, ImageStoreError> {
        Err(ImageStoreError::NotFound)
    }

    async fn fetch(&self, _: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        Err(ImageStoreError::NotFound)
    }

    async fn read_sidecar(
        &self,
        _: &ImageName,
        _: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        Ok(SidecarFile::Missing)
    }

    async fn write_sidecar(
        &self,
        _: &ImageName,
        _: SidecarName,
        _: &[u8],
        _: &publisher::ports::FoundFile,
    ) -> Result<(), ImageStoreError> {
        Ok(())
    }

    async fn put(
        &self,
        _: &ImageName,
        _: &EncodedImage,
        _: PutMode,
    ) -> Result<(), ImageStoreError> {
        Err(ImageStoreError::NotFound)
    }
    async fn move_to(
        &self,
        _: &StoredImage,
        _: &[SidecarName],
        _: Folder,
        _: IfTaken,
    ) -> Result<Moved, ImageStoreError> {
        Err(ImageStoreError::NotFound)
    }

    async fn delete(&self, _: &ImageName, _: &[SidecarName]) -> Result<(), ImageStoreError> {
        Err(ImageStoreError::NotFound)
    }
}
