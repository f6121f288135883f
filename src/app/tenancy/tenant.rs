//! A tenant that can be served: the resolved config, and the clients that it is served with.
//!
//! Storage is opened at once, and it is decided what else is on. The caption writer and the platforms
//! are opened on first use, when their credential is resolved.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use super::{
    access::{AiAccess, ClientUnavailable, Opened, PlatformAccess, Slot},
    credentials::{CredentialUnavailable, Credentials},
    storage::{CurrentStorage, Storage},
};
use crate::{
    domain::{
        content_hash::ContentHashKind,
        credential::{AiCredential, Credential, Provider, WrongProvider},
        platform::{ImageLimits, Platform},
        platform_spec::PlatformSpecs,
        request_id::RequestId,
        secret::CredentialsRef,
        storage::StorageKind,
        tenant::TenantName,
        tenant_config::{Checked, Resolved, TenantConfig, TenantSettings, Validated},
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
    /// Whether admins may upload images to each kind of storage.
    pub takes_uploads: fn(StorageKind) -> bool,
    /// Opens the caption writer.
    pub captions: Arc<dyn CaptionWriterFactory>,
    /// The spec of each platform.
    pub platforms: PlatformSpecs,
    /// Opens the platforms, at most one factory for each.
    pub publishers: Vec<Arc<dyn PublisherFactory>>,
}

/// A tenant and the clients that it is served with.
pub struct Tenant {
    name: TenantName,
    settings: Arc<TenantSettings>,
    storage: CurrentStorage,
    ai: Option<AiAccess>,
    platforms: BTreeMap<Platform, PlatformAccess>,
    factories: ProviderFactories,
    credentials: Arc<Credentials>,
}

impl Tenant {
    /// Resolves a config, opens its storage, and decides what else is on.
    ///
    /// # Errors
    /// [`WrongProvider`] when the credential is not for storage.
    pub fn open(
        config: Arc<TenantConfig<Validated>>,
        storage: Option<Arc<Credential>>,
        factories: &ProviderFactories,
        credentials: Arc<Credentials>,
    ) -> Result<Self, WrongProvider> {
        let (name, settings) = (config.tenant().clone(), config.shared_settings());
        let access = |factory: &Arc<dyn PublisherFactory>| {
            let platform = factory.spec().platform;
            let access = PlatformAccess {
                factory: Arc::clone(factory),
                target: settings.platforms.target(platform)?.clone(),
                publisher: Slot::default(),
            };
            Some((platform, access))
        };
        Ok(Self {
            storage: CurrentStorage::new(Storage::open(config, storage, &*factories.images)?),
            ai: settings.ai.clone().map(AiAccess::new),
            platforms: factories.publishers.iter().filter_map(access).collect(),
            factories: factories.clone(),
            credentials,
            name,
            settings,
        })
    }

    /// The config that the tenant is served with.
    #[must_use]
    pub fn config(&self) -> Arc<TenantConfig<Resolved>> {
        Arc::clone(&self.storage().config)
    }

    /// The tenant's name.
    #[must_use]
    pub fn name(&self) -> &TenantName {
        &self.name
    }

    /// The settings that the tenant is served with.
    #[must_use]
    pub fn settings(&self) -> &TenantSettings {
        &self.settings
    }

    /// The kind of hash that listings of its storage carry.
    pub(in crate::app) fn content_hash(&self) -> ContentHashKind {
        (self.factories.content_hashes)(self.settings.storage.kind)
    }

    /// Whether it has a library: its storage takes uploads, and its config does not turn the library off.
    #[must_use]
    pub fn has_library(&self) -> bool {
        let settings = &self.settings;
        settings.features.library_enabled && (self.factories.takes_uploads)(settings.storage.kind)
    }

    /// Whether its storage was opened with this credential.
    pub(in crate::app) fn has_storage_credential(&self, credential: Option<&Credential>) -> bool {
        self.storage().has_credential(credential)
    }

    /// Whether its storage credential has not expired.
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
    /// when there is no other.
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
        let (_, reference) = self.settings.storage.credential()?;
        self.credentials.forget(&self.name, reference, refused);
        let fresh = Self::storage_credential(&current.config, &self.credentials, request_id);
        let fresh = fresh.await.ok()?;
        if dead.has_credential(fresh.as_deref()) {
            return None;
        }
        let storage = current.renew(fresh, &*self.factories.images).ok()?;
        Some(self.storage.replace(storage))
    }

    /// The storage credential that a config names; `None`, without a call, where the kind of storage
    /// needs none.
    pub(in crate::app) async fn storage_credential<S: Checked>(
        config: &TenantConfig<S>,
        credentials: &Credentials,
        request_id: &RequestId,
    ) -> Result<Option<Arc<Credential>>, CredentialUnavailable> {
        let Some((provider, reference)) = config.settings().storage.credential() else {
            return Ok(None);
        };
        let query = CredentialQuery::new(config, provider, reference, request_id);
        credentials.critical(query, config.ttl()).await.map(Some)
    }

    /// What a platform takes as an image; `None` is anything.
    #[must_use]
    pub fn image_limits(&self, platform: Platform) -> Option<ImageLimits> {
        self.platforms.get(&platform)?.factory.spec().image_limits
    }

    /// The tenant's AI; `None` is off.
    #[must_use]
    pub fn ai(&self) -> Option<&AiAccess> {
        self.ai.as_ref()
    }

    /// The tenant's caption writer.
    ///
    /// # Errors
    /// [`ClientUnavailable`].
    pub async fn caption_writer(
        &self,
        ai: &AiAccess,
        request_id: &RequestId,
    ) -> Result<Opened<dyn CaptionWriter>, ClientUnavailable> {
        let config = self.config();
        let open = |credential| {
            let credential = AiCredential::try_from(credential)?;
            let writers = &self.factories.captions;
            Ok(writers.open(&config, ai.settings(), credential))
        };
        let wanted = (Provider::OPENAI, &ai.settings().credentials_ref);
        self.client(&ai.writer, wanted, request_id, open).await
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
        let access = self.platforms.get(&platform);
        let PlatformAccess {
            factory,
            target,
            publisher,
        } = access.ok_or(ClientUnavailable::Off)?;
        let open = |credential| factory.open(target, credential, &self.settings);
        let wanted = (factory.spec().provider, target.credentials_ref());
        self.client(publisher, wanted, request_id, open).await
    }

    /// Drops the credential of a client whose provider has refused it. The next call for the
    /// client resolves the credential again.
    pub fn forget<T: ?Sized>(&self, refused: &Opened<T>) {
        self.credentials
            .forget(&self.name, &refused.reference, &refused.credential);
    }

    async fn client<T: ?Sized>(
        &self,
        slot: &Slot<T>,
        (provider, reference): (Provider, &CredentialsRef),
        request_id: &RequestId,
        open: impl FnOnce(Arc<Credential>) -> Result<Arc<T>, OpenError>,
    ) -> Result<Opened<T>, ClientUnavailable> {
        let config = self.config();
        let query = CredentialQuery::new(&*config, provider, reference, request_id);
        let credential = self.credentials.optional(query, config.ttl()).await?;
        if let Some(opened) = slot.get(&credential) {
            return Ok(opened);
        }
        let client = open(Arc::clone(&credential)).map_err(|error| {
            tracing::error!(tenant = %self.name, %request_id, %error, "client could not be opened");
            CredentialUnavailable::Refused
        })?;
        let opened = Opened {
            client,
            credential,
            reference: reference.clone(),
        };
        slot.set(opened.clone());
        Ok(opened)
    }
}
