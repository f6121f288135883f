//! `/api/publications`: lists a tenant's publications, and asks platforms about those that are in doubt.

use poem_openapi::{
    OpenApi,
    param::{Path, Query},
    payload::Json,
};

use super::{
    auth::Admin,
    dto::{
        problem::FieldError,
        publications::{Publication, PublicationList, PublicationOutcome, position_of},
        publish::PlatformName,
    },
    error::ApiError,
    json_body::Fields,
    request_facts::CurrentRequestId,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::usecases::{check_publication::CheckPublication, list_publications::ListPublications},
    domain::ledger::EntryQuery,
};

/// The default length of a page.
const DEFAULT_LIMIT: u32 = 50;

pub(super) struct PublicationsApi {
    pub(super) list: ListPublications,
    pub(super) check: CheckPublication,
}

#[OpenApi]
impl PublicationsApi {
    /// What has been published?
    ///
    /// For a history, and for the outcome of a request whose answer was lost: the state of each image on each
    /// platform that it was ever sent to, newest attempt first. A publication must pass all filters. An attempt whose
    /// end was not recorded, because the service ended before, is `unknown`.
    ///
    /// A row with the outcome `skipped` is of an image, and of no platform (`platform` is `null`): it was passed over
    /// when the next image was to be published, `reason` and `error` say why, and nothing was sent. The row disappears
    /// when the image is published by name, and does not count for another content under the same name. The filter by
    /// platform leaves it out.
    #[oai(
        path = "/api/publications",
        method = "get",
        operation_id = "listPublications",
        tag = "Tag::Publications"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each parameter of the operation is one"
    )]
    async fn list_publications(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        /// The largest number of publications; left out, 50.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The beginning of the page: `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: Query<Option<String>>,
        /// Only images that had this name when they were last sent.
        filename: Query<Option<String>>,
        /// Only this platform.
        platform: Query<Option<PlatformName>>,
        /// Only this outcome.
        outcome: Query<Option<PublicationOutcome>>,
    ) -> Result<Json<PublicationList>, ApiError> {
        let mut fields = Fields::default();
        let query = EntryQuery {
            image: filename.0.and_then(|name| fields.image_name(&name)),
            platform: platform.0.map(Into::into),
            state: outcome.0.map(Into::into),
            after: cursor.0.and_then(|cursor| {
                let position = position_of(&cursor);
                if position.is_none() {
                    let rule = "must be the `next_cursor` of a page";
                    fields.reject(FieldError::new("cursor", rule));
                }
                position
            }),
            limit: limit.0.unwrap_or(DEFAULT_LIMIT),
        };
        let query = fields.finish_with(Some(query))?;
        let page = self.list.run(&tenant, query).await;
        let page = page.map_err(|error| ApiError::from_ledger(error, "Try again later."))?;
        Ok(Json(page.into()))
    }

    /// Is an unknown post there?
    ///
    /// For a publication that is `unknown`: asks the platform whether it has the post, records what it says, and answers
    /// the publication. Nothing is ever sent. `published` has the post's id, and its address where it has one; `failed`
    /// means that the post is not there, and that publishing the image again sends it. It stays `unknown` where the
    /// platform cannot tell: `error` says so. The platform is asked for up to a minute, since a request that it has not
    /// finished yet may still make the post: do not give up before.
    ///
    /// A publication that is `published` or `failed` is answered as it is. The next publication of the image asks by
    /// itself; this is for those who do not want to publish, and for images that are no longer there.
    #[oai(
        path = "/api/publications/:id/check",
        method = "post",
        operation_id = "checkPublication",
        tag = "Tag::Publications"
    )]
    async fn check_publication(
        &self,
        TenantScope(tenant): TenantScope,
        _admin: Admin,
        CurrentRequestId(request_id): CurrentRequestId,
        /// The `id` of the publication in the list.
        id: Path<String>,
    ) -> Result<Json<Publication>, ApiError> {
        let id = id.0.parse().map_err(|_| ApiError::no_publication())?;
        let entry = self.check.run(tenant, id, request_id).await?;
        Ok(Json(entry.into()))
    }
}
