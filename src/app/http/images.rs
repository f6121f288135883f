//! `/api/images`: a tenant's images, to look at.

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
    entity_tag::held,
    error::ApiError,
    json_body::Fields,
    problem::ProblemKind,
    request_facts::CurrentRequestId,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::usecases::{
        describe_image::DescribeImage, fetch_thumbnail::FetchThumbnail, list_images::ListImages,
        random_image::RandomImage,
    },
    domain::image::ImageName,
};

/// The problems of each operation, by its id; `spec` adds those that come with tenants, security
/// and bodies.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[
    (
        "listImages",
        &[
            ProblemKind::InvalidRequest,
            ProblemKind::UpstreamFailed,
            ProblemKind::UpstreamLimited,
            ProblemKind::UpstreamTimeout,
        ],
    ),
    (
        "getRandomImage",
        &[
            ProblemKind::ImageNotFound,
            ProblemKind::UnusableImage,
            ProblemKind::UpstreamFailed,
            ProblemKind::UpstreamLimited,
            ProblemKind::UpstreamTimeout,
        ],
    ),
    (
        "getImage",
        &[
            ProblemKind::InvalidRequest,
            ProblemKind::ImageNotFound,
            ProblemKind::UnusableImage,
            ProblemKind::UpstreamFailed,
            ProblemKind::UpstreamLimited,
            ProblemKind::UpstreamTimeout,
        ],
    ),
    (
        "getThumbnail",
        &[
            ProblemKind::InvalidRequest,
            ProblemKind::ImageNotFound,
            ProblemKind::UnusableImage,
            ProblemKind::UpstreamFailed,
            ProblemKind::UpstreamLimited,
            ProblemKind::UpstreamTimeout,
        ],
    ),
];

/// A tenant's images.
pub(super) struct ImagesApi {
    pub(super) list: ListImages,
    pub(super) describe: DescribeImage,
    pub(super) draw: RandomImage,
    pub(super) thumbnails: FetchThumbnail,
}

#[OpenApi]
impl ImagesApi {
    /// Which images are there?
    ///
    /// For whatever starts from what there is: the images that stand in the tenant's root folder,
    /// sorted by name, as they were at most five seconds ago, a page at a time. Open to everyone if the tenant says
    /// so (`auto_view_enabled`), else to admins.
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
        /// At most so many names.
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
    /// For a slide show: describes one image as `getImage` does. No image comes a second time
    /// before all of the tenant's images have come once, whoever asks; the service forgets what has
    /// come when it is restarted. Open to everyone if the tenant says so (`auto_view_enabled`),
    /// else to admins.
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
    ) -> Result<Json<ImageInfo>, ApiError> {
        let details = self.draw.run(&tenant, &request_id).await?;
        Ok(Json((&*details).into()))
    }

    /// Show an image.
    ///
    /// For a look at an image before something is done with it: where it and its thumbnail can be
    /// seen, and what its caption file says of it. If only the caption file cannot be had, the
    /// image is shown without it. Open to everyone if the tenant says so (`auto_view_enabled`),
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
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
    ) -> Result<Json<ImageInfo>, ApiError> {
        let name = image_name(&filename)?;
        let details = self.describe.run(&tenant, &request_id, &name).await?;
        Ok(Json((&*details).into()))
    }

    /// Show an image's thumbnail.
    ///
    /// For overviews: a small JPEG copy. It may be kept for ten minutes; after that, a request with
    /// `If-None-Match` is answered with 304 for as long as the image's content is the same. Open to
    /// everyone if the tenant says so (`auto_view_enabled`), else to admins.
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
        /// How large it is at most.
        #[oai(default)]
        size: Query<SizeName>,
        /// The `ETag`s of thumbnails that the caller has, or `*`.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<Vec<String>>>,
    ) -> Result<ThumbnailResponse, ApiError> {
        let (name, size) = (image_name(&filename)?, size.0.into());
        let held = held(&if_none_match.0.unwrap_or_default(), size);
        let answer = self
            .thumbnails
            .run(&tenant, &request_id, &name, size, &held)
            .await?;
        Ok(ThumbnailResponse::new(answer, size))
    }
}

/// As many names as a page can have.
fn default_limit() -> u32 {
    1_000
}

fn image_name(filename: &str) -> Result<ImageName, ApiError> {
    let mut fields = Fields::default();
    let name = fields.image_name(filename);
    fields.finish_with(name)
}
