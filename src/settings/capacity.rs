//! How much is done and kept at a time.

use std::num::NonZeroUsize;

use publisher::{
    adapters::env::Environment,
    app::usecases::capacity::{Capacity, ImageRoom, PublishSlots},
};

/// How much is published at a time, by how many tenants.
pub(super) fn read(environment: &mut Environment, is_standalone: bool) -> Capacity {
    let publishes = environment.number("MAX_CONCURRENT_PUBLISHES_PER_TENANT", 4, 1..=1_000);
    Capacity {
        slots: PublishSlots::new(NonZeroUsize::new(publishes).unwrap_or(NonZeroUsize::MIN)),
        room: if is_standalone {
            ImageRoom::for_one_tenant()
        } else {
            ImageRoom::for_many_tenants()
        },
    }
}

/// The size of the cache of thumbnails in bytes, of a setting in MiB.
pub(super) fn thumbnail_cache(environment: &mut Environment) -> usize {
    environment.number("THUMBNAIL_CACHE_MB", 64_usize, 0..=4_096) * 1024 * 1024
}
