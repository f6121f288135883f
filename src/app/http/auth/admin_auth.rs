//! Decides whether a request comes from an admin: by its `Authorization` header, or by its session.

use std::{net::IpAddr, sync::Arc, time::Duration};

use poem::{
    Request,
    http::{HeaderMap, Method},
};

use super::{
    account::AccountLogin,
    authenticated_admin::AuthenticatedAdmin,
    authorization::{Authorization, Presented, Scheme},
    caller::{Caller, ClientKey, Person, address_of},
    cookie::CookieKind,
    origin::Provenance,
    password::PasswordLogin,
    request_parts::{host_of, refuse_other_sites, tenant_of},
    session::{Session, Sessions, random_secret},
    settings::{AdminCredentials, AuthSettings},
    throttle::{AUTHORIZATION, Decision, GuessThrottle},
};
use crate::{
    app::{
        http::{
            dto::config::{AuthMethod, AuthMode},
            error::ApiError,
            problem::ProblemKind,
        },
        tenancy::tenant::Tenant,
        usecases::log_in::LogIn,
    },
    domain::{email_address::EmailAddress, host::Host, trusted_proxies::TrustedProxies},
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
    password: Option<PasswordLogin>,
    /// The login of people with accounts of their own.
    accounts: Option<AccountLogin>,
    /// What logins open.
    sessions: Sessions,
    /// Separate from the throttle of the login, so that neither uses up the tries of the other.
    throttle: GuessThrottle,
}

impl AdminAuth {
    /// Authentication with the configured credentials, and with accounts where there is `log_in`. Wrong ones are counted in
    /// `rates`.
    #[must_use]
    pub fn new(
        settings: AuthSettings,
        log_in: Option<LogIn>,
        proxies: TrustedProxies,
        clock: Arc<dyn Clock>,
        rates: Arc<dyn RateLimits>,
    ) -> Self {
        let (checks, plain_cookies) = match settings {
            AuthSettings::Disabled { plain_cookies } => (None, plain_cookies),
            AuthSettings::Enforced(AdminCredentials {
                token,
                basic,
                password,
                mut sessions,
            }) => {
                let secret = sessions.secret.take().unwrap_or_else(random_secret);
                let checks = Checks {
                    authorization: Authorization::new(token.as_ref(), basic.as_ref()),
                    accounts: log_in.map(|it| AccountLogin::new(it, &secret, Arc::clone(&rates))),
                    sessions: Sessions::new(&sessions, &secret, password.as_ref()),
                    password: password.map(|it| PasswordLogin::new(&it, Arc::clone(&rates))),
                    throttle: GuessThrottle::new(AUTHORIZATION, TOO_MANY, rates),
                };
                (Some(checks), !sessions.secure_cookies)
            }
        };
        Self {
            checks,
            proxies,
            clock,
            plain_cookies,
        }
    }

    /// The way in which a tenant's people log in.
    #[must_use]
    pub fn mode(&self, tenant: &Tenant) -> AuthMode {
        let methods = self.methods(tenant);
        if methods.contains(&AuthMethod::OpenId) {
            AuthMode::Auth0
        } else if methods.contains(&AuthMethod::Password) {
            AuthMode::Password
        } else {
            AuthMode::None
        }
    }

    /// All ways in which a tenant's admins authenticate; none where authentication is disabled.
    #[must_use]
    pub fn methods(&self, tenant: &Tenant) -> Vec<AuthMethod> {
        let checks = self.checks.iter();
        checks
            .flat_map(|checks| {
                let authorization = &checks.authorization;
                let bearer = authorization.takes_bearer().then_some(AuthMethod::Bearer);
                let basic = authorization.takes_basic().then_some(AuthMethod::Basic);
                let password = checks.password.as_ref().map(|_| AuthMethod::Password);
                let accounts = checks.has_accounts(tenant).then_some(AuthMethod::OpenId);
                [accounts, password, bearer, basic].into_iter().flatten()
            })
            .collect()
    }

    /// The caller, if it is an admin.
    ///
    /// # Errors
    /// `rate-limited` after too many wrong headers, since this answer would show which header is right.
    pub(in crate::app::http) async fn admin_of(
        &self,
        request: &Request,
    ) -> Result<Option<AuthenticatedAdmin>, ApiError> {
        match self.admit(request).await {
            Err(error) if error.kind() != ProblemKind::RateLimited => Ok(None),
            admitted => admitted,
        }
    }

