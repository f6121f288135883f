//! A tenant's storage, and the generations of its content.

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
    folder: Counter,
    sidecars: Counter,
}

/// The number of a state of a root folder, or of the sidecars in it, as far as this service changes them.
/// Unique in the process, whichever tenant it is of: what was listed in one generation is never taken
/// for the content of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::app) struct Generation(u64);

/// The current generation.
struct Counter(AtomicU64);

impl Counter {
    fn new() -> Self {
        Self(AtomicU64::new(Self::next()))
    }

    fn next() -> u64 {
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        BEGUN.fetch_add(1, Ordering::Relaxed)
    }

    fn get(&self) -> Generation {
        Generation(self.0.load(Ordering::Acquire))
    }

    fn bump(&self) {
        self.0.store(Self::next(), Ordering::Release);
    }
}

impl Storage {
    /// Resolves a config with its credential, where its kind of storage needs one, and opens its storage.
    pub(in crate::app) fn open(
        config: Arc<TenantConfig<Validated>>,
        credential: Option<Arc<Credential>>,
        factory: &dyn ImageStoreFactory,
    ) -> Result<Self, WrongProvider> {
        let access = StorageAccess::new(config.settings().storage.kind, credential)?;
        Ok(Self::new(config.resolve(access), factory))
    }

    /// The same storage, opened with another credential.
    pub(in crate::app) fn renew(
        &self,
        credential: Option<Arc<Credential>>,
        factory: &dyn ImageStoreFactory,
    ) -> Result<Self, WrongProvider> {
        let access = StorageAccess::new(self.config.settings().storage.kind, credential)?;
        Ok(Self::new(self.config.renew(access), factory))
    }

    fn new(config: TenantConfig<Resolved>, factory: &dyn ImageStoreFactory) -> Self {
        Self {
            opened: factory.open(&config),
            config: Arc::new(config),
            folder: Counter::new(),
            sidecars: Counter::new(),
        }
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

    /// The generation of the root folder. A new one begins when storage is opened, and with each move.
    pub(in crate::app) fn generation(&self) -> Generation {
        self.folder.get()
    }

    /// The generation of the sidecars.
    pub(in crate::app) fn sidecar_generation(&self) -> Generation {
        self.sidecars.get()
    }

    pub(super) fn bump_sidecar_generation(&self) {
        self.sidecars.bump();
    }

    /// Begins a generation: the root folder may hold something else than before.
    pub(in crate::app) fn bump_generation(&self) {
        self.folder.bump();
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
