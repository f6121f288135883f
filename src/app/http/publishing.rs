//! Publishes a tenant's images.

use poem_openapi::{
    ApiResponse, OpenApi,
    param::Path,
    payload::Json,
    types::{ParseFromJSON as _, ToJSON as _},
};
use std::sync::Arc;

use super::{
    auth::Admin,
    dto::{
        job_request::order_of,
        jobs::Job,
        problem::FieldError,
        publish::{PublishRequest, PublishResult},
    },
    error::ApiError,
    idempotency_key::SentKey,
    jobs::{self, refuse_blank},
    json_body::JsonBody,
    prefer::{Prefer, RESPOND_ASYNC},
    raw_header::RawHeader,
    request_facts::{CallerOrigin, CurrentRequestId},
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::{
        tenancy::tenant::Tenant,
        usecases::{
            manage_jobs::ManageJobs,
            publish_once::{PublishAnswer, PublishOnce},
        },
    },
    domain::{
        host::Host,
        idempotency::IdempotencyKey,
        publication::{PublicationReport, Target},
        request_id::RequestId,
    },
};

pub(super) struct PublishingApi {
    pub(super) publish: PublishOnce,
    pub(super) jobs: ManageJobs,
}

/// The answer to a publication.
#[derive(ApiResponse)]
#[expect(
    clippy::large_enum_variant,
    reason = "the framework takes no boxes, and each is sent as soon as it is made"
)]
enum Published {
    /// The outcome on each platform.
    #[oai(status = 200)]
    Answer(
        Json<PublishResult>,
        /// `true` when this is the first answer to a request under the same key.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
    /// The job that publishes it: with `Prefer: respond-async`.
    #[oai(status = 202)]
    Accepted(
        Json<Job>,
        /// The path of the job.
        #[oai(header = "Location")]
        String,
        /// `respond-async`.
        #[oai(header = "Preference-Applied")]
        String,
        /// `true` when this is the first answer to a request under the same key.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

/// What the head of a request to publish says beside its path.
struct Head {
    host: Host,
    request_id: RequestId,
    key: SentKey,
    prefer: Prefer,
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
    ///
    /// With `Prefer: respond-async` a job is added that does so, and the answer is 202, at once.
    #[oai(
        path = "/api/publish",
        method = "post",
        operation_id = "publishNextImage",
        tag = "Tag::Images"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn publish_next_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        origin: CallerOrigin,
        /// Makes the request safe to repeat: for 24 hours, requests with the same key get the first answer
        /// again, and nothing is published a second time. 1 to 255 visible ASCII characters,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        RawHeader(idempotency_key): RawHeader<SentKey>,
        /// `respond-async`: does not wait, and answers with a job (RFC 7240). Other preferences are ignored.
        #[oai(name = "Prefer")]
        RawHeader(prefer): RawHeader<Prefer>,
        body: JsonBody<PublishRequest>,
    ) -> Result<Published, ApiError> {
        let head = Head {
            host: origin.host,
            request_id,
            key: idempotency_key,
            prefer,
        };
        self.publish(tenant, head, body, None).await
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
    ///
    /// With `Prefer: respond-async` a job is added that does all this, and the answer is 202, at once, with the job and its
    /// path: whether there is such an image, and what came of it, is in the job. `dry_run` is refused then.
    #[oai(
        path = "/api/images/:filename/publish",
        method = "post",
        operation_id = "publishImage",
        tag = "Tag::Images"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn publish_image(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        origin: CallerOrigin,
        /// The file name of the image: no folders, at most 255 bytes.
        filename: Path<String>,
        /// Makes the request safe to repeat: for 24 hours, requests with the same key get the first answer
        /// again, and nothing is published a second time. 1 to 255 visible ASCII characters,
        /// such as a UUID.
        #[oai(name = "Idempotency-Key")]
        RawHeader(idempotency_key): RawHeader<SentKey>,
        /// `respond-async`: does not wait, and answers with a job (RFC 7240). Other preferences are ignored.
        #[oai(name = "Prefer")]
        RawHeader(prefer): RawHeader<Prefer>,
        body: JsonBody<PublishRequest>,
    ) -> Result<Published, ApiError> {
        let head = Head {
            host: origin.host,
            request_id,
            key: idempotency_key,
            prefer,
        };
        self.publish(tenant, head, body, Some(&filename)).await
    }
}

impl PublishingApi {
    async fn publish(
        &self,
        tenant: Arc<Tenant>,
        head: Head,
        body: JsonBody<PublishRequest>,
        filename: Option<&str>,
    ) -> Result<Published, ApiError> {
        let Head {
            host,
            request_id,
            key,
            prefer,
        } = head;
        let mut fields = body.into_fields();
        let target = match filename {
            Some(filename) => fields.image_name(filename).map(Target::Image),
            None => Some(Target::Next),
        };
        let key = key.read(&mut fields);
        let request = PublishRequest::read(&mut fields);
        if prefer.respond_async && request.dry_run {
            let rule = "must not be true with `Prefer: respond-async`: a dry run is answered, and a job publishes";
            fields.reject(FieldError::new("dry_run", rule));
        }
        let target = fields.finish_with(target)?;
        refuse_blank(request.caption.as_ref(), request.captions.as_ref())?;
        if prefer.respond_async {
            return self.add_job(tenant, host, target, request, key).await;
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

    /// Adds a job that publishes.
    async fn add_job(
        &self,
        tenant: Arc<Tenant>,
        host: Host,
        target: Target,
        request: PublishRequest,
        key: Option<IdempotencyKey>,
    ) -> Result<Published, ApiError> {
        let image = match target {
            Target::Image(name) => Some(name),
            Target::Next => None,
        };
        let order = order_of(image, request);
        let added = self
            .jobs
            .add_once(tenant, host, order, None, key, jobs::write_down);
        let (job, replayed) = jobs::answer(added.await?)?;
        let location = jobs::location_of(&job);
        let applied = RESPOND_ASYNC.to_owned();
        Ok(Published::Accepted(Json(job), location, applied, replayed))
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
