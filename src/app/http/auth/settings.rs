//! What admins can be told by, as operators say it.

use std::time::Duration;

use crate::domain::secret::Secret;

/// How admins are told from others.
#[derive(Debug)]
pub enum AuthSettings {
    /// They are not: everyone is one.
    Disabled,
    /// By any of these; without any, nobody is one.
    Enforced(AdminCredentials),
}

/// What an admin may show.
#[derive(Debug, Default)]
pub struct AdminCredentials {
    /// A bearer token.
    pub token: Option<Secret>,
    /// A user and a password in each request.
    pub basic: Option<BasicCredential>,
    /// A session, after a login with a password.
    pub login: Option<LoginSettings>,
}

/// The user and the password of the `Basic` scheme.
#[derive(Debug)]
pub struct BasicCredential {
    /// The user; cannot hold a colon.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// Login with a password.
#[derive(Debug)]
pub struct LoginSettings {
    /// The password.
    pub password: Secret,
    /// What cookies are signed with; left out, a random one that ends with the process.
    pub session_secret: Option<Secret>,
    /// How long a session lasts.
    pub session_ttl: Duration,
    /// Whether browsers keep the cookies from connections without TLS.
    pub secure_cookies: bool,
}

impl AuthSettings {
    /// What whoever starts the service like this should know.
    pub fn warnings(&self) -> impl Iterator<Item = &'static str> {
        let (is_open, ends_with_process, is_closed) = match self {
            Self::Disabled => (true, false, false),
            Self::Enforced(AdminCredentials {
                token,
                basic,
                login,
            }) => {
                let is_random = |login: &LoginSettings| login.session_secret.is_none();
                let is_closed = token.is_none() && basic.is_none() && login.is_none();
                (false, login.as_ref().is_some_and(is_random), is_closed)
            }
        };
        let open = "WEB_AUTH_DISABLED: anyone may do what only an admin should";
        let random = "WEB_SESSION_SECRET: there is none in use: sessions end with this process, and another \
                      replica does not know them";
        let closed = "WEB_AUTH_TOKEN: neither it nor WEB_AUTH_USER with WEB_AUTH_PASS nor \
                      WEB_ADMIN_PASSWORD is set: whatever is for admins is answered with 503 \
                      (admin-not-configured)";
        [
            (is_open, open),
            (ends_with_process, random),
            (is_closed, closed),
        ]
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
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

    #[test]
    fn open_doors_and_sessions_that_end_with_the_process_are_warned_of() {
        let warnings = |settings: &AuthSettings| settings.warnings().collect::<Vec<_>>().join("\n");
        assert!(warnings(&AuthSettings::Disabled).starts_with("WEB_AUTH_DISABLED"));
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
