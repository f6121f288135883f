//! Publishes a tenant's images.

use poem_openapi::{
    ApiResponse, OpenApi,
    param::Path,
    payload::Json,
    types::{ParseFromJSON as _, ToJSON as _},
};
use std::{collections::BTreeMap, sync::Arc};

use super::{
    auth::Admin,
    dto::publish::{PublishRequest, PublishResult},
    error::ApiError,
    idempotency_key::SentKey,
    json_body::JsonBody,
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

pub(super) struct PublishingApi {
    pub(super) publish: PublishOnce,
}

/// The answer to a publication.
#[derive(ApiResponse)]
enum Published {
    /// The outcome on each platform.
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
    /// according to the ledger, its content is on no platform, and on none `unknown`. Images
    /// whose publication has failed before come last. Everything else is as for `publishImage`.
    ///
    /// An image that cannot be published as it is (broken, too large, of no use to the model, or
    /// refused by it or by every platform) is passed over, and the next one is tried. It is recorded as
    /// `skipped`, or by platform as `failed`, with `reason` `image_unsuitable` (see `listPublications`); later
    /// requests leave it out, and do not pay for it again. It is tried again when its content has changed, or by
    /// `publishImage`. One request passes over at most 100 images, and pays a model for at most ten of them.
    ///
    /// When there is nothing left to publish, or all that is left is passed over, `filename` is `null`. In the first
    /// case `warnings` is empty; in the second it names what was passed over, or says how many images are left out.
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
        /// Makes the request safe to repeat: for 24 hours, requests with the same key get the first answer
        /// again, and nothing is published a second time. 1 to 255 visible ASCII characters,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: SentKey,
        body: JsonBody<PublishRequest>,
    ) -> Result<Published, ApiError> {
        self.publish(tenant, request_id, idempotency_key, body, None)
            .await
    }

    /// Publish an image.
    ///
    /// For an image that a person has chosen: sends it to the platforms that are on, in parallel,
    /// with a caption that is written for it unless one is given; then writes the sidecar and,
    /// once a platform has the image, moves it to the archive folder if the tenant's config says
    /// so. A platform that fails does not stop the others, and the answer is still 200: see `results`. A
    /// platform that has the image gets nothing, except with `force`. One that may have it, because its answer was
    /// lost, is asked if it can tell, and gets the image only if it does not have it; the answer may take a minute
    /// longer then. A publication that
    /// is repeated because a platform failed sends the captions of the last attempt, or what a person has written into the
    /// sidecar since, and calls no model. Where no caption could be written, the image's description is sent, and
    /// `warnings` say so. Captions that are given are sent with the tags and the alt text of the image's sidecar, if
    /// there is one. The body may be left out.
    ///
    /// An image that is not in the root folder is looked for in the archive: one that some platforms have accepted
    /// is published from there, to the platforms that lack it, and stays there. An archived
    /// image that is not in the ledger is `unknown` everywhere, and sent only with `force`.
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
        /// Makes the request safe to repeat: for 24 hours, requests with the same key get the first answer
        /// again, and nothing is published a second time. 1 to 255 visible ASCII characters,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: SentKey,
        body: JsonBody<PublishRequest>,
    ) -> Result<Published, ApiError> {
        self.publish(tenant, request_id, idempotency_key, body, Some(&filename))
            .await
    }
}

impl PublishingApi {
    async fn publish(
        &self,
        tenant: Arc<Tenant>,
        request_id: RequestId,
        key: SentKey,
        body: JsonBody<PublishRequest>,
        filename: Option<&str>,
    ) -> Result<Published, ApiError> {
        let mut fields = body.into_fields();
        let target = match filename {
            Some(filename) => fields.image_name(filename).map(Target::Image),
            None => Some(Target::Next),
        };
        let key = key.read(&mut fields);
        let request = PublishRequest::read(&mut fields);
        let target = fields.finish_with(target)?;
        let given = request.captions.iter().flat_map(BTreeMap::values);
        if request
            .caption
            .iter()
            .chain(given)
            .any(|text| is_blank(text))
        {
            let detail = "Nothing of a caption would be seen. Without `caption` and `captions`, captions are written; \
                          to leave a platform out, name fewer in `platforms`.";
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

/// The answer as JSON: as it is stored for later requests with its key, and as the command line prints it.
pub(super) fn write_down(report: &PublicationReport) -> String {
    PublishResult::from(report.clone()).to_json_string()
}

/// A stored answer that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("a stored answer cannot be read: {0}")]
struct UnreadableAnswer(String);
