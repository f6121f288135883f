//! The name in EHLO: many mail servers refuse one that is no whole domain name.

use std::{fmt, net::IpAddr, str::FromStr};

use lettre::transport::smtp::extension::ClientId;
use url::Host;

/// The name of this client in EHLO: a domain name, or an address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EhloName(String);

/// The text is neither a domain name nor an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a domain name such as mail.example.org, or an IP address")]
pub struct InvalidEhloName;

impl EhloName {
    /// The name of this host where it is a whole domain name; else an address, which no server takes
    /// for a wrong name (RFC 5321, 4.1.3).
    #[must_use]
    pub fn of_this_host() -> Self {
        match ClientId::default() {
            ClientId::Domain(name) => Self::of_host_name(&name),
            _ => Self::loopback(),
        }
    }

    fn of_host_name(name: &str) -> Self {
        let name = name.parse().ok().filter(|Self(name)| name.contains('.'));
        name.unwrap_or_else(Self::loopback)
    }

    fn loopback() -> Self {
        Self("[127.0.0.1]".to_owned())
    }
}

impl FromStr for EhloName {
    type Err = InvalidEhloName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let address = bare.unwrap_or(text);
        let address = address.strip_prefix("IPv6:").unwrap_or(address);
        match (address.parse(), bare) {
            (Ok(IpAddr::V4(address)), _) => return Ok(Self(format!("[{address}]"))),
            (Ok(IpAddr::V6(address)), _) => return Ok(Self(format!("[IPv6:{address}]"))),
            (Err(_), Some(_)) => return Err(InvalidEhloName),
            (Err(_), None) => {}
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        match Host::parse(name) {
            Ok(Host::Domain(name)) if is_domain_name(&name) => Ok(Self(name)),
            _ => Err(InvalidEhloName),
        }
    }
}

/// Letters, digits and hyphens within (RFC 1123, 2.1).
fn is_domain_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

impl fmt::Display for EhloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_taken_and_written_as_servers_want_them() {
        for (text, said) in [
            ("mail.example.org", "mail.example.org"),
            ("Mail.Example.org.", "mail.example.org"),
            ("localhost", "localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.7", "[192.0.2.7]"),
            ("[192.0.2.7]", "[192.0.2.7]"),
            ("2001:db8::1", "[IPv6:2001:db8::1]"),
            ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ] {
            let name: EhloName = text.parse().unwrap();
            assert_eq!(name.to_string(), said);
        }
        for text in [
            "",
            ".",
            "a_b.example",
            "-a.example",
            "a b",
            "a\r\nMAIL",
            "[x]",
            "a..b",
            "[]",
            "999.1.1.1",
            "a.example/x",
            "a@b.example",
        ] {
            assert_eq!(text.parse::<EhloName>(), Err(InvalidEhloName), "{text}");
        }
        assert!("a".repeat(64).parse::<EhloName>().is_err());
    }

    #[test]
    fn a_host_name_that_is_no_whole_domain_name_gives_way_to_an_address() {
        for (host, said) in [
            ("web-1.example.org", "web-1.example.org"),
            ("a1b2c3d4e5f6", "[127.0.0.1]"),
            ("my_host.example", "[127.0.0.1]"),
            ("localhost", "[127.0.0.1]"),
            ("", "[127.0.0.1]"),
        ] {
            assert_eq!(EhloName::of_host_name(host).to_string(), said);
        }
        let own = EhloName::of_this_host().to_string();
        assert!(own.parse::<EhloName>().is_ok(), "{own}");
    }
}
