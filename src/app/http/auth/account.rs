//! The login of people with accounts of their own, by OpenID Connect: the browser goes to the identity provider with a new
//! login, whose checks it keeps in a sealed cookie, and comes back with an answer.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use poem::{FromRequest as _, Request, RequestBody, http::HeaderMap};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{
    admin_auth::AdminAuth,
    caller::Caller,
    cookie::CookieKind,
    login_state::{LIFE, LoginState, LoginStates},
    request_parts::{host_of, tenant_of},
    return_to::ReturnTo,
    session::Sessions,
    throttle::{ACCOUNT_LOGINS, GuessThrottle},
};
use crate::{
    app::{
        http::{error::ApiError, request_facts::CallerOrigin},
        tenancy::tenant::Tenant,
        usecases::log_in::LogIn,
    },
    domain::{
        email_address::EmailAddress,
        host::{Host, is_loopback},
        identity::{LoginRefusal, Member},
        secret::Secret,
    },
    ports::{LoginAnswer, RateLimits},
};

/// Logged when a client has come back too often without having logged in.
const TOO_MANY: &str = "too many logins with accounts were not completed: no more are looked at from there for a while";

/// The login with an account.
pub(super) struct AccountLogin {
    log_in: LogIn,
    states: LoginStates,
    /// On answers that prove nothing: the provider is asked about each.
    throttle: GuessThrottle,
}

/// What a login answers: where the browser goes, and the `Set-Cookie` headers.
pub(in crate::app::http) struct Leads {
    /// The address.
    pub(in crate::app::http) to: String,
    /// The headers.
    pub(in crate::app::http) cookies: Vec<String>,
}

/// What the browser brings back from the identity provider. It could be anyone's.
pub(in crate::app::http) struct Returned {
    /// Repeats the state of the login.
    pub(in crate::app::http) state: Option<String>,
    /// The code, where the person has logged in.
    pub(in crate::app::http) code: Option<String>,
    /// Why not, where it has not (RFC 6749, section 4.1.2.1).
    pub(in crate::app::http) error: Option<String>,
    /// The provider.
    pub(in crate::app::http) issuer: Option<String>,
}

/// A request of a login.
struct Attempt<'a> {
    tenant: &'a Tenant,
    host: &'a Host,
    /// The address of this service that the provider sends browsers to.
    redirect: Url,
    headers: &'a HeaderMap,
    now: SystemTime,
    caller: Caller,
    address: Option<IpAddr>,
}

impl AccountLogin {
    pub(super) fn new(log_in: LogIn, secret: &Secret, rates: Arc<dyn RateLimits>) -> Self {
        Self {
            log_in,
            states: LoginStates::new(secret),
            throttle: GuessThrottle::new(ACCOUNT_LOGINS, TOO_MANY, rates),
        }
    }

    /// Whether people of a tenant can log in so.
    pub(super) fn is_on(&self, tenant: &Tenant) -> bool {
        self.log_in.is_on(tenant)
    }

    /// Whether a tenant still lets in who has logged in with this address.
    pub(super) fn still_admits(&self, tenant: &Tenant, email: &EmailAddress) -> bool {
        self.log_in.still_admits(tenant, email)
    }

    async fn begin(
        &self,
        attempt: &Attempt<'_>,
        return_to: ReturnTo,
        sessions: &Sessions,
    ) -> Result<Leads, LoginRefusal> {
        let begun = self.log_in.begin(attempt.tenant, &attempt.redirect).await?;
        let state = LoginState {
            checks: begun.checks,
            return_to,
        };
        let sealed = self.states.seal(&state, attempt.host, attempt.now);
        let sealed = sealed.ok_or(LoginRefusal::CallbackFailed)?;
        Ok(Leads {
            to: begun.url.into(),
            cookies: vec![CookieKind::Login.set(&sealed, LIFE, sessions.secure_cookies())],
        })
    }

    /// Who has come back, and where it goes.
    async fn finish(
        &self,
        attempt: &Attempt<'_>,
        returned: Returned,
        sessions: &Sessions,
    ) -> Result<(Member, ReturnTo), LoginRefusal> {
        if !self.is_on(attempt.tenant) {
            return Err(LoginRefusal::NotConfigured);
        }
        let open = |cookie: String| self.states.open(&cookie, attempt.host, attempt.now);
        let repeats = |login: &LoginState| {
            let returned = returned.state.as_deref().unwrap_or_default();
            let state = login.checks.state.expose();
            bool::from(state.as_bytes().ct_eq(returned.as_bytes()))
        };
        let mut logins = CookieKind::Login
            .sent(attempt.headers, sessions.secure_cookies())
            .filter_map(open);
        let login = logins.find(repeats).ok_or(LoginRefusal::CallbackFailed)?;
        let code = match (returned.error, returned.code) {
            (None, Some(code)) => code,
            (Some(error), _) if error == "access_denied" => {
                return Err(LoginRefusal::AccessDenied);
            }
            (Some(_), _) | (None, None) => return Err(LoginRefusal::CallbackFailed),
        };
        if self.throttle.is_reached(&attempt.caller).await {
            return Err(LoginRefusal::CallbackFailed);
        }
        let answer = LoginAnswer {
            code: Secret::new(code),
            issuer: returned.issuer,
        };
        let finished = self
            .log_in
            .finish(attempt.tenant, answer, &attempt.redirect, &login.checks);
        let finished = finished.await;
        if finished == Err(LoginRefusal::CallbackFailed) {
            self.throttle.check(&attempt.caller, false).await;
        }
        Ok((finished?, login.return_to))
    }
}

