//! A tenant's storage, and the states that it has been seen in.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use crate::{
    domain::{
        credential::{Credential, WrongProvider},
        storage::StorageAccess,
        tenant_config::{Resolved, TenantConfig, Validated},
    },
    ports::{ImageStoreFactory, OpenedStorage},
};

/// Storage that has been opened, with its config and credential.
pub(in crate::app) struct Storage {
    pub(in crate::app) config: Arc<TenantConfig<Resolved>>,
    pub(in crate::app) opened: OpenedStorage,
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
    /// Opens the storage that a config names, with its credential where its kind needs one.
    pub(in crate::app) fn open(
        config: &TenantConfig<Validated>,
        credential: Option<Arc<Credential>>,
        factory: &dyn ImageStoreFactory,
    ) -> Result<Self, WrongProvider> {
        let access = StorageAccess::new(config.settings().storage.kind, credential)?;
        let config = Arc::new(config.clone().resolve(access));
        let opened = factory.open(&config);
        Ok(Self {
            config,
            opened,
            edition: AtomicU64::new(Edition::next().0),
            sidecars: AtomicU64::new(Edition::next().0),
        })
    }

    /// The credential that it was opened with; `None` where its kind needs none.
    pub(in crate::app) fn credential(&self) -> Option<&Credential> {
        self.config.storage_access().credential().map(|it| &**it)
    }

    /// Whether it was opened with this credential.
    pub(in crate::app) fn has_credential(&self, credential: Option<&Credential>) -> bool {
        match (self.credential(), credential) {
            (Some(ours), Some(theirs)) => ours.is_same_as(theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        }
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
