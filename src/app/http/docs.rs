//! `/openapi.json`, `/openapi.yaml` and `/docs`: the spec. Answers under any host and resolves no tenant.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use poem::{
    EndpointExt as _, Response,
    endpoint::{BoxEndpoint, make},
    error::InternalServerError,
    http::{Method, header},
};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, Registry},
};
use tokio::task::spawn_blocking;

/// The paths of the spec as JSON, as YAML and as a page. None of them is in the spec itself.
pub(super) const PATHS: [&str; 3] = ["/openapi.json", "/openapi.yaml", "/docs"];

/// The page contains everything that it needs, so the browser need not reach another host.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
                           style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// The spec in all its forms, each written on its first request: most processes are never
/// asked, and the page alone takes 1.9 MB.
pub(super) struct DocsApi {
    pub(super) json: fn() -> String,
    pub(super) yaml: fn() -> String,
    pub(super) page: fn() -> String,
}

impl OpenApi for DocsApi {
    fn meta() -> Vec<MetaApi> {
        Vec::new()
    }

    fn register(_: &mut Registry) {}

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let endpoints = [
            fixed(self.json, "application/json", None),
            fixed(self.yaml, "application/yaml", None),
            fixed(self.page, "text/html; charset=utf-8", Some(PAGE_POLICY)),
        ];
        for (path, endpoint) in PATHS.into_iter().zip(endpoints) {
            routes.insert(path.to_owned(), HashMap::from([(Method::GET, endpoint)]));
        }
    }
}

/// An endpoint with one answer.
fn fixed(
    write: fn() -> String,
    media_type: &'static str,
    policy: Option<&'static str>,
) -> BoxEndpoint<'static> {
    let text = Arc::new(LazyLock::new(move || Bytes::from(write())));
    let endpoint = make(move |_| {
        let text = Arc::clone(&text);
        async move {
            // Writing it takes long enough to block other requests of the thread.
            let text = spawn_blocking(move || LazyLock::force(&text).clone()).await;
            let text = text.map_err(InternalServerError)?;
            let mut response = Response::builder()
                .content_type(media_type)
                .header(header::CACHE_CONTROL, "no-cache");
            if let Some(policy) = policy {
                response = response.header(header::CONTENT_SECURITY_POLICY, policy);
            }
            Ok::<_, poem::Error>(response.body(text))
        }
    });
    endpoint.boxed()
}
