//! `/api/admin`: logging in and out, and whether one is.

use std::sync::Arc;

use poem::{Request, http::header, web::Data};
use poem_openapi::{
    ApiResponse, OpenApi,
    payload::{Json, Response},
};

use super::{
    auth::{AdminAuth, LoginAttempt, LoginCookies, NoOtherSite},
    dto::admin::{AdminStatus, LoginRequest},
    error::ApiError,
    json_body::JsonBody,
    problem::ProblemKind,
    tag::Tag,
    tenant_scope::TenantScope,
};

/// The problems of each operation, by its id; `spec` adds those that come with tenants, security
/// and bodies.
pub(super) const PROBLEMS: &[(&str, &[ProblemKind])] = &[
    ("getAdminStatus", &[ProblemKind::RateLimited]),
    (
        "logIn",
        &[
            ProblemKind::InvalidRequest,
            ProblemKind::Unauthorized,
            ProblemKind::Forbidden,
            ProblemKind::RateLimited,
            ProblemKind::AdminNotConfigured,
        ],
    ),
    (
        "logOut",
        &[ProblemKind::Forbidden, ProblemKind::RateLimited],
    ),
];

/// Admins, as people log in.
pub(super) struct AdminApi;

/// A session that has begun or ended. The cookies come around it, since there may be two of them.
#[derive(ApiResponse)]
enum SessionAnswer {
    /// How things stand for the requests that follow.
    #[oai(status = 200, header(name = "Set-Cookie", ty = "String"))]
    Changed(Json<AdminStatus>),
}

#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
#[OpenApi]
impl AdminApi {
    /// Is the caller an admin?
    ///
    /// For a page that shows more to admins: whether the request brings an admin's credential, of
    /// whatever kind. Nobody is refused, but for sending too many wrong headers.
    #[oai(
        path = "/api/admin/status",
        method = "get",
        operation_id = "getAdminStatus",
        tag = "Tag::Admin"
    )]
    async fn status(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
    ) -> Result<Json<AdminStatus>, ApiError> {
        let admin = auth.is_admin(request)?;
        Ok(Json(AdminStatus { admin }))
    }

    /// Log in.
    ///
    /// For pages of the tenant's host; programs do better with the token. Opens a session for this
    /// host, in the cookie `__Host-pv2_admin`. After five wrong passwords within a minute, no more
    /// are looked at for a while; a second cookie, `__Host-pv2_device`, lets a browser that has been
    /// logged in before have a count of its own. Where the operator lets browsers come without TLS,
    /// the names are `pv2_admin` and `pv2_device`. A browser is let in from pages of this host only.
    #[oai(
        path = "/api/admin/login",
        method = "post",
        operation_id = "logIn",
        tag = "Tag::Admin"
    )]
    async fn log_in(
        &self,
        TenantScope(_tenant): TenantScope,
        attempt: LoginAttempt,
        body: JsonBody<LoginRequest>,
    ) -> Result<Response<SessionAnswer>, ApiError> {
        let mut fields = body.into_fields();
        let password = LoginRequest::read(&mut fields);
        let password = fields.finish_with(password)?;
        let LoginCookies { session, device } = attempt.with(&password)?;
        let answer = SessionAnswer::Changed(Json(AdminStatus { admin: true }));
        Ok(Response::new(answer)
            .header(header::SET_COOKIE, session)
            .header(header::SET_COOKIE, device))
    }

    /// Log out.
    ///
    /// For pages with a session: takes it from the browser, under both of its names. Whoever has none
    /// is none the worse for it. From pages of this host only, where a browser sends it.
    #[oai(
        path = "/api/admin/logout",
        method = "post",
        operation_id = "logOut",
        tag = "Tag::Admin"
    )]
    async fn log_out(
        &self,
        TenantScope(_tenant): TenantScope,
        _no_other_site: NoOtherSite,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
    ) -> Result<Response<SessionAnswer>, ApiError> {
        let admin = auth.is_admin_without_session(request)?;
        let answer = SessionAnswer::Changed(Json(AdminStatus { admin }));
        let [current, other] = auth.logout_cookies();
        Ok(Response::new(answer)
            .header(header::SET_COOKIE, current)
            .header(header::SET_COOKIE, other))
    }
}