    /// The admin that the caller is without its session, and the `Set-Cookie` headers that end that session in the browser.
    ///
    /// # Errors
    /// `forbidden` if a page of another site has sent the request; else as of [`admin_of`](Self::admin_of).
    pub(in crate::app::http) async fn log_out(
        &self,
        request: &Request,
    ) -> Result<(Option<AuthenticatedAdmin>, [String; 2]), ApiError> {
        let host = host_of(request)?;
        refuse_other_sites(request, host)?;
        let admin = match &self.checks {
            Some(checks) => {
                let admin = self.authenticate(checks, request, host).await?;
                admin.filter(|it| it.session().is_none())
            }
            None => Some(AuthenticatedAdmin::Anyone),
        };
        Ok((admin, self.end_session()))
    }

    /// The `Set-Cookie` headers that end a session in the browser.
    pub(in crate::app::http) fn end_session(&self) -> [String; 2] {
        CookieKind::end_session(!self.plain_cookies)
    }

    /// The admin that a request comes from. Refuses a request that does not come from one, and one that writes in an admin's
    /// name from a page of another site.
    pub(super) async fn require_admin(
        &self,
        request: &Request,
    ) -> Result<AuthenticatedAdmin, ApiError> {
        let admin = self.admit(request).await?;
        admin.ok_or_else(|| {
            let error = ApiError::new(ProblemKind::Unauthorized, "This needs an admin.");
            let Some(checks) = &self.checks else {
                return error;
            };
            let has_login = tenant_of(request).is_ok_and(|tenant| checks.has_login(tenant));
            error.challenge(checks.challenges(request.headers(), has_login))
        })
    }

    /// The admin that a request comes from, if it comes from one.
    ///
    /// # Errors
    /// There is no way to be one, too many wrong headers have come, or a page of another site writes in an admin's name.
    async fn admit(&self, request: &Request) -> Result<Option<AuthenticatedAdmin>, ApiError> {
        let host = host_of(request)?;
        let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
        let Some(checks) = &self.checks else {
            // Anyone who reaches the service may write, but a page of another site only reaches the browser.
            if is_write {
                refuse_other_sites(request, host)?;
            }
            return Ok(Some(AuthenticatedAdmin::Anyone));
        };
        if !checks.takes_any(tenant_of(request)?) {
            let detail =
                "Admin operations are shut until this service is given a credential to check.";
            return Err(ApiError::new(ProblemKind::AdminNotConfigured, detail));
        }
        let admin = self.authenticate(checks, request, host).await?;
        match &admin {
            Some(AuthenticatedAdmin::Header(Scheme::Basic)) if is_write => {
                refuse_other_sites(request, host)?;
            }
            Some(AuthenticatedAdmin::Session(_))
                if is_write
                    && Provenance::of(request.headers(), host) != Provenance::SameOrigin =>
            {
                let detail = "With a session, what writes must come from a page of this host, and \
                              `Origin` or `Referer` must say so.";
                return Err(ApiError::new(ProblemKind::Forbidden, detail));
            }
            _ => {}
        }
        Ok(admin)
    }

    /// The login with a password, if one is configured, and what it opens.
    pub(super) fn password(&self) -> Option<(&PasswordLogin, &Sessions)> {
        let checks = self.checks.as_ref()?;
        Some((checks.password.as_ref()?, &checks.sessions))
    }

    /// The login with an account, if one is configured, and what it opens.
    pub(super) fn accounts(&self) -> Option<(&AccountLogin, &Sessions)> {
        let checks = self.checks.as_ref()?;
        Some((checks.accounts.as_ref()?, &checks.sessions))
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
        let checks = self.checks.as_ref();
        let device = checks.and_then(|it| {
            it.sessions
                .device(request.headers(), host, self.clock.utc())
        });
        let caller = Caller {
            tenant: tenant_of(request)?.name().clone(),
            client: ClientKey::new(device, address),
        };
        Ok((caller, address))
    }

    /// The client that the requests of an admin count for: a person who is logged in with an account, by that, wherever it
    /// calls from.
    pub(super) fn admins_caller(&self, request: &Request) -> Result<Caller, ApiError> {
        let host = host_of(request)?;
        let (mut caller, _) = self.caller(request, host)?;
        let checks = self.checks.as_ref();
        let session = checks.and_then(|it| self.session(it, request, host));
        if let Some(session) = session.filter(|it| it.person.is_some()) {
            caller.client = ClientKey::Person(session.counted_as);
        }
        Ok(caller)
    }

