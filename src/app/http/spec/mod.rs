//! The OpenAPI document: generated from the types of the routes, amended where the generator falls
//! short, and built on nothing: no adapter, no setting, no network.

mod amend;

use std::{collections::HashMap, marker::PhantomData};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    ContactObject, LicenseObject, OpenApi, OpenApiService, ServerObject, Tags,
    registry::{MetaApi, Registry},
};
use serde::Serialize;
use serde_json::Value;

use super::{Api, problem::ProblemKind};

const OVERVIEW: &str = "\
Publisher sends images from a tenant's storage to the tenant's platforms, with captions that are \
written for them.

**Tenants.** Under `/api`, the `Host` of a request names the tenant, and nothing else does. A host \
that is no tenant's is answered with `tenant-not-found`, whatever its shape.

**Admins** send `Authorization: Bearer <token>`, or user and password by `Basic`, or the session \
cookie that `POST /api/admin/login` gives for the password; which of them there are is up to the \
operator. With a session, what writes must come from a page of the same host: its `Origin`, or else \
its `Referer`, must say so. With `Basic`, neither may say otherwise. The tenant is looked at first, then the credential, then the rest of \
the request.

**Request ids.** A caller may send `X-Request-Id`: 1 to 128 letters, digits, `.`, `_`, `:` or `-`; \
else an id is made up. Every response has the id, and so have the log and the problems.

**Problems.** Every error is an `application/problem+json` document (RFC 9457). Its `type` is one \
of the URIs below, and never changes its meaning. Answers with 429 and 503 say in `Retry-After` \
when to come back, in seconds.";

/// What an operation is about.
#[derive(Tags)]
pub(super) enum Tag {
    /// For probes: any host, no tenant, no credential.
    Health,
    /// What a client has to know of the tenant's config.
    Config,
    /// Logging in and out.
    Admin,
    /// The tenant's images: looking at them, publishing them, sorting them.
    Images,
    /// What has been published, and what came of it.
    Publications,
}

/// The document as JSON text, indented, with a line break at its end.
#[must_use]
pub fn json() -> String {
    let value = openapi_document();
    // A `Value` has string keys only, so it can always be written.
    let mut text = serde_json::to_string_pretty(&InOrder::of(&value)).unwrap_or_default();
    text.push('\n');
    text
}

/// The document as YAML text, with a line break at its end.
#[must_use]
pub fn yaml() -> String {
    let value = openapi_document();
    let mut text = serde_saphyr::to_string(&InOrder::of(&value)).unwrap_or_default();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The document.
#[must_use]
pub fn openapi_document() -> Value {
    let mut document = serde_json::from_str(&service().spec()).unwrap_or_default();
    amend::all(&mut document);
    document
}

/// The document as a page to read and try it. Reaches no other host.
pub(super) fn page() -> String {
    let service = service();
    // The page has the document as it was generated; it shall have the one that is published.
    service
        .swagger_ui_html()
        .replacen(&service.spec(), &json(), 1)
}

fn service() -> OpenApiService<Described<Api>, ()> {
    let here = ServerObject::new("/").description("The host that this document came from.");
    let tenant = ServerObject::new("https://{host}")
        .description("A tenant's own host.")
        .variable("host", "The host of the tenant.", "alice.example.org");
    OpenApiService::new(Described::new(), "Publisher", env!("CARGO_PKG_VERSION"))
        .description(overview())
        .contact(ContactObject::new().name("The maintainers of Publisher"))
        .license(LicenseObject::new("MIT").url("https://opensource.org/license/mit"))
        .server(here)
        .server(tenant)
}

fn overview() -> String {
    let row = |kind: ProblemKind| {
        let status = kind.status().as_u16();
        format!("| `{}` | {status} | {} |\n", kind.uri(), kind.meaning())
    };
    let rows: String = ProblemKind::ALL.map(row).concat();
    format!("{OVERVIEW}\n\n| type | status | when |\n| --- | --- | --- |\n{rows}")
}

/// The description of an API without the API.
struct Described<T>(PhantomData<fn() -> T>);

impl<T> Described<T> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The parts of the document in the order in which people read them.
#[derive(Serialize)]
struct InOrder<'a> {
    openapi: &'a Value,
    info: &'a Value,
    servers: &'a Value,
    tags: &'a Value,
    paths: &'a Value,
    components: &'a Value,
}

impl<'a> InOrder<'a> {
    fn of(document: &'a Value) -> Self {
        Self {
            openapi: &document["openapi"],
            info: &document["info"],
            servers: &document["servers"],
            tags: &document["tags"],
            paths: &document["paths"],
            components: &document["components"],
        }
    }
}

#[cfg(test)]
mod tests;
