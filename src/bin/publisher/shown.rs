//! What storage says of images, as it is put together and kept in bounds. Used by `main.rs`.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use publisher::{
    app::{
        tenancy::{listing_cache::ListingCache, resolve_tenant::ResolveTenant},
        usecases::{
            describe_image::DescribeImage,
            fetch_thumbnail::FetchThumbnail,
            random_image::{RandomImage, Rng},
            steps::{ImageWork, own_thumbnail::ThumbnailMaker},
        },
    },
    ports::Clock,
};

/// How often caches are swept of what has expired.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// What storage says of images, shared by all who look at them.
#[derive(Clone)]
pub(crate) struct Shown {
    /// The images of folders.
    pub(crate) listings: Arc<ListingCache>,
    /// What single images are.
    pub(crate) describe: DescribeImage,
    /// Their thumbnails.
    pub(crate) thumbnails: FetchThumbnail,
}

impl Shown {
    /// Nothing yet; thumbnails are kept up to so many bytes.
    pub(crate) fn new(work: &ImageWork, thumbnail_bytes: usize) -> Self {
        let (clock, maker) = (&work.clock, ThumbnailMaker::of(work));
        let listings = Arc::new(ListingCache::new(Arc::clone(clock)));
        let describe = DescribeImage::new(Arc::clone(&listings), Arc::clone(clock));
        let thumbnails = Arc::clone(&listings);
        let thumbnails = FetchThumbnail::new(thumbnails, maker, thumbnail_bytes, Arc::clone(clock));
        Self {
            listings,
            describe,
            thumbnails,
        }
    }

    /// Draws from what is shown.
    pub(crate) fn draw(&self, clock: &Arc<dyn Clock>, rng: Rng) -> RandomImage {
        let (listings, describe) = (Arc::clone(&self.listings), self.describe.clone());
        RandomImage::new(listings, describe, Arc::clone(clock), rng)
    }

    fn sweep(&self) {
        self.listings.sweep();
        self.thumbnails.sweep();
        self.describe.sweep();
    }
}

/// Drops what has expired from the caches, for as long as tenants are resolved.
pub(crate) async fn keep_swept(resolve_tenant: Weak<ResolveTenant>, shown: Shown) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let Some(resolve_tenant) = resolve_tenant.upgrade() else {
            return;
        };
        resolve_tenant.sweep();
        shown.sweep();
    }
}
