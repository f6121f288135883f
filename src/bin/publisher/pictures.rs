//! What shows images, and its caches. For `main`.

use std::sync::Arc;

use publisher::{
    app::usecases::{
        describe_image::DescribeImage, fetch_thumbnail::FetchThumbnail, random_image::RandomImage,
        steps::own_thumbnail::ThumbnailMaker,
    },
    ports::Clock,
};

use crate::{cache_sweep::sweep_caches, publishing::Publishing};

/// What shows images.
pub(crate) struct Pictures {
    pub(crate) describe: DescribeImage,
    pub(crate) thumbnails: FetchThumbnail,
    pub(crate) draw: RandomImage,
}

impl Pictures {
    /// Wires it, with a cache of thumbnails of so many bytes, and begins to sweep all caches of tenants.
    pub(crate) fn begin(
        publishing: &Publishing,
        thumbnail_bytes: usize,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let listings = || Arc::clone(&publishing.listings);
        let describe = DescribeImage::new(listings(), Arc::clone(clock));
        let maker = ThumbnailMaker::of(&publishing.image_work);
        let thumbnails = FetchThumbnail::new(listings(), maker, thumbnail_bytes, Arc::clone(clock));
        tokio::spawn(sweep_caches(
            Arc::downgrade(&publishing.resolve_tenant),
            listings(),
            describe.clone(),
            thumbnails.clone(),
            Arc::clone(&publishing.image_work.voices),
        ));
        let random = Arc::new(|| fastrand::u64(..));
        let draw = RandomImage::new(listings(), describe.clone(), Arc::clone(clock), random);
        Self {
            describe,
            thumbnails,
            draw,
        }
    }
}