impl AdminAuth {
    /// Begins a login with an account: leads to the identity provider, and afterwards to `return_to`.
    pub(in crate::app::http) async fn begin_login(
        &self,
        request: &Request,
        return_to: Option<&str>,
    ) -> Result<Leads, ApiError> {
        let attempt = self.attempt(request).await?;
        let Some((login, sessions)) = self.accounts() else {
            return Ok(attempt.refused(LoginRefusal::NotConfigured));
        };
        let return_to = ReturnTo::of(return_to.unwrap_or_default());
        let begun = login.begin(&attempt, return_to, sessions).await;
        Ok(begun.unwrap_or_else(|refusal| attempt.refused(refusal)))
    }

    /// Finishes a login with an account: opens a session, or leads to the page with the reason why not.
    pub(in crate::app::http) async fn finish_login(
        &self,
        request: &Request,
        returned: Returned,
    ) -> Result<Leads, ApiError> {
        let attempt = self.attempt(request).await?;
        let Some((login, sessions)) = self.accounts() else {
            return Ok(attempt.refused(LoginRefusal::NotConfigured));
        };
        let mut leads = match login.finish(&attempt, returned, sessions).await {
            Ok((person, return_to)) => {
                let client_address = attempt.address.map(tracing::field::display);
                tracing::info!(client_address, "admin logged in with an account");
                Leads {
                    to: return_to.as_str().to_owned(),
                    cookies: vec![sessions.open_for(&person, attempt.host, attempt.now)],
                }
            }
            Err(refusal) => attempt.refused(refusal),
        };
        // Whatever it came to: a login is answered once.
        leads
            .cookies
            .push(CookieKind::Login.end(sessions.secure_cookies()));
        Ok(leads)
    }

    async fn attempt<'a>(&self, request: &'a Request) -> Result<Attempt<'a>, ApiError> {
        let mut no_body = RequestBody::default();
        let origin = CallerOrigin::from_request(request, &mut no_body).await;
        let origin = origin.map_err(|_| ApiError::internal())?;
        let host = host_of(request)?;
        let (caller, address) = self.caller(request, host)?;
        Ok(Attempt {
            tenant: tenant_of(request)?,
            host,
            redirect: redirect_uri(&origin)?,
            headers: request.headers(),
            now: self.clock().utc(),
            caller,
            address,
        })
    }
}

impl Attempt<'_> {
    /// Where a person goes who is not let in.
    fn refused(&self, refusal: LoginRefusal) -> Leads {
        let client_address = self.address.map(tracing::field::display);
        tracing::info!(
            client_address,
            "admin login with an account refused: {refusal}"
        );
        Leads {
            to: format!("/?auth_error={}", refusal.code()),
            cookies: Vec::new(),
        }
    }
}

/// The address that the provider sends browsers to: https and the host. On this machine, where nobody has a certificate, http and
/// the port that the browser has called.
fn redirect_uri(origin: &CallerOrigin) -> Result<Url, ApiError> {
    let name = origin.host.as_str();
    let is_local = is_loopback(name) || name.ends_with(".localhost");
    let mut url = origin.url.clone();
    let is_set = if is_local {
        url.set_scheme("http")
    } else {
        let url_ports = url.set_port(None);
        url_ports.and_then(|()| url.set_scheme("https"))
    };
    is_set.map_err(|()| ApiError::internal())?;
    url.set_path("/auth/callback");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> String {
        let url = Url::parse(url).unwrap();
        let host = Host::normalize_any(url.host_str().unwrap()).unwrap();
        redirect_uri(&CallerOrigin { host, url }).unwrap().into()
    }

    #[test]
    fn a_login_comes_back_by_https_or_on_this_machine_by_the_port_that_was_called() {
        for (called, redirect) in [
            (
                "http://alice.example.org/",
                "https://alice.example.org/auth/callback",
            ),
            (
                "http://alice.example.org:8080/",
                "https://alice.example.org/auth/callback",
            ),
            (
                "https://alice.example.org:8443/",
                "https://alice.example.org/auth/callback",
            ),
            (
                "http://localhost:8080/",
                "http://localhost:8080/auth/callback",
            ),
            (
                "https://alice.sandbox.localhost:1/",
                "http://alice.sandbox.localhost:1/auth/callback",
            ),
            (
                "http://127.0.0.1:8080/",
                "http://127.0.0.1:8080/auth/callback",
            ),
            ("http://192.0.2.1:8080/", "https://192.0.2.1/auth/callback"),
            (
                "http://localhost.example.org:1/",
                "https://localhost.example.org/auth/callback",
            ),
        ] {
            assert_eq!(of(called), redirect);
        }
    }
}
