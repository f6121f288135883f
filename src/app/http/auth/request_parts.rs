//! The host and the tenant of a request, and the check of the page that has sent it.

use std::sync::Arc;

use poem::Request;

use super::origin::Provenance;
use crate::{
    app::{
        http::{error::ApiError, problem::ProblemKind, request_facts::RequestFacts},
        tenancy::tenant::Tenant,
    },
    domain::host::Host,
};

/// The host that the request is for.
pub(super) fn host_of(request: &Request) -> Result<&Host, ApiError> {
    let facts = request.data::<RequestFacts>();
    let host = facts.and_then(|facts| facts.host.as_ref());
    host.ok_or_else(ApiError::internal)
}

/// The tenant that the request is for.
pub(super) fn tenant_of(request: &Request) -> Result<&Arc<Tenant>, ApiError> {
    request.data().ok_or_else(ApiError::internal)
}

/// Refuses a request that a page of another site has sent. Programs that are no browsers name no page, and pass.
pub(super) fn refuse_other_sites(request: &Request, host: &Host) -> Result<(), ApiError> {
    if Provenance::of(request.headers(), host) == Provenance::Elsewhere {
        let detail = "This must not be sent by a page of another site.";
        return Err(ApiError::new(ProblemKind::Forbidden, detail));
    }
    Ok(())
}
