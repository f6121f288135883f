//! A tenant that can be served: the resolved config, and the clients that it is served with.
//!
//! Storage is opened at once. The caption writer and the platforms are opened on first use, when
//! their credential is resolved, and kept until that credential changes.

use std::{sync::Arc, time::SystemTime};

use parking_lot::Mutex;

use super::{
    credentials::{CredentialUnavailable, Credentials},
    storage::{CurrentStorage, Storage},
};
use crate::{
    domain::{
        credential::{AiCredential, Credential, Provider, WrongProvider},
        image::ContentHashKind,
        platform::{ImageLimits, Platform},
        platform_spec::PlatformSpecs,
        request_id::RequestId,
        secret::CredentialsRef,
        storage::StorageKind,
        tenant::TenantName,
        tenant_config::{Resolved, TenantConfig, TenantSettings, Validated},
    },
    ports::{
        CaptionWriter, CaptionWriterFactory, CredentialQuery, ImageStoreFactory, OpenError,
        Publisher, PublisherFactory,
    },
};

/// Opens the clients of tenants: one factory for each upstream.
#[derive(Clone)]
pub struct ProviderFactories {
    /// Opens storage.
    pub images: Arc<dyn ImageStoreFactory>,
    /// The hash that the listings of each kind of storage carry.
    pub content_hashes: fn(StorageKind) -> ContentHashKind,
    /// Engages the caption writer.
    pub captions: Arc<dyn CaptionWriterFactory>,
    /// What is known of each platform.
    pub platforms: PlatformSpecs,
    /// Opens the platforms, at most one factory for each.
    pub publishers: Vec<Arc<dyn PublisherFactory>>,
}

/// A tenant and the clients that it is served with.
pub struct Tenant {
    validated: Arc<TenantConfig<Validated>>,
    storage: CurrentStorage,
    caption_writer: Slot<dyn CaptionWriter>,
    platforms: Vec<PlatformClient>,
    providers: ProviderFactories,
    credentials: Arc<Credentials>,
}

struct PlatformClient {
    factory: Arc<dyn PublisherFactory>,
    slot: Slot<dyn Publisher>,
}

/// A client and the credential that it was opened with, for as long as that is the current one.
struct Slot<T: ?Sized>(Mutex<Option<Opened<T>>>);

/// A client, with the credential that it was opened with.
pub struct Opened<T: ?Sized> {
    /// The client.
    pub client: Arc<T>,
    credential: Arc<Credential>,
    reference: CredentialsRef,
}

impl<T: ?Sized> Opened<T> {
    /// Was this one opened with the same credential? Then it is refused as well.
    #[must_use]
    pub fn has_same_credential(&self, refused: &Self) -> bool {
        self.credential.is_same_as(&refused.credential)
    }
}

/// Why a client is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientUnavailable {
    /// It is off in the tenant's config.
    #[error("it is off for this tenant")]
    Off,
    /// Its credential cannot be had.
    #[error(transparent)]
    Credential(#[from] CredentialUnavailable),
}

impl Tenant {
    /// Opens a tenant's storage, and gets ready to open the rest.
    ///
    /// # Errors
    /// [`WrongProvider`] when the credential is not for storage.
    pub fn open(
        config: Arc<TenantConfig<Validated>>,
        storage: Option<Arc<Credential>>,
        providers: &ProviderFactories,
        credentials: Arc<Credentials>,
    ) -> Result<Self, WrongProvider> {
        let platform = |factory: &Arc<dyn PublisherFactory>| PlatformClient {
            factory: Arc::clone(factory),
            slot: Slot::default(),
        };
        Ok(Self {
            storage: CurrentStorage::new(Storage::open(&config, storage, &*providers.images)?),
            caption_writer: Slot::default(),
            platforms: providers.publishers.iter().map(platform).collect(),
            providers: providers.clone(),
            credentials,
            validated: config,
        })
    }

