//! How admins are distinguished from others, as the environment sets it.

use std::time::Duration;

use super::openid;
use publisher::{
    adapters::env::Environment,
    app::http::auth::{
        AdminCredentials, AuthSettings, BasicCredential, STRONG_SECRET, SessionSettings,
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
/// The default lifetime of a session, in seconds (a week).
const DEFAULT_SESSION_TTL: u64 = 604_800;
/// The longest that a session may last, in seconds (30 days).
const LONGEST_SESSION_TTL: u64 = 2_592_000;

/// The longest epoch, in bytes: a number, or a date.
const LONGEST_EPOCH: usize = 64;

pub(super) const TOKEN: &str = "WEB_AUTH_TOKEN";
const USER: &str = "WEB_AUTH_USER";
const PASS: &str = "WEB_AUTH_PASS";
const PASSWORD: &str = "WEB_ADMIN_PASSWORD";
const SESSION_SECRET: &str = "WEB_SESSION_SECRET";
const DISABLED: &str = "WEB_AUTH_DISABLED";
const COOKIE_TTL: &str = "WEB_ADMIN_COOKIE_TTL_SECONDS";
const SECURE_COOKIES: &str = "WEB_SECURE_COOKIES";
const COOKIE_EPOCH: &str = "WEB_ADMIN_COOKIE_EPOCH";

/// Reads all of it, beside a login with accounts if there is one. `None` where something is bad; the environment knows what.
pub(super) fn read(environment: &mut Environment, has_account_login: bool) -> Option<AuthSettings> {
    let problems_before = environment.problem_count();
    let (token, basic) = (token(environment), basic(environment));
    let (password, sessions) = logins(environment, has_account_login);
    let plain_cookies = !sessions.secure_cookies;
    let credentials = AdminCredentials {
        token,
        basic,
        password,
        sessions,
    };
    let disabled = environment.boolean(DISABLED, false);
    // Half a credential was meant to protect something, too.
    let openid = [openid::ISSUER, openid::CLIENT_ID, openid::CLIENT_SECRET];
    let openid = openid.map(|(name, other)| [name, other]);
    for names in [
        &[TOKEN][..],
        &[USER, PASS],
        &[PASSWORD],
        openid.as_flattened(),
    ] {
        let is_set =
            |name: &&&str| environment.is_set(name) || environment.is_set(&format!("{name}_FILE"));
        if let Some(name) = names.iter().find(is_set).filter(|_| disabled) {
            environment.reject(DISABLED, format!("must not be set beside {name}"));
        }
    }
    (environment.problem_count() == problems_before).then_some(if disabled {
        AuthSettings::Disabled { plain_cookies }
    } else {
        AuthSettings::Enforced(credentials)
    })
}

/// What admins send as a bearer token.
pub(super) fn token(environment: &mut Environment) -> Option<Secret> {
    let token = environment.secret(TOKEN)?;
    let text = token.expose();
    let fits = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !fits {
        let rule = "must be visible ASCII: a header carries no other";
        environment.reject(environment.set_name(TOKEN), rule);
    }
    warn_of_weak(environment, TOKEN, &token);
    Some(token)
}

fn basic(environment: &mut Environment) -> Option<BasicCredential> {
    let problems_before = environment.problem_count();
    let user = environment.secret(USER);
    let password = environment.secret(PASS);
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

/// The password to log in with, if there is one, and the sessions of all logins.
fn logins(
    environment: &mut Environment,
    has_account_login: bool,
) -> (Option<Secret>, SessionSettings) {
    let problems_before = environment.problem_count();
    let password = environment.secret(PASSWORD);
    if let Some(password) = &password
        && password.expose().chars().count() < SHORTEST_PASSWORD
    {
        let rule = format!(
            "has fewer than {SHORTEST_PASSWORD} characters: guessing is slowed down, not stopped"
        );
        environment.warn(PASSWORD, rule);
    }
    let is_without_login =
        password.is_none() && environment.problem_count() == problems_before && !has_account_login;
    let problems_before = environment.problem_count();
    let sessions = SessionSettings {
        secret: session_secret(environment),
        ttl: Duration::from_secs(environment.number(
            COOKIE_TTL,
            DEFAULT_SESSION_TTL,
            60..=LONGEST_SESSION_TTL,
        )),
        secure_cookies: environment.boolean(SECURE_COOKIES, true),
        epoch: epoch(environment),
    };
    if is_without_login {
        let without = format!("without {PASSWORD} or a login by OpenID Connect");
        let file = format!("{SESSION_SECRET}_FILE");
        let names = [
            SESSION_SECRET,
            &file,
            COOKIE_TTL,
            COOKIE_EPOCH,
            SECURE_COOKIES,
        ];
        for name in names {
            if environment.is_set(name) {
                let but = match name {
                    SECURE_COOKIES => ", but on the cookies that a log-out ends",
                    SESSION_SECRET => ", but on links to images of a local storage",
                    _ => "",
                };
                environment.warn_only(name, format!("has no effect {without}{but}"));
            }
        }
        environment.excuse_problems(problems_before, &names);
    }
    (password, sessions)
}

/// A text of which only a change counts.
fn epoch(environment: &mut Environment) -> Option<Secret> {
    let epoch = environment.text(COOKIE_EPOCH)?;
    if epoch.len() > LONGEST_EPOCH {
        environment.reject(
            COOKIE_EPOCH,
            format!("must have {LONGEST_EPOCH} bytes at most"),
        );
        return None;
    }
    Some(Secret::new(epoch))
}

/// `None` where it is not set, or too short to be of use.
fn session_secret(environment: &mut Environment) -> Option<Secret> {
    let secret = environment.secret(SESSION_SECRET)?;
    let length = secret.expose().len();
    if length < SHORTEST_SESSION_SECRET {
        let rule = format!(
            "has fewer than {SHORTEST_SESSION_SECRET} bytes, could be guessed from a cookie, and is not \
             used: a random one takes its place, with which sessions end with this process; replicas \
             need a real one (openssl rand -base64 32)"
        );
        environment.warn(environment.set_name(SESSION_SECRET), rule);
        return None;
    }
    if length < GOOD_SESSION_SECRET {
        let rule = format!(
            "has fewer than {GOOD_SESSION_SECRET} bytes: it is used, but should be longer \
             (openssl rand -base64 32)"
        );
        environment.warn(environment.set_name(SESSION_SECRET), rule);
    }
    Some(secret)
}

#[cfg(test)]
mod tests;
