//! `/` and `/assets/…`: the page for a tenant's people (`docs/page.md`). Neither is in the spec: people use them, and no
//! program does.
//!
//! `/` is asked for at each visit, and names the folder of the assets, `/assets/<hash of all of them>/`. An address of an asset
//! therefore has one content for ever, and caches keep it.

mod accept_encoding;
mod assets;

use std::collections::HashMap;

use poem::{
    EndpointExt as _, Request, Response, ResponseBuilder,
    endpoint::{BoxEndpoint, make_sync},
    http::{HeaderMap, Method, StatusCode, header},
};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, Registry},
};

use self::{
    accept_encoding::accepts_gzip,
    assets::{ASSETS, File, INDEX},
};
use super::{entity_tag::names_tag, error::ApiError, problem::ProblemKind};

/// The paths of the page, as logs and metrics name them.
pub(super) const PATHS: [&str; 2] = ["/", "/assets/{hash}/{name}"];

/// The same paths as patterns of the framework.
const PATTERNS: [&str; 2] = ["/", "/assets/:param0/:param1"];

/// What the page may load and do. Scripts and styles are files of this host. No text becomes markup or code: the page makes no
/// policy for trusted types, and without one the browser refuses every such text.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                           connect-src 'self'; base-uri 'none'; form-action 'self'; \
                           frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The address of an asset changes with the content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The page and its assets, the same for all tenants.
pub(super) struct PageApi;

impl OpenApi for PageApi {
    fn meta() -> Vec<MetaApi> {
        Vec::new()
    }

    fn register(_: &mut Registry) {}

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let endpoints = [
            make_sync(|request| index(&request)).boxed(),
            make_sync(|request| asset(&request)).boxed(),
        ];
        for (pattern, endpoint) in PATTERNS.into_iter().zip(endpoints) {
            routes.insert(pattern.to_owned(), HashMap::from([(Method::GET, endpoint)]));
        }
    }
}

/// The page.
fn index(request: &Request) -> Response {
    let headers = request.headers();
    let response = base()
        .header(header::CACHE_CONTROL, "no-cache")
        // Weak: the tag is the same for both encodings.
        .header(header::ETAG, format!("W/{}", INDEX.tag))
        .header("Cross-Origin-Opener-Policy", "same-origin");
    if names_tag(&values_of(headers), &INDEX.tag) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    send(&INDEX.file, headers, response)
}

/// An asset. That of another version of the page is not there, so that no page is put together from two.
fn asset(request: &Request) -> Result<Response, ApiError> {
    let parameter = |name| request.raw_path_param(name).unwrap_or_default();
    let (hash, name) = (parameter("param0"), parameter("param1"));
    let found = ASSETS.iter().find(|it| it.name == name);
    let found = found.filter(|_| hash == INDEX.folder);
    let found = found.ok_or_else(|| ApiError::new(ProblemKind::NotFound, ApiError::NO_PATH))?;
    let response = base()
        .header(header::CACHE_CONTROL, FOR_EVER)
        .header("Cross-Origin-Resource-Policy", "same-origin");
    Ok(send(&found.file, request.headers(), response))
}

/// What the page and its assets have in common. Images with scripts have the policy when they are opened by themselves.
fn base() -> ResponseBuilder {
    Response::builder()
        .header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
        .header(header::REFERRER_POLICY, "same-origin")
        .header(header::VARY, "Accept-Encoding")
}

fn send(file: &File, headers: &HeaderMap, response: ResponseBuilder) -> Response {
    let response = response.content_type(file.media_type());
    let compressed = accepts_gzip(headers).then(|| file.compressed()).flatten();
    match compressed {
        Some(compressed) => response
            .header(header::CONTENT_ENCODING, "gzip")
            .body(compressed),
        None => response.body(file.plain()),
    }
}

/// The values of `If-None-Match`.
fn values_of(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let values = values.filter_map(|it| it.to_str().ok());
    values.map(str::to_owned).collect()
}
