//! The parameters that handlers declare right after the tenant: a caller without access learns nothing from how
//! the rest of its request is checked.

use std::{net::IpAddr, sync::Arc, time::Duration};

use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};

use super::{
    admin_auth::AdminAuth,
    caller::{Caller, Person},
    cookie::CookieKind,
    password::LoginCookies,
    request_parts::{host_of, refuse_other_sites, tenant_of},
    session::Session,
};
use crate::{
    app::{
        http::{error::ApiError, problem::ProblemKind},
        tenancy::tenant::Tenant,
    },
    domain::{host::Host, secret::Secret},
};

/// The names of the schemes in the spec: each of them is enough.
const SCHEMES: [&str; 3] = ["bearerAuth", "basicAuth", "cookieAuth"];

/// The caller is an admin.
pub struct Admin;

/// The caller may look at the tenant's images: every caller where the tenant's config says so, else an admin.
pub struct Viewer;

/// The client that an admin's requests count for: admins who share a credential are told apart by their browsers and
/// addresses.
pub struct AdminCaller(pub Caller);

/// The admin that a request comes from, as far as admins can be told apart, and its access.
pub struct AdminPerson {
    /// The admin.
    pub person: Person,
    /// Its access, which can end before the answer does.
    pub access: Access,
}

/// The access that an admin of a tenant has.
pub struct Access {
    auth: Arc<AdminAuth>,
    session: Option<Session>,
}

/// A caller who may try to log in: a password is configured, and no page of another site has sent the request.
pub struct LoginAttempt {
    auth: Arc<AdminAuth>,
    host: Host,
    caller: (Caller, Option<IpAddr>),
}

fn register_schemes(registry: &mut Registry) {
    let [bearer, basic, cookie] = SCHEMES;
    let http = |scheme, description| MetaSecurityScheme {
        ty: "http",
        description: Some(description),
        name: None,
        key_in: None,
        scheme: Some(scheme),
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    let token = "The admin token that this service was started with.";
    registry.create_security_scheme(bearer, http("bearer", token));
    let user = "The user and the password that this service was started with.";
    registry.create_security_scheme(basic, http("basic", user));
    let session = "The session that `POST /api/admin/login` or a login by `GET /auth/login` opens, on the host that \
                   opened it. Operations that write accept it only from pages of that host, by `Origin` or `Referer`. Where the \
                   operator allows browsers without TLS, its name is `pv2_admin`; until the next minor \
                   version that name is read everywhere.";
    let session = MetaSecurityScheme {
        ty: "apiKey",
        name: Some(CookieKind::Session.name(true)),
        key_in: Some("cookie"),
        scheme: None,
        ..http("", session)
    };
    registry.create_security_scheme(cookie, session);
}

/// Makes a type an extractor with our security schemes: `$is_optional` if the spec shall allow requests without any.
macro_rules! security_extractor {
    ($name:ident, $is_optional:literal, |$request:ident| $check:block) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_schemes(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                SCHEMES.to_vec()
            }

            fn has_security_fallback() -> bool {
                $is_optional
            }

            async fn from_request(
                $request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<Self::ParamType>,
            ) -> Result<Self> {
                $check
                Ok(Self)
            }
        }
    };
}

security_extractor!(Admin, false, |request| {
    auth_of(request)?.require_admin(request).await?;
});
security_extractor!(Viewer, true, |request| {
    if !tenant_of(request)?.settings().features.auto_view_enabled {
        auth_of(request)?.require_admin(request).await?;
    }
});

/// The authentication that the service was started with.
fn auth_of(request: &Request) -> Result<&Arc<AdminAuth>, ApiError> {
    request.data().ok_or_else(ApiError::internal)
}

impl Access {
    /// The rest of the session; `None` for an admin who has authenticated without one.
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        let now = self.auth.clock().utc();
        let session = self.session.as_ref()?;
        Some(session.ends.duration_since(now).unwrap_or_default())
    }

    /// Whether the tenant, as it is now, still admits the admin.
    #[must_use]
    pub fn is_granted_by(&self, tenant: &Tenant) -> bool {
        let session = self.session.as_ref();
        let person = session.and_then(|session| session.person.as_ref());
        person.is_none_or(|person| self.auth.still_admits(tenant, &person.email))
    }
}

impl LoginAttempt {
    /// Tries a password.
    ///
    /// # Errors
    /// `unauthorized` if it is wrong, `rate-limited` after too many wrong ones.
    pub async fn with(self, password: &Secret) -> Result<LoginCookies, ApiError> {
        let (login, sessions) = self.auth.password().ok_or_else(ApiError::internal)?;
        let clock = self.auth.clock();
        let attempt = login.log_in(password, &self.host, &self.caller, sessions, clock);
        attempt.await
    }
}

impl<'a> FromRequest<'a> for AdminCaller {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        Ok(Self(auth_of(request)?.admins_caller(request)?))
    }
}

impl<'a> FromRequest<'a> for AdminPerson {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let auth = auth_of(request)?;
        let (person, session) = auth.person(request).await?;
        let auth = Arc::clone(auth);
        let access = Access { auth, session };
        Ok(Self { person, access })
    }
}

impl<'a> FromRequest<'a> for LoginAttempt {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let auth = auth_of(request)?;
        if auth.password().is_none() {
            let detail = "This service has been given no password to log in with.";
            return Err(ApiError::new(ProblemKind::AdminNotConfigured, detail).into());
        }
        let host = host_of(request)?;
        refuse_other_sites(request, host)?;
        Ok(Self {
            auth: Arc::clone(auth),
            host: host.clone(),
            caller: auth.caller(request, host)?,
        })
    }
}
