//! Who may do what. A credential is looked at after the tenant, and before anything else of a
//! request.
//!
//! | file | holds |
//! | --- | --- |
//! | `settings` | what admins can be told by |
//! | `authorization` | the bearer token, and Basic |
//! | `checks` | which of all these a request brings |
//! | `login`, `cookie` | the password, and the session that it opens |
//! | `throttle`, `caller` | guessing, and whom it is counted against |
//! | `origin` | whether a page of another site has sent a request |
//! | `extractors` | what handlers ask for |
//!
//! `docs/decisions/0007` says why sessions and throttling are as they are.

mod authorization;
mod caller;
mod checks;
pub mod cookie;
mod extractors;
mod login;
mod origin;
mod secret_digest;
mod settings;
mod throttle;

use std::{sync::Arc, time::Duration};

use poem::{Request, http::Method};

pub use self::{
    authorization::STRONG_SECRET,
    extractors::{Admin, NoOtherSite, Viewer},
    login::{LoginAttempt, LoginCookies},
    settings::{AdminCredentials, AuthSettings, BasicCredential, LoginSettings},
};
use self::{
    authorization::Scheme,
    checks::{Access, Checks},
    cookie::CookieKind,
    login::PasswordLogin,
    origin::Provenance,
};
use super::{
    dto::config::AuthMode, error::ApiError, problem::ProblemKind, request_facts::RequestFacts,
};
use crate::{
    app::tenancy::tenant::Tenant,
    domain::{host::Host, trusted_proxies::TrustedProxies},
    ports::Clock,
};

/// Tells admins from others.
pub struct AdminAuth {
    /// `None` takes everyone for one.
    checks: Option<Checks>,
    /// Whose word counts for where a request comes from.
    proxies: TrustedProxies,
    clock: Arc<dyn Clock>,
}

impl AdminAuth {
    /// Tells them as the settings say.
    #[must_use]
    pub fn new(settings: AuthSettings, proxies: TrustedProxies, clock: Arc<dyn Clock>) -> Self {
        let checks = match settings {
            AuthSettings::Disabled => None,
            AuthSettings::Enforced(credentials) => Some(Checks::new(credentials)),
        };
        Self {
            checks,
            proxies,
            clock,
        }
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
    ///
    /// # Errors
    /// `rate-limited` after too many wrong headers: this answer tells right ones from wrong ones,
    /// too.
    pub(super) fn is_admin(&self, request: &Request) -> Result<bool, ApiError> {
        match self.check(request) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ProblemKind::RateLimited => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Is the caller an admin, session or not?
    ///
    /// # Errors
    /// As of [`is_admin`](Self::is_admin).
    pub(super) fn is_admin_without_session(&self, request: &Request) -> Result<bool, ApiError> {
        let Some(checks) = &self.checks else {
            return Ok(true);
        };
        let access = checks.access(request, host_of(request)?, &self.proxies, &*self.clock)?;
        Ok(matches!(access, Access::Header(_)))
    }

    /// The `Set-Cookie` headers that end a session in the browser.
    pub(super) fn logout_cookies(&self) -> [String; 2] {
        let is_secure = self.login().is_none_or(|login| login.secure_cookies());
        CookieKind::end_session(is_secure)
    }

    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let host = host_of(request)?;
        let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
        let Some(checks) = &self.checks else {
            // Open to whoever reaches it; a page of another site has only got a browser to.
            return if is_write {
                refuse_other_sites(request, host)
            } else {
                Ok(())
            };
        };
        if !checks.takes_header() && checks.login.is_none() {
            let detail =
                "Admin operations are shut until this service is given a credential to check.";
            return Err(ApiError::new(ProblemKind::AdminNotConfigured, detail));
        }
        match checks.access(request, host, &self.proxies, &*self.clock)? {
            Access::Header(Scheme::Basic) if is_write => refuse_other_sites(request, host),
            Access::Session
                if is_write
                    && Provenance::of(request.headers(), host) != Provenance::SameOrigin =>
            {
                let detail = "With a session, what writes must come from a page of this host, and \
                              `Origin` or `Referer` must say so.";
                Err(ApiError::new(ProblemKind::Forbidden, detail))
            }
            Access::Header(_) | Access::Session => Ok(()),
            Access::Nothing => {
                let error = ApiError::new(ProblemKind::Unauthorized, "This needs an admin.");
                Err(error.challenge(checks.challenges(request.headers())))
            }
        }
    }

    fn login(&self) -> Option<&Arc<PasswordLogin>> {
        self.checks.as_ref()?.login.as_ref()
    }

    /// What the request that is being handled is checked by.
    fn of(request: &Request) -> Result<&Arc<Self>, ApiError> {
        request.data().ok_or_else(ApiError::internal)
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

/// The answer to one wrong credential too many.
fn too_many(detail: &'static str, retry_after: Duration) -> ApiError {
    ApiError::new(ProblemKind::RateLimited, detail).retry_after(Some(retry_after))
}
