//! Drops expired entries from the caches. For `main`.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use publisher::app::{
    tenancy::{
        listing_cache::ListingCache, resolve_tenant::ResolveTenant, voice_profiles::VoiceProfiles,
    },
    usecases::{describe_image::DescribeImage, fetch_thumbnail::FetchThumbnail},
};

/// How often the caches are swept.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// Sweeps the caches for as long as tenants are resolved.
pub(crate) async fn sweep_caches(
    resolve_tenant: Weak<ResolveTenant>,
    listings: Arc<ListingCache>,
    describe: DescribeImage,
    thumbnails: FetchThumbnail,
    voices: Arc<VoiceProfiles>,
) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let Some(resolve_tenant) = resolve_tenant.upgrade() else {
            return;
        };
        resolve_tenant.sweep();
        listings.sweep();
        thumbnails.sweep();
        describe.sweep();
        voices.sweep();
    }
}
