//! The login with the admin's password, and the sessions that it opens.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poem::http::HeaderMap;
use uuid::Uuid;

use super::{
    caller::Caller,
    cookie::{CookieKind, CookieSigner},
    secret_digest::SecretDigest,
    settings::LoginSettings,
    throttle::{Decision, GuessThrottle, LOGINS},
};
use crate::{
    app::http::{error::ApiError, problem::ProblemKind},
    domain::{host::Host, secret::Secret},
    ports::{Clock, RateLimits},
};

/// The life of a device cookie: the longest that browsers keep a cookie.
const DEVICE_TTL: Duration = Duration::from_hours(400 * 24);

/// Logged when a client has tried too many wrong passwords.
const TOO_MANY: &str = "too many wrong passwords: no more tries from there for a while";

/// The login with a password.
pub(super) struct PasswordLogin {
    password: SecretDigest,
    signer: CookieSigner,
    throttle: GuessThrottle,
    session_ttl: Duration,
    secure_cookies: bool,
}

/// The `Set-Cookie` headers of a login.
pub struct LoginCookies {
    /// The session.
    pub session: String,
    /// The device, which lets the browser log in while others are guessing.
    pub device: String,
}

impl PasswordLogin {
    pub(super) fn new(settings: LoginSettings, rates: Arc<dyn RateLimits>) -> Self {
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
            throttle: GuessThrottle::new(LOGINS, TOO_MANY, rates),
            session_ttl,
            secure_cookies,
        }
    }

    /// Checks a password that a client has sent from `address`, and opens a session of the host.
    ///
    /// # Errors
    /// `unauthorized` if it is wrong, `rate-limited` after too many wrong ones.
    pub(super) async fn log_in(
        &self,
        password: &Secret,
        host: &Host,
        (caller, address): &(Caller, Option<IpAddr>),
        clock: &dyn Clock,
    ) -> Result<LoginCookies, ApiError> {
        let is_right = self.password.matches(password.expose().as_bytes());
        let client_address = address.map(tracing::field::display);
        match self.throttle.check(caller, is_right.into()).await {
            Decision::Right => {
                self.throttle.forget(caller).await;
                tracing::info!(client_address, "admin logged in");
                Ok(self.cookies(host, clock.utc()))
            }
            Decision::Wrong => {
                tracing::info!(client_address, "admin login refused: wrong password");
                let error = ApiError::new(ProblemKind::Unauthorized, "The password is wrong.");
                Err(error.challenge(vec![self.challenge()]))
            }
            Decision::TooMany { retry_after } => {
                tracing::info!(
                    client_address,
                    "admin login refused: too many wrong passwords"
                );
                let detail = "Too many wrong passwords. Try again later.";
                let error = ApiError::new(ProblemKind::RateLimited, detail);
                Err(error.retry_after(Some(retry_after)))
            }
        }
    }

    /// Whether the request has a session of this host.
    pub(super) fn has_session(&self, headers: &HeaderMap, host: &Host, now: SystemTime) -> bool {
        self.id_of(CookieKind::Session, headers, host, now)
            .is_some()
    }

    /// The id of the request's session of this host, and when it ends.
    pub(super) fn session(
        &self,
        headers: &HeaderMap,
        host: &Host,
        now: SystemTime,
    ) -> Option<(Uuid, SystemTime)> {
        let kind = CookieKind::Session;
        kind.sent(headers, self.secure_cookies)
            .find_map(|cookie| self.signer.verify_until(kind, host, &cookie, now))
    }

    /// Whether browsers send the cookies over TLS only.
    pub(super) fn secure_cookies(&self) -> bool {
        self.secure_cookies
    }

    /// The id of a browser that has been logged in before, if the request has its cookie.
    pub(super) fn device(&self, headers: &HeaderMap, host: &Host, now: SystemTime) -> Option<Uuid> {
        self.id_of(CookieKind::Device, headers, host, now)
    }

    /// The challenge of a 401 of the login: only the password. With `Basic` beside it, browsers would ask for
    /// another password in a window of their own.
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

/// A secret of 244 random bits.
fn random_secret() -> Secret {
    Secret::new(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()))
}
