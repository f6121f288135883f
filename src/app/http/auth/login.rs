//! Login with the admin's password, and the sessions that it opens.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poem::{FromRequest, Request, RequestBody, Result, http::HeaderMap};
use uuid::Uuid;

use super::{
    AdminAuth,
    caller::{Caller, address_of},
    cookie::{CookieKind, CookieSigner},
    host_of,
    secret_digest::SecretDigest,
    settings::LoginSettings,
    throttle::{Decision, GuessThrottle},
    too_many,
};
use crate::{
    app::http::{error::ApiError, problem::ProblemKind},
    domain::{host::Host, secret::Secret},
    ports::Clock,
};

/// How long a browser is known again: the longest that browsers keep a cookie.
const DEVICE_TTL: Duration = Duration::from_hours(400 * 24);

/// Logged when a caller has tried too many wrong passwords.
const TOO_MANY: &str = "too many wrong passwords: no more tries from there for a while";

/// Login with a password.
#[derive(Debug)]
pub(super) struct PasswordLogin {
    password: SecretDigest,
    signer: CookieSigner,
    throttle: GuessThrottle,
    session_ttl: Duration,
    secure_cookies: bool,
}

/// Somebody who may try to log in: there is such a thing here, and no page of another site has
/// sent the request.
pub struct LoginAttempt {
    login: Arc<PasswordLogin>,
    clock: Arc<dyn Clock>,
    host: Host,
    caller: Caller,
    /// Where it comes from, for the log.
    address: Option<IpAddr>,
}

/// The `Set-Cookie` headers of a login.
pub struct LoginCookies {
    /// The session.
    pub session: String,
    /// What the browser is known again by, should it try to log in when others are guessing.
    pub device: String,
}

impl PasswordLogin {
    /// Login as the settings say.
    pub(super) fn new(settings: LoginSettings) -> Self {
        let LoginSettings {
            password,
            session_secret,
            session_ttl,
            secure_cookies,
        } = settings;
        let session_secret = session_secret.unwrap_or_else(random_secret);
        Self {
            signer: CookieSigner::new(&session_secret, &password),
            password: SecretDigest::of(&password),
            throttle: GuessThrottle::new(TOO_MANY),
            session_ttl,
            secure_cookies,
        }
    }

    /// Does the request bring a session of this host?
    pub(super) fn has_session(&self, headers: &HeaderMap, host: &Host, now: SystemTime) -> bool {
        self.id_of(CookieKind::Session, headers, host, now)
            .is_some()
    }

    /// Whether browsers keep the cookies from connections without TLS.
    pub(super) fn secure_cookies(&self) -> bool {
        self.secure_cookies
    }

    /// The browser that has been logged in before, if the request brings such a cookie.
    pub(super) fn device(&self, headers: &HeaderMap, host: &Host, now: SystemTime) -> Option<Uuid> {
        self.id_of(CookieKind::Device, headers, host, now)
    }

    /// What a 401 of login asks for: only the password. With `Basic` among it, browsers would ask
    /// for another one in a window of their own.
    pub(super) fn challenge(&self) -> &'static str {
        if self.secure_cookies {
            "Cookie cookie-name=\"__Host-pv2_admin\""
        } else {
            "Cookie cookie-name=\"pv2_admin\""
        }
    }

    fn id_of(
        &self,
        kind: CookieKind,
        headers: &HeaderMap,
        host: &Host,
        now: SystemTime,
    ) -> Option<Uuid> {
        kind.sent(headers, self.secure_cookies)
            .find_map(|cookie| self.signer.verify(kind, host, &cookie, now))
    }

    fn cookies(&self, host: &Host, now: SystemTime) -> LoginCookies {
        let cookie = |kind: CookieKind, life| {
            let value = self.signer.sign(kind, host, now + life);
            kind.set(&value, life, self.secure_cookies)
        };
        LoginCookies {
            session: cookie(CookieKind::Session, self.session_ttl),
            device: cookie(CookieKind::Device, DEVICE_TTL),
        }
    }
}

impl LoginAttempt {
    /// Tries a password.
    ///
    /// # Errors
    /// `unauthorized` if it is wrong, `rate-limited` after too many wrong ones.
    pub fn with(self, password: &Secret) -> Result<LoginCookies, ApiError> {
        let is_right = self.login.password.matches(password.expose().as_bytes());
        let throttle = &self.login.throttle;
        let client_address = self.address.map(tracing::field::display);
        match throttle.check(&self.caller, is_right.into(), self.clock.now()) {
            Decision::Right => {
                throttle.forget(&self.caller);
                tracing::info!(client_address, "admin logged in");
                Ok(self.login.cookies(&self.host, self.clock.utc()))
            }
            Decision::Wrong => {
                tracing::info!(client_address, "admin login refused: wrong password");
                let error = ApiError::new(ProblemKind::Unauthorized, "The password is wrong.");
                Err(error.challenge(vec![self.login.challenge()]))
            }
            Decision::TooMany { retry_after } => {
                tracing::info!(
                    client_address,
                    "admin login refused: too many wrong passwords"
                );
                let detail = "Too many wrong passwords. Try again later.";
                Err(too_many(detail, retry_after))
            }
        }
    }
}

impl<'a> FromRequest<'a> for LoginAttempt {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let auth = AdminAuth::of(request)?;
        let login = auth.login().ok_or_else(|| {
            let detail = "This service has been given no password to log in with.";
            ApiError::new(ProblemKind::AdminNotConfigured, detail)
        })?;
        let host = host_of(request)?;
        super::refuse_other_sites(request, host)?;
        let address = address_of(request, &auth.proxies);
        let caller = Caller::of(request, host, Some(login), address, &*auth.clock)?;
        Ok(Self {
            login: Arc::clone(login),
            clock: Arc::clone(&auth.clock),
            host: host.clone(),
            caller,
            address,
        })
    }
}

/// 244 bits out of the system's generator.
fn random_secret() -> Secret {
    Secret::new(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()))
}
