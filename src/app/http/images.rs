//! `/api/images`: lists and shows a tenant's images.

use std::sync::Arc;

use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
    payload::Json,
};

use super::{
    auth::Viewer,
    dto::{
        images::{ImageInfo, ImageList},
        thumbnail::{SizeName, ThumbnailResponse},
    },
    entity_tag::if_none_match,
    error::ApiError,
    json_body::image_name,
    media_links::MediaLinks,
    request_facts::{CallerOrigin, CurrentRequestId},
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::app::usecases::{
    describe_image::DescribeImage, fetch_thumbnail::FetchThumbnail, list_images::ListImages,
    random_image::RandomImage,
};

pub(super) struct ImagesApi {
    pub(super) list: ListImages,
    pub(super) describe: DescribeImage,
    pub(super) draw: RandomImage,
    pub(super) thumbnails: FetchThumbnail,
    pub(super) links: Arc<MediaLinks>,
}

#[OpenApi]
impl ImagesApi {
    /// Which images are there?
    ///
    /// For clients that need the names: the images in the tenant's root folder, sorted by name, as they were at most
    /// five seconds ago, a page at a time. Open to everyone if the tenant's config says so (`auto_view_enabled`),
    /// else to admins.
    #[oai(
        path = "/api/images/list",
        method = "get",
        operation_id = "listImages",
        tag = "Tag::Images"
    )]
    async fn list_images(
        &self,
        TenantScope(tenant): TenantScope,
        _viewer: Viewer,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The largest number of names.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "1000"))
        )]
        limit: Query<u32>,
        /// Only names that sort after this one: the last name of the page before.
        #[oai(validator(max_length = 255))]
        after: Query<Option<String>>,
    ) -> Result<Json<ImageList>, ApiError> {
        let limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let page = self
            .list
            .run(&tenant, &request_id, limit, after.0.as_deref())
            .await
            .map_err(ApiError::of_listing)?;
        Ok(Json(page.into()))
    }

    /// Show an image at random.
    ///
    /// For a slide show: describes one image as `getImage` does. No image is shown a second time
    /// before all of the tenant's images have been shown once, to any caller; a restart of the service starts anew.
    /// Open to everyone if the tenant's config says so (`auto_view_enabled`), else to admins.
    #[oai(
        path = "/api/images/random",
        method = "get",
        operation_id = "getRandomImage",
        tag = "Tag::Images"
    )]
    async fn random_image(
        &self,
        TenantScope(tenant): TenantScope,
        _viewer: Viewer,
        CurrentRequestId(request_id): CurrentRequestId,
        origin: CallerOrigin,
    ) -> Result<Json<ImageInfo>, ApiError> {
        let details = self.draw.run(&tenant, &request_id).await?;
        let url = self.links.url_of(&details.image, &tenant, &origin)?;
        Ok(Json(ImageInfo::new(&details, url, tenant.settings())))
    }

    /// Show an image.
    ///
    /// For a look at an image before something is done with it: links to it and to its thumbnail, and the content of
    /// its sidecar. If only the sidecar is not available, the
    /// image is shown without it. Open to everyone if the tenant's config says so (`auto_view_enabled`),
    /// else to admins.
    #[oai(
        path = "/api/images/:filename",
        method = "get",
        operation_id = "getImage",
        tag = "Tag::Images"
    )]
    async fn image(
        &self,
        TenantScope(tenant): TenantScope,
        _viewer: Viewer,
        CurrentRequestId(request_id): CurrentRequestId,
        origin: CallerOrigin,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
    ) -> Result<Json<ImageInfo>, ApiError> {
        let name = image_name(&filename)?;
        let details = self.describe.run(&tenant, &request_id, &name).await?;
        let url = self.links.url_of(&details.image, &tenant, &origin)?;
        Ok(Json(ImageInfo::new(&details, url, tenant.settings())))
    }

    /// Show an image's thumbnail.
    ///
    /// For overviews: a small JPEG copy. It may be kept for ten minutes; after that, a request with
    /// `If-None-Match` is answered with 304 for as long as the image's content is the same. Open to
    /// everyone if the tenant's config says so (`auto_view_enabled`), else to admins.
    #[oai(
        path = "/api/images/:filename/thumbnail",
        method = "get",
        operation_id = "getThumbnail",
        tag = "Tag::Images"
    )]
    async fn thumbnail(
        &self,
        TenantScope(tenant): TenantScope,
        _viewer: Viewer,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        /// The largest width and height.
        #[oai(default)]
        size: Query<SizeName>,
        /// The `ETag`s of thumbnails that the caller has, or `*`.
        #[oai(name = "If-None-Match")]
        tags: Header<Option<Vec<String>>>,
    ) -> Result<ThumbnailResponse, ApiError> {
        let (name, size) = (image_name(&filename)?, size.0.into());
        let condition = if_none_match(&tags.0.unwrap_or_default(), size);
        let answer = self
            .thumbnails
            .run(&tenant, &request_id, &name, size, &condition)
            .await?;
        Ok(ThumbnailResponse::new(answer, size))
    }
}

/// The most names of a page.
fn default_limit() -> u32 {
    1_000
}
