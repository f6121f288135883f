//! Opening the storage of tenants.

use std::sync::Arc;

use super::{Folder, ImageContents, ImageLinks, ImageStore, ImageThumbnails};
use crate::domain::tenant_config::{Resolved, TenantConfig};

/// Opens the storage of tenants, of every kind.
#[cfg_attr(test, mockall::automock)]
pub trait ImageStoreFactory: Send + Sync {
    /// The storage of one tenant. Contacts no server.
    fn open(&self, config: &TenantConfig<Resolved>) -> OpenedStorage;
}

/// The storage of one tenant: its images, and what its kind offers beyond [`ImageStore`].
#[derive(Clone)]
pub struct OpenedStorage {
    /// The images.
    pub images: Arc<dyn ImageStore>,
    /// Links to them; `None` where the kind has none.
    pub links: Option<Arc<dyn ImageLinks>>,
    /// Reading them in parts, for a link of this service; `None` where the kind has links, or cannot.
    pub contents: Option<Arc<dyn ImageContents>>,
    /// Small copies of them; `None` where the kind makes none.
    pub thumbnails: Option<Arc<dyn ImageThumbnails>>,
}

impl OpenedStorage {
    /// Storage that offers neither links nor thumbnails.
    #[must_use]
    pub fn without_previews(images: Arc<dyn ImageStore>) -> Self {
        Self {
            images,
            links: None,
            contents: None,
            thumbnails: None,
        }
    }

    /// Storage that offers links, and no thumbnails.
    #[must_use]
    pub fn with_links<S>(store: Arc<S>) -> Self
    where
        S: ImageStore + ImageLinks + 'static,
    {
        Self {
            images: Arc::clone(&store) as _,
            links: Some(store),
            thumbnails: None,
            contents: None,
        }
    }

    /// Storage that can be read in parts, and offers neither links nor thumbnails.
    #[must_use]
    pub fn with_contents<S: ImageStore + ImageContents + 'static>(store: Arc<S>) -> Self {
        Self {
            contents: Some(Arc::clone(&store) as _),
            ..Self::without_previews(store)
        }
    }

    /// Storage that offers both.
    #[must_use]
    pub fn with_previews<S>(store: Arc<S>) -> Self
    where
        S: ImageStore + ImageLinks + ImageThumbnails + 'static,
    {
        Self {
            images: Arc::clone(&store) as _,
            links: Some(Arc::clone(&store) as _),
            contents: None,
            thumbnails: Some(store),
        }
    }

    /// Another folder of it, without previews: those are of the root folder.
    #[must_use]
    pub fn in_folder(&self, folder: Folder) -> Self {
        Self::without_previews(self.images.in_folder(folder))
    }
}

#[cfg(test)]
pub use self::mock::MockImageStore;

#[cfg(test)]
mod mock {
    use async_trait::async_trait;

    use crate::{
        domain::{
            image::{EncodedImage, ImageName, StoredImage},
            sidecar::SidecarName,
            thumbnail::ThumbnailSize,
        },
        ports::{
            FetchedImage, Folder, FoundFile, IfTaken, ImageLinks, ImageStore, ImageStoreError,
            ImageThumbnails, LinkedImage, Moved, PutMode, SidecarFile, Thumbnail,
        },
    };

    mockall::mock! {
        pub ImageStore {}

        #[async_trait]
        impl ImageStore for ImageStore {
            async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError>;
            async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError>;
            async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError>;
            async fn read_sidecar(
                &self,
                image: &ImageName,
                which: SidecarName,
            ) -> Result<SidecarFile, ImageStoreError>;
            async fn write_sidecar(
                &self,
                image: &ImageName,
                which: SidecarName,
                content: &[u8],
                found: &FoundFile,
            ) -> Result<(), ImageStoreError>;
            async fn put(
                &self,
                name: &ImageName,
                image: &EncodedImage,
                mode: PutMode,
            ) -> Result<(), ImageStoreError>;
            async fn move_to(
                &self,
                image: &StoredImage,
                sidecars: &[SidecarName],
                folder: Folder,
                if_taken: IfTaken,
            ) -> Result<Moved, ImageStoreError>;
            fn in_folder(&self, folder: Folder) -> std::sync::Arc<dyn ImageStore>;
            async fn delete(
                &self,
                name: &ImageName,
                sidecars: &[SidecarName],
            ) -> Result<(), ImageStoreError>;
        }

        #[async_trait]
        impl ImageLinks for ImageStore {
            async fn temporary_link(&self, name: &ImageName)
                -> Result<LinkedImage, ImageStoreError>;
        }

        #[async_trait]
        impl ImageThumbnails for ImageStore {
            async fn thumbnail(
                &self,
                name: &ImageName,
                size: ThumbnailSize,
            ) -> Result<Thumbnail, ImageStoreError>;
        }
    }
}
