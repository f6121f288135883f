//! How much is done and kept at a time.

use std::num::NonZeroUsize;

use publisher::{
    adapters::env::Environment, app::runtime::keyed_limit::PublishLimit,
    domain::image_memory::ImageMemory,
};

/// How much one tenant publishes at a time.
pub(super) fn publishes(environment: &mut Environment) -> PublishLimit {
    let publishes = environment.number("MAX_CONCURRENT_PUBLISHES_PER_TENANT", 4, 1..=1_000);
    PublishLimit::new(NonZeroUsize::new(publishes).unwrap_or(NonZeroUsize::MIN))
}

/// The memory for images, all tenants together.
pub(super) fn memory_budget(environment: &mut Environment) -> ImageMemory {
    let mib = environment.number(
        "MEMORY_BUDGET_MB",
        ImageMemory::DEFAULT_MIB,
        ImageMemory::LEAST_MIB..=1_048_576,
    );
    ImageMemory::of_mib(mib).unwrap_or_default()
}

/// The size of the cache of thumbnails in bytes, of a setting in MiB.
pub(super) fn thumbnail_cache(environment: &mut Environment) -> usize {
    environment.number("THUMBNAIL_CACHE_MB", 64_usize, 0..=4_096) * 1024 * 1024
}
