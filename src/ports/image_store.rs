//! The images of a tenant, in storage of any kind: what every kind does. Links, reading in parts and thumbnails, which
//! only some kinds have, are the ports [`ImageLinks`](super::ImageLinks),
//! [`ImageContents`](super::ImageContents) and [`ImageThumbnails`](super::ImageThumbnails).
//!
//! To add a kind of storage:
//! 1. name it in the table of [`domain::storage`](crate::domain::storage): its name in code, its name
//!    in configs, the credential that it needs (declared there with `provider_credential!`, or
//!    `NoCredential`), and how its root path is read;
//! 2. write its adapter, one file: the [`ImageStore`], the optional ports that it offers, and its
//!    `StorageRegistration` with the hash that its listings carry and the calls that are counted;
//! 3. in `adapters.rs` name the module, and in `adapters/storages.rs` its registration and how it is
//!    opened.
//!
//! All else follows: reading of configs and credentials, standalone mode, `check`, the API and its
//! document, sidecars, and the series of metrics. A forgotten step does not compile. What every kind does
//! alike is tested by `tests/storage_suite`: give the new kind a fixture there, in `kinds/`.
//! `adapters/memory.rs` is an example, behind the feature `memory-storage`; `tests/memory_storage.rs` runs
//! the service on it.

use std::{borrow::Cow, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Cause, ListingCursor, ListingPage, ListingRules};
use crate::domain::{
    image::{EncodedImage, ImageName, StoredImage},
    listing::ListingChange,
    sidecar::SidecarName,
};

/// The images of one tenant.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// All images directly in the root folder, sorted by name.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError>;

    /// A page of the images directly in the root folder, in any order: the first, or the one at a cursor. `None`:
    /// the cursor is no good any more. A kind that lists page by page, or tells what has changed, has its own.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn list_page(&self, _: Option<ListingCursor>) -> PageResult {
        let images = self.list().await?.into_iter();
        let page = ListingPage::only(images.map(ListingChange::Found).collect());
        Ok(Some(page))
    }

    /// How its listings are read and kept.
    fn listing_rules(&self) -> ListingRules {
        ListingRules::default()
    }

    /// One image as storage lists it, without its bytes.
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

    /// The file under a name that a sidecar of an image can have; it may be no sidecar.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn read_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError>;

    /// Writes the file under a name that a sidecar of an image can have, with any bytes. It replaces what was found there,
    /// and nothing else.
    ///
    /// # Errors
    /// [`ImageStoreError`]; [`ImageStoreError::SidecarChanged`] if something else is there now.
    async fn write_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
        content: &[u8],
        found: &FoundFile,
    ) -> Result<(), ImageStoreError>;

    /// Writes an image. In mode [`PutMode::New`] it replaces nothing, whatever is under its name.
    ///
    /// # Errors
    /// [`ImageStoreError`]; [`ImageStoreError::NameTaken`], and [`ImageStoreError::Undecided`] where storage
    /// does not say whether the name is taken. Nothing was written then, as far as storage could tell.
    async fn put(
        &self,
        name: &ImageName,
        image: &EncodedImage,
        mode: PutMode,
    ) -> Result<(), ImageStoreError>;

    /// Moves an image that was found, with those of these sidecars that exist, to a folder, which is created
    /// if it does not exist. Overwrites nothing.
    ///
    /// # Errors
    /// [`ImageStoreError`]; [`ImageStoreError::NotFound`] also where another image has its name now, and
    /// [`ImageStoreError::NameTaken`] only with [`IfTaken::Refuse`]. The image has not moved, as far as storage could tell;
    /// where the log says so, another one has.
    async fn move_to(
        &self,
        image: &StoredImage,
        sidecars: &[SidecarName],
        folder: Folder,
        if_taken: IfTaken,
    ) -> Result<Moved, ImageStoreError>;

    /// The store of one of the folders, with that folder as its root. Contacts no server; a folder that
    /// does not exist has no images.
    fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore>;

    /// Deletes an image, with those of these sidecars that exist, for good. After a failure the image is
    /// still there, so that deleting it again completes the deletion.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError>;
}

