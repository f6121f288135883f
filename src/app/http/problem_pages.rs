//! `/problems`: the meaning of each kind of problem, at the URI that is its `type`. Answers under any
//! host and resolves no tenant.

mod form;

use poem::{IntoResponse, Response, http::header};
use poem_openapi::{
    ApiResponse, OpenApi,
    param::Path,
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
    types::{ToJSON as _, Type as _},
};

use serde_json::Value;

use self::form::Form;
use super::{
    dto::problem_page::ProblemDescription, error::ApiError, problem::ProblemKind, tag::Tag,
};

/// The kinds change only with a new version of the service.
const CACHE_CONTROL: &str = "public, max-age=3600";

/// The page loads nothing.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'none'";

/// The kinds of problems.
pub(super) struct ProblemPagesApi;

#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
#[OpenApi]
impl ProblemPagesApi {
    /// What does this problem mean?
    ///
    /// For readers of a problem: what its kind means, and what to do about it, at the URI that
    /// is its `type`. JSON for programs; a page for people whose browser asks for `text/html`; or
    /// Markdown, by `Accept`. Under any host, and without a credential.
    #[oai(
        path = "/problems/:kind",
        method = "get",
        operation_id = "getProblem",
        tag = "Tag::Problems"
    )]
    async fn problem(
        &self,
        form: Form,
        /// The last part of the `type`.
        kind: Path<String>,
    ) -> Result<ProblemPage, ApiError> {
        let kind = ProblemKind::from_slug(&kind);
        let kind = kind.ok_or_else(|| {
            ApiError::new(ProblemKind::NotFound, "There is no such kind of problem.")
        })?;
        Ok(ProblemPage { kind, form })
    }
}

/// The page of a kind in a media type, for the spec.
pub(super) fn page(kind: ProblemKind, media_type: &str) -> Value {
    let form = Form::ALL
        .into_iter()
        .find(|form| form.media_type() == media_type);
    match form {
        Some(Form::Html) => html(kind).into(),
        Some(Form::Markdown) => markdown(kind).into(),
        Some(Form::Json) | None => ProblemDescription::from(kind).to_json().unwrap_or_default(),
    }
}

/// The page of a kind, in one of its forms.
struct ProblemPage {
    kind: ProblemKind,
    form: Form,
}

impl IntoResponse for ProblemPage {
    fn into_response(self) -> Response {
        let Self { kind, form } = self;
        let text = match form {
            Form::Json => ProblemDescription::from(kind).to_json_string(),
            Form::Html => html(kind),
            Form::Markdown => markdown(kind),
        };
        Response::builder()
            .content_type(form.content_type())
            .header(header::CACHE_CONTROL, CACHE_CONTROL)
            .header(header::VARY, "Accept")
            .header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
            .body(text)
    }
}

/// Written by hand, since the macro allows one media type for each status.
impl ApiResponse for ProblemPage {
    fn meta() -> MetaResponses {
        let content = |form: Form| MetaMediaType {
            content_type: form.media_type(),
            schema: match form {
                Form::Json => ProblemDescription::schema_ref(),
                Form::Html | Form::Markdown => {
                    MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
                }
            },
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "What the kind means, and what a caller can do about it.",
                status: Some(200),
                status_range: None,
                content: Form::ALL.map(content).into(),
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        ProblemDescription::register(registry);
    }
}

fn markdown(kind: ProblemKind) -> String {
    let (title, status, uri) = (kind.title(), kind.status().as_u16(), kind.uri());
    let (meaning, remedy) = (kind.meaning(), kind.remedy());
    format!("# {title}\n\n`{uri}`, {status}\n\n{meaning}\n\n**What to do:** {remedy}\n")
}

fn html(kind: ProblemKind) -> String {
    let (title, status, uri) = (kind.title(), kind.status().as_u16(), kind.uri());
    let (meaning, remedy) = (marked_up(kind.meaning()), marked_up(kind.remedy()));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body {{ font: 1.1em/1.5 system-ui, sans-serif; max-width: 40em; margin: 3em auto; \
         padding: 0 1em }}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p><code>{uri}</code>, {status}</p>\n<p>{meaning}</p>\n\
         <p><strong>What to do:</strong> {remedy}</p>\n\
         <p><a href=\"/docs\">The whole API</a></p>\n</body>\n</html>\n"
    )
}

/// A kind's text as HTML: code is its only markup.
fn marked_up(text: &str) -> String {
    let escaped = html_escape::encode_double_quoted_attribute(text);
    let parts = escaped.split('`').enumerate();
    let part = |(index, part): (usize, &str)| match index % 2 {
        0 => part.to_owned(),
        _ => format!("<code>{part}</code>"),
    };
    parts.map(part).collect()
}
