//! A tenant's storage, the generations of its content, and what this service has changed in it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::write_log::{OwnChange, WriteLog};
use crate::{
    domain::{
        credential::{Credential, WrongProvider},
        storage::StorageAccess,
        tenant_config::{Resolved, TenantConfig, Validated},
    },
    ports::{Folder, ImageStore, ImageStoreFactory, OpenedStorage},
};

/// Storage that has been opened, with its config and credential.
pub(in crate::app) struct Storage {
    pub(in crate::app) config: Arc<TenantConfig<Resolved>>,
    pub(in crate::app) opened: OpenedStorage,
    id: Generation,
    folder: Counter,
    sidecars: Counter,
    writes: WriteLog,
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
            id: Generation(Counter::next()),
            folder: Counter::new(),
            sidecars: Counter::new(),
            writes: WriteLog::default(),
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

    /// Its number, which no other storage has.
    pub(super) fn id(&self) -> Generation {
        self.id
    }

    /// The latest changes of ours in its folders.
    pub(super) fn writes(&self) -> &WriteLog {
        &self.writes
    }

    /// The store of one of its folders.
    pub(super) fn store(&self, folder: Folder) -> Arc<dyn ImageStore> {
        match folder {
            Folder::Root => Arc::clone(&self.opened.images),
            folder => self.opened.images.in_folder(folder),
        }
    }

    /// Records what has changed in a folder, or was found to have. What is known of single images ends.
    pub(in crate::app) fn record(&self, folder: Folder, change: OwnChange) {
        self.writes.record(folder, change);
        self.folder.bump();
    }

    /// The generation of the root folder. A new one begins when storage is opened, and with each change.
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