/// A page; `None`: the cursor is no good any more, and the folder is to be listed anew.
pub type PageResult = Result<Option<ListingPage>, ImageStoreError>;

/// An image as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedImage {
    /// The image as storage lists it.
    pub stored: StoredImage,
    /// Its bytes, not yet checked to be an image.
    pub bytes: Bytes,
}

/// The content of a name that a sidecar can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SidecarFile {
    /// No file.
    Missing,
    /// Something that cannot be a sidecar: a file with more than
    /// [`MAX_SIDECAR_BYTES`](crate::domain::sidecar::MAX_SIDECAR_BYTES), or one that storage does not hand
    /// out, or a folder.
    Unreadable,
    /// A file with any bytes.
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

/// An image that has moved.
#[derive(Debug)]
pub struct Moved {
    /// Its name in the folder, which may be longer than an [`ImageName`].
    pub name: String,
    /// Whether its sidecar, if it has one, has moved, too.
    pub sidecar: Result<(), ImageStoreError>,
}

/// What a put does where its name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// It fails.
    New,
    /// It replaces the image.
    Replace,
}

/// What a move does where its name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfTaken {
    /// It takes another name.
    Rename,
    /// It fails, before anything is touched.
    Refuse,
}

/// A folder of a tenant; the tenant's config says where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Folder {
    /// Where images are published from.
    Root,
    /// For what was published.
    Archive,
    /// For what is to be kept.
    Keep,
    /// For what was sorted out.
    Remove,
}

/// Why a call to storage failed.
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
    /// Storage refuses this file; it serves others.
    #[error("storage refuses this file: {detail}")]
    Restricted {
        /// The reason, as a clause for people; no text of storage.
        detail: &'static str,
    },
    /// Storage does not return this file as a whole, possibly for good; it serves others.
    #[error("storage does not hand out this file: {detail}")]
    Unreadable {
        /// The way in which it fails, as a clause for people; no text of storage.
        detail: &'static str,
        /// The answer.
        #[source]
        cause: Cause,
    },
    /// The tenant's storage cannot be used for this, with any image, until its set-up is changed.
    #[error("storage cannot be used as it is set up: {problem}")]
    Misconfigured {
        /// The problem, as a clause for everyone: nothing of the tenant's config.
        problem: Cow<'static, str>,
        /// The problem and its remedy, in sentences for the tenant's admins. Not for the log: it may name a
        /// folder of the tenant's config.
        detail: String,
    },
    /// Another file has the name.
    #[error("the name is taken")]
    NameTaken,
    /// Storage does not say whether a name is taken, so nothing was written.
    #[error("storage does not say whether the name is taken")]
    Undecided(#[source] Cause),
    /// The file that the sidecar was to replace has changed; it is left as it is.
    #[error("somebody else has written there meanwhile")]
    SidecarChanged,
    /// Storage does not accept the tenant's credential any more.
    #[error("storage refused the credential")]
    Unauthorized {
        /// The setting that holds the credential; `None` where another one can be fetched.
        setting: Option<&'static str>,
        /// The refusal.
        #[source]
        cause: Cause,
    },
    /// Storage limits requests.
    #[error("storage is limiting our requests")]
    RateLimited {
        /// The wait that it asks for.
        retry_after: Option<Duration>,
    },
    /// Storage did not answer in time.
    #[error("storage did not answer in time")]
    Timeout(#[source] Cause),
    /// Storage failed, or refused for a reason that no caller can change.
    #[error("storage failed")]
    Unavailable(#[source] Cause),
}

impl ImageStoreError {
    /// Whether the failure is about this image, so that another image may be available.
    #[must_use]
    pub fn is_about_the_image(&self) -> bool {
        match self {
            Self::NotFound
            | Self::TooLarge
            | Self::NoThumbnail
            | Self::NameTaken
            | Self::SidecarChanged
            | Self::Restricted { .. }
            | Self::Unreadable { .. } => true,
            Self::Misconfigured { .. }
            | Self::Unauthorized { .. }
            | Self::RateLimited { .. }
            | Self::Undecided(_)
            | Self::Timeout(_)
            | Self::Unavailable(_) => false,
        }
    }
}
