//! Gives answers again that a handler has given before, where nothing but the tenant's config decides
//! them: they need no route. Clients ask for them with every page.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse as _, PathPattern, Request, Response, Result, http::Method};

use crate::app::{
    http::{
        config::{self, KeptAt},
        dto::kept_json,
        tenant_scope,
    },
    usecases::resolve_tenant::ResolveTenant,
};

/// Hands on whatever has not been answered before.
pub(in crate::app::http) struct Again<E> {
    inner: E,
    resolve_tenant: Arc<ResolveTenant>,
    kept: [(PathPattern, KeptAt); config::KEPT.len()],
}

impl<E> Again<E> {
    /// Wraps the routes, whose tenants are found by `resolve_tenant`.
    pub(in crate::app::http) fn new(inner: E, resolve_tenant: Arc<ResolveTenant>) -> Self {
        let kept = config::KEPT.map(|(path, kept)| (PathPattern(path.into()), kept));
        Self {
            inner,
            resolve_tenant,
            kept,
        }
    }

    fn kept_at(&self, request: &Request) -> Option<&(PathPattern, KeptAt)> {
        let path = request.uri().path();
        let mut kept = self.kept.iter();
        let found = kept.find(|(pattern, _)| *pattern.0 == *path);
        found.filter(|_| *request.method() == Method::GET)
    }
}

impl<E: Endpoint> Endpoint for Again<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if let Some((pattern, kept)) = self.kept_at(&request) {
            let tenant = tenant_scope::tenant_of(&request, &self.resolve_tenant).await;
            let tenant = tenant.map_err(|error| {
                let mut error = poem::Error::from(error);
                error.set_data(pattern.clone());
                error
            })?;
            if let Some(json) = kept(tenant.answers()).get() {
                let mut response = kept_json::answer(json.clone());
                response.set_data(pattern.clone());
                return Ok(response);
            }
            request.set_data(tenant);
        }
        Ok(self.inner.call(request).await?.into_response())
    }
}
