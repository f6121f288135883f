//! A tenant's storage, and the states that it has been seen in.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use crate::{
    domain::{
        credential::{Credential, ProviderCredential as _, StorageCredential, WrongProvider},
        tenant_config::{Resolved, TenantConfig, Validated},
    },
    ports::{ImageStore, ImageStoreFactory},
};

/// Storage that has been opened, with its config and credential.
pub(in crate::app) struct Storage {
    pub(in crate::app) config: Arc<TenantConfig<Resolved>>,
    pub(super) images: Arc<dyn ImageStore>,
    edition: AtomicU64,
    sidecars: AtomicU64,
}

/// A state of a root folder, as far as this service changes it. Storage that is opened begins one,
/// and so does every move. No two have the same number, of whichever tenant they are: what was
/// listed in one is never taken for the content of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::app) struct Edition(u64);

impl Edition {
    fn next() -> Self {
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        Self(BEGUN.fetch_add(1, Ordering::Relaxed))
    }
}

impl Storage {
    /// Puts the credential into the config, and opens the storage that they describe.
    pub(in crate::app) fn open(
        config: &TenantConfig<Validated>,
        credential: Arc<Credential>,
        factory: &dyn ImageStoreFactory,
    ) -> Result<Self, WrongProvider> {
        let storage = StorageCredential::try_from(credential)?;
        let config = Arc::new(config.clone().resolve(storage));
        let images = factory.open(Arc::clone(&config));
        Ok(Self {
            config,
            images,
            edition: AtomicU64::new(Edition::next().0),
            sidecars: AtomicU64::new(Edition::next().0),
        })
    }

    /// What it was opened with.
    pub(in crate::app) fn credential(&self) -> &Credential {
        self.config.storage_credential().whole()
    }

    /// What the root folder holds now belongs to this.
    pub(in crate::app) fn edition(&self) -> Edition {
        Edition(self.edition.load(Ordering::Acquire))
    }

    /// What stands in sidecars now belongs to this, as far as this service writes them.
    pub(in crate::app) fn sidecar_edition(&self) -> Edition {
        Edition(self.sidecars.load(Ordering::Acquire))
    }

    pub(super) fn begin_sidecar_edition(&self) {
        self.sidecars.store(Edition::next().0, Ordering::Release);
    }

    /// Begins another edition: the root folder may hold something else than before.
    pub(in crate::app) fn begin_edition(&self) {
        self.edition.store(Edition::next().0, Ordering::Release);
    }
}

/// The storage that is in use now.
pub(in crate::app) struct CurrentStorage(Mutex<Arc<Storage>>);

impl CurrentStorage {
    pub(in crate::app) fn new(storage: Storage) -> Self {
        Self(Mutex::new(Arc::new(storage)))
    }

    pub(in crate::app) fn get(&self) -> Arc<Storage> {
        Arc::clone(&self.0.lock())
    }

    pub(in crate::app) fn replace(&self, storage: Storage) -> Arc<Storage> {
        let storage = Arc::new(storage);
        *self.0.lock() = Arc::clone(&storage);
        storage
    }
}
