//! The images of a tenant. Storage gets itself another credential when the one that it has turns out to
//! be dead.

use super::{storage::Storage, tenant::Tenant};
use crate::{
    domain::{
        image::{EncodedImage, ImageName, StoredImage},
        request_id::RequestId,
        sidecar::SidecarName,
        thumbnail::ThumbnailSize,
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStoreError, LinkedImage, Moved,
        OpenedStorage, PutMode, SidecarFile, Thumbnail,
    },
};

/// The answer where storage offers no links to images.
const NO_LINKS: ImageStoreError = ImageStoreError::Restricted {
    detail: "this kind of storage offers no links to images",
};

/// The images of a tenant, for one request.
///
/// Each call is that of the port with the same name. When storage refuses the credential,
/// the credential is dropped and resolved once more, and the call repeated with the new one.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    pub(in crate::app) tenant: &'a Tenant,
    pub(in crate::app) request_id: &'a RequestId,
    pub(in crate::app) folder: Folder,
}

impl Tenant {
    /// The tenant's images, for one request.
    #[must_use]
    pub fn images<'a>(&'a self, request_id: &'a RequestId) -> Images<'a> {
        Images {
            tenant: self,
            request_id,
            folder: Folder::Root,
        }
    }
}

impl<'a> Images<'a> {
    /// Those of another folder.
    #[must_use]
    pub fn in_folder(self, folder: Folder) -> Images<'a> {
        Images { folder, ..self }
    }

    /// All images in the folder, sorted by name.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        self.call(|storage| async move { storage.images.list().await })
            .await
    }

    /// What storage says of one image.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError> {
        self.call(|storage| async move { storage.images.find(name).await })
            .await
    }

    /// One image with its bytes.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        self.call(|storage| async move { storage.images.fetch(name).await })
            .await
    }

    /// A link by which anyone can download one image for a few hours.
    ///
    /// # Errors
    /// [`ImageStoreError`]; [`ImageStoreError::Restricted`] where storage offers no links.
    pub async fn temporary_link(&self, name: &ImageName) -> Result<LinkedImage, ImageStoreError> {
        self.call(|storage| async move {
            match storage.links {
                Some(links) => links.temporary_link(name).await,
                // The place for a signed link to a route of this service.
                None => storage.images.find(name).await.and(Err(NO_LINKS)),
            }
        })
        .await
    }

    /// A small copy of one image; `None` where storage makes none.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn thumbnail(
        &self,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Option<Thumbnail>, ImageStoreError> {
        self.call(|storage| async move {
            match storage.thumbnails {
                Some(thumbnails) => thumbnails.thumbnail(name, size).await.map(Some),
                None => Ok(None),
            }
        })
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
        self.call(|storage| async move { storage.images.read_sidecar(name, which).await })
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
        content: &[u8],
        found: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        let written = self.call(|storage| async move {
            storage
                .images
                .write_sidecar(name, which, content, found)
                .await
        });
        let written = written.await;
        self.tenant.storage().bump_sidecar_generation();
        written
    }

    /// Writes an image. Whatever comes of it, listings of before are not shown to anyone who asks afterwards.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn put(
        &self,
        name: &ImageName,
        image: &EncodedImage,
        mode: PutMode,
    ) -> Result<(), ImageStoreError> {
        let put = self.call(|storage| async move { storage.images.put(name, image, mode).await });
        let put = put.await;
        self.tenant.storage().bump_generation();
        put
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
        if_taken: IfTaken,
    ) -> Result<Moved, ImageStoreError> {
        let moved = self.call(|storage| async move {
            let images = storage.images;
            images.move_to(image, sidecars, folder, if_taken).await
        });
        let moved = moved.await;
        self.tenant.storage().bump_generation();
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
        let deleted =
            self.call(|storage| async move { storage.images.delete(name, sidecars).await });
        let deleted = deleted.await;
        self.tenant.storage().bump_generation();
        deleted
    }

    async fn call<T, F, Fut>(&self, call: F) -> Result<T, ImageStoreError>
    where
        F: Fn(OpenedStorage) -> Fut,
        Fut: Future<Output = Result<T, ImageStoreError>>,
    {
        let storage = self.tenant.storage();
        let in_folder = |storage: &Storage| match self.folder {
            Folder::Root => storage.opened.clone(),
            folder => storage.opened.in_folder(folder),
        };
        match call(in_folder(&storage)).await {
            Err(refused @ ImageStoreError::Unauthorized { .. }) => {
                match self.tenant.renew_storage(&storage, self.request_id).await {
                    Some(renewed) => call(in_folder(&renewed)).await,
                    None => Err(refused),
                }
            }
            result => result,
        }
    }
}
