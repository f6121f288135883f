//! The OpenAPI document: generated from the types of the routes, amended where the generator falls
//! short, and built on nothing: no adapter, no setting, no network.

mod amend;

use std::{collections::HashMap, marker::PhantomData};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    ContactObject, LicenseObject, OpenApi, OpenApiService, ServerObject,
    registry::{MetaApi, Registry},
};
use serde::Serialize;
use serde_json::Value;

use super::{api::Api, problem::ProblemKind};

/// What holds for all operations.
const OVERVIEW: &str = include_str!("spec/overview.md");

/// What the generated page is called.
const GENERATED_TITLE: &str = "<title>Swagger UI</title>";

/// What it is called here. It brings its icon along, or browsers would ask for one.
const PAGE_HEAD: &str = "<title>Publisher API</title>\n    \
    <meta name=\"viewport\" content=\"width=device-width\">\n    \
    <link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' \
    viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%232b6cb0'/%3E%3Cpath \
    d='M3 12l4-6 3 4 1-1 2 3z' fill='white'/%3E%3C/svg%3E\">";

/// The document as JSON text, indented, with a line break at its end.
#[must_use]
pub fn json() -> String {
    text_of(&openapi_document())
}

fn text_of(document: &Value) -> String {
    // A `Value` has string keys only, so it can always be written.
    let mut text = serde_json::to_string_pretty(&InOrder::of(document)).unwrap_or_default();
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
    let mut document = openapi_document();
    amend::for_trying(&mut document);
    // The page has the document as it was generated; it shall have the one that is published.
    let page = service
        .swagger_ui_html()
        .replacen(GENERATED_TITLE, PAGE_HEAD, 1)
        .replacen(&service.spec(), &text_of(&document), 1);
    format!("<!doctype html>{page}")
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
    format!(
        "{OVERVIEW}\n## Kinds of problems\n\n| type | status | when |\n| --- | --- | --- |\n{rows}"
    )
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
