//! An image in memory, together with the room that it takes there.

use super::{
    imaging::ScaleError,
    stages::{Stage, Stages},
};
use crate::{
    app::{
        runtime::keyed_limit::{ImageRoom, ImageStay, NoRoom},
        tenancy::images::Images,
    },
    domain::image::{EncodedImage, MAX_IMAGE_BYTES, StoredImage},
    ports::ImageStoreError,
};

/// An image with its bytes. Its room is given back when it is dropped.
pub(super) struct LoadedImage {
    /// What storage says of it.
    pub(super) stored: StoredImage,
    /// Its bytes.
    pub(super) encoded: EncodedImage,
    _stay: ImageStay,
}

/// Why an image that was found is not here.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// There was no room for it.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// It is another one by now.
    #[error("the image was replaced")]
    Replaced,
    /// Storage did not give it, or it is too large.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// It is no image.
    #[error(transparent)]
    NoImage(#[from] ScaleError),
}

impl LoadedImage {
    /// Fetches an image that was found, once there is room for it.
    pub(super) async fn load(
        room: &ImageRoom,
        images: Images<'_>,
        found: &StoredImage,
        stages: Stages<'_>,
    ) -> Result<Self, LoadError> {
        if found.size > MAX_IMAGE_BYTES {
            return Err(ImageStoreError::TooLarge.into());
        }
        if found.size > room.largest_file() {
            let most_mib = room.largest_file() / (1024 * 1024);
            return Err(ScaleError::TooMuchMemory { most_mib }.into());
        }
        let stay = room.enter(images.tenant.name(), found.size);
        let stay = stages.time(Stage::WaitForRoom, stay).await?;
        let fetched = images.fetch(&found.name);
        let fetched = stages.time(Stage::Fetch, fetched).await?;
        if fetched.stored.content_hash != found.content_hash {
            return Err(LoadError::Replaced);
        }
        Ok(Self {
            encoded: EncodedImage::new(fetched.bytes).map_err(ScaleError::from)?,
            stored: fetched.stored,
            _stay: stay,
        })
    }
}
