//! Dropbox as the place where tenants keep their images, spoken to by its HTTP API (v2).
//!
//! Plain requests instead of the official SDK: its hosts are fixed, and it says too little of
//! *when* a call failed to tell what may be repeated.
//!
//! | file | holds |
//! | --- | --- |
//! | `store.rs` | the port: what its calls mean here |
//! | `listing.rs`, `page.rs` | the images of a folder, page by page, within bounds |
//! | `looks.rs` | links to images, and thumbnails of them |
//! | `moving.rs` | moving an image and its sidecar |
//! | `deleting.rs` | deleting both |
//! | `connection.rs` | one tenant's calls: token, retries, and looking before a write is repeated |
//! | `exchange.rs` | one request and its answer, sorted into success and failures |
//! | `access_token.rs` | the short-lived token, refreshed once for all who wait |
//! | `failure.rs` | what can go wrong with a call, and what follows from it |
//! | `refusals.rs` | what Dropbox's refusals mean to people |
//! | `tags.rs` | Dropbox's words in an error |
//! | `wire.rs` | arguments and answers as they travel |
//!
//! Only the binary and tests may import this module.

mod access_token;
mod connection;
mod deleting;
mod exchange;
mod failure;
mod listing;
mod looks;
mod moving;
mod page;
mod refusals;
mod store;
mod tags;
#[cfg(test)]
mod tests;
mod wire;

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use url::Url;

pub use self::store::DropboxImageStore;
use self::{
    access_token::AccessTokens,
    connection::Connection,
    listing::{LISTING_LIMITS, ListingLimits},
};
use crate::{
    adapters::{
        http_client::{self, ExtraRoots},
        upstream::{Call, RetryPolicy},
    },
    domain::{
        secret::Secret,
        tenant_config::{Resolved, TenantConfig},
    },
    ports::{Clock, ImageStore, ImageStoreFactory},
};

/// Where Dropbox is, and as which app we come.
#[derive(Debug)]
pub struct DropboxSettings {
    /// The host of tokens and of calls without content.
    pub api_url: Url,
    /// The host of downloads and uploads.
    pub content_url: Url,
    /// The setting of this service that holds the only refresh token; `None` where each tenant has
    /// its own, which is fetched.
    pub refresh_token_setting: Option<&'static str>,
    /// The app's key, which is no secret.
    pub app_key: String,
    /// The app's secret.
    pub app_secret: Secret,
}

/// Opens tenants' Dropboxes. All of them share one pool of connections.
pub struct DropboxImageStoreFactory {
    app: Arc<App>,
}

impl DropboxImageStoreFactory {
    /// Contacts nobody.
    ///
    /// # Errors
    /// The TLS set-up failed, for instance because the system has no trusted roots.
    pub fn new(
        settings: DropboxSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        Self::with_limits(settings, roots, clock, LIMITS)
    }

    fn with_limits(
        settings: DropboxSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, reqwest::Error> {
        let client = http_client::build(limits.content_timeout, roots)?;
        let app = App {
            settings,
            client,
            clock,
            limits,
        };
        Ok(Self { app: Arc::new(app) })
    }
}

impl ImageStoreFactory for DropboxImageStoreFactory {
    /// Each store has an access token of its own, so a tenant's store is to be kept, not opened
    /// for each request.
    fn open(&self, config: Arc<TenantConfig<Resolved>>) -> Arc<dyn ImageStore> {
        let connection = Connection {
            app: Arc::clone(&self.app),
            config,
            tokens: AccessTokens::default(),
        };
        Arc::new(DropboxImageStore::new(connection))
    }
}

/// What all tenants share.
struct App {
    settings: DropboxSettings,
    client: Client,
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl App {
    fn call(&self, operation: &'static str) -> Call<'_> {
        Call {
            clock: &*self.clock,
            upstream: "dropbox",
            operation,
        }
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
struct Limits {
    retry: RetryPolicy,
    /// For one call without content, its answer included.
    rpc_timeout: Duration,
    /// For one download or upload as a whole.
    content_timeout: Duration,
    /// What a folder may hold.
    listing: ListingLimits,
}

/// Calls without content are answered within a second on a bad day, so ten seconds of silence
/// are a failure. A minute carries the largest image over a 7 Mbit/s line. Three attempts with
/// delays of 250 ms and 500 ms bridge a hiccup without keeping a publish waiting.
const LIMITS: Limits = Limits {
    retry: RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(250),
        max_delay: Duration::from_secs(5),
    },
    rpc_timeout: Duration::from_secs(10),
    content_timeout: Duration::from_mins(1),
    listing: LISTING_LIMITS,
};
