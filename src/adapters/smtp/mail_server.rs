//! The mail server of a tenant, as the config's block `email_server` has it.
//!
//! Its host is taken as people paste it. What is meant is taken where it is certain; the rest is used as
//! it is, with advice.

use serde_json::{Value, json};

use super::address::address;
use crate::domain::{
    config_block::{Block, FieldProblem},
    host::is_loopback,
    secret::CredentialsRef,
};

type Problems = Vec<FieldProblem>;

/// The port on which a mail server speaks TLS from the start (RFC 8314).
const IMPLICIT_TLS_PORT: u16 = 465;

/// The port where none is named: that for submission (RFC 6409).
const DEFAULT_PORT: u16 = 587;

/// The server that takes a tenant's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub transport: MailTransport,
    /// Login name.
    pub username: String,
    /// Sender of the mail, and recipient of the confirmation where the tenant names nobody.
    pub from_email: String,
    /// What the password is resolved by.
    password_ref: CredentialsRef,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTransport {
    /// TLS before the first word (port 465).
    ImplicitTls,
    /// TLS after a plain greeting, required.
    StartTls,
    /// None. Only to loopback.
    Plain,
}

impl MailServer {
    /// Reads the block.
    pub(super) fn read(mut block: Block<'_>, warnings: &mut Problems) -> Result<Self, Problems> {
        let mut advise = |block: &Block<'_>, rule| {
            warnings.push(FieldProblem::advice(block.path_of("host"), rule));
        };
        let pasted = block.required_text("host");
        let server = pasted.map(|pasted| {
            server_address(pasted).unwrap_or_else(|| {
                advise(&block, "is no name of a server; it is used as it is");
                (pasted.trim().to_owned(), None)
            })
        });
        let (host, named_port) = server.map_or((None, None), |(host, port)| (Some(host), port));
        let from_email = address(&mut block, "from_email");
        let password_ref = block
            .required_text("password_ref")
            .and_then(CredentialsRef::new);
        let username = block.text("username").map(|name| name.trim().to_owned());
        let is_given = block.field("port").is_some();
        let port = block.integer("port", named_port.unwrap_or(DEFAULT_PORT).into());
        if is_given && named_port.is_some_and(|named| i64::from(named) != port) {
            advise(&block, "names another port than `port`, which counts");
        }
        let port = u16::try_from(port).ok().filter(|port| *port > 0);
        if port.is_none() {
            block.reject("port", "must be a port from 1 to 65535");
        }
        let use_tls = block.bool("use_tls", true);
        match (host, from_email, password_ref, port) {
            (Some(host), Some(from_email), Some(password_ref), Some(port)) => {
                let transport = transport(&mut block, &host, port, use_tls);
                let username = username.unwrap_or_else(|| from_email.clone());
                block.finish(Self {
                    host,
                    port,
                    transport,
                    username,
                    from_email,
                    password_ref,
                })
            }
            _ => Err(block.into_problems()),
        }
    }

    /// The block that says the same.
    pub(super) fn block(&self) -> Value {
        let Self {
            host,
            port,
            transport,
            username,
            from_email,
            password_ref,
        } = self;
        json!({
            "host": host,
            "port": port,
            "use_tls": *transport != MailTransport::Plain,
            "username": username,
            "from_email": from_email,
            "password_ref": password_ref.expose(),
        })
    }

    /// The reference of its password.
    pub(super) fn password_ref(&self) -> &CredentialsRef {
        &self.password_ref
    }
}

fn transport(block: &mut Block<'_>, host: &str, port: u16, use_tls: bool) -> MailTransport {
    if !use_tls && !is_loopback(host) {
        block.reject("use_tls", "must be true for a host that is not loopback");
    }
    match (use_tls, port) {
        (false, _) => MailTransport::Plain,
        (true, IMPLICIT_TLS_PORT) => MailTransport::ImplicitTls,
        (true, _) => MailTransport::StartTls,
    }
}

