//! How admins are told from others, as the environment says.

use std::time::Duration;

use publisher::{
    adapters::env::Environment,
    app::http::auth::{AdminCredentials, AuthSettings, BasicCredential, LoginSettings},
    domain::secret::Secret,
};

/// The shortest secret that cookies may be signed with, in bytes: as long as what it signs with.
const SHORTEST_SESSION_SECRET: usize = 32;
/// How long a session lasts when nobody says, in seconds (a week).
const DEFAULT_SESSION_TTL: u64 = 604_800;
/// The longest that a session may last, in seconds (30 days).
const LONGEST_SESSION_TTL: u64 = 2_592_000;

const TOKEN: &str = "WEB_AUTH_TOKEN";
const USER: &str = "WEB_AUTH_USER";
const PASS: &str = "WEB_AUTH_PASS";
const PASSWORD: &str = "WEB_ADMIN_PASSWORD";
const SESSION_SECRET: &str = "WEB_SESSION_SECRET";
const DISABLED: &str = "WEB_AUTH_DISABLED";

/// Reads all of it. `None` where something is bad; the environment knows what.
pub(super) fn read(environment: &mut Environment) -> Option<AuthSettings> {
    let problems_before = environment.problem_count();
    let credentials = AdminCredentials {
        token: token(environment),
        basic: basic(environment),
        login: login(environment),
    };
    let disabled = environment.boolean(DISABLED, false);
    let AdminCredentials {
        token,
        basic,
        login,
    } = &credentials;
    let set = [
        (token.is_some(), TOKEN),
        (basic.is_some(), USER),
        (login.is_some(), PASSWORD),
    ];
    for (_, name) in set.iter().filter(|(is_set, _)| disabled && *is_set) {
        environment.reject(DISABLED, format!("must not be set beside {name}"));
    }
    (environment.problem_count() == problems_before).then_some(if disabled {
        AuthSettings::Disabled
    } else {
        AuthSettings::Enforced(credentials)
    })
}

fn token(environment: &mut Environment) -> Option<Secret> {
    let token = environment.non_empty_secret(TOKEN)?;
    let text = token.expose();
    let fits = text.trim() == text && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !fits {
        let rule = "must be visible ASCII without spaces around it: a header carries no other";
        environment.reject(TOKEN, rule);
    }
    Some(token)
}

fn basic(environment: &mut Environment) -> Option<BasicCredential> {
    let problems_before = environment.problem_count();
    let user = environment.non_empty_secret(USER);
    let password = environment.non_empty_secret(PASS);
    if environment.problem_count() > problems_before {
        return None;
    }
    match (user, password) {
        (Some(user), Some(password)) => {
            if user.expose().contains(':') {
                environment.reject(
                    USER,
                    "must not hold a colon: it ends where the first one is",
                );
            }
            Some(BasicCredential { user, password })
        }
        (Some(_), None) => {
            environment.reject(PASS, format!("is required beside {USER}"));
            None
        }
        (None, Some(_)) => {
            environment.reject(USER, format!("is required beside {PASS}"));
            None
        }
        (None, None) => None,
    }
}

fn login(environment: &mut Environment) -> Option<LoginSettings> {
    let problems_before = environment.problem_count();
    let password = environment.non_empty_secret(PASSWORD);
    let is_without_password = password.is_none() && environment.problem_count() == problems_before;
    let session_secret = environment.non_empty_secret(SESSION_SECRET);
    if let Some(secret) = &session_secret {
        if secret.expose().len() < SHORTEST_SESSION_SECRET {
            let rule = format!("must have at least {SHORTEST_SESSION_SECRET} bytes");
            environment.reject(SESSION_SECRET, rule);
        }
        if is_without_password {
            environment.reject(SESSION_SECRET, format!("has no use without {PASSWORD}"));
        }
    }
    let session_ttl = environment.number(
        "WEB_ADMIN_COOKIE_TTL_SECONDS",
        DEFAULT_SESSION_TTL,
        60..=LONGEST_SESSION_TTL,
    );
    let secure_cookies = environment.boolean("WEB_SECURE_COOKIES", true);
    Some(LoginSettings {
        password: password?,
        session_secret,
        session_ttl: Duration::from_secs(session_ttl),
        secure_cookies,
    })
}

