//! `/api/admin`: login, logout, and whether the caller is an admin.

use std::sync::Arc;

use poem::{Request, http::header, web::Data};
use poem_openapi::{
    ApiResponse, OpenApi,
    payload::{Json, Response},
};

use super::{
    auth::{AdminAuth, AuthenticatedAdmin, LoginAttempt, LoginCookies},
    dto::admin::{AdminMethod, AdminStatus, LoginRequest},
    error::ApiError,
    json_body::JsonBody,
    tag::Tag,
    tenant_scope::TenantScope,
};

pub(super) struct AdminApi;

/// A session that has begun or ended. The handlers add the `Set-Cookie` headers, since there are two of them.
#[derive(ApiResponse)]
pub(super) enum SessionAnswer {
    /// The status of the requests that follow.
    #[oai(status = 200, header(name = "Set-Cookie", ty = "String"))]
    Changed(Json<AdminStatus>),
}

/// The status of a caller, who may be no admin.
pub(super) fn status_of(admin: Option<&AuthenticatedAdmin>) -> AdminStatus {
    let email = admin.and_then(AuthenticatedAdmin::email);
    AdminStatus::of(
        admin.map(AuthenticatedAdmin::method),
        email.map(|it| it.expose().to_owned()),
    )
}

/// Ends the session of the caller's browser.
pub(super) async fn log_out(
    auth: &AdminAuth,
    request: &Request,
) -> Result<Response<SessionAnswer>, ApiError> {
    let (admin, [current, other]) = auth.log_out(request).await?;
    let answer = SessionAnswer::Changed(Json(status_of(admin.as_ref())));
    Ok(Response::new(answer)
        .header(header::SET_COOKIE, current)
        .header(header::SET_COOKIE, other))
}

#[OpenApi]
impl AdminApi {
    /// Is the caller an admin?
    ///
    /// For a page that shows more to admins: whether the request has an admin's credential of any kind. A request is
    /// refused only after too many wrong headers.
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
        let admin = auth.admin_of(request).await?;
        Ok(Json(status_of(admin.as_ref())))
    }

    /// Log in.
    ///
    /// For pages of the tenant's host; programs should use the token. Opens a session for this
    /// host, in the cookie `__Host-pv2_admin`. After five wrong passwords within a minute, no more
    /// are accepted for a while; a second cookie, `__Host-pv2_device`, gives a browser that has been
    /// logged in before a count of its own. Where the operator allows browsers without TLS,
    /// the names are `pv2_admin` and `pv2_device`. A browser can log in from pages of this host only.
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
        let LoginCookies { session, device } = attempt.with(&password).await?;
        let answer =
            SessionAnswer::Changed(Json(AdminStatus::of(Some(AdminMethod::Password), None)));
        Ok(Response::new(answer)
            .header(header::SET_COOKIE, session)
            .header(header::SET_COOKIE, device))
    }

    /// Log out.
    ///
    /// For pages with a session: removes it from the browser, under both of its names. Without a session, the
    /// request has no effect. A browser can log out from pages of this host only.
    #[oai(
        path = "/api/admin/logout",
        method = "post",
        operation_id = "logOut",
        tag = "Tag::Admin"
    )]
    async fn log_out(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
    ) -> Result<Response<SessionAnswer>, ApiError> {
        log_out(auth, request).await
    }
}
