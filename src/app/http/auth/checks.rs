//! What admins are checked by: a header, or a session.

use std::{sync::Arc, time::Duration};

use poem::{Request, http::HeaderMap};

use super::{
    authorization::{Authorization, Presented, Scheme},
    caller::{Caller, address_of},
    login::PasswordLogin,
    settings::AdminCredentials,
    throttle::{Decision, GuessThrottle},
    too_many,
};
use crate::{
    app::http::error::ApiError,
    domain::{host::Host, trusted_proxies::TrustedProxies},
    ports::Clock,
};

/// Logged when a caller has sent too many wrong headers.
const TOO_MANY: &str = "too many wrong tokens or passwords in Authorization: no more are looked at from there \
    for a while, but for right ones of 16 characters or more";

/// Whoever passes one of these is an admin.
pub(super) struct Checks {
    authorization: Authorization,
    pub(super) login: Option<Arc<PasswordLogin>>,
    /// Apart from that of the login: neither can use up the tries of the other.
    throttle: GuessThrottle,
}

/// What a request brings that is an admin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// An `Authorization` header.
    Header(Scheme),
    /// A session.
    Session,
    /// Nothing.
    Nothing,
}

impl Checks {
    /// Checks by these.
    pub(super) fn new(credentials: AdminCredentials) -> Self {
        let AdminCredentials {
            token,
            basic,
            login,
        } = credentials;
        Self {
            authorization: Authorization::new(token.as_ref(), basic.as_ref()),
            login: login.map(PasswordLogin::new).map(Arc::new),
            throttle: GuessThrottle::new(TOO_MANY),
        }
    }

    /// Is there a header that opens anything?
    pub(super) fn takes_header(&self) -> bool {
        self.authorization.takes_bearer() || self.authorization.takes_basic()
    }

    /// What a request brings. A wrong header does not count against a session beside it, a proxy may
    /// have added it; without a session it is counted.
    ///
    /// # Errors
    /// `rate-limited` after too many wrong headers.
    pub(super) fn access(
        &self,
        request: &Request,
        host: &Host,
        proxies: &TrustedProxies,
        clock: &dyn Clock,
    ) -> Result<Access, ApiError> {
        let has_session = || {
            let login = self.login.as_deref();
            login.is_some_and(|login| login.has_session(request.headers(), host, clock.utc()))
        };
        let count = |is_right| {
            let address = address_of(request, proxies);
            let caller = Caller::of(request, host, self.login.as_deref(), address, clock)?;
            let decision = self.throttle.check(&caller, is_right, clock.now());
            Ok::<_, ApiError>(decision)
        };
        match self.authorization.check(request.headers()) {
            Presented::Nothing | Presented::Wrong if has_session() => Ok(Access::Session),
            Presented::Nothing => Ok(Access::Nothing),
            Presented::Right {
                scheme,
                is_strong: true,
            } => Ok(Access::Header(scheme)),
            Presented::Right { scheme, .. } => match count(true)? {
                Decision::TooMany { .. } if has_session() => Ok(Access::Session),
                Decision::TooMany { retry_after } => Err(too_many_headers(retry_after)),
                Decision::Right | Decision::Wrong => Ok(Access::Header(scheme)),
            },
            Presented::Wrong => match count(false)? {
                Decision::TooMany { retry_after } => Err(too_many_headers(retry_after)),
                Decision::Right | Decision::Wrong => Ok(Access::Nothing),
            },
        }
    }

    /// What a 401 asks for: all that is configured. `Basic` makes browsers open a window that asks
    /// for user and password. Where there is a login, only who opens an address gets to see it,
    /// and not who uses a page whose session has run out while it fetches something.
    pub(super) fn challenges(&self, headers: &HeaderMap) -> Vec<&'static str> {
        let is_fetch = headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode != "navigate");
        let login = self.login.as_ref().map(|login| login.challenge());
        let asks_for_basic = self.authorization.takes_basic() && !(is_fetch && login.is_some());
        let bearer = self.authorization.takes_bearer().then_some("Bearer");
        let basic = asks_for_basic.then_some("Basic realm=\"publisher\"");
        [bearer, basic, login].into_iter().flatten().collect()
    }
}

fn too_many_headers(retry_after: Duration) -> ApiError {
    let detail = "Too many wrong credentials in `Authorization`. Try again later.";
    too_many(detail, retry_after)
}
