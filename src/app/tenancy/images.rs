//! The images of a tenant. Storage gets itself another credential when the one that it has turns out to
//! be dead.

use std::sync::Arc;

use super::{storage::Storage, tenant::Tenant, write_log::OwnChange};
use crate::{
    domain::{
        image::{EncodedImage, ImageName, StoredImage},
        request_id::RequestId,
        secret::Secret,
        sidecar::SidecarName,
        thumbnail::ThumbnailSize,
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStoreError, LinkedImage, Moved, OpenedImage,
        OpenedStorage, PutMode, SidecarFile, Thumbnail,
    },
};

/// The answer where storage offers no links to images.
const NO_LINKS: ImageStoreError = ImageStoreError::Restricted {
    detail: "this kind of storage offers no links to images",
};

/// An image with a link to it.
#[derive(Debug)]
pub struct ShownImage {
    /// The image, as storage lists it.
    pub stored: StoredImage,
    /// The link.
    pub link: ImageLink,
}

/// A link to an image.
#[derive(Debug)]
pub enum ImageLink {
    /// Storage's: a URL that gives the image to all who have it.
    OfStorage(Secret),
    /// One of a route of this service, which is signed for the host of each request.
    OfThisService,
}

impl ImageLink {
    /// Its size in bytes, as far as it is kept.
    pub(in crate::app) fn bytes(&self) -> usize {
        match self {
            Self::OfStorage(link) => link.expose().len(),
            Self::OfThisService => 0,
        }
    }
}

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

    /// All images in the folder as they are now, sorted by name. What has to be read again and again is in the
    /// [`ListingCache`](super::listing_cache::ListingCache).
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
    pub async fn link(&self, name: &ImageName) -> Result<ShownImage, ImageStoreError> {
        self.call(|storage| async move {
            if let Some(links) = storage.links {
                let LinkedImage { stored, link } = links.temporary_link(name).await?;
                let link = ImageLink::OfStorage(link);
                return Ok(ShownImage { stored, link });
            }
            let stored = storage.images.find(name).await?;
            storage.contents.ok_or(NO_LINKS)?;
            let link = ImageLink::OfThisService;
            Ok(ShownImage { stored, link })
        })
        .await
    }

    /// One image, open for reading in parts; `None` where storage has links of its own, or cannot.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn open(&self, name: &ImageName) -> Result<Option<OpenedImage>, ImageStoreError> {
        self.call(|storage| async move {
            match storage.contents {
                Some(contents) => contents.open(name).await.map(Some),
                None => Ok(None),
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

    /// Writes an image. Listings show it from then on.
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
        match &put {
            Ok(()) => self.record_changed(name),
            Err(error) => self.record_failed(name, error),
        }
        put
    }

    /// Moves an image that was found, and these sidecars, to a folder. Listings show it there from then on.
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
        match &moved {
            Ok(moved) => {
                self.record_gone(&image.name);
                // A name that is too long for an image is not listed.
                if let Ok(name) = ImageName::new(&moved.name) {
                    self.record(folder, OwnChange::Written(name));
                }
            }
            // Another image may have its name now.
            Err(ImageStoreError::NotFound) => self.record_changed(&image.name),
            Err(error) => {
                self.record_failed(&image.name, error);
                if may_have_happened(error) {
                    self.record(folder, OwnChange::Unknown);
                }
            }
        }
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
        match &deleted {
            Ok(()) => self.record_gone(name),
            Err(error) => self.record_failed(name, error),
        }
        deleted
    }

    /// Records that an image is not there any more.
    pub(in crate::app) fn record_gone(&self, name: &ImageName) {
        self.record(self.folder, OwnChange::Gone(name.clone()));
    }

    /// Records that an image may be another than it is listed as.
    pub(in crate::app) fn record_changed(&self, name: &ImageName) {
        self.record(self.folder, OwnChange::Written(name.clone()));
    }

    /// Records what a write of an image may have done that has failed.
    fn record_failed(&self, name: &ImageName, error: &ImageStoreError) {
        if matches!(error, ImageStoreError::NotFound) {
            self.record_gone(name);
        } else if may_have_happened(error) {
            self.record_changed(name);
        }
    }

    fn record(&self, folder: Folder, change: OwnChange) {
        self.tenant.storage().record(folder, change);
    }

    async fn call<T, F, Fut>(&self, call: F) -> Result<T, ImageStoreError>
    where
        F: Fn(OpenedStorage) -> Fut,
        Fut: Future<Output = Result<T, ImageStoreError>>,
    {
        let in_folder = |storage: Arc<Storage>| {
            call(match self.folder {
                Folder::Root => storage.opened.clone(),
                folder => storage.opened.in_folder(folder),
            })
        };
        self.with_storage(in_folder).await
    }

    /// Makes a call with the storage that is in use; once more, with another credential, if storage has refused that
    /// one.
    pub(super) async fn with_storage<T, F, Fut>(&self, call: F) -> Result<T, ImageStoreError>
    where
        F: Fn(Arc<Storage>) -> Fut,
        Fut: Future<Output = Result<T, ImageStoreError>>,
    {
        let storage = self.tenant.storage();
        match call(Arc::clone(&storage)).await {
            Err(refused @ ImageStoreError::Unauthorized { .. }) => {
                match self.tenant.renew_storage(&storage, self.request_id).await {
                    Some(renewed) => call(renewed).await,
                    None => Err(refused),
                }
            }
            result => result,
        }
    }
}

/// Whether a write that has failed may have taken effect.
fn may_have_happened(error: &ImageStoreError) -> bool {
    match error {
        ImageStoreError::Undecided(_)
        | ImageStoreError::Timeout(_)
        | ImageStoreError::Unavailable(_) => true,
        ImageStoreError::NotFound
        | ImageStoreError::TooLarge
        | ImageStoreError::NoThumbnail
        | ImageStoreError::Restricted { .. }
        | ImageStoreError::Unreadable { .. }
        | ImageStoreError::Misconfigured { .. }
        | ImageStoreError::NameTaken
        | ImageStoreError::SidecarChanged
        | ImageStoreError::Unauthorized { .. }
        | ImageStoreError::RateLimited { .. } => false,
    }
}
