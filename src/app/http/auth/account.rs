//! The login of people with accounts of their own, by OpenID Connect: the browser goes to the identity provider with a new
//! login, whose checks it keeps in a sealed cookie, and comes back with an answer.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use poem::http::HeaderMap;
use subtle::ConstantTimeEq as _;

use super::{
    caller::Caller,
    cookie::CookieKind,
    login_state::{LIFE, LoginState, LoginStates},
    return_to::ReturnTo,
    session::Sessions,
    throttle::{ACCOUNT_LOGINS, Decision, GuessThrottle},
};
use crate::{
    app::{tenancy::tenant::Tenant, usecases::log_in::LogIn},
    domain::{
        email_address::EmailAddress,
        host::Host,
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
pub(super) struct Attempt<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) host: &'a Host,
    /// The address of this service that the provider sends browsers to.
    pub(super) redirect: String,
    pub(super) headers: &'a HeaderMap,
    pub(super) now: SystemTime,
    pub(super) caller: Caller,
    pub(super) address: Option<IpAddr>,
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

    /// Begins a login.
    ///
    /// # Errors
    /// Why it cannot begin.
    pub(super) async fn begin(
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
            to: begun.url,
            cookies: vec![CookieKind::Login.set(&sealed, LIFE, sessions.secure_cookies())],
        })
    }

    /// The login of this browser that a person comes back from.
    pub(super) fn answered(
        &self,
        attempt: &Attempt<'_>,
        returned: &Returned,
        sessions: &Sessions,
    ) -> Option<LoginState> {
        let open = |cookie: String| self.states.open(&cookie, attempt.host, attempt.now);
        let repeats = |login: &LoginState| {
            let returned = returned.state.as_deref().unwrap_or_default();
            let state = login.checks.state.expose();
            bool::from(state.as_bytes().ct_eq(returned.as_bytes()))
        };
        let mut logins = CookieKind::Login
            .sent(attempt.headers, sessions.secure_cookies())
            .filter_map(open);
        logins.find(repeats)
    }

    /// Who has come back from a login.
    ///
    /// # Errors
    /// Why the person is not let in.
    pub(super) async fn finish(
        &self,
        attempt: &Attempt<'_>,
        login: &LoginState,
        returned: Returned,
    ) -> Result<Member, LoginRefusal> {
        let code = match (returned.error, returned.code) {
            (None, Some(code)) => code,
            (Some(error), _) if error == "access_denied" => {
                return Err(LoginRefusal::AccessDenied);
            }
            (Some(_), _) | (None, None) => return Err(LoginRefusal::CallbackFailed),
        };
        // Counted before the provider is asked, so that many at once do not all pass.
        let counted = self.throttle.check(&attempt.caller, false).await;
        if matches!(counted, Decision::TooMany { .. }) {
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
        if finished != Err(LoginRefusal::CallbackFailed) {
            self.throttle.forget(&attempt.caller).await;
        }
        finished
    }
}

impl Attempt<'_> {
    /// Where a person goes who is not let in.
    pub(super) fn refused(&self, refusal: LoginRefusal) -> Leads {
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
