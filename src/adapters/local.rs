//! A folder of this machine as the place where the images are.
//!
//! The folder may be open to others: people, synchronization programs, other users. So a name is always one
//! component, opened relative to the handle of its folder, and never through a link; only files are read, never
//! a FIFO or a device. What is written appears under its name at once and whole, and is on the disk when the call
//! returns.
//!
//! | file | holds |
//! | --- | --- |
//! | `store.rs` | the port: what its calls mean here |
//! | `listing.rs` | the images of a folder |
//! | `contents.rs` | reading an image in parts |
//! | `relocate.rs` | moving an image and its sidecars |
//! | `folder.rs` | one opened folder, and the files in it |
//! | `temporary.rs` | new files before they have their name |
//! | `places.rs` | where the folders of a tenant are |
//! | `shared.rs` | what all stores share |
//! | `digests.rs` | the SHA-256 of files, computed once for each state of a file |
//! | `failure.rs` | what errors of the system mean to callers |
//!
//! Only the binary and tests may import this module.

mod contents;
mod digests;
mod failure;
mod folder;
mod listing;
mod places;
mod relocate;
mod shared;
mod store;
mod temporary;

use std::sync::Arc;

pub use self::store::LocalImageStore;
use self::{places::Places, shared::Shared};
use super::registration::StorageRegistration;
use crate::{
    domain::{content_hash::ContentHashKind, tenant_config::StoragePaths},
    ports::{Clock, Folder},
};

/// A folder of the machine, as a kind of storage. It calls no upstream.
pub const REGISTRATION: StorageRegistration = StorageRegistration {
    content_hash: ContentHashKind::SHA256,
    takes_uploads: true,
    upstream: None,
};

/// Opens folders of the machine. What it knows of files is shared by all that it opens.
#[derive(Clone)]
pub struct LocalFolders {
    shared: Arc<Shared>,
}

impl LocalFolders {
    /// Reads no file.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared::new(clock)),
        }
    }

    /// The store of one tenant.
    #[must_use]
    pub fn open(&self, paths: &StoragePaths) -> LocalImageStore {
        LocalImageStore {
            shared: Arc::clone(&self.shared),
            places: Arc::new(Places::new(paths)),
            folder: Folder::Root,
        }
    }
}

#[cfg(test)]
mod tests;
