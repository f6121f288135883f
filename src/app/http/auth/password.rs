//! The login with the admin's password.

use std::{net::IpAddr, sync::Arc};

use super::{
    caller::Caller,
    secret_digest::SecretDigest,
    session::Sessions,
    throttle::{Decision, GuessThrottle, LOGINS},
};
use crate::{
    app::http::{error::ApiError, problem::ProblemKind},
    domain::{host::Host, secret::Secret},
    ports::{Clock, RateLimits},
};

/// Logged when a client has tried too many wrong passwords.
const TOO_MANY: &str = "too many wrong passwords: no more tries from there for a while";

/// The login with a password.
pub(super) struct PasswordLogin {
    password: SecretDigest,
    throttle: GuessThrottle,
}

/// The `Set-Cookie` headers of a login.
pub struct LoginCookies {
    /// The session.
    pub session: String,
    /// The device, which lets the browser log in while others are guessing.
    pub device: String,
}

impl PasswordLogin {
    pub(super) fn new(password: &Secret, rates: Arc<dyn RateLimits>) -> Self {
        Self {
            password: SecretDigest::of(password),
            throttle: GuessThrottle::new(LOGINS, TOO_MANY, rates),
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
        sessions: &Sessions,
        clock: &dyn Clock,
    ) -> Result<LoginCookies, ApiError> {
        let is_right = self.password.matches(password.expose().as_bytes());
        let client_address = address.map(tracing::field::display);
        match self.throttle.check(caller, is_right.into()).await {
            Decision::Right => {
                self.throttle.forget(caller).await;
                tracing::info!(client_address, "admin logged in");
                let cookies = sessions.open(host, clock.utc());
                let [session, device] = cookies.ok_or_else(ApiError::internal)?;
                Ok(LoginCookies { session, device })
            }
            Decision::Wrong => {
                tracing::info!(client_address, "admin login refused: wrong password");
                let error = ApiError::new(ProblemKind::Unauthorized, "The password is wrong.");
                Err(error.challenge(vec![sessions.challenge()]))
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
}
