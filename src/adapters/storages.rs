//! The kinds of storage: the registration of each, and what opens them. Only the composition root and
//! tests import this.

use std::sync::Arc;

use super::{
    dropbox::{self, DropboxImageStoreFactory, DropboxSettings},
    http_client::{ExtraRoots, HttpSetupError},
    local::{self, LocalFolders},
    managed::{self, ManagedImageStoreFactory},
    registration::StorageRegistration,
};
use crate::{
    domain::{
        content_hash::ContentHashKind,
        storage::{HashKind, StorageAccess, StorageKind},
        tenant_config::{Resolved, TenantConfig},
    },
    ports::{Clock, ImageStoreFactory, OpenedStorage, StorageMeter},
};

/// The registration of a kind. Exhaustive: each kind has one.
#[must_use]
pub const fn registration(kind: StorageKind) -> &'static StorageRegistration {
    match kind {
        StorageKind::Dropbox => &dropbox::REGISTRATION,
        StorageKind::Managed => &managed::REGISTRATION,
        StorageKind::Local => &local::REGISTRATION,
        #[cfg(feature = "memory-storage")]
        StorageKind::Memory => &super::memory::REGISTRATION,
    }
}

/// The kind of hash that the listings of a kind of storage carry.
#[must_use]
pub fn content_hash(kind: StorageKind) -> ContentHashKind {
    registration(kind).content_hash
}

/// The functions of all kinds of hashes: each can be computed of the bytes of any storage.
#[must_use]
pub fn hash_kinds() -> Vec<ContentHashKind> {
    let function = |kind| match kind {
        HashKind::Sha256 => ContentHashKind::SHA256,
        HashKind::Dropbox => dropbox::REGISTRATION.content_hash,
        HashKind::Etag => ContentHashKind::MD5_ETAG,
    };
    HashKind::ALL.map(function).into()
}

/// Whether admins may upload images to a kind of storage.
#[must_use]
pub fn takes_uploads(kind: StorageKind) -> bool {
    registration(kind).takes_uploads
}

/// Opens the storage of tenants, of every kind.
pub struct Storages {
    dropbox: DropboxImageStoreFactory,
    local: LocalFolders,
    managed: ManagedImageStoreFactory,
    /// The files of the kind that measures what one takes.
    #[cfg(feature = "memory-storage")]
    pub memory: super::memory::MemoryFiles,
}

impl Storages {
    /// Contacts no server. With `is_standalone` credentials are from the settings of this service, which
    /// messages name then.
    ///
    /// # Errors
    /// The TLS set-up failed, for instance because the system has no trusted roots.
    pub fn new(
        dropbox: DropboxSettings,
        is_standalone: bool,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            local: LocalFolders::new(Arc::clone(&clock)),
            managed: ManagedImageStoreFactory::new(is_standalone, roots, Arc::clone(&clock))?,
            dropbox: DropboxImageStoreFactory::new(dropbox, roots, clock)?,
            #[cfg(feature = "memory-storage")]
            memory: super::memory::MemoryFiles::default(),
        })
    }

    /// The same, with the calls to managed storage counted of tenants whose features say so.
    #[must_use]
    pub fn metered_by(self, meter: Option<Arc<dyn StorageMeter>>) -> Self {
        Self {
            managed: self.managed.metered_by(meter),
            ..self
        }
    }
}

impl ImageStoreFactory for Storages {
    fn open(&self, config: &TenantConfig<Resolved>) -> OpenedStorage {
        let paths = config.settings().storage.paths.clone();
        match config.storage_access() {
            StorageAccess::Dropbox(credential) => {
                let store = self.dropbox.open(paths, credential.clone());
                OpenedStorage::with_previews(Arc::new(store))
            }
            StorageAccess::Managed(credential) => {
                let features = config.settings().features;
                let metered = features.storage_ops_metering_enabled;
                let metered = metered.then(|| config.tenant());
                let store = self.managed.open(&paths, credential, metered);
                OpenedStorage::with_links(Arc::new(store))
            }
            StorageAccess::Local(_) => {
                OpenedStorage::with_contents(Arc::new(self.local.open(&paths)))
            }
            #[cfg(feature = "memory-storage")]
            StorageAccess::Memory(_) => {
                OpenedStorage::without_previews(Arc::new(self.memory.open(paths)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn people_put_images_into_their_own_accounts_by_themselves() {
        assert!(!takes_uploads(StorageKind::Dropbox));
    }

    #[test]
    fn a_name_of_a_hash_is_of_one_hash() {
        let mut hashes = std::collections::HashMap::new();
        let listed = StorageKind::ALL.iter().map(|kind| content_hash(*kind));
        for ContentHashKind { kind, of, .. } in listed.chain(hash_kinds()) {
            let hash = of(b"content").to_string();
            let known = hashes.entry(kind).or_insert_with(|| hash.clone());
            assert_eq!(*known, hash, "{kind:?}");
        }
        let different: BTreeSet<_> = hashes.values().collect();
        assert_eq!(different.len(), hashes.len());
        assert_eq!(hashes.len(), HashKind::ALL.len());
    }
}
