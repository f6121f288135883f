//! The credentials of admins, as operators configure them.

use std::time::Duration;

use crate::domain::secret::Secret;

/// The way in which admins authenticate.
#[derive(Debug)]
pub enum AuthSettings {
    /// Not at all: every caller is an admin.
    Disabled {
        /// Whether browsers come without TLS, for the cookies that a log-out ends.
        plain_cookies: bool,
    },
    /// By any of these; without any, no caller is an admin.
    Enforced(AdminCredentials),
}

/// The credentials of admins. Each of them is enough.
#[derive(Debug, Default)]
pub struct AdminCredentials {
    /// A bearer token.
    pub token: Option<Secret>,
    /// A user and a password in each request.
    pub basic: Option<BasicCredential>,
    /// A session, after a login with a password.
    pub login: Option<LoginSettings>,
    /// Whether browsers come without TLS, for the cookies that a log-out ends where there is no login.
    pub plain_cookies: bool,
}

/// The user and the password of the `Basic` scheme.
#[derive(Debug)]
pub struct BasicCredential {
    /// The user; cannot hold a colon.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// The login with a password.
#[derive(Debug)]
pub struct LoginSettings {
    /// The password.
    pub password: Secret,
    /// The key that cookies are signed with; `None` for a random one that ends with the process.
    pub session_secret: Option<Secret>,
    /// The life of a session.
    pub session_ttl: Duration,
    /// Whether browsers send the cookies over TLS only.
    pub secure_cookies: bool,
}

impl AuthSettings {
    /// The key that sessions are signed with, where there is one that outlives the process.
    pub(in crate::app::http) fn session_secret(&self) -> Option<&Secret> {
        match self {
            Self::Enforced(AdminCredentials {
                login: Some(login), ..
            }) => login.session_secret.as_ref(),
            Self::Enforced(_) | Self::Disabled { .. } => None,
        }
    }

    /// What the operator should know about these settings.
    pub fn warnings(&self) -> impl Iterator<Item = &'static str> {
        let warning = match self {
            Self::Disabled { .. } => {
                Some("WEB_AUTH_DISABLED: anyone may do what only an admin should")
            }
            Self::Enforced(AdminCredentials {
                login: Some(login), ..
            }) => login.session_secret.is_none().then_some(
                "WEB_SESSION_SECRET: there is none in use: sessions end with this process, and another \
                 replica does not know them",
            ),
            Self::Enforced(AdminCredentials {
                token: None,
                basic: None,
                login: None,
                ..
            }) => Some(
                "WEB_AUTH_TOKEN: neither it nor WEB_AUTH_USER with WEB_AUTH_PASS nor \
                 WEB_ADMIN_PASSWORD is set: whatever is for admins is answered with 503 \
                 (admin-not-configured)",
            ),
            Self::Enforced(_) => None,
        };
        warning.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(session_secret: Option<&str>) -> AuthSettings {
        AuthSettings::Enforced(AdminCredentials {
            login: Some(LoginSettings {
                password: Secret::new("s3cret".to_owned()),
                session_secret: session_secret.map(|secret| Secret::new(secret.to_owned())),
                session_ttl: Duration::from_mins(1),
                secure_cookies: true,
            }),
            ..AdminCredentials::default()
        })
    }

    const OPEN: AuthSettings = AuthSettings::Disabled {
        plain_cookies: false,
    };

    #[test]
    fn open_doors_and_sessions_that_end_with_the_process_are_warned_of() {
        let warnings = |settings: &AuthSettings| settings.warnings().collect::<Vec<_>>().join("\n");
        assert!(warnings(&OPEN).starts_with("WEB_AUTH_DISABLED"));
        assert!(warnings(&login(None)).starts_with("WEB_SESSION_SECRET"));
        assert_eq!(warnings(&login(Some("known"))), "");
        let closed = warnings(&AuthSettings::Enforced(AdminCredentials::default()));
        assert!(
            closed.starts_with("WEB_AUTH_TOKEN: ") && closed.contains("503"),
            "{closed}"
        );
        let by_token = AuthSettings::Enforced(AdminCredentials {
            token: Some(Secret::new("t0ken".to_owned())),
            ..AdminCredentials::default()
        });
        assert_eq!(warnings(&by_token), "");
    }

    #[test]
    fn no_secret_shows_in_debug_output() {
        assert!(!format!("{:?}", login(Some("s3cret"))).contains("s3cret"));
    }
}
