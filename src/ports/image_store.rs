//! Where a tenant's images are.
//!
//! To add a storage:
//! 1. declare its credential with `provider_credential!` in `domain::credential`: its secret fields, and
//!    what they are called in the environment;
//! 2. let `domain::tenant_config` accept its name (`blocks.rs`, `effective.rs`);
//! 3. implement [`ImageStore`] and [`ImageStoreFactory`] in a new file of `adapters`;
//! 4. build the factory in `src/bin/publisher/clients.rs`.
//!
//! One storage serves the whole process for now: `tenancy/tenant.rs`, `usecases/check_tenant.rs` and
//! `http/dto/config.rs` name it.

use std::{borrow::Cow, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::Cause;
use crate::domain::{
    image::{ImageName, StoredImage},
    secret::Secret,
    sidecar::SidecarName,
    tenant_config::{Resolved, TenantConfig},
    thumbnail::ThumbnailSize,
};

/// The images of one tenant.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// All images that stand directly in the root folder, sorted by name.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError>;

    /// What storage says of one image, without its bytes.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError>;

    /// One image with its bytes, at most
    /// [`MAX_IMAGE_BYTES`](crate::domain::image::MAX_IMAGE_BYTES) of them.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError>;

    /// A link under which anybody can download one image for a few hours, without its bytes.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn temporary_link(&self, name: &ImageName) -> Result<LinkedImage, ImageStoreError>;

    /// A small copy of one image.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn thumbnail(
        &self,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, ImageStoreError>;

    /// The file where a sidecar of an image can be, whosever it is.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn read_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError>;

    /// Writes the file where a sidecar of an image can be, in the place of what was found there and of
    /// nothing else.
    ///
    /// # Errors
    /// [`ImageStoreError`]; [`ImageStoreError::SidecarChanged`] if something else is there by now.
    async fn write_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
        text: &str,
        found: &FoundFile,
    ) -> Result<(), ImageStoreError>;

    /// Moves an image that was found, and these of its sidecars as far as they are there, to a folder, which
    /// is made if it is not there. Overwrites nothing: where the name is taken, the moved file gets another.
    ///
    /// # Errors
    /// [`ImageStoreError`]. The image has not moved, as far as storage could tell.
    async fn move_to(
        &self,
        image: &StoredImage,
        sidecars: &[SidecarName],
        folder: Folder,
    ) -> Result<Moved, ImageStoreError>;

    /// The images that stand directly in one of the other folders, whose root this folder is then. Contacts no
    /// server; a folder that is not there has no images.
    fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore>;

    /// Deletes an image, and these of its sidecars as far as they are there, for good. What a failure leaves
    /// is an image still, so that deleting it again ends what was begun.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError>;
}

/// Opens the storage of tenants.
#[cfg_attr(test, mockall::automock)]
pub trait ImageStoreFactory: Send + Sync {
    /// The storage of one tenant, with its credential. Contacts nobody.
    fn open(&self, config: Arc<TenantConfig<Resolved>>) -> Arc<dyn ImageStore>;
}

/// An image as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedImage {
    /// What storage says of it.
    pub stored: StoredImage,
    /// Its bytes, not yet known to be an image's.
    pub bytes: Bytes,
}

/// The file where a sidecar can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SidecarFile {
    /// There is none.
    Missing,
    /// There is something that cannot be a sidecar: a file with more than
    /// [`MAX_SIDECAR_BYTES`](crate::domain::sidecar::MAX_SIDECAR_BYTES), or one that storage does not hand
    /// out, or a folder.
    Unreadable,
    /// There is one with these bytes, whatever they are.
    Found {
        /// All of them.
        bytes: Bytes,
        /// Storage's name of this revision of it.
        revision: String,
    },
}

/// What was found where a sidecar is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundFile {
    /// Nothing.
    Nothing,
    /// A file in this revision.
    Revision(String),
}

/// An image that can be downloaded by a link.
#[derive(Debug)]
pub struct LinkedImage {
    /// What storage says of it.
    pub stored: StoredImage,
    /// An `http` or `https` URL. Whoever has it has the image, so it is nobody's but the caller's.
    pub link: Secret,
}

/// A small copy of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// What storage says of the image that was copied.
    pub stored: StoredImage,
    /// The copy, a JPEG.
    pub jpeg: Bytes,
}

/// An image that has moved.
#[derive(Debug)]
pub struct Moved {
    /// The name that it has in the folder: storage's own, which may be longer than that of an
    /// [`ImageName`].
    pub name: String,
    /// Whether its sidecar, if it has one, has moved along.
    pub sidecar: Result<(), ImageStoreError>,
}

/// A folder that images are moved to; the tenant's config says where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// For what was published.
    Archive,
    /// For what is to be kept.
    Keep,
    /// For what was sorted out.
    Remove,
}

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ImageStoreError {
    /// There is no such image.
    #[error("there is no such image in storage")]
    NotFound,
    /// The image is larger than we publish.
    #[error("the image is too large")]
    TooLarge,
    /// Storage can make no thumbnail of the image.
    #[error("storage can make no thumbnail of the image")]
    NoThumbnail,
    /// Storage refuses this one file; it serves others.
    #[error("storage refuses this file: {detail}")]
    Restricted {
        /// Why, as a clause for people; nothing that storage has said.
        detail: &'static str,
    },
    /// Storage does not hand out this one file as a whole, and nobody knows whether it ever will; it
    /// serves others.
    #[error("storage does not hand out this file: {detail}")]
    Unreadable {
        /// In which way, as a clause for people; nothing that storage has said.
        detail: &'static str,
        /// The answer.
        #[source]
        cause: Cause,
    },
    /// The tenant's storage cannot be used for this as it is set up, whatever the image, until somebody
    /// changes it.
    #[error("storage cannot be used as it is set up: {problem}")]
    Misconfigured {
        /// What is wrong, as a clause that anybody may read: nothing of the tenant's config.
        problem: Cow<'static, str>,
        /// What is wrong and what to do about it, in whole sentences for the tenant's admins, and not
        /// for the log: it may name a folder of the tenant's config.
        detail: String,
    },
    /// Somebody else has written where the sidecar was to be written, which is left alone.
    #[error("somebody else has written there meanwhile")]
    SidecarChanged,
    /// Storage does not accept the tenant's credential: it is dead.
    #[error("storage refused the credential")]
    Unauthorized {
        /// The setting of this service that the credential comes from; `None` where another is
        /// fetched.
        setting: Option<&'static str>,
        /// The refusal.
        #[source]
        cause: Cause,
    },
    /// Storage asks to be left alone for a while.
    #[error("storage is limiting our requests")]
    RateLimited {
        /// For how long.
        retry_after: Option<Duration>,
    },
    /// Storage did not answer in time.
    #[error("storage did not answer in time")]
    Timeout(#[source] Cause),
    /// Storage failed, or refused for a reason that no caller can mend.
    #[error("storage failed")]
    Unavailable(#[source] Cause),
}

impl ImageStoreError {
    /// Whether the fault lies with this one image, so that another image may be had all the same.
    #[must_use]
    pub fn is_about_the_image(&self) -> bool {
        match self {
            Self::NotFound
            | Self::TooLarge
            | Self::NoThumbnail
            | Self::SidecarChanged
            | Self::Restricted { .. }
            | Self::Unreadable { .. } => true,
            Self::Misconfigured { .. }
            | Self::Unauthorized { .. }
            | Self::RateLimited { .. }
            | Self::Timeout(_)
            | Self::Unavailable(_) => false,
        }
    }
}
