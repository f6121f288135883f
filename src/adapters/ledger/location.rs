//! Where a ledger is, read from its URL. Used by `ledger.rs`.
//!
//! What does not fit is refused by the rule that it breaks, and never repeated: a part of a URL may be
//! a part of its password.

use std::{path::PathBuf, str::FromStr as _};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use crate::domain::secret::Secret;

pub(super) const RULE: &str = "must be sqlite://<file> or postgres://<user>@<host>/<database>";
const ENCODE: &str = "cannot be read: in the user and the password, `#`, `/`, `?`, `@` and `%` must \
    be percent-encoded, as %23, %2F, %3F, %40 and %25";
const SSL_MODE: &str = "sslmode must be disable, allow, prefer, require, verify-ca or verify-full";
const IGNORED: &str = "has parameters behind the `?` that have no effect; known are sslmode, \
    sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password, application_name, \
    options and statement-cache-capacity";

/// What the driver knows; everything else it would write to the log.
const KNOWN: [&str; 14] = [
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[",
];

pub(super) enum Location {
    Sqlite(PathBuf),
    Postgres(Box<Server>),
}

/// A server, as its URL has it.
pub(super) struct Server {
    pub(super) options: PgConnectOptions,
    /// What `sslrootcert` says: a file, or the certificates themselves.
    pub(super) root_certificates: Option<String>,
    /// A warning for the operator about the URL.
    pub(super) warning: Option<&'static str>,
}

impl Location {
    pub(super) fn from_url(url: &Secret) -> Result<Self, &'static str> {
        let url = url.expose();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') || path.contains(['?', '#', '\0']) {
                return Err("must name a file after sqlite://, without options");
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let (scheme, rest) = url.split_once("://").ok_or(RULE)?;
        match scheme {
            // As another driver has it: the rest is the same.
            "postgres" | "postgresql" | "postgresql+asyncpg" => {
                Ok(Self::Postgres(Box::new(Server::read(rest)?)))
            }
            _ => Err(RULE),
        }
    }
}

impl Server {
    /// Reads what stands behind the scheme.
    fn read(rest: &str) -> Result<Self, &'static str> {
        if has_bare_delimiter(rest) {
            return Err(ENCODE);
        }
        let mut url = Url::parse(&format!("postgres://{rest}")).map_err(|_| {
            let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
            let is_user_cut = !before_query.contains('@') && query.contains('@');
            if is_user_cut { ENCODE } else { RULE }
        })?;
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.set_query(None);
        let (mut mode, mut root_certificates, mut warning) = (None, None, None);
        for (name, value) in &pairs {
            match name.as_str() {
                "sslmode" | "ssl-mode" => mode = Some(value.as_str()),
                // Another driver's name for it.
                "ssl" if value == "true" => mode = Some("require"),
                "ssl" => mode = Some(value),
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => root_certificates = Some(value),
                name if KNOWN.contains(&name) || name.starts_with("options[") => {
                    url.query_pairs_mut().append_pair(name, value);
                }
                // A part of a password that has a `?`.
                name if name.contains('@') || value.contains('@') => return Err(ENCODE),
                _ => warning = Some(IGNORED),
            }
        }
        let mode = mode.map(PgSslMode::from_str).transpose();
        let mode = mode.map_err(|_| SSL_MODE)?;
        // What is left that can be wrong: text that is not UTF-8, a number that is none.
        let mut options = PgConnectOptions::from_url(&url).map_err(|_| {
            let is_number_bad = ["port", "hostaddr", "statement-cache-capacity"]
                .iter()
                .any(|name| pairs.iter().any(|(it, _)| it == name));
            if is_number_bad { RULE } else { ENCODE }
        })?;
        if let Some(mode) = mode {
            options = options.ssl_mode(mode);
        }
        Ok(Self {
            options,
            // As PostgreSQL's own library has it; the system's are trusted anyway.
            root_certificates: root_certificates.filter(|it| *it != "system").cloned(),
            warning,
        })
    }
}

/// Whether a user or a password has a character in it that ends either. A URL of a database has no
/// fragment; and an `@` in its path is the one that was meant to stand before the host.
fn has_bare_delimiter(rest: &str) -> bool {
    let before_query = rest.split('?').next().unwrap_or_default();
    let path = before_query.split_once('/').map(|(_, path)| path);
    rest.contains('#') || path.is_some_and(|path| path.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<&'static str> {
        Location::from_url(&Secret::new(url.to_owned())).err()
    }

    fn server(url: &str) -> Server {
        match Location::from_url(&Secret::new(url.to_owned())) {
            Ok(Location::Postgres(server)) => *server,
            Ok(Location::Sqlite(_)) => panic!("{url} is no server"),
            Err(rule) => panic!("{url}: {rule}"),
        }
    }

    #[test]
    fn a_password_that_must_be_percent_encoded_is_told_to_be() {
        for password in [
            "s3#cret", "s3/cret", "s3?cret", "12#34", "12/34", "12?34", "@/s3", "s3%ff", "a?b=c",
            "12?a=b", "/", "#", "?",
        ] {
            let url = format!("postgres://user:{password}@host/db");
            assert_eq!(refusal(&url), Some(ENCODE), "{url}");
        }
        // These can be read for what they are.
        for password in ["s3@cret", "50%off", "s3%23cret"] {
            server(&format!("postgres://user:{password}@host/db"));
        }
    }

    #[test]
    fn a_mode_that_there_is_not_is_told_with_those_that_there_are() {
        for mode in ["yes", "", "verify_full", "true"] {
            let url = format!("postgres://user:s3cret@host/db?sslmode={mode}");
            assert_eq!(refusal(&url), Some(SSL_MODE), "{url}");
        }
        for (query, mode) in [
            ("sslmode=verify-full", PgSslMode::VerifyFull),
            ("ssl=require", PgSslMode::Require),
            ("ssl=true", PgSslMode::Require),
        ] {
            let server = server(&format!("postgresql+asyncpg://user@host/db?{query}"));
            let told = format!("{:?}", server.options.get_ssl_mode());
            assert_eq!(told, format!("{mode:?}"), "{query}");
            assert_eq!(server.warning, None);
        }
    }

    #[test]
    fn parameters_that_the_driver_does_not_know_are_kept_from_it_and_warned_of() {
        let server = server("postgres://user@host/db?channel_binding=require&sslmode=require");
        assert_eq!(server.warning, Some(IGNORED));
        assert_eq!(server.options.get_database(), Some("db"));
    }

    #[test]
    fn numbers_that_are_none_are_not_called_a_password() {
        for url in [
            "postgres://user:s3cret@host:port/db",
            "postgres://user:s3cret@host/db?port=s3cret",
            "postgres://user:s3cret@host/db?hostaddr=s3cret",
        ] {
            assert_eq!(refusal(url), Some(RULE), "{url}");
        }
    }

    #[test]
    fn a_root_is_a_file_unless_it_is_the_system_s() {
        let of = |query: &str| server(&format!("postgres://host/db?{query}")).root_certificates;
        assert_eq!(
            of("sslrootcert=/etc/ca.pem").as_deref(),
            Some("/etc/ca.pem")
        );
        assert_eq!(of("sslrootcert=system"), None);
        assert_eq!(of("sslmode=require"), None);
    }
}
