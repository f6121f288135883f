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
    /// A session, after a login with this password.
    pub password: Option<Secret>,
    /// The sessions that logins open.
    pub sessions: SessionSettings,
}

/// The user and the password of the `Basic` scheme.
#[derive(Debug)]
pub struct BasicCredential {
    /// The user; cannot hold a colon.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// The sessions of logins, with a password or an account.
#[derive(Debug)]
pub struct SessionSettings {
    /// The key that cookies are signed with; `None` for a random one that ends with the process.
    pub secret: Option<Secret>,
    /// The life of a session.
    pub ttl: Duration,
    /// Whether browsers send the cookies over TLS only.
    pub secure_cookies: bool,
    /// A text that is part of the signature: a new one ends all sessions.
    pub epoch: Option<Secret>,
}

impl Default for SessionSettings {
    /// A week, over TLS only, with a random key.
    fn default() -> Self {
        Self {
            secret: None,
            ttl: Duration::from_hours(7 * 24),
            secure_cookies: true,
            epoch: None,
        }
    }
}

impl AuthSettings {
    /// The key that sessions are signed with, where there is one that outlives the process.
    pub(in crate::app::http) fn session_secret(&self) -> Option<&Secret> {
        match self {
            Self::Enforced(credentials) => credentials.sessions.secret.as_ref(),
            Self::Disabled { .. } => None,
        }
    }

    /// What the operator should know about these settings, beside which people may have a login by accounts of their own.
    pub fn warnings(&self, has_account_login: bool) -> impl Iterator<Item = &'static str> {
        const NO_SECRET: &str = "WEB_SESSION_SECRET: there is none in use: sessions end with this process, and another \
                                 replica does not know them";
        const NO_CREDENTIAL: &str = "WEB_AUTH_TOKEN: neither it nor WEB_AUTH_USER with WEB_AUTH_PASS nor \
                                     WEB_ADMIN_PASSWORD nor a login by OpenID Connect is set: whatever is for admins is \
                                     answered with 503 (admin-not-configured)";
        let warning = match self {
            Self::Disabled { .. } => {
                Some("WEB_AUTH_DISABLED: anyone may do what only an admin should")
            }
            Self::Enforced(credentials) => {
                let has_login = credentials.password.is_some() || has_account_login;
                if has_login {
                    credentials.sessions.secret.is_none().then_some(NO_SECRET)
                } else {
                    let has_header = credentials.token.is_some() || credentials.basic.is_some();
                    (!has_header).then_some(NO_CREDENTIAL)
                }
            }
        };
        warning.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(session_secret: Option<&str>) -> AuthSettings {
        AuthSettings::Enforced(AdminCredentials {
            password: Some(Secret::new("s3cret".to_owned())),
            sessions: SessionSettings {
                secret: session_secret.map(|secret| Secret::new(secret.to_owned())),
                ..SessionSettings::default()
            },
            ..AdminCredentials::default()
        })
    }

    const OPEN: AuthSettings = AuthSettings::Disabled {
        plain_cookies: false,
    };

    #[test]
    fn open_doors_and_sessions_that_end_with_the_process_are_warned_of() {
        let all = |settings: &AuthSettings, has_account_login| {
            let warnings = settings.warnings(has_account_login);
            warnings.collect::<Vec<_>>().join("\n")
        };
        let warnings = |settings: &AuthSettings| all(settings, false);
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
        for settings in [
            by_token,
            AuthSettings::Enforced(AdminCredentials::default()),
        ] {
            assert!(all(&settings, true).starts_with("WEB_SESSION_SECRET"));
        }
    }

    #[test]
    fn no_secret_shows_in_debug_output() {
        assert!(!format!("{:?}", login(Some("s3cret"))).contains("s3cret"));
    }
}
