//! How admins are told from others, as the environment says.

use std::time::Duration;

use publisher::{
    adapters::env::Environment,
    app::http::auth::{
        AdminCredentials, AuthSettings, BasicCredential, LoginSettings, STRONG_SECRET,
    },
    domain::secret::Secret,
};

/// The shortest secret that cookies should be signed with, in bytes: as long as what it signs with.
const GOOD_SESSION_SECRET: usize = 32;
/// The shortest one that they are signed with: a shorter one could be guessed from a cookie.
const SHORTEST_SESSION_SECRET: usize = 16;
/// The shortest password to log in with that is not warned of, in characters. Five tries a minute do
/// not find one of that length unless it is a common one.
const SHORTEST_PASSWORD: usize = 8;
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
const COOKIE_TTL: &str = "WEB_ADMIN_COOKIE_TTL_SECONDS";
const SECURE_COOKIES: &str = "WEB_SECURE_COOKIES";

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
    let token = environment.protecting_secret(TOKEN)?;
    let text = token.expose();
    let fits = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !fits {
        let rule = "must be visible ASCII: a header carries no other";
        environment.reject(TOKEN, rule);
    }
    warn_of_weak(environment, TOKEN, &token);
    Some(token)
}

fn basic(environment: &mut Environment) -> Option<BasicCredential> {
    let problems_before = environment.problem_count();
    let user = environment.protecting_secret(USER);
    let password = environment.protecting_secret(PASS);
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
            warn_of_weak(environment, PASS, &password);
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

/// A secret that each request carries should be too long to be guessed.
fn warn_of_weak(environment: &mut Environment, name: &str, secret: &Secret) {
    if secret.expose().chars().count() < STRONG_SECRET {
        let rule = format!(
            "has fewer than {STRONG_SECRET} characters: it may be guessed, and the right one is refused, \
             too, while too many wrong ones come (openssl rand -base64 32)"
        );
        environment.warn(name, rule);
    }
}

fn login(environment: &mut Environment) -> Option<LoginSettings> {
    let problems_before = environment.problem_count();
    let password = environment.protecting_secret(PASSWORD);
    if let Some(password) = &password
        && password.expose().chars().count() < SHORTEST_PASSWORD
    {
        let rule = format!(
            "has fewer than {SHORTEST_PASSWORD} characters: guessing is slowed down, not stopped"
        );
        environment.warn(PASSWORD, rule);
    }
    let is_without_password = password.is_none() && environment.problem_count() == problems_before;
    let session_secret = session_secret(environment);
    if is_without_password {
        let file = format!("{SESSION_SECRET}_FILE");
        for name in [SESSION_SECRET, &file, COOKIE_TTL, SECURE_COOKIES] {
            if environment.is_set(name) {
                environment.warn(name, format!("has no effect without {PASSWORD}"));
            }
        }
    }
    let session_ttl = environment.number(COOKIE_TTL, DEFAULT_SESSION_TTL, 60..=LONGEST_SESSION_TTL);
    let secure_cookies = environment.boolean(SECURE_COOKIES, true);
    Some(LoginSettings {
        password: password?,
        session_secret,
        session_ttl: Duration::from_secs(session_ttl),
        secure_cookies,
    })
}

/// `None` where it is not set, or too short to be of use.
fn session_secret(environment: &mut Environment) -> Option<Secret> {
    let secret = environment.protecting_secret(SESSION_SECRET)?;
    let length = secret.expose().len();
    if length < SHORTEST_SESSION_SECRET {
        let rule = format!(
            "has fewer than {SHORTEST_SESSION_SECRET} bytes, could be guessed from a cookie, and is not \
             used: a random one takes its place, with which sessions end with this process; replicas \
             need a real one (openssl rand -base64 32)"
        );
        environment.warn(SESSION_SECRET, rule);
        return None;
    }
    if length < GOOD_SESSION_SECRET {
        let rule = format!(
            "has fewer than {GOOD_SESSION_SECRET} bytes: it is used, but should be longer \
             (openssl rand -base64 32)"
        );
        environment.warn(SESSION_SECRET, rule);
    }
    Some(secret)
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

    /// The variables that are warned of; none of them shows its value.
    fn warned(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        assert!(read(&mut environment).is_some());
        let warnings = environment.warnings();
        for (_, value) in pairs.iter().filter(|(_, value)| value.len() > 3) {
            assert!(!format!("{warnings:?}").contains(value), "{warnings:?}");
        }
        let names = warnings.iter().map(|warning| warning.name().to_owned());
        names.collect()
    }

    #[test]
    fn a_blank_secret_is_none_and_warned_of() {
        for name in [TOKEN, USER, PASS, PASSWORD, SESSION_SECRET] {
            for empty in ["", " ", "\n", "\u{feff}\u{a0}"] {
                assert_eq!(warned(&[(name, empty)]), [name], "{empty:?}");
                let AdminCredentials {
                    token,
                    basic,
                    login,
                } = credentials(&[(name, empty)]);
                assert!(token.is_none() && basic.is_none() && login.is_none());
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
        assert_eq!(problems(&[(USER, " "), (PASS, "s3cret")]), [USER]);
    }

    #[test]
    fn what_could_never_be_sent_is_a_problem() {
        for token in ["tökens", "t0\tken", "t0\u{200b}ken"] {
            assert_eq!(problems(&[(TOKEN, token)]), [TOKEN], "{token:?}");
        }
        assert_eq!(problems(&[(USER, "edi:tor"), (PASS, "s3cret")]), [USER]);
    }

    #[test]
    fn what_cannot_be_seen_around_a_secret_is_not_a_part_of_it() {
        for token in [
            "t0ken ",
            " t0ken",
            "\u{feff}t0ken\r\n",
            "t0ken\u{200b}",
            "\u{a0}t0ken",
        ] {
            let token = credentials(&[(TOKEN, token)]).token.unwrap();
            assert_eq!(token.expose(), "t0ken");
        }
    }

    #[test]
    fn a_session_secret_should_have_32_bytes_and_is_not_used_with_less_than_16() {
        for (length, is_used, is_warned) in [
            (32, true, false),
            (31, true, true),
            (16, true, true),
            (15, false, true),
            (1, false, true),
        ] {
            let secret = &LONG[..length];
            let pairs = [(PASSWORD, "pass-phrase"), (SESSION_SECRET, secret)];
            let used = credentials(&pairs).login.unwrap().session_secret;
            let expected = is_used.then_some(secret);
            assert_eq!(used.as_ref().map(Secret::expose), expected, "{length}");
            let told = if is_warned {
                &[SESSION_SECRET][..]
            } else {
                &[]
            };
            assert_eq!(warned(&pairs), told, "{length}");
        }
    }

    #[test]
    fn a_secret_of_each_request_with_fewer_than_16_characters_is_used_and_warned_of() {
        for (length, is_warned) in [(1, true), (15, true), (16, false), (32, false)] {
            let secret = &LONG[..length];
            let pairs = [(TOKEN, secret), (USER, "editor"), (PASS, secret)];
            let told = if is_warned { &[TOKEN, PASS][..] } else { &[] };
            assert_eq!(warned(&pairs), told, "{length}");
            let used = credentials(&pairs);
            assert_eq!(used.token.unwrap().expose(), secret);
            assert_eq!(used.basic.unwrap().password.expose(), secret);
        }
        // Characters, not bytes.
        let password = "é".repeat(15);
        assert_eq!(warned(&[(USER, "editor"), (PASS, &password)]), [PASS]);
    }

    #[test]
    fn a_password_of_fewer_than_8_characters_is_used_and_warned_of() {
        for (length, is_warned) in [(1, true), (7, true), (8, false), (32, false)] {
            let pairs = [(PASSWORD, &LONG[..length])];
            let told = if is_warned { &[PASSWORD][..] } else { &[] };
            assert_eq!(warned(&pairs), told, "{length}");
            let login = credentials(&pairs).login.unwrap();
            assert_eq!(login.password.expose(), &LONG[..length]);
        }
    }

    #[test]
    fn what_has_no_use_without_a_password_is_warned_of_and_stops_nothing() {
        let pairs = [
            (TOKEN, LONG),
            (SESSION_SECRET, LONG),
            (COOKIE_TTL, "60"),
            (SECURE_COOKIES, "false"),
        ];
        assert_eq!(warned(&pairs), [SESSION_SECRET, COOKIE_TTL, SECURE_COOKIES]);
        assert!(credentials(&pairs).login.is_none());
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
