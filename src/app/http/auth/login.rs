//! Login with the admin's password, and the sessions that it opens.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poem::{Addr, FromRequest, Request, RequestBody, Result, http::HeaderMap};
use uuid::Uuid;

use super::{
    AdminAuth,
    cookie::{CookieKind, CookieSigner},
    host_of,
    secret_digest::SecretDigest,
    settings::LoginSettings,
    tenant_of,
    throttle::{Caller, LoginThrottle, Place, Verdict},
};
use crate::{
    app::http::{error::ApiError, problem::ProblemKind},
    domain::{host::Host, secret::Secret},
    ports::Clock,
};

/// How long a browser is known again: the longest that browsers keep a cookie.
const DEVICE_TTL: Duration = Duration::from_hours(400 * 24);

/// What a 401 of login asks for: only the password. With `Basic` among it, browsers would ask
/// for another one in a window of their own.
pub(super) const CHALLENGE: &str = "Cookie cookie-name=\"pv2_admin\"";

/// Login with a password.
#[derive(Debug)]
pub(super) struct PasswordLogin {
    password: SecretDigest,
    signer: CookieSigner,
    throttle: LoginThrottle,
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
            throttle: LoginThrottle::default(),
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

    fn id_of(
        &self,
        kind: CookieKind,
        headers: &HeaderMap,
        host: &Host,
        now: SystemTime,
    ) -> Option<Uuid> {
        kind.sent(headers)
            .find_map(|cookie| self.signer.verify(kind, host, cookie, now))
    }

    fn place_of(&self, request: &Request, host: &Host, now: SystemTime) -> Place {
        let device = self.id_of(CookieKind::Device, request.headers(), host, now);
        match (device, address_of(request)) {
            (Some(id), _) => Place::Device(id),
            (None, Some(address)) => Place::of(address),
            (None, None) => Place::Unknown,
        }
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
        match throttle.judge(self.caller, is_right.into(), self.clock.now()) {
            Verdict::Right => Ok(self.login.cookies(&self.host, self.clock.utc())),
            Verdict::Wrong => {
                let error = ApiError::new(ProblemKind::Unauthorized, "The password is wrong.");
                Err(error.challenge(vec![CHALLENGE]))
            }
            Verdict::TooMany { retry_after } => {
                let detail = "Too many wrong passwords. Try again later.";
                let error = ApiError::new(ProblemKind::RateLimited, detail);
                Err(error.retry_after(Some(retry_after)))
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
        let place = login.place_of(request, host, auth.clock.utc());
        let tenant = tenant_of(request)?.name().clone();
        Ok(Self {
            login: Arc::clone(login),
            clock: Arc::clone(&auth.clock),
            host: host.clone(),
            caller: Caller { tenant, place },
        })
    }
}

/// The other end of the connection, be it a proxy's: anyone can make up the headers that would
/// know better.
fn address_of(request: &Request) -> Option<IpAddr> {
    match request.remote_addr().0 {
        Addr::SocketAddr(address) => Some(address.ip()),
        _ => None,
    }
}

/// 244 bits out of the system's generator.
fn random_secret() -> Secret {
    Secret::new(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()))
}
