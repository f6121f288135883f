//! What all tenants share: the name of the upstream, and how long and how often it is called.

use std::time::Duration;

use crate::adapters::upstream::RetryPolicy;

/// The name of S3-compatible stores in metrics and logs.
pub(super) const UPSTREAM: &str = "s3";

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) retry: RetryPolicy,
    /// For one call without the content of an object, its answer included.
    pub(super) timeout: Duration,
    /// For one download or upload as a whole.
    pub(super) content_timeout: Duration,
    pub(super) listing: ListingLimits,
}

/// What a folder may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListingLimits {
    /// Pages. A store may send some that are not full.
    pub(super) pages: usize,
    /// Entries of any kind: what is no image is not kept, but is read all the same.
    pub(super) entries: usize,
    /// What the images that are kept take in memory, in bytes.
    pub(super) bytes: usize,
}

/// As for other storage: ten seconds of silence are a failure, a minute carries the largest image over a
/// 7 Mbit/s line, and three attempts bridge a hiccup without keeping a publish waiting. Half a million
/// entries, a thousand a page, take a minute or two; 32 MiB are a hundred thousand images.
pub(super) const LIMITS: Limits = Limits {
    retry: RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(250),
        max_delay: Duration::from_secs(5),
    },
    timeout: Duration::from_secs(10),
    content_timeout: Duration::from_mins(1),
    listing: ListingLimits {
        pages: 1_000,
        entries: 500_000,
        bytes: 32 * 1024 * 1024,
    },
};
