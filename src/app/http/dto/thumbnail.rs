//! Thumbnails.

use bytes::Bytes;
use poem_openapi::{ApiResponse, Enum, payload::Binary};

use crate::{
    app::{http::entity_tag::entity_tag, usecases::fetch_thumbnail::ThumbnailAnswer},
    domain::thumbnail::ThumbnailSize,
};

/// The caching of a thumbnail. Private, since access is decided for each viewer. Ten
/// minutes, so that a page that is opened again costs nothing and an image that was replaced under its name is
/// soon seen; after that, a conditional request reads the image's hash and makes no thumbnail.
const CACHE_CONTROL: &str = "private, max-age=600";

/// The largest width and height of a thumbnail, in pixels; it keeps the aspect ratio of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[oai(rename = "ThumbnailSize", rename_all = "lowercase")]
pub enum SizeName {
    /// 256 × 256.
    W256H256,
    /// 480 × 320.
    W480H320,
    /// 640 × 480.
    W640H480,
    /// 960 × 640.
    #[default]
    W960H640,
    /// 1024 × 768.
    W1024H768,
}

/// A thumbnail, unless the caller has it.
#[derive(ApiResponse)]
pub enum ThumbnailResponse {
    /// The thumbnail.
    #[oai(status = 200, content_type = "image/jpeg")]
    New(
        Binary<Bytes>,
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
        #[oai(header = "Content-Length")] u64,
    ),
    /// The caller has it: `If-None-Match` names its `ETag`.
    #[oai(status = 304)]
    Unchanged(
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
    ),
}

impl ThumbnailResponse {
    /// The answer to a request for a thumbnail of this size.
    pub(in crate::app::http) fn new(answer: ThumbnailAnswer, size: ThumbnailSize) -> Self {
        let cache_control = CACHE_CONTROL.to_owned();
        match answer {
            ThumbnailAnswer::New(thumbnail) => {
                let tag = entity_tag(&thumbnail.stored.content_hash, size);
                // Set here so that the answer to HEAD has it, too.
                let length = thumbnail.jpeg.len() as u64;
                Self::New(Binary(thumbnail.jpeg), tag, cache_control, length)
            }
            ThumbnailAnswer::Unchanged(hash) => {
                Self::Unchanged(entity_tag(&hash, size), cache_control)
            }
        }
    }
}

same_variants!(SizeName => ThumbnailSize: W256H256, W480H320, W640H480, W960H640, W1024H768);

#[cfg(test)]
mod tests {
    use super::*;
    use poem_openapi::types::ToJSON as _;

    #[test]
    fn sizes_have_the_names_that_the_domain_gives_them() {
        let names = [
            SizeName::W256H256,
            SizeName::W480H320,
            SizeName::W640H480,
            SizeName::W960H640,
            SizeName::W1024H768,
        ];
        assert_eq!(names.map(ThumbnailSize::from), ThumbnailSize::ALL);
        for name in names {
            let domain = ThumbnailSize::from(name).as_str();
            assert_eq!(name.to_json(), Some(domain.into()));
        }
        assert_eq!(
            ThumbnailSize::from(SizeName::default()),
            ThumbnailSize::default()
        );
    }
}