#[cfg(test)]
mod tests {
    use publisher::adapters::env::SettingProblems;

    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    fn settings(pairs: &[(&str, &str)]) -> Result<AuthSettings, SettingProblems> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let settings = read(&mut environment);
        environment.finish_with(settings)
    }

    fn credentials(pairs: &[(&str, &str)]) -> AdminCredentials {
        match settings(pairs).unwrap() {
            AuthSettings::Enforced(credentials) => credentials,
            AuthSettings::Disabled => panic!("it is disabled"),
        }
    }

    /// The variables that are bad. None of them shows its value.
    fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
        let problems = settings(pairs).unwrap_err();
        for (_, value) in pairs.iter().filter(|(_, value)| value.len() > 3) {
            assert!(!problems.to_string().contains(value), "{problems}");
        }
        let names = problems.as_slice().iter();
        names.map(|problem| problem.name().to_owned()).collect()
    }

    #[test]
    fn nothing_is_configured_when_nothing_is_set() {
        let AdminCredentials {
            token,
            basic,
            login,
        } = credentials(&[]);
        assert!(token.is_none() && basic.is_none() && login.is_none());
    }

    #[test]
    fn any_combination_may_be_configured() {
        let all = credentials(&[
            (TOKEN, "t0ken"),
            (USER, "editor"),
            (PASS, "s3:cret"),
            (PASSWORD, "open"),
            (SESSION_SECRET, LONG),
            ("WEB_ADMIN_COOKIE_TTL_SECONDS", "60"),
            ("WEB_SECURE_COOKIES", "false"),
        ]);
        let (basic, login) = (all.basic.unwrap(), all.login.unwrap());
        assert_eq!(all.token.unwrap().expose(), "t0ken");
        assert_eq!(
            (basic.user.expose(), basic.password.expose()),
            ("editor", "s3:cret")
        );
        assert_eq!(login.password.expose(), "open");
        assert_eq!(login.session_secret.unwrap().expose(), LONG);
        assert_eq!(login.session_ttl, Duration::from_mins(1));
        assert!(!login.secure_cookies);
        let login = credentials(&[(PASSWORD, "open")]).login.unwrap();
        assert!(login.session_secret.is_none() && login.secure_cookies);
        assert_eq!(login.session_ttl, Duration::from_hours(7 * 24));
    }

    #[test]
    fn an_empty_secret_is_none() {
        for name in [TOKEN, USER, PASS, PASSWORD, SESSION_SECRET] {
            for empty in ["", " ", "\n"] {
                assert_eq!(problems(&[(name, empty)]), [name], "{empty:?}");
            }
            assert_eq!(
                problems(&[(&format!("{name}_FILE"), "/nowhere/to/be/found")]),
                [format!("{name}_FILE")]
            );
        }
    }

    #[test]
    fn half_a_credential_is_a_problem_of_the_other_half() {
        assert_eq!(problems(&[(USER, "editor")]), [PASS]);
        assert_eq!(problems(&[(PASS, "s3cret")]), [USER]);
        assert_eq!(problems(&[(SESSION_SECRET, LONG)]), [SESSION_SECRET]);
    }

    #[test]
    fn what_could_never_be_sent_is_a_problem() {
        for token in ["t0ken ", " t0ken", "tökens", "t0\tken"] {
            assert_eq!(problems(&[(TOKEN, token)]), [TOKEN], "{token:?}");
        }
        assert_eq!(problems(&[(USER, "edi:tor"), (PASS, "s3cret")]), [USER]);
    }

    #[test]
    fn a_session_secret_has_32_bytes_at_least() {
        let with = |secret| [(PASSWORD, "open"), (SESSION_SECRET, secret)];
        assert_eq!(problems(&with(&LONG[1..])), [SESSION_SECRET]);
        assert!(settings(&with(LONG)).is_ok());
    }

    #[test]
    fn times_and_switches_are_checked_even_where_nobody_can_log_in() {
        let ttl = "WEB_ADMIN_COOKIE_TTL_SECONDS";
        for seconds in ["59", "2592001", "-1", "week", "1e3"] {
            assert_eq!(problems(&[(ttl, seconds)]), [ttl], "{seconds}");
        }
        assert!(settings(&[(ttl, "2592000")]).is_ok());
        assert_eq!(
            problems(&[("WEB_SECURE_COOKIES", "maybe")]),
            ["WEB_SECURE_COOKIES"]
        );
        assert_eq!(problems(&[(DISABLED, "maybe")]), [DISABLED]);
    }

    #[test]
    fn open_doors_and_a_credential_exclude_each_other() {
        assert!(matches!(
            settings(&[(DISABLED, "yes")]),
            Ok(AuthSettings::Disabled)
        ));
        assert_eq!(problems(&[(DISABLED, "yes"), (TOKEN, "t0ken")]), [DISABLED]);
        assert_eq!(
            problems(&[(DISABLED, "yes"), (USER, "editor"), (PASS, "s3cret")]),
            [DISABLED]
        );
        assert_eq!(
            problems(&[(DISABLED, "yes"), (PASSWORD, "open")]),
            [DISABLED]
        );
    }
}
