//! The spec, for programs and for people. Answers under any host and resolves no tenant.

use std::{collections::HashMap, sync::LazyLock};

use bytes::Bytes;
use poem::{
    Body, EndpointExt as _, Response,
    endpoint::{BoxEndpoint, make_sync},
    http::{HeaderValue, Method, header},
};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, Registry},
};

use super::spec;

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

/// The spec as JSON, as YAML and as a page: written once, whatever asks for it.
static TEXTS: LazyLock<[Bytes; 3]> =
    LazyLock::new(|| [spec::json(), spec::yaml(), spec::page()].map(Bytes::from));

/// The spec in all its forms.
pub(super) struct DocsApi;

impl OpenApi for DocsApi {
    fn meta() -> Vec<MetaApi> {
        Vec::new()
    }

    fn register(_: &mut Registry) {}

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let [json, yaml, page] = TEXTS.clone();
        for (path, endpoint) in [
            (JSON_PATH, fixed(json, "application/json", None)),
            (YAML_PATH, fixed(yaml, "application/yaml", None)),
            (PAGE_PATH, fixed(page, HTML, Some(PAGE_POLICY))),
        ] {
            routes.insert(path.to_owned(), HashMap::from([(Method::GET, endpoint)]));
        }
    }
}

/// The same answer every time.
fn fixed(
    bytes: Bytes,
    media_type: &'static str,
    policy: Option<&'static str>,
) -> BoxEndpoint<'static> {
    let endpoint = make_sync(move |_| {
        let mut response = Response::builder()
            .content_type(media_type)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(Body::from_bytes(bytes.clone()));
        if let Some(policy) = policy {
            let policy = HeaderValue::from_static(policy);
            response
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    });
    endpoint.boxed()
}
