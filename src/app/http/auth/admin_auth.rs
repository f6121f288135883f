//! Decides whether a request comes from an admin: by its `Authorization` header, or by its session.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poem::{
    Request,
    http::{HeaderMap, Method},
};

use super::{
    authorization::{Authorization, Presented, Scheme},
    caller::{Caller, ClientKey, Person, address_of},
    cookie::CookieKind,
    login::PasswordLogin,
    origin::Provenance,
    request_parts::{host_of, refuse_other_sites, tenant_of},
    settings::{AdminCredentials, AuthSettings},
    throttle::{AUTHORIZATION, Decision, GuessThrottle},
};
use crate::{
    app::http::{
        dto::{
            admin::AdminMethod,
            config::{AuthMethod, AuthMode},
        },
        error::ApiError,
        problem::ProblemKind,
    },
    domain::{host::Host, trusted_proxies::TrustedProxies},
    ports::{Clock, RateLimits},
};

/// Logged when a client has sent too many wrong headers.
const TOO_MANY: &str = "too many wrong tokens or passwords in Authorization: no more are looked at from there \
    for a while, but for right ones of 16 characters or more";

/// The challenge of a fetch where only user and password are taken: browsers know no scheme of this name, and open no window
/// for it.
const NO_WINDOW: &str = "xBasic realm=\"publisher\"";

/// The authentication of admins.
pub struct AdminAuth {
    /// `None` when authentication is disabled: every caller is an admin.
    checks: Option<Checks>,
    /// The proxies whose `X-Forwarded-For` counts.
    proxies: TrustedProxies,
    clock: Arc<dyn Clock>,
    /// Whether browsers come without TLS, where nobody logs in.
    plain_cookies: bool,
}

/// The configured credentials. Each of them is enough.
struct Checks {
    authorization: Authorization,
    login: Option<PasswordLogin>,
    /// Separate from the throttle of the login, so that neither uses up the tries of the other.
    throttle: GuessThrottle,
}

/// The admin's credential that a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// An `Authorization` header.
    Header(Scheme),
    /// A session.
    Session,
    /// None.
    Nothing,
}

impl Access {
    fn method(self) -> Option<AdminMethod> {
        match self {
            Self::Header(Scheme::Bearer) => Some(AdminMethod::Bearer),
            Self::Header(Scheme::Basic) => Some(AdminMethod::Basic),
            Self::Session => Some(AdminMethod::Password),
            Self::Nothing => None,
        }
    }
}

impl AdminAuth {
    /// Authentication with the configured credentials. Wrong ones are counted in `rates`.
    #[must_use]
    pub fn new(
        settings: AuthSettings,
        proxies: TrustedProxies,
        clock: Arc<dyn Clock>,
        rates: Arc<dyn RateLimits>,
    ) -> Self {
        let (checks, plain_cookies) = match settings {
            AuthSettings::Disabled { plain_cookies } => (None, plain_cookies),
            AuthSettings::Enforced(AdminCredentials {
                token,
                basic,
                login,
                plain_cookies,
            }) => {
                let checks = Checks {
                    authorization: Authorization::new(token.as_ref(), basic.as_ref()),
                    login: login.map(|login| PasswordLogin::new(login, Arc::clone(&rates))),
                    throttle: GuessThrottle::new(AUTHORIZATION, TOO_MANY, rates),
                };
                (Some(checks), plain_cookies)
            }
        };
        Self {
            checks,
            proxies,
            clock,
            plain_cookies,
        }
    }

    /// The way in which people log in.
    #[must_use]
    pub fn mode(&self) -> AuthMode {
        if self.login().is_some() {
            AuthMode::Password
        } else {
            AuthMode::None
        }
    }

