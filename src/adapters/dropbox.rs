//! Dropbox as the place where tenants keep their images, spoken to by its HTTP API (v2).
//!
//! Plain requests instead of the official SDK: its hosts are fixed, and it says too little of
//! *when* a call failed to tell what may be repeated.
//!
//! | file | holds |
//! | --- | --- |
//! | `store.rs` | the port: what its calls mean here |
//! | `listing.rs`, `page.rs` | the images of a folder, page by page, within bounds |
//! | `links.rs`, `thumbnails.rs` | links to images, and small copies of them |
//! | `relocate.rs` | moving an image and its sidecar |
//! | `delete.rs` | deleting both |
//! | `content_hash.rs` | the hash that listings carry |
//! | `connection.rs` | one tenant's calls: token, retries, and looking before a write is repeated |
//! | `app.rs` | what all tenants share: settings, the HTTP client, time limits |
//! | `http.rs` | one request and its answer, sorted into success and failures |
//! | `access_token.rs` | the short-lived token, refreshed once for all who wait |
//! | `failure.rs` | what can go wrong with a call, and what follows from it |
//! | `refusals.rs` | what Dropbox's refusals mean to people |
//! | `tags.rs` | Dropbox's words in an error |
//! | `without_app.rs` | credentials of a service that has no Dropbox app |
//! | `wire.rs` | arguments and answers as they travel |
//!
//! Only the binary and tests may import this module.

mod access_token;
mod app;
mod connection;
mod content_hash;
mod delete;
mod failure;
mod http;
mod links;
mod listing;
mod page;
mod refusals;
mod relocate;
mod store;
mod tags;
#[cfg(test)]
mod tests;
mod thumbnails;
mod wire;
mod without_app;

use std::sync::Arc;

use self::{
    access_token::AccessTokens,
    app::{App, LIMITS, Limits},
    connection::Connection,
};
pub use self::{app::DropboxSettings, store::DropboxImageStore, without_app::WithoutDropboxApp};
use super::{
    http_client::{self, ExtraRoots, HttpSetupError},
    registration::StorageRegistration,
};
use crate::{
    domain::{storage::DropboxCredential, tenant_config::StoragePaths},
    ports::Clock,
};

/// Dropbox, as a kind of storage.
pub const REGISTRATION: StorageRegistration = StorageRegistration {
    content_hash: content_hash::CONTENT_HASH,
    takes_uploads: false,
    upstream: Some((
        app::UPSTREAM,
        &[
            "token",
            "list_folder",
            "list_folder/continue",
            "get_metadata",
            "get_temporary_link",
            "get_thumbnail_v2",
            "download",
            "upload",
            "move_v2",
            "delete_v2",
        ],
    )),
};

/// Opens tenants' Dropboxes. All of them share one pool of connections.
pub struct DropboxImageStoreFactory {
    app: Arc<App>,
}

impl DropboxImageStoreFactory {
    /// Makes no network call.
    ///
    /// # Errors
    /// The TLS set-up failed, for instance because the system has no trusted roots.
    pub fn new(
        settings: DropboxSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Self::with_limits(settings, roots, clock, LIMITS)
    }

    fn with_limits(
        settings: DropboxSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, HttpSetupError> {
        let client = http_client::build(limits.content_timeout, roots)?;
        let app = App {
            settings,
            client,
            clock,
            limits,
        };
        Ok(Self { app: Arc::new(app) })
    }

    /// The store of one tenant. It has an access token of its own, so it is to be kept, not opened for
    /// each request.
    #[must_use]
    pub fn open(&self, paths: StoragePaths, credential: DropboxCredential) -> DropboxImageStore {
        DropboxImageStore::new(Connection {
            app: Arc::clone(&self.app),
            paths,
            credential,
            tokens: AccessTokens::default(),
        })
    }
}