    /// The config that the tenant is served with.
    #[must_use]
    pub fn config(&self) -> Arc<TenantConfig<Resolved>> {
        Arc::clone(&self.storage().config)
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &TenantName {
        self.validated.tenant()
    }

    /// The settings that the tenant is served with.
    #[must_use]
    pub fn settings(&self) -> &TenantSettings {
        self.validated.settings()
    }

    /// The kind of hash that listings of its storage carry.
    pub(in crate::app) fn content_hash(&self) -> ContentHashKind {
        (self.providers.content_hashes)(self.settings().storage.kind)
    }

    /// Was its storage opened with this credential?
    pub(in crate::app) fn has_storage_credential(&self, credential: Option<&Credential>) -> bool {
        self.storage().has_credential(credential)
    }

    /// Has its storage credential not come to its own end?
    pub(in crate::app) fn has_good_storage_at(&self, now: SystemTime) -> bool {
        let storage = self.storage();
        let expires_at = storage.credential().and_then(Credential::expires_at);
        expires_at.is_none_or(|end| now < end)
    }

    /// The storage in use now.
    pub(in crate::app) fn storage(&self) -> Arc<Storage> {
        self.storage.get()
    }

    /// Opens storage again with another credential, after it has refused that of `dead`. `None`
    /// when no other can be had.
    pub(in crate::app) async fn renew_storage(
        &self,
        dead: &Storage,
        request_id: &RequestId,
    ) -> Option<Arc<Storage>> {
        let current = self.storage();
        let refused = dead.credential()?;
        if !current.has_credential(Some(refused)) {
            return Some(current);
        }
        let (_, reference) = self.settings().storage.credential()?;
        self.credentials.forget(self.name(), reference, refused);
        let fresh = Self::storage_credential(&self.validated, &self.credentials, request_id);
        let fresh = fresh.await.ok()?;
        if dead.has_credential(fresh.as_deref()) {
            return None;
        }
        let storage = Storage::open(&self.validated, fresh, &*self.providers.images).ok()?;
        Some(self.storage.replace(storage))
    }

    /// The storage credential that a config names; `None`, without a call, where the kind of storage
    /// needs none.
    pub(in crate::app) async fn storage_credential(
        config: &TenantConfig<Validated>,
        credentials: &Credentials,
        request_id: &RequestId,
    ) -> Result<Option<Arc<Credential>>, CredentialUnavailable> {
        let Some((provider, reference)) = config.settings().storage.credential() else {
            return Ok(None);
        };
        let query = CredentialQuery {
            tenant: config.tenant().clone(),
            config_version: config.version().clone(),
            reference: reference.clone(),
            provider,
            request_id: request_id.clone(),
        };
        credentials.critical(query, config.ttl()).await.map(Some)
    }

    /// What a platform takes as an image; `None` is anything.
    #[must_use]
    pub fn image_limits(&self, platform: Platform) -> Option<ImageLimits> {
        self.platform(platform)?.factory.spec().image_limits
    }

    /// The tenant's caption writer.
    ///
    /// # Errors
    /// [`ClientUnavailable`].
    pub async fn caption_writer(
        &self,
        request_id: &RequestId,
    ) -> Result<Opened<dyn CaptionWriter>, ClientUnavailable> {
        let ai = self.settings().ai.as_ref().ok_or(ClientUnavailable::Off)?;
        let wanted = (Provider::OPENAI, ai.credentials_ref.clone());
        let config = self.config();
        let open = |credential| {
            let credential = AiCredential::try_from(credential)?;
            Ok(self.providers.captions.open(&config, ai, credential))
        };
        self.client(&self.caption_writer, wanted, request_id, open)
            .await
    }

    /// One of the tenant's platforms.
    ///
    /// # Errors
    /// [`ClientUnavailable`].
    pub async fn publisher(
        &self,
        platform: Platform,
        request_id: &RequestId,
    ) -> Result<Opened<dyn Publisher>, ClientUnavailable> {
        let platforms = &self.settings().platforms;
        let target = platforms.target(platform).ok_or(ClientUnavailable::Off)?;
        let PlatformClient { factory, slot } =
            self.platform(platform).ok_or(ClientUnavailable::Off)?;
        let provider = platforms.spec(platform).provider;
        let wanted = (provider, target.credentials_ref().clone());
        let open = |credential| factory.open(target, credential, self.settings());
        self.client(slot, wanted, request_id, open).await
    }

    /// Drops the credential of a client whose provider has refused it. The next call for the
    /// client resolves the credential again.
    pub fn forget<T: ?Sized>(&self, refused: &Opened<T>) {
        self.credentials
            .forget(self.name(), &refused.reference, &refused.credential);
    }

    fn platform(&self, platform: Platform) -> Option<&PlatformClient> {
        self.platforms
            .iter()
            .find(|client| client.factory.spec().platform == platform)
    }

    async fn client<T: ?Sized>(
        &self,
        slot: &Slot<T>,
        (provider, reference): (Provider, CredentialsRef),
        request_id: &RequestId,
        open: impl FnOnce(Arc<Credential>) -> Result<Arc<T>, OpenError>,
    ) -> Result<Opened<T>, ClientUnavailable> {
        let query = CredentialQuery {
            tenant: self.name().clone(),
            config_version: self.validated.version().clone(),
            reference: reference.clone(),
            provider,
            request_id: request_id.clone(),
        };
        let credential = self
            .credentials
            .optional(query, self.validated.ttl())
            .await?;
        if let Some(opened) = slot.get(&credential) {
            return Ok(opened);
        }
        let client = open(Arc::clone(&credential)).map_err(|error| {
            tracing::error!(tenant = %self.name(), %request_id, %error, "client could not be opened");
            CredentialUnavailable::Refused
        })?;
        let opened = Opened {
            client,
            credential,
            reference,
        };
        slot.set(opened.clone());
        Ok(opened)
    }
}

impl<T: ?Sized> Slot<T> {
    fn get(&self, credential: &Credential) -> Option<Opened<T>> {
        let slot = self.0.lock();
        slot.as_ref()
            .filter(|opened| opened.credential.is_same_as(credential))
            .cloned()
    }

    fn set(&self, opened: Opened<T>) {
        *self.0.lock() = Some(opened);
    }
}

impl<T: ?Sized> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: ?Sized> Clone for Opened<T> {
    fn clone(&self) -> Self {
        Self {
            client: Arc::clone(&self.client),
            credential: Arc::clone(&self.credential),
            reference: self.reference.clone(),
        }
    }
}
