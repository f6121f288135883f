//! The spec, for programs and for people. Answers under any host and resolves no tenant.

use std::{collections::HashMap, sync::LazyLock};

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

/// A text that is written when somebody asks for it, once: most processes are never asked, and the page
/// alone takes 1.9 MB.
type Text = LazyLock<Bytes>;

static JSON: Text = Text::new(|| spec::json().into());
static YAML: Text = Text::new(|| spec::yaml().into());
static PAGE: Text = Text::new(|| spec::page().into());

/// The spec in all its forms.
pub(super) struct DocsApi;

impl OpenApi for DocsApi {
    fn meta() -> Vec<MetaApi> {
        Vec::new()
    }

    fn register(_: &mut Registry) {}

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        for (path, endpoint) in [
            (JSON_PATH, fixed(&JSON, "application/json", None)),
            (YAML_PATH, fixed(&YAML, "application/yaml", None)),
            (PAGE_PATH, fixed(&PAGE, HTML, Some(PAGE_POLICY))),
        ] {
            routes.insert(path.to_owned(), HashMap::from([(Method::GET, endpoint)]));
        }
    }
}

/// The same answer every time.
fn fixed(
    text: &'static Text,
    media_type: &'static str,
    policy: Option<&'static str>,
) -> BoxEndpoint<'static> {
    let endpoint = make(move |_| async move {
        // Writing it takes a while, in which nobody else shall have to wait.
        let text = spawn_blocking(|| Text::force(text)).await;
        let text = text.map_err(InternalServerError)?;
        let mut response = Response::builder()
            .content_type(media_type)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(Body::from_bytes(text.clone()));
        if let Some(policy) = policy {
            let policy = HeaderValue::from_static(policy);
            response
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Ok::<_, poem::Error>(response)
    });
    endpoint.boxed()
}
