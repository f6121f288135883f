//! Resolves the tenant of a request, before anything else about it is checked.

use std::{collections::HashMap, sync::Arc};

use poem::{
    Endpoint, EndpointExt as _, FromRequest, Request, RequestBody, Response, Result,
    endpoint::BoxEndpoint, http::Method,
};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, Registry},
};

use super::{
    error::ApiError,
    middleware::admission::{self, is_publish},
    request_facts::RequestFacts,
};
use crate::{
    app::{
        runtime::concurrency_limit::Permit,
        tenancy::{
            resolve_error::ResolveTenantError, resolve_tenant::ResolveTenant, tenant::Tenant,
        },
        usecases::publish::Refusal,
    },
    domain::{host::Host, request_id::RequestId},
};

/// The tenant that the request is for. Only routes of [`TenantRoutes`] have one.
pub struct TenantScope(pub Arc<Tenant>);

/// Routes of a tenant, which is in the data of the request. It is resolved
/// after routing, so that an unknown path costs no lookup, and before the handler's first
/// extractor, so that an unknown host learns nothing else.
pub(super) struct TenantRoutes<T> {
    api: T,
    resolve_tenant: Arc<ResolveTenant>,
}

impl<T> TenantRoutes<T> {
    /// Makes all routes of `api` routes of a tenant.
    pub(super) fn new(api: T, resolve_tenant: Arc<ResolveTenant>) -> Self {
        Self {
            api,
            resolve_tenant,
        }
    }
}

impl<T: OpenApi> OpenApi for TenantRoutes<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let mut own = HashMap::new();
        self.api.add_routes(&mut own);
        for (path, methods) in own {
            let routes = routes.entry(path).or_default();
            routes.extend(methods.into_iter().map(|(method, inner)| {
                let resolve_tenant = Arc::clone(&self.resolve_tenant);
                let scoped = Scoped {
                    inner,
                    resolve_tenant,
                };
                (method, scoped.boxed())
            }));
        }
    }
}

struct Scoped {
    inner: BoxEndpoint<'static>,
    resolve_tenant: Arc<ResolveTenant>,
}

impl Endpoint for Scoped {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let facts = request.data::<RequestFacts>();
        let RequestFacts { id, host, .. } = facts.ok_or_else(ApiError::internal)?;
        let host = host.as_ref();
        let tenant = match host.and_then(|host| self.resolve_tenant.cached(host, id)) {
            Some(tenant) => tenant,
            None => Box::pin(self.resolve(&request, host, id)).await?,
        };
        tracing::Span::current().record("tenant", tenant.name().as_str());
        request.set_data(tenant);
        self.inner.call(request).await
    }
}

impl Scoped {
    /// The tenant of a host, where it has to be waited for.
    async fn resolve(
        &self,
        request: &Request,
        host: Option<&Host>,
        id: &RequestId,
    ) -> Result<Arc<Tenant>, ApiError> {
        let resolved = self.resolve_tenant.by_host(host, id);
        let permit = request.data::<Arc<Permit>>();
        let is_known = host.is_some_and(|it| self.resolve_tenant.knows(it));
        let tenant = match permit.filter(|_| !is_known) {
            // The lookup of hosts has limits of its own, and unknown hosts take no permit from
            // tenants that are known.
            Some(permit) => {
                let resolved = permit.released_during(resolved).await;
                resolved.map_err(|_| admission::full(request))?
            }
            None => resolved.await,
        };
        tenant.map_err(|error| {
            let is_publish = || is_publish(request.method(), request.uri().path());
            if matches!(error, ResolveTenantError::Unavailable { .. }) && is_publish() {
                Refusal::Tenant.count();
            }
            ApiError::from(error)
        })
    }
}

impl<'a> FromRequest<'a> for TenantScope {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let tenant = request.data::<Arc<Tenant>>().cloned();
        Ok(Self(tenant.ok_or_else(ApiError::internal)?))
    }
}