    /// The admin that a request comes from, and the session that it has authenticated by, if it has.
    pub(super) async fn person(
        &self,
        request: &Request,
    ) -> Result<(Person, Option<Session>), ApiError> {
        let admin = self.require_admin(request).await?;
        let (Caller { tenant, client }, _) = self.caller(request, host_of(request)?)?;
        let session = admin.session().cloned();
        let person = Person {
            tenant,
            method: admin.method(),
            who: session.as_ref().map(|it| it.counted_as).ok_or(client),
        };
        Ok((person, session))
    }

    /// The session of a request, if the tenant still lets its person in.
    fn session(&self, checks: &Checks, request: &Request, host: &Host) -> Option<Session> {
        let tenant = tenant_of(request).ok()?;
        let still_admits = |email: &EmailAddress| self.still_admits(tenant, email);
        let now = self.clock.utc();
        checks
            .sessions
            .find(request.headers(), host, now, still_admits)
    }

    /// Whether a tenant still admits the person who has logged in with this address.
    pub(super) fn still_admits(&self, tenant: &Tenant, email: &EmailAddress) -> bool {
        let accounts = self.accounts();
        accounts.is_some_and(|(accounts, _)| accounts.still_admits(tenant, email))
    }

    /// The admin that a request comes from. A wrong header does not count against a session beside it, since a proxy may have
    /// added it; without a session it is counted.
    ///
    /// # Errors
    /// `rate-limited` after too many wrong headers.
    async fn authenticate(
        &self,
        checks: &Checks,
        request: &Request,
        host: &Host,
    ) -> Result<Option<AuthenticatedAdmin>, ApiError> {
        let by_session = || {
            let session = self.session(checks, request, host);
            session.map(AuthenticatedAdmin::Session)
        };
        let count = async |is_right| {
            let (caller, _) = self.caller(request, host)?;
            Ok::<_, ApiError>(checks.throttle.check(&caller, is_right).await)
        };
        let too_many = |retry_after: Duration| {
            let detail = "Too many wrong credentials in `Authorization`. Try again later.";
            let error = ApiError::new(ProblemKind::RateLimited, detail);
            error.retry_after(Some(retry_after))
        };
        match checks.authorization.check(request.headers()) {
            Presented::Nothing => Ok(by_session()),
            Presented::Right {
                scheme,
                is_strong: true,
            } => Ok(Some(AuthenticatedAdmin::Header(scheme))),
            Presented::Right { scheme, .. } => match count(true).await? {
                Decision::TooMany { retry_after } => {
                    by_session().map(Some).ok_or_else(|| too_many(retry_after))
                }
                Decision::Right | Decision::Wrong => Ok(Some(AuthenticatedAdmin::Header(scheme))),
            },
            Presented::Wrong => {
                if let Some(admin) = by_session() {
                    return Ok(Some(admin));
                }
                match count(false).await? {
                    Decision::TooMany { retry_after } => Err(too_many(retry_after)),
                    Decision::Right | Decision::Wrong => Ok(None),
                }
            }
        }
    }
}

impl Checks {
    /// Whether people of a tenant log in with accounts.
    fn has_accounts(&self, tenant: &Tenant) -> bool {
        let accounts = self.accounts.as_ref();
        accounts.is_some_and(|accounts| accounts.is_on(tenant))
    }

    /// Whether a tenant has a login of any kind.
    fn has_login(&self, tenant: &Tenant) -> bool {
        self.password.is_some() || self.has_accounts(tenant)
    }

    /// Whether there is any way to be an admin of a tenant.
    fn takes_any(&self, tenant: &Tenant) -> bool {
        let authorization = &self.authorization;
        authorization.takes_bearer() || authorization.takes_basic() || self.has_login(tenant)
    }

    /// The challenges of a 401: one for each configured credential. `Basic` makes browsers open a window that asks
    /// for user and password, over a page that only fetches something, too: so of browsers, only a navigation gets
    /// that challenge. Where it is the only one, a fetch gets [`NO_WINDOW`], since a 401 has to have one.
    fn challenges(&self, headers: &HeaderMap, has_login: bool) -> Vec<&'static str> {
        let is_fetch = headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode != "navigate");
        let login = has_login.then(|| self.sessions.challenge());
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