    /// All ways in which admins authenticate; none where authentication is disabled.
    #[must_use]
    pub fn methods(&self) -> Vec<AuthMethod> {
        let checks = self.checks.iter();
        checks
            .flat_map(|checks| {
                let authorization = &checks.authorization;
                let bearer = authorization.takes_bearer().then_some(AuthMethod::Bearer);
                let basic = authorization.takes_basic().then_some(AuthMethod::Basic);
                let password = checks.login.as_ref().map(|_| AuthMethod::Password);
                [password, bearer, basic].into_iter().flatten()
            })
            .collect()
    }

    /// How the caller has authenticated as an admin; `None` if it is none.
    ///
    /// # Errors
    /// `rate-limited` after too many wrong headers, since this answer would show which header is right.
    pub(in crate::app::http) async fn method_of(
        &self,
        request: &Request,
    ) -> Result<Option<AdminMethod>, ApiError> {
        match self.require_admin(request).await {
            Ok(method) => Ok(Some(method)),
            Err(error) if error.kind() == ProblemKind::RateLimited => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// How the caller authenticates as an admin without its session, and the `Set-Cookie` headers that end that
    /// session in the browser.
    ///
    /// # Errors
    /// `forbidden` if a page of another site has sent the request; else as of [`method_of`](Self::method_of).
    pub(in crate::app::http) async fn log_out(
        &self,
        request: &Request,
    ) -> Result<(Option<AdminMethod>, [String; 2]), ApiError> {
        let host = host_of(request)?;
        refuse_other_sites(request, host)?;
        let method = match &self.checks {
            Some(checks) => match self.access(checks, request, host).await? {
                access @ Access::Header(_) => access.method(),
                Access::Session | Access::Nothing => None,
            },
            None => Some(AdminMethod::Disabled),
        };
        Ok((method, self.end_session()))
    }

    /// The `Set-Cookie` headers that end a session in the browser.
    pub(in crate::app::http) fn end_session(&self) -> [String; 2] {
        let without_login = !self.plain_cookies;
        let is_secure = self
            .login()
            .map_or(without_login, PasswordLogin::secure_cookies);
        CookieKind::end_session(is_secure)
    }

    /// How an admin has authenticated. Refuses a request that does not come from an admin, and one that writes in an
    /// admin's name from a page of another site.
    pub(super) async fn require_admin(&self, request: &Request) -> Result<AdminMethod, ApiError> {
        let host = host_of(request)?;
        let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
        let Some(checks) = &self.checks else {
            // Anyone who reaches the service may write, but a page of another site only reaches the browser.
            if is_write {
                refuse_other_sites(request, host)?;
            }
            return Ok(AdminMethod::Disabled);
        };
        if !checks.takes_header() && checks.login.is_none() {
            let detail =
                "Admin operations are shut until this service is given a credential to check.";
            return Err(ApiError::new(ProblemKind::AdminNotConfigured, detail));
        }
        let access = self.access(checks, request, host).await?;
        match access {
            Access::Header(Scheme::Basic) if is_write => refuse_other_sites(request, host)?,
            Access::Session
                if is_write
                    && Provenance::of(request.headers(), host) != Provenance::SameOrigin =>
            {
                let detail = "With a session, what writes must come from a page of this host, and \
                              `Origin` or `Referer` must say so.";
                return Err(ApiError::new(ProblemKind::Forbidden, detail));
            }
            Access::Header(_) | Access::Session | Access::Nothing => {}
        }
        access.method().ok_or_else(|| {
            let error = ApiError::new(ProblemKind::Unauthorized, "This needs an admin.");
            error.challenge(checks.challenges(request.headers()))
        })
    }

    /// The login with a password, if one is configured.
    pub(super) fn login(&self) -> Option<&PasswordLogin> {
        self.checks.as_ref()?.login.as_ref()
    }

    /// The clock that sessions run by.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The client that wrong credentials of a request count against, and its address where that is known.
    pub(super) fn caller(
        &self,
        request: &Request,
        host: &Host,
    ) -> Result<(Caller, Option<IpAddr>), ApiError> {
        let address = address_of(request, &self.proxies);
        let device =
            |login: &PasswordLogin| login.device(request.headers(), host, self.clock.utc());
        let caller = Caller {
            tenant: tenant_of(request)?.name().clone(),
            client: ClientKey::new(self.login().and_then(device), address),
        };
        Ok((caller, address))
    }

    /// The admin that a request comes from, and when its session ends, if it has authenticated by one.
    pub(super) async fn person(
        &self,
        request: &Request,
    ) -> Result<(Person, Option<SystemTime>), ApiError> {
        let method = self.require_admin(request).await?;
        let host = host_of(request)?;
        let (Caller { tenant, client }, _) = self.caller(request, host)?;
        let login = self.login().filter(|_| method == AdminMethod::Password);
        let session = login.and_then(|it| it.session(request.headers(), host, self.clock.utc()));
        let person = Person {
            tenant,
            method,
            who: session.map(|(id, _)| id).ok_or(client),
        };
        Ok((person, session.map(|(_, end)| end)))
    }

    /// The admin's credential that a request has. A wrong header does not count against a session beside it, since
    /// a proxy may have added it; without a session it is counted.
    ///
    /// # Errors
    /// `rate-limited` after too many wrong headers.
    async fn access(
        &self,
        checks: &Checks,
        request: &Request,
        host: &Host,
    ) -> Result<Access, ApiError> {
        let has_session = || {
            let login = checks.login.as_ref();
            login.is_some_and(|it| it.has_session(request.headers(), host, self.clock.utc()))
        };
        let count = async |is_right| {
            let (caller, _) = self.caller(request, host)?;
            Ok::<_, ApiError>(checks.throttle.check(&caller, is_right).await)
        };
        let too_many = |retry_after: Duration| {
            let detail = "Too many wrong credentials in `Authorization`. Try again later.";
            let error = ApiError::new(ProblemKind::RateLimited, detail);
            Err(error.retry_after(Some(retry_after)))
        };
        match checks.authorization.check(request.headers()) {
            Presented::Nothing | Presented::Wrong if has_session() => Ok(Access::Session),
            Presented::Nothing => Ok(Access::Nothing),
            Presented::Right {
                scheme,
                is_strong: true,
            } => Ok(Access::Header(scheme)),
            Presented::Right { scheme, .. } => match count(true).await? {
                Decision::TooMany { .. } if has_session() => Ok(Access::Session),
                Decision::TooMany { retry_after } => too_many(retry_after),
                Decision::Right | Decision::Wrong => Ok(Access::Header(scheme)),
            },
            Presented::Wrong => match count(false).await? {
                Decision::TooMany { retry_after } => too_many(retry_after),
                Decision::Right | Decision::Wrong => Ok(Access::Nothing),
            },
        }
    }
}

impl Checks {
    /// Whether an `Authorization` header is accepted.
    fn takes_header(&self) -> bool {
        self.authorization.takes_bearer() || self.authorization.takes_basic()
    }

    /// The challenges of a 401: one for each configured credential. `Basic` makes browsers open a window that asks
    /// for user and password, over a page that only fetches something, too: so of browsers, only a navigation gets
    /// that challenge. Where it is the only one, a fetch gets [`NO_WINDOW`], since a 401 has to have one.
    fn challenges(&self, headers: &HeaderMap) -> Vec<&'static str> {
        let is_fetch = headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode != "navigate");
        let login = self.login.as_ref().map(PasswordLogin::challenge);
        let bearer = self.authorization.takes_bearer().then_some("Bearer");
        let is_only = bearer.is_none() && login.is_none();
        let basic = match (self.authorization.takes_basic(), is_fetch) {
            (true, false) => Some("Basic realm=\"publisher\""),
            (true, true) => is_only.then_some(NO_WINDOW),
            (false, _) => None,
        };
        [bearer, basic, login].into_iter().flatten().collect()
    }
}
