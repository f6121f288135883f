//! `/auth/login` and `/auth/callback`: the login of people with accounts of their own.

use std::sync::Arc;

use poem::{Request, http::header, web::Data};
use poem_openapi::{ApiResponse, OpenApi, param::Query, payload::Response};

use super::{
    auth::{AdminAuth, Leads, Returned},
    error::ApiError,
    tag::Tag,
    tenant_scope::TenantScope,
};

pub(super) struct AccountLoginApi;

/// The answer to a browser that logs in.
#[derive(ApiResponse)]
enum Elsewhere {
    /// The browser goes on: to the identity provider, to the page that was asked for, or to `/?auth_error=` with the reason why
    /// the person was not let in. The login under way, and the session, are in `Set-Cookie`.
    #[oai(status = 303, header(name = "Location", ty = "String"))]
    SeeOther,
}

#[OpenApi]
impl AccountLoginApi {
    /// Log in with an account.
    ///
    /// For links and pages of the tenant's host: leads the browser to the operator's identity provider (OpenID Connect,
    /// authorization code flow with PKCE), where `auth_methods` of the features has `openid`. The person has ten minutes, in the
    /// same browser. Where that cannot begin, the browser goes to `/?auth_error=`, with `auth_not_configured` or
    /// `callback_failed`.
    #[oai(
        path = "/auth/login",
        method = "get",
        operation_id = "logInWithAccount",
        tag = "Tag::Admin"
    )]
    async fn begin(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
        /// Where the person goes after the login: a path of this host, with query and fragment. Anything else counts as `/`.
        return_to: Query<Option<String>>,
    ) -> Result<Response<Elsewhere>, ApiError> {
        let leads = auth.begin_login(request, return_to.as_deref()).await?;
        Ok(elsewhere(leads))
    }

    /// Finish a login with an account.
    ///
    /// For the identity provider, which sends browsers here. Opens the same session as the password does, for this host, if the
    /// person's e-mail address is on the tenant's list. Else the browser goes to `/?auth_error=` with the reason: `access_denied` (denied
    /// there, or not on the list), `auth_not_configured`, `no_email_provided`, `email_not_verified`, or `callback_failed` for an
    /// answer that is not the one to this browser's login, or proves nothing.
    #[oai(
        path = "/auth/callback",
        method = "get",
        operation_id = "finishLogInWithAccount",
        tag = "Tag::Admin"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each parameter of the operation is one"
    )]
    async fn finish(
        &self,
        TenantScope(_tenant): TenantScope,
        Data(auth): Data<&Arc<AdminAuth>>,
        request: &Request,
        /// What `logInWithAccount` has sent.
        state: Query<Option<String>>,
        /// What the identity provider tells this service more for.
        code: Query<Option<String>>,
        /// Why the person has not logged in (RFC 6749).
        error: Query<Option<String>>,
        /// The identity provider (RFC 9207).
        iss: Query<Option<String>>,
    ) -> Result<Response<Elsewhere>, ApiError> {
        let returned = Returned {
            state: state.0,
            code: code.0,
            error: error.0,
            issuer: iss.0,
        };
        let leads = auth.finish_login(request, returned).await?;
        Ok(elsewhere(leads))
    }
}

fn elsewhere(Leads { to, cookies }: Leads) -> Response<Elsewhere> {
    let answer = Response::new(Elsewhere::SeeOther)
        .header(header::LOCATION, to)
        .header(header::CACHE_CONTROL, "no-store")
        // The address that is left holds a code.
        .header(header::REFERRER_POLICY, "no-referrer");
    cookies.into_iter().fold(answer, |answer, cookie| {
        answer.header(header::SET_COOKIE, cookie)
    })
}
