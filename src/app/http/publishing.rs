//! Publishing a tenant's images.

use poem_openapi::{
    ApiResponse, OpenApi,
    param::Path,
    payload::Json,
    types::{ParseFromJSON as _, ToJSON as _},
};
use std::sync::Arc;

use super::{
    auth::Admin,
    dto::publish::{PublishRequest, PublishResult},
    error::ApiError,
    idempotency_key::SentKey,
    json_body::{Fields, JsonBody},
    problem::ProblemKind,
    request_facts::CurrentRequestId,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::{
        tenancy::tenant::Tenant,
        usecases::publish_once::{PublishAnswer, PublishOnce},
    },
    domain::{
        caption::is_blank,
        publication::{PublicationReport, Target},
        request_id::RequestId,
    },
};

/// The problems of each operation, by its id; `spec` adds those that come with tenants, security,
/// file names and bodies.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[
    ("publishNextImage", PUBLISHING),
    ("publishImage", PUBLISHING),
];

/// Whoever chooses the image.
const PUBLISHING: &[ProblemKind] = &[
    ProblemKind::InvalidRequest,
    ProblemKind::FeatureDisabled,
    ProblemKind::Conflict,
    ProblemKind::IdempotencyMismatch,
    ProblemKind::CaptionRequired,
    ProblemKind::UnusableImage,
    ProblemKind::RateLimited,
    ProblemKind::FeatureUnavailable,
    ProblemKind::LedgerUnavailable,
    ProblemKind::UpstreamFailed,
    ProblemKind::UpstreamLimited,
    ProblemKind::UpstreamTimeout,
];

/// Sends images to platforms.
pub(super) struct PublishingApi {
    pub(super) publish: PublishOnce,
}

/// What became of the image.
#[derive(ApiResponse)]
enum Published {
    /// What became of the image.
    #[oai(status = 200)]
    Answer(
        Json<PublishResult>,
        /// `true` when this is the first answer to a request under the same key.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[OpenApi]
impl PublishingApi {
    /// Publish the next image.
    ///
    /// For schedules: publishes the first image, by name, that the tenant has not published yet:
    /// its content is on no platform as far as the ledger knows, and not in doubt there. Images
    /// whose publication has failed before come last. Everything else is as for `publishImage`.
    ///
    /// An image that cannot be published for what it is (broken, too large, of no use to the model, or
    /// refused by it or by every platform) is passed over, and the next one is tried. It is recorded as
    /// `skipped`, or by platform as `failed`, with `reason` `image_unsuitable` (see `listPublications`); later
    /// requests leave it out, and do not pay for it again. It is tried again when its content has changed, or by
    /// `publishImage`. One request passes over at most 100 images, ten of which a model was paid for.
    ///
    /// When there is nothing left to publish, `filename` is `null`; so it is when all that is left is passed over.
    /// `warnings` tells which: it is empty when everything is published, and names what was passed over, or
    /// says how many images are left out, otherwise.
    #[oai(
        path = "/api/publish",
        method = "post",
        operation_id = "publishNextImage",
        tag = "Tag::Images"
    )]
    async fn publish_next_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// Makes the request safe to repeat: under the same key, 24 hours long, the first answer
        /// comes again, and nothing is published a second time. 1 to 255 visible ASCII characters,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: SentKey,
        body: JsonBody<PublishRequest>,
    ) -> Result<Published, ApiError> {
        let target = |_: &mut Fields| Some(Target::Next);
        let key = idempotency_key;
        self.publish(tenant, request_id, key, body, target).await
    }

    /// Publish an image.
    ///
    /// For an image that somebody has chosen: sends it to the platforms that are on, in parallel,
    /// with a caption that is written for it unless one is given; then writes the caption file and,
    /// once a platform has the image, moves it to the archive folder if the tenant's config says
    /// so. A platform that fails stops no other, and the answer is still 200: see `results`. A
    /// platform that has the image, or may have it, gets nothing unless `force` says so. A publish that
    /// is repeated because a platform failed sends the captions of the first run, as the caption file has them,
    /// and calls no model. The body may be left out.
    ///
    /// An image that is not in the root folder is looked for in the archive: one that a platform has taken and
    /// another has not is published from there, to the platforms that lack it, and stays there. An archived
    /// image that the ledger knows nothing of is `unknown` everywhere, and sent only with `force`.
    #[oai(
        path = "/api/images/:filename/publish",
        method = "post",
        operation_id = "publishImage",
        tag = "Tag::Images"
    )]
    async fn publish_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        /// Makes the request safe to repeat: under the same key, 24 hours long, the first answer
        /// comes again, and nothing is published a second time. 1 to 255 visible ASCII characters,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: SentKey,
        body: JsonBody<PublishRequest>,
    ) -> Result<Published, ApiError> {
        let target = |fields: &mut Fields| fields.image_name(&filename).map(Target::Image);
        let key = idempotency_key;
        self.publish(tenant, request_id, key, body, target).await
    }
}

impl PublishingApi {
    async fn publish(
        &self,
        tenant: Arc<Tenant>,
        request_id: RequestId,
        key: SentKey,
        body: JsonBody<PublishRequest>,
        target: impl FnOnce(&mut Fields) -> Option<Target>,
    ) -> Result<Published, ApiError> {
        let mut fields = body.into_fields();
        let target = target(&mut fields);
        let key = key.read(&mut fields);
        let request = PublishRequest::read(&mut fields);
        let target = fields.finish_with(target)?;
        if request.caption.as_deref().is_some_and(is_blank) {
            let detail = "Nothing of the caption would be seen. Leave it out to have one written.";
            return Err(ApiError::new(ProblemKind::CaptionRequired, detail));
        }
        let publish = self
            .publish
            .run(tenant, target, request.into(), request_id, key, write_down);
        match publish.await? {
            PublishAnswer::First(report) => Ok(Published::Answer(Json(report.into()), None)),
            PublishAnswer::Replayed(answer) => {
                let first = PublishResult::parse_from_json_string(&answer);
                let first = first.map_err(|error| {
                    ApiError::internal().caused_by(UnreadableAnswer(error.into_message()))
                })?;
                Ok(Published::Answer(Json(first), Some("true".to_owned())))
            }
        }
    }
}

/// The answer as it is kept for the next request under its key.
fn write_down(report: &PublicationReport) -> String {
    PublishResult::from(report.clone()).to_json_string()
}

/// An answer that was kept is not one that this version can read.
#[derive(Debug, thiserror::Error)]
#[error("a kept answer cannot be read: {0}")]
struct UnreadableAnswer(String);
