//! Answers that are at hand: a handler has given them before, nothing but the tenant's config decides
//! them, and the tenant is in memory. Clients ask for them with every page, so they are given before
//! anything is done that only other requests need: no span, no place, no route.

use std::sync::Arc;

use poem::{Request, Response, http::Method};

use crate::app::{
    http::{
        config::{self, KeptAt},
        dto::kept_json,
        known_routes::{Known, KnownRoutes},
        middleware::header_limit,
        request_facts::RequestFacts,
    },
    tenancy::{resolve_tenant::ResolveTenant, tenant::Tenant},
};

/// Knows which answers are kept, and finds the tenant that they are kept with.
pub(in crate::app::http) struct FromCache {
    resolve_tenant: Arc<ResolveTenant>,
    kept: [(Arc<Known>, KeptAt); config::KEPT.len()],
}

/// An answer that has been given before.
pub(super) struct Again<'a> {
    pub(super) response: Response,
    pub(super) route: &'a Known,
    pub(super) tenant: Arc<Tenant>,
}

impl FromCache {
    /// The answers of these routes, to tenants that `resolve_tenant` has in memory.
    pub(in crate::app::http) fn new(
        resolve_tenant: Arc<ResolveTenant>,
        routes: &KnownRoutes,
    ) -> Self {
        Self {
            resolve_tenant,
            kept: config::KEPT.map(|(path, kept)| (routes.of_path(path), kept)),
        }
    }

    /// The answer to a request, if it can be given at once. Whatever has to be waited for, refused or
    /// explained is none of its business.
    pub(super) fn answer(&self, request: &Request, facts: &RequestFacts) -> Option<Again<'_>> {
        let path = request.uri().path();
        let mut kept = self.kept.iter();
        let (route, kept) = kept.find(|(route, _)| route.label() == path)?;
        if *request.method() != Method::GET
            || facts.has_other_target
            || !header_limit::is_kept(request.headers())
        {
            return None;
        }
        let host = facts.host.as_ref()?;
        let tenant = self.resolve_tenant.cached(host, &facts.id)?;
        let json = kept(tenant.answers()).get()?.clone();
        Some(Again {
            response: kept_json::answer(json),
            route,
            tenant,
        })
    }
}
