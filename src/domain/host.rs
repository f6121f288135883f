//! The host of a request, by which its tenant is found.

use std::{fmt, net::IpAddr, sync::Arc};

/// The longest host name that DNS allows, in bytes (RFC 1035, without the trailing dot).
const MAX_NAME: usize = 253;
/// The longest label that DNS allows, in bytes (RFC 1035).
const MAX_LABEL: usize = 63;

/// A normalized host name, under which a tenant is looked up and cached. `Debug` hides it: hosts are not logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Host(Arc<str>);

impl Host {
    /// The host of a raw `Host` header, for a service of many tenants: lower-case, without port and trailing dot; no
    /// address, no `localhost`, no `www.*`.
    ///
    /// # Errors
    /// [`InvalidHost`] when no tenant can have the host. The answer is that to an unknown tenant.
    pub fn normalize(raw: &str) -> Result<Self, InvalidHost> {
        let host = Self::normalize_any(raw)?;
        host.can_be_tenants().then_some(host).ok_or(InvalidHost)
    }

    /// The host of a raw `Host` header, for a service of one tenant: any name or address.
    ///
    /// # Errors
    /// [`InvalidHost`] when the header is empty or no host.
    pub fn normalize_any(raw: &str) -> Result<Self, InvalidHost> {
        if raw.starts_with('[') || raw.parse::<IpAddr>().is_ok() {
            let name = strip_ip_literal(raw).ok_or(InvalidHost)?;
            return Ok(Self(name.into()));
        }
        let name = strip_decoration(raw).filter(|name| is_dns_name(name));
        let name = name.ok_or(InvalidHost)?;
        Ok(Self(name.to_ascii_lowercase().into()))
    }

    /// Whether a tenant can have this host, by the rules of [`normalize`](Self::normalize).
    #[must_use]
    pub fn can_be_tenants(&self) -> bool {
        let name = self.as_str();
        let is_literal = name.contains(':') || looks_like_ipv4(name);
        !is_literal && name != "localhost" && !name.starts_with("www.")
    }

    /// The normalized name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first label, which is the tenant's name where there is no other.
    #[must_use]
    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }

    /// The first label of a name below `domain`, which is the tenant's name there.
    #[must_use]
    pub fn label_below(&self, domain: &Self) -> Option<&str> {
        let labels = self.0.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        labels.split('.').next()
    }
}

/// Whether the name is `localhost` or a loopback address.
#[must_use]
pub fn is_loopback(name: &str) -> bool {
    let address = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host(…)")
    }
}

/// The header names no host that a tenant can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host is not one that a tenant can have")]
pub struct InvalidHost;

/// The name without the port and one trailing dot.
fn strip_decoration(raw: &str) -> Option<&str> {
    let name = match raw.split_once(':') {
        Some((name, port)) => port.parse::<u16>().is_ok().then_some(name)?,
        None => raw,
    };
    Some(name.strip_suffix('.').unwrap_or(name))
}

fn strip_ip_literal(raw: &str) -> Option<String> {
    let inner = match raw.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.split_once(']')?;
            let port = after
                .strip_prefix(':')
                .or(after.is_empty().then_some("0"))?;
            port.parse::<u16>().ok()?;
            inner
        }
        None => raw,
    };
    inner
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_string())
}

fn is_dns_name(name: &str) -> bool {
    let mut labels = name.as_bytes().split(|byte| *byte == b'.');
    name.len() <= MAX_NAME && labels.all(is_dns_label)
}

fn is_dns_label(label: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && label.iter().all(is_allowed)
        && label.first() != Some(&b'-')
        && label.last() != Some(&b'-')
}

