//! A tenant that can be served: the resolved config, and the clients that it is served with.
//!
//! Storage is opened at once. The caption writer and the platforms are opened on first use, when
//! their credential is resolved, and kept until that credential changes.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::credentials::{CredentialUnavailable, Credentials};
use crate::{
    domain::{
        credential::{Credential, Provider, WrongProvider},
        platform::Platform,
        request_id::RequestId,
        secret::CredentialsRef,
        tenant_config::{Resolved, TenantConfig},
    },
    ports::{
        CaptionWriter, CaptionWriterFactory, CredentialQuery, ImageStore, ImageStoreError,
        ImageStoreFactory, Publisher, PublisherFactory,
    },
};

/// Opens the clients of tenants: one factory for each upstream.
#[derive(Clone)]
pub struct Providers {
    /// Opens storage.
    pub images: Arc<dyn ImageStoreFactory>,
    /// Engages the caption writer.
    pub captions: Arc<dyn CaptionWriterFactory>,
    /// Opens the platforms, at most one factory for each.
    pub publishers: Vec<Arc<dyn PublisherFactory>>,
}

/// A tenant and the clients that it is served with.
pub struct Tenant {
    config: Arc<TenantConfig<Resolved>>,
    images: Arc<dyn ImageStore>,
    storage_refused: AtomicBool,
    caption_writer: Slot<dyn CaptionWriter>,
    platforms: Vec<PlatformClient>,
    captions: Arc<dyn CaptionWriterFactory>,
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
    #[must_use]
    pub fn open(
        config: Arc<TenantConfig<Resolved>>,
        providers: &Providers,
        credentials: Arc<Credentials>,
    ) -> Self {
        let platform = |factory: &Arc<dyn PublisherFactory>| PlatformClient {
            factory: Arc::clone(factory),
            slot: Slot::default(),
        };
        Self {
            images: providers.images.open(Arc::clone(&config)),
            storage_refused: AtomicBool::new(false),
            caption_writer: Slot::default(),
            platforms: providers.publishers.iter().map(platform).collect(),
            captions: Arc::clone(&providers.captions),
            credentials,
            config,
        }
    }

    /// The config that the tenant is served with.
    #[must_use]
    pub fn config(&self) -> &TenantConfig<Resolved> {
        &self.config
    }

    /// The tenant's storage.
    #[must_use]
    pub fn images(&self) -> &dyn ImageStore {
        &*self.images
    }

    /// Takes note of a failure of storage. When it refused the credential, the tenant is not
    /// served from memory again, but resolved afresh.
    pub fn note_storage_failure(&self, error: &ImageStoreError) {
        if matches!(error, ImageStoreError::Unauthorized(_)) {
            self.storage_refused.store(true, Ordering::Relaxed);
        }
    }

    /// Has storage refused the credential that this tenant was resolved with?
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.storage_refused.load(Ordering::Relaxed)
    }

    /// What opens a platform, and knows its limits.
    #[must_use]
    pub fn platform_factory(&self, platform: Platform) -> Option<&dyn PublisherFactory> {
        Some(&*self.platform(platform)?.factory)
    }

    /// The tenant's caption writer.
    ///
    /// # Errors
    /// [`ClientUnavailable`].
    pub async fn caption_writer(
        &self,
        request_id: &RequestId,
    ) -> Result<Opened<dyn CaptionWriter>, ClientUnavailable> {
        let ai = self
            .config
            .settings()
            .ai
            .as_ref()
            .ok_or(ClientUnavailable::Off)?;
        let wanted = (Provider::OpenAi, ai.credentials_ref.clone());
        let open = |credential| self.captions.open(&self.config, credential);
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
        let PlatformClient { factory, slot } =
            self.platform(platform).ok_or(ClientUnavailable::Off)?;
        let wanted = factory
            .credential(self.config.settings())
            .ok_or(ClientUnavailable::Off)?;
        self.client(slot, wanted, request_id, |credential| {
            factory.open(&self.config, credential)
        })
        .await
    }

    /// Drops the credential of a client whose provider has refused it. The next call for the
    /// client resolves the credential again.
    pub fn forget<T: ?Sized>(&self, refused: &Opened<T>) {
        self.credentials.forget(
            self.config.tenant(),
            &refused.reference,
            &refused.credential,
        );
    }

    fn platform(&self, platform: Platform) -> Option<&PlatformClient> {
        self.platforms
            .iter()
            .find(|client| client.factory.platform() == platform)
    }

    async fn client<T: ?Sized>(
        &self,
        slot: &Slot<T>,
        (provider, reference): (Provider, CredentialsRef),
        request_id: &RequestId,
        open: impl FnOnce(Arc<Credential>) -> Result<Option<Arc<T>>, WrongProvider>,
    ) -> Result<Opened<T>, ClientUnavailable> {
        let query = CredentialQuery {
            tenant: self.config.tenant().clone(),
            reference: reference.clone(),
            provider,
            request_id: request_id.clone(),
        };
        let credential = self.credentials.optional(query, self.config.ttl()).await?;
        if let Some(opened) = slot.get(&credential) {
            return Ok(opened);
        }
        let client = open(Arc::clone(&credential)).map_err(|error| {
            tracing::error!(tenant = %self.config.tenant(), %error, "client could not be opened");
            CredentialUnavailable::Refused
        })?;
        let client = client.ok_or(ClientUnavailable::Off)?;
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
    fn get(&self, credential: &Arc<Credential>) -> Option<Opened<T>> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref()
            .filter(|opened| Arc::ptr_eq(&opened.credential, credential))
            .cloned()
    }

    fn set(&self, opened: Opened<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
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
