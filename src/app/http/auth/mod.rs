//! Who may do what. A credential is looked at after the tenant, and before anything else of a
//! request.
//!
//! | file | holds |
//! | --- | --- |
//! | `settings` | what admins can be told by |
//! | `authorization` | the bearer token, and Basic |
//! | `login`, `cookie`, `throttle` | the password, the session that it opens, guessing it |
//! | `origin` | whether a page of another site has sent a request |
//! | `extractors` | what handlers ask for |
//!
//! `docs/decisions/0007` says why sessions and throttling are as they are.

mod authorization;
pub mod cookie;
mod extractors;
mod login;
mod origin;
mod secret_digest;
mod settings;
mod throttle;

use std::{sync::Arc, time::Duration};

use poem::{
    Request,
    http::{HeaderMap, Method},
};

use self::{
    authorization::{Authorization, Scheme},
    cookie::CookieKind,
    login::PasswordLogin,
    origin::Provenance,
};
pub use self::{
    extractors::{Admin, NoOtherSite, Viewer},
    login::{LoginAttempt, LoginCookies},
    settings::{AdminCredentials, AuthSettings, BasicCredential, LoginSettings},
};
use super::{
    dto::config::AuthMode, error::ApiError, problem::ProblemKind, request_facts::RequestFacts,
};
use crate::{app::usecases::tenant::Tenant, domain::host::Host, ports::Clock};

/// Tells admins from others.
pub struct AdminAuth {
    /// `None` takes everyone for one.
    checks: Option<Checks>,
    clock: Arc<dyn Clock>,
}

/// Whoever passes one of these is an admin.
struct Checks {
    authorization: Authorization,
    login: Option<Arc<PasswordLogin>>,
}

impl AdminAuth {
    /// Tells them as the settings say.
    #[must_use]
    pub fn new(settings: AuthSettings, clock: Arc<dyn Clock>) -> Self {
        let checks = match settings {
            AuthSettings::Disabled => None,
            AuthSettings::Enforced(AdminCredentials {
                token,
                basic,
                login,
            }) => Some(Checks {
                authorization: Authorization::new(token.as_ref(), basic.as_ref()),
                login: login.map(PasswordLogin::new).map(Arc::new),
            }),
        };
        Self { checks, clock }
    }

    /// How clients are told about it.
    #[must_use]
    pub fn mode(&self) -> AuthMode {
        match &self.checks {
            Some(checks) if checks.login.is_some() => AuthMode::Password,
            Some(checks) if checks.takes_header() => AuthMode::Token,
            _ => AuthMode::None,
        }
    }

    /// Is the caller an admin?
    pub(super) fn is_admin(&self, request: &Request) -> bool {
        self.check(request).is_ok()
    }

    /// Is the caller an admin, session or not?
    pub(super) fn is_admin_without_session(&self, request: &Request) -> bool {
        let accepts = |checks: &Checks| checks.authorization.accept(request.headers()).is_some();
        self.checks.as_ref().is_none_or(accepts)
    }

    /// The `Set-Cookie` that ends a session in the browser.
    pub(super) fn logout_cookie(&self) -> String {
        let is_secure = self.login().is_none_or(|login| login.secure_cookies());
        CookieKind::Session.set("", Duration::ZERO, is_secure)
    }

    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let Some(checks) = &self.checks else {
            return Ok(());
        };
        if !checks.takes_header() && checks.login.is_none() {
            let detail =
                "Admin operations are shut until this service is given a credential to check.";
            return Err(ApiError::new(ProblemKind::AdminNotConfigured, detail));
        }
        let host = host_of(request)?;
        let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
        match checks.authorization.accept(request.headers()) {
            Some(Scheme::Basic) if is_write => return refuse_other_sites(request, host),
            Some(Scheme::Bearer | Scheme::Basic) => return Ok(()),
            // A header that is no admin's does not count against a session: a proxy may have
            // added it.
            None => {}
        }
        let now = self.clock.utc();
        let has_session =
            |login: &Arc<PasswordLogin>| login.has_session(request.headers(), host, now);
        if !checks.login.as_ref().is_some_and(has_session) {
            let error = ApiError::new(ProblemKind::Unauthorized, "This needs an admin.");
            return Err(error.challenge(checks.challenges(request.headers())));
        }
        if is_write && Provenance::of(request.headers(), host) != Provenance::SameOrigin {
            let detail = "With a session, what writes must come from a page of this host, and \
                          `Origin` or `Referer` must say so.";
            return Err(ApiError::new(ProblemKind::Forbidden, detail));
        }
        Ok(())
    }

    fn login(&self) -> Option<&Arc<PasswordLogin>> {
        self.checks.as_ref()?.login.as_ref()
    }

    /// What the request that is being handled is checked by.
    fn of(request: &Request) -> Result<&Arc<Self>, ApiError> {
        request.data().ok_or_else(ApiError::internal)
    }
}

impl Checks {
    fn takes_header(&self) -> bool {
        self.authorization.takes_bearer() || self.authorization.takes_basic()
    }

    /// What a 401 asks for: all that is configured. `Basic` makes browsers open a window that asks
    /// for user and password. Where there is a login, only who opens an address gets to see it,
    /// and not who uses a page whose session has run out while it fetches something.
    fn challenges(&self, headers: &HeaderMap) -> Vec<&'static str> {
        let is_fetch = headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode != "navigate");
        let has_login = self.login.is_some();
        let asks_for_basic = self.authorization.takes_basic() && !(is_fetch && has_login);
        [
            (self.authorization.takes_bearer(), "Bearer"),
            (asks_for_basic, "Basic realm=\"publisher\""),
            (has_login, login::CHALLENGE),
        ]
        .into_iter()
        .filter_map(|(applies, challenge)| applies.then_some(challenge))
        .collect()
    }
}

/// The host that the request is for.
fn host_of(request: &Request) -> Result<&Host, ApiError> {
    let facts = request.data::<RequestFacts>();
    let host = facts.and_then(|facts| facts.host.as_ref());
    host.ok_or_else(ApiError::internal)
}

/// The tenant that the request is for.
fn tenant_of(request: &Request) -> Result<&Arc<Tenant>, ApiError> {
    request.data().ok_or_else(ApiError::internal)
}

/// For what no other site may do in somebody's name. Who is no browser says nothing, and is let
/// through.
fn refuse_other_sites(request: &Request, host: &Host) -> Result<(), ApiError> {
    if Provenance::of(request.headers(), host) == Provenance::Elsewhere {
        let detail = "This must not be sent by a page of another site.";
        return Err(ApiError::new(ProblemKind::Forbidden, detail));
    }
    Ok(())
}
