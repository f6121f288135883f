//! `/auth/logout` and `/api/auth/logout`: the paths by which the existing client and links log out.

use std::sync::Arc;

use poem::{
    Request,
    http::{HeaderMap, Method, header},
    web::Data,
};
use poem_openapi::{
    ApiResponse, OpenApi, ResponseContent,
    payload::{Html, Json, Response},
};

use super::{
    admin::{SessionAnswer, log_out, status_of},
    auth::AdminAuth,
    dto::admin::AdminStatus,
    error::ApiError,
    tag::Tag,
    tenant_scope::TenantScope,
};

/// The page for a request that another site may have made the browser send: its button is a person's word.
pub(super) const PAGE: &str = include_str!("log_out/page.html");
/// It loads nothing, and its form goes to this host alone.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";
/// The header that says what a request is for.
const DESTINATION: &str = "sec-fetch-dest";
/// The page that a browser gets afterwards.
pub(super) const LOGGED_OUT: &str = include_str!("log_out/logged_out.html");

pub(super) struct LogOutApi;

/// The answer to a page's form, or to a program.
#[derive(ApiResponse)]
enum FormAnswer {
    /// The session has ended: the status of the requests that follow, or to a browser that sends a form, a page that says
    /// so.
    #[oai(status = 200, header(name = "Set-Cookie", ty = "String"))]
    Ended(Ended),
}

#[derive(ResponseContent)]
enum Ended {
    Status(Json<AdminStatus>),
    Page(Html<&'static str>),
}

/// The answer to a link.
#[derive(ApiResponse)]
enum LinkAnswer {
    /// A page: to a link on a page of this host, that the session has ended, with `Set-Cookie`; else a button that logs
    /// out.
    #[oai(status = 200)]
    Page(Html<&'static str>),
}

#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
#[OpenApi]
impl LogOutApi {
    /// Log out, by the path of existing clients.
    ///
    /// For clients that were made for the service before this one: the same as `logOut`.
    #[oai(
        path = "/api/auth/logout",
        method = "post",
        operation_id = "logOutByClient",
        tag = "Tag::Admin"
    )]
    async fn by_client(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
    ) -> Result<Response<SessionAnswer>, ApiError> {
        log_out(auth, request).await
    }

    /// Log out, by a form.
    ///
    /// For pages with a session: the same as `logOut`; a browser that sends a form gets a page that says that the session has
    /// ended.
    #[oai(
        path = "/auth/logout",
        method = "post",
        operation_id = "logOutByForm",
        tag = "Tag::Admin"
    )]
    async fn by_form(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
    ) -> Result<Response<FormAnswer>, ApiError> {
        let (admin, cookies) = auth.log_out(request).await?;
        let answer = if is_of_a_form(request.headers()) {
            page(FormAnswer::Ended(Ended::Page(Html(LOGGED_OUT))))
        } else {
            let status = Json(status_of(admin.as_ref()));
            Response::new(FormAnswer::Ended(Ended::Status(status)))
        };
        Ok(ending(answer, cookies))
    }

    /// Log out, by a link.
    ///
    /// For links on pages of this host: the session ends, and a page says so. A link of another site, or one that was
    /// typed in, must not end a session: it leads to a page with a button.
    #[oai(
        path = "/auth/logout",
        method = "get",
        operation_id = "logOutByLink",
        tag = "Tag::Admin"
    )]
    async fn by_link(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
    ) -> Result<Response<LinkAnswer>, ApiError> {
        Ok(if is_a_click(request) {
            let answer = page(LinkAnswer::Page(Html(LOGGED_OUT)));
            ending(answer, auth.end_session())
        } else {
            page(LinkAnswer::Page(Html(PAGE)))
        })
    }
}

/// Whether a person has followed a link on a page of this host: neither a picture of it nor something that fetches ahead.
fn is_a_click(request: &Request) -> bool {
    let headers = request.headers();
    let is_document =
        !headers.contains_key(DESTINATION) || is_only(headers, DESTINATION, "document");
    let is_ahead = headers.contains_key("sec-purpose");
    let is_get = *request.method() == Method::GET;
    is_get && is_document && !is_ahead && is_only(headers, "sec-fetch-site", "same-origin")
}

/// An answer with a page.
fn page<T>(answer: T) -> Response<T> {
    Response::new(answer)
        .header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
        .header(header::CACHE_CONTROL, "no-store")
}

/// Whether a browser has sent a form, rather than a script or a program. Browsers from before `Sec-Fetch-Mode` ask for
/// HTML by its name; scripts ask for anything unless they say otherwise.
fn is_of_a_form(headers: &HeaderMap) -> bool {
    const MODE: &str = "sec-fetch-mode";
    let asks_for_html = || {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let mut accepted = accepted.filter_map(|it| it.to_str().ok());
        accepted.any(|it| it.to_ascii_lowercase().contains("text/html"))
    };
    is_only(headers, MODE, "navigate") || (!headers.contains_key(MODE) && asks_for_html())
}

/// The answer with the cookies that end a session.
fn ending<T>(answer: Response<T>, [current, other]: [String; 2]) -> Response<T> {
    answer
        .header(header::SET_COOKIE, current)
        .header(header::SET_COOKIE, other)
}

/// Whether there is one header of this name, with this value.
fn is_only(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut sent = headers.get_all(name).iter();
    sent.next().is_some_and(|it| it == value) && sent.next().is_none()
}
