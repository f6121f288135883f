//! Images by a link of this service.

use poem::{Body, IntoResponse, Response, http::header};
use poem_openapi::{
    ApiResponse,
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef},
};

use super::images::percent_encoded;
use crate::domain::image::{ImageFormat, ImageName};

/// The file of an image, or a part of it, on its way from storage.
pub struct ImageFile {
    /// Its name.
    pub name: ImageName,
    /// Its format, by its bytes.
    pub format: ImageFormat,
    /// Its bytes.
    pub body: Body,
}

/// An image, unless the caller has it.
#[derive(ApiResponse)]
pub enum MediaResponse {
    /// The file.
    #[oai(status = 200)]
    Whole(
        ImageFile,
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
        #[oai(header = "Content-Length")] u64,
    ),
    /// The part of the file that `Range` names.
    #[oai(status = 206)]
    Part(
        ImageFile,
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
        #[oai(header = "Content-Length")] u64,
        #[oai(header = "Content-Range")] String,
    ),
    /// The caller has it: `If-None-Match` names its `ETag`.
    #[oai(status = 304)]
    Unchanged(
        #[oai(header = "ETag")] String,
        #[oai(header = "Cache-Control")] String,
    ),
}

impl Payload for ImageFile {
    const CONTENT_TYPE: &'static str = "image/*";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            format: Some("binary"),
            ..MetaSchema::new("string")
        }))
    }
}

impl IntoResponse for ImageFile {
    /// A file may be anything behind its first bytes: no browser is to run it, or to take it for another type.
    fn into_response(self) -> Response {
        let Self { name, format, body } = self;
        let name = percent_encoded(name.as_str());
        Response::builder()
            .content_type(format.media_type())
            .header(
                header::CONTENT_DISPOSITION,
                format!("inline; filename*=UTF-8''{name}"),
            )
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; sandbox",
            )
            .header(header::ACCEPT_RANGES, "bytes")
            .body(body)
    }
}