/// Whether the last label is a number. URL parsers read such a name as an IPv4 address (`127.1`, `0x7f.1`), and no
/// top-level domain is a number.
fn looks_like_ipv4(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_hex = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hex || last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_port_and_trailing_dot_do_not_make_another_host() {
        for raw in [
            "alice.example.org",
            "ALICE.Example.org:8080",
            "alice.example.org.",
            "alice.example.org.:443",
        ] {
            assert_eq!(
                Host::normalize(raw).unwrap().as_str(),
                "alice.example.org",
                "{raw}"
            );
        }
    }

    #[test]
    fn shapes_that_can_name_no_tenant_are_refused() {
        let long_label = format!("{}.example.org", "a".repeat(64));
        let long_name = format!("{}org", "abcdefg.".repeat(32));
        for raw in [
            "",
            " alice.example.org",
            "alice.example.org ",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.1",
            "0x7f.0x1",
            "::1",
            "[::1]",
            "[::1]:80",
            "localhost",
            "LOCALHOST:80",
            "localhost.",
            "www.example.org",
            "WWW.example.org",
            "a..b",
            ".a.b",
            "a.b..",
            "a_b.org",
            "a b.org",
            "-a.org",
            "a-.org",
            "a.org:port",
            "a.org:99999",
            "a.org:80:80",
            "a.org/path",
            "user@a.org",
            "ä.org",
            "a\0.org",
            "a.org:",
            long_label.as_str(),
            long_name.as_str(),
        ] {
            assert_eq!(Host::normalize(raw), Err(InvalidHost), "{raw:?}");
        }
    }

    #[test]
    fn a_single_tenant_is_served_under_names_and_addresses_alike() {
        for (raw, expected) in [
            ("localhost:8080", "localhost"),
            ("127.0.0.1:8080", "127.0.0.1"),
            ("[::1]:8080", "::1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("www.Example.org.", "www.example.org"),
        ] {
            assert_eq!(
                Host::normalize_any(raw).unwrap().as_str(),
                expected,
                "{raw}"
            );
        }
        for raw in ["", " ", "a b", "[::1", "[::1]x", "[a]"] {
            assert_eq!(Host::normalize_any(raw), Err(InvalidHost), "{raw}");
        }
    }

    #[test]
    fn debug_output_does_not_name_the_host() {
        let host = Host::normalize("alice.example.org").unwrap();
        assert!(!format!("{host:?}").contains("alice"));
        assert_eq!(host.first_label(), "alice");
    }

    #[test]
    fn a_name_below_a_domain_has_a_label_that_names_its_tenant() {
        let domain = Host::normalize_any("Example.org.").unwrap();
        for (raw, label) in [
            ("alice.example.org", Some("alice")),
            ("ALICE.example.org:8080", Some("alice")),
            ("alice.eu.example.org", Some("alice")),
            ("example.org", None),
            ("alice.example.com", None),
            ("aliceexample.org", None),
            ("alice.example.org.evil.example", None),
            ("org", None),
        ] {
            let host = Host::normalize_any(raw).unwrap();
            assert_eq!(host.label_below(&domain), label, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn normalizing_is_idempotent(raw in "[a-zA-Z0-9.:\\-\\[\\]_ w]{0,40}") {
            if let Ok(host) = Host::normalize(&raw) {
                prop_assert_eq!(Host::normalize(host.as_str()), Ok(host));
            }
        }

        #[test]
        fn whatever_is_sent_a_host_is_normal_already_and_fit_for_dns(raw: String, name in "[a-zA-Z0-9]{1,9}") {
            for raw in [raw.clone(), format!("{name}.{raw}"), format!("{name}.org:{raw}")] {
                if let Ok(host) = Host::normalize(&raw) {
                    let is_plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
                    prop_assert!(host.as_str().chars().all(is_plain));
                    prop_assert_eq!(Host::normalize(host.as_str()), Ok(host.clone()));
                    prop_assert_eq!(Host::normalize_any(&raw), Ok(host));
                }
                if let Ok(host) = Host::normalize_any(&raw) {
                    prop_assert_eq!(Host::normalize_any(host.as_str()), Ok(host));
                }
            }
        }
    }
}
