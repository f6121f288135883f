//! `/api/publications`: lists a tenant's publications.

use poem_openapi::{OpenApi, param::Query, payload::Json};

use super::{
    auth::Admin,
    dto::{
        problem::FieldError,
        publications::{PublicationList, PublicationOutcome, position_of},
        publish::PlatformName,
    },
    error::ApiError,
    json_body::Fields,
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{app::usecases::list_publications::ListPublications, domain::ledger::EntryQuery};

/// The default length of a page.
const DEFAULT_LIMIT: u32 = 50;

pub(super) struct PublicationsApi {
    pub(super) list: ListPublications,
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
}
