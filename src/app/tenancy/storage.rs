//! A tenant's storage, which gets itself another credential when the one that it has turns out
//! to be dead.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::tenant::Tenant;
use crate::{
    domain::{
        credential::{Credential, ProviderCredential as _, StorageCredential, WrongProvider},
        image::{ImageName, StoredImage},
        request_id::RequestId,
        sidecar::SidecarName,
        tenant_config::{Resolved, TenantConfig, Validated},
        thumbnail::ThumbnailSize,
    },
    ports::{
        FetchedImage, Folder, FoundFile, ImageStore, ImageStoreError, ImageStoreFactory,
        LinkedImage, Moved, SidecarFile, Thumbnail,
    },
};

/// Storage that has been opened, with its config and credential.
pub(in crate::app) struct Storage {
    pub(in crate::app) config: Arc<TenantConfig<Resolved>>,
    images: Arc<dyn ImageStore>,
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

    fn begin_sidecar_edition(&self) {
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
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(in crate::app) fn replace(&self, storage: Storage) -> Arc<Storage> {
        let storage = Arc::new(storage);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&storage);
        storage
    }
}

/// The images of a tenant, for one request.
///
/// Each call is that of [`ImageStore`] with the same name. When storage refuses the credential,
/// the credential is dropped and resolved once more, and the call repeated with the new one.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    pub(in crate::app) tenant: &'a Tenant,
    pub(in crate::app) request_id: &'a RequestId,
    /// `None` is the root folder.
    pub(in crate::app) folder: Option<Folder>,
}

impl<'a> Images<'a> {
    /// Those of another folder.
    #[must_use]
    pub fn in_folder(self, folder: Option<Folder>) -> Images<'a> {
        Images { folder, ..self }
    }

    /// All images in the folder, sorted by name.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        self.call(|store| async move { store.list().await }).await
    }

    /// What storage says of one image.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError> {
        self.call(|store| async move { store.find(name).await })
            .await
    }

    /// One image with its bytes.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        self.call(|store| async move { store.fetch(name).await })
            .await
    }

    /// A link under which anybody can download one image for a few hours.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn temporary_link(&self, name: &ImageName) -> Result<LinkedImage, ImageStoreError> {
        self.call(|store| async move { store.temporary_link(name).await })
            .await
    }

    /// A small copy of one image.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn thumbnail(
        &self,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, ImageStoreError> {
        self.call(|store| async move { store.thumbnail(name, size).await })
            .await
    }

    /// The file where a sidecar of an image can be.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn read_sidecar(
        &self,
        name: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        self.call(|store| async move { store.read_sidecar(name, which).await })
            .await
    }

    /// Writes or replaces the file where a sidecar of an image can be. Whatever comes of it, what was read of
    /// sidecars before is not shown to anyone who asks afterwards.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn write_sidecar(
        &self,
        name: &ImageName,
        which: SidecarName,
        text: &str,
        found: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        let written =
            self.call(|store| async move { store.write_sidecar(name, which, text, found).await });
        let written = written.await;
        self.tenant.storage().begin_sidecar_edition();
        written
    }

    /// Moves an image that was found, and these sidecars, to a folder. Whatever comes of it, listings of before are
    /// not shown to anyone who asks afterwards.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn move_to(
        &self,
        image: &StoredImage,
        sidecars: &[SidecarName],
        folder: Folder,
    ) -> Result<Moved, ImageStoreError> {
        let moved = self.call(|store| async move { store.move_to(image, sidecars, folder).await });
        let moved = moved.await;
        self.tenant.storage().begin_edition();
        moved
    }

    /// Deletes an image and these sidecars.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError> {
        let deleted = self.call(|store| async move { store.delete(name, sidecars).await });
        let deleted = deleted.await;
        self.tenant.storage().begin_edition();
        deleted
    }

    async fn call<T, F, Fut>(&self, call: F) -> Result<T, ImageStoreError>
    where
        F: Fn(Arc<dyn ImageStore>) -> Fut,
        Fut: Future<Output = Result<T, ImageStoreError>>,
    {
        let storage = self.tenant.storage();
        let in_folder = |images: &Arc<dyn ImageStore>| match self.folder {
            Some(folder) => images.in_folder(folder),
            None => Arc::clone(images),
        };
        match call(in_folder(&storage.images)).await {
            Err(refused @ ImageStoreError::Unauthorized { .. }) => {
                match self.tenant.renew_storage(&storage, self.request_id).await {
                    Some(renewed) => call(in_folder(&renewed.images)).await,
                    None => Err(refused),
                }
            }
            result => result,
        }
    }
}
