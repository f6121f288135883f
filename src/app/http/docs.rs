//! The spec, for programs and for people. Answers under any host and resolves no tenant.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use poem::{
    Body, EndpointExt as _, Response,
    endpoint::{BoxEndpoint, make},
    error::InternalServerError,
    http::{HeaderValue, Method, header},
};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, Registry},
};
use tokio::task::spawn_blocking;

/// The spec as JSON.
const JSON_PATH: &str = "/openapi.json";
/// The spec as YAML.
const YAML_PATH: &str = "/openapi.yaml";
/// The spec as a page.
const PAGE_PATH: &str = "/docs";

/// Where all of it is. None of these is in the spec itself.
pub(super) const PATHS: [&str; 3] = [JSON_PATH, YAML_PATH, PAGE_PATH];

const HTML: &str = "text/html; charset=utf-8";

/// The page brings everything along; a browser that keeps to this reaches no other host.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
                           style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// The spec in all its forms, each written when the first one asks for it: most processes are never
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
        for (path, endpoint) in [
            (JSON_PATH, fixed(self.json, "application/json", None)),
            (YAML_PATH, fixed(self.yaml, "application/yaml", None)),
            (PAGE_PATH, fixed(self.page, HTML, Some(PAGE_POLICY))),
        ] {
            routes.insert(path.to_owned(), HashMap::from([(Method::GET, endpoint)]));
        }
    }
}

/// The same answer every time.
fn fixed(
    write: fn() -> String,
    media_type: &'static str,
    policy: Option<&'static str>,
) -> BoxEndpoint<'static> {
    let text = Arc::new(LazyLock::new(move || Bytes::from(write())));
    let endpoint = make(move |_| {
        let text = Arc::clone(&text);
        async move {
            // Writing it takes a while, in which no other request has to wait.
            let text = spawn_blocking(move || LazyLock::force(&text).clone()).await;
            let text = text.map_err(InternalServerError)?;
            let mut response = Response::builder()
                .content_type(media_type)
                .header(header::CACHE_CONTROL, "no-cache")
                .body(Body::from_bytes(text));
            if let Some(policy) = policy {
                let policy = HeaderValue::from_static(policy);
                response
                    .headers_mut()
                    .insert(header::CONTENT_SECURITY_POLICY, policy);
            }
            Ok::<_, poem::Error>(response)
        }
    });
    endpoint.boxed()
}