/// The name of a mail server, and the port that its address names; `None` where neither is certain.
fn server_address(text: &str) -> Option<(String, Option<u16>)> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let schemes = [("smtps://", Some(465)), ("smtp://", None)];
    let scheme = schemes.iter().find(|(scheme, _)| lower.starts_with(scheme));
    let (start, implied) = scheme.map_or((0, None), |(scheme, port)| (scheme.len(), *port));
    let rest = text.get(start..).unwrap_or(text).trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        // Of an IPv6 address only what stands behind its brackets is a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            match port.parse::<u16>() {
                Ok(port) if port > 0 => (host, Some(port)),
                _ => (rest, None),
            }
        }
        _ => (rest, None),
    };
    let is_host = !host.is_empty()
        && !host.contains(|it: char| it.is_whitespace() || matches!(it, '/' | '@' | '?' | '#'));
    let is_host = is_host
        && (!host.contains(':')
            || host.parse::<std::net::Ipv6Addr>().is_ok()
            || host.starts_with('['));
    is_host.then(|| (host.to_owned(), port.or(implied)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_taken_from_its_address() {
        for (pasted, host, port) in [
            ("smtp.gmail.com", "smtp.gmail.com", None),
            ("smtp.gmail.com:465", "smtp.gmail.com", Some(465)),
            ("smtp://smtp.gmail.com", "smtp.gmail.com", None),
            ("SMTP://smtp.gmail.com:587/", "smtp.gmail.com", Some(587)),
            ("smtps://smtp.gmail.com", "smtp.gmail.com", Some(465)),
            ("smtps://smtp.gmail.com:2465", "smtp.gmail.com", Some(2465)),
            (" localhost:1025 ", "localhost", Some(1025)),
            ("::1", "::1", None),
            ("[::1]:25", "[::1]", Some(25)),
            ("192.0.2.1:25", "192.0.2.1", Some(25)),
        ] {
            let address = Some((host.to_owned(), port));
            assert_eq!(server_address(pasted), address, "{pasted}");
        }
    }

    #[test]
    fn a_mail_server_that_is_not_certain_stays_with_advice() {
        for pasted in [
            "https://smtp.gmail.com",
            "smtp://me:sesame@smtp.gmail.com",
            "smtp.gmail.com:0",
            "smtp.gmail.com:smtp",
            "smtp.gmail.com:99999",
            "smtp gmail com",
            "smtp://",
        ] {
            assert_eq!(server_address(pasted), None, "{pasted}");
            let block = json!({
                "host": pasted, "port": 25, "from_email": "me@example.org", "password_ref": "r",
            });
            let mut warnings = Vec::new();
            let server =
                MailServer::read(Block::required("email_server", Some(&block)), &mut warnings);
            assert_eq!(server.unwrap().host, pasted);
            assert_eq!(warnings.len(), 1, "{pasted}");
        }
    }

    #[test]
    fn mail_is_protected_by_its_port_and_plain_only_to_loopback() {
        for (host, port, use_tls, expected) in [
            ("mail.example.org", 465, true, MailTransport::ImplicitTls),
            ("mail.example.org", 587, true, MailTransport::StartTls),
            ("mail.example.org", 2525, true, MailTransport::StartTls),
            ("localhost", 25, false, MailTransport::Plain),
            ("127.0.0.1", 25, false, MailTransport::Plain),
            ("::1", 465, false, MailTransport::Plain),
            ("localhost", 25, true, MailTransport::StartTls),
        ] {
            let block = json!({
                "host": host, "port": port, "use_tls": use_tls, "username": "login",
                "from_email": "me@example.org", "password_ref": "r",
            });
            let server = MailServer::read(
                Block::required("email_server", Some(&block)),
                &mut Vec::new(),
            );
            let server = server.unwrap();
            assert_eq!(server.transport, expected, "{host}:{port}");
            assert_eq!(server.username, "login");
        }
    }
}
