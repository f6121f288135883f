//! What all tenants share: the settings, the HTTP client, and the limits of calls.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use url::Url;

use crate::{
    adapters::upstream::{Call, RetryPolicy},
    domain::secret::Secret,
    ports::Clock,
};

/// The name of Dropbox in metrics and logs.
pub(super) const UPSTREAM: &str = "dropbox";

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

/// What all tenants share.
pub(super) struct App {
    pub(super) settings: DropboxSettings,
    pub(super) client: Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
}

impl App {
    pub(super) fn call(&self, operation: &'static str) -> Call<'_> {
        Call {
            clock: &*self.clock,
            upstream: UPSTREAM,
            operation,
        }
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) retry: RetryPolicy,
    /// For one call without content, its answer included.
    pub(super) rpc_timeout: Duration,
    /// For one download or upload as a whole.
    pub(super) content_timeout: Duration,
    /// What a folder may hold.
    pub(super) listing: ListingLimits,
}

/// Calls without content are answered within a second on a bad day, so ten seconds of silence
/// are a failure. A minute carries the largest image over a 7 Mbit/s line. Three attempts with
/// delays of 250 ms and 500 ms bridge a hiccup without keeping a publish waiting.
pub(super) const LIMITS: Limits = Limits {
    retry: RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(250),
        max_delay: Duration::from_secs(5),
    },
    rpc_timeout: Duration::from_secs(10),
    content_timeout: Duration::from_mins(1),
    listing: LISTING_LIMITS,
};

/// What a folder may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListingLimits {
    /// Pages. Dropbox may send some that are not full, and some that are empty.
    pub(super) pages: usize,
    /// Entries of any kind: what is no image is not kept, but is read all the same.
    pub(super) entries: usize,
    /// What the images that are kept take in memory, in bytes.
    pub(super) bytes: usize,
}

/// Half a million entries take a minute; 32 MiB are a hundred and twenty thousand images.
pub(super) const LISTING_LIMITS: ListingLimits = ListingLimits {
    pages: 1_000,
    entries: 500_000,
    bytes: 32 * 1024 * 1024,
};
