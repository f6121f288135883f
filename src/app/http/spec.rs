//! The OpenAPI document: generated from the types of the routes, and amended where the generator falls
//! short. It needs no adapter, no setting and no network.

mod amend;

use std::{collections::HashMap, marker::PhantomData};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    ContactObject, LicenseObject, OpenApi, OpenApiService, ServerObject,
    registry::{MetaApi, Registry},
};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{api::Api, problem::ProblemKind};

/// The part of the description that holds for all operations.
const OVERVIEW: &str = include_str!("spec/overview.md");

/// The title of the generated page.
const GENERATED_TITLE: &str = "<title>Swagger UI</title>";

/// The title of our page, with its icon, which browsers would request otherwise.
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
    let mut text = serde_json::to_string_pretty(&InOrder(document)).unwrap_or_default();
    text.push('\n');
    text
}

/// The document as YAML text, with a line break at its end.
#[must_use]
pub fn yaml() -> String {
    let value = openapi_document();
    let mut text = serde_saphyr::to_string(&InOrder(&value)).unwrap_or_default();
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

/// The document as a page that can try the operations. It reaches no other host.
pub(super) fn page() -> String {
    let service = service();
    let mut document = openapi_document();
    amend::for_trying(&mut document);
    // The page has the generated document, and shall have the amended one.
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
    OpenApiService::new(
        Described(PhantomData),
        "Publisher",
        env!("CARGO_PKG_VERSION"),
    )
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

/// An API's description without its handlers.
struct Described<T>(PhantomData<fn() -> T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The document, with its parts in the order in which people read them.
struct InOrder<'a>(&'a Value);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = ["openapi", "info", "servers", "tags", "paths", "components"];
        serializer.collect_map(parts.map(|part| (part, &self.0[part])))
    }
}

#[cfg(test)]
mod tests;
