//! Small copies of images.

use async_trait::async_trait;
use serde_json::json;

use super::{
    connection::or_absent,
    failure::Failure,
    store::{DropboxImageStore, NO_FILE},
};
use crate::{
    domain::{image::ImageName, thumbnail::ThumbnailSize},
    ports::{ImageStoreError, ImageThumbnails, Thumbnail},
};

/// The largest thumbnail that is read, in bytes (4 MiB): more than the pixels of the largest size
/// take up when they are not compressed at all.
const MAX_THUMBNAIL_BYTES: usize = 4 * 1024 * 1024;
/// What Dropbox says of a file that is there and that it cannot scale: no image, a broken one,
/// or one of more than 20 MB.
const NOT_SCALABLE: [&str; 3] = [
    "unsupported_extension",
    "unsupported_image",
    "conversion_error",
];

#[async_trait]
impl ImageThumbnails for DropboxImageStore {
    async fn thumbnail(
        &self,
        name: &ImageName,
        size: ThumbnailSize,
    ) -> Result<Thumbnail, ImageStoreError> {
        let argument = json!({
            "resource": { ".tag": "path", "path": self.entry(name.as_str()) },
            "format": "jpeg",
            "size": size.as_str(),
        });
        let made = self
            .connection
            .read("get_thumbnail_v2", || async {
                let made = self.connection.thumbnail(&argument, MAX_THUMBNAIL_BYTES);
                or_absent(or_absent(made.await, &NOT_SCALABLE), &NO_FILE)
            })
            .await
            .map_err(Failure::of_one_file)?
            .ok_or(ImageStoreError::NotFound)?;
        let (metadata, jpeg) = made.ok_or(ImageStoreError::NoThumbnail)?;
        let stored = metadata.into_asked(name).ok_or(Failure::Malformed(
            "a thumbnail without what every file has",
        ))?;
        Ok(Thumbnail { stored, jpeg })
    }
}
