//! The address of a client behind proxies, from `X-Forwarded-For`.
//!
//! Each proxy adds the address that it was called from: the last entries are from our own proxies, and everything
//! before them from the client. The entries are followed from the last one on, as long as trusted proxies wrote them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use ipnet::Ipv6Net;

/// The bits that all mapped IPv4 addresses have in common.
const MAPPED_BITS: u8 = 96;
/// All IPv4 addresses.
const ALL_V4: Ipv6Net = Ipv6Net::new_assert(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), MAPPED_BITS);

/// The trusted proxies; by default, none. IPv4 networks are stored as the IPv6 networks that they are mapped to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[Ipv6Net]>);

/// The text is not a list of addresses and networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be IP addresses or networks, as in 10.0.0.0/8, separated by commas or blanks")]
pub struct InvalidProxies;

impl TrustedProxies {
    /// Whether every IPv4 address is trusted, so that any client can forge its address.
    #[must_use]
    pub fn trust_everyone(&self) -> bool {
        let merged = Ipv6Net::aggregate(&self.0.to_vec());
        merged.iter().any(|network| network.contains(&ALL_V4))
    }

    /// The address of the client of a request that `peer` has sent. `entries` are those of `X-Forwarded-For`, the last
    /// one first; blank ones do not count. The client is the last address that is not a trusted proxy's; where an entry
    /// is not an address, the hop that wrote it. A mapped IPv4 address is returned as IPv4.
    #[must_use]
    pub fn client<'a>(&self, peer: IpAddr, entries: impl IntoIterator<Item = &'a [u8]>) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut entries = entries
            .into_iter()
            .map(<[u8]>::trim_ascii)
            .filter(|entry| !entry.is_empty());
        while self.contains(client) {
            let Some(hop) = entries.next().and_then(address_of) else {
                break;
            };
            client = hop;
        }
        client
    }

    fn contains(&self, address: IpAddr) -> bool {
        let (address, _) = mapped(address);
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        let separators = |it: char| it == ',' || it.is_whitespace();
        let networks = text.split(separators).filter(|it| !it.is_empty());
        let networks: Option<Arc<[_]>> = networks.map(network).collect();
        networks.map(Self).ok_or(InvalidProxies)
    }
}

/// A network as it is written, or a single address.
fn network(text: &str) -> Option<Ipv6Net> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let (address, mapped_bits) = mapped(address.parse().ok()?);
    let prefix = match prefix {
        // Numbers may begin with `+`, prefixes may not.
        Some(digits) if digits.starts_with('+') => return None,
        Some(digits) => digits.parse::<u8>().ok()?.checked_add(mapped_bits)?,
        None => 128,
    };
    Ipv6Net::new(address, prefix).ok().map(|it| it.trunc())
}

/// An address as IPv6, and the bits that the mapping adds in front.
fn mapped(address: IpAddr) -> (Ipv6Addr, u8) {
    match address {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), MAPPED_BITS),
        IpAddr::V6(address) => (address, 0),
    }
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
fn address_of(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse().ok().map(|it: SocketAddr| it.ip()));
    Some(address.or_else(bracketed)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(text: &str) -> TrustedProxies {
        text.parse().unwrap()
    }

    fn client(proxies: &TrustedProxies, peer: &str, lines: &[&str]) -> String {
        let entries = lines.iter().rev();
        let entries = entries.flat_map(|line| line.as_bytes().rsplit(|it| *it == b','));
        proxies.client(peer.parse().unwrap(), entries).to_string()
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_is_the_client() {
        let ours = proxies("10.0.0.0/8, 2001:db8::/32,192.0.2.1");
        for (peer, lines, expected) in [
            // The header of a direct caller is ignored.
            ("203.0.113.9", &["198.51.100.7"][..], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["1.1.1.1, 198.51.100.7, 10.2.3.4", "192.0.2.1"],
                "198.51.100.7",
            ),
            // Where all are ours, it is the first of them.
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("2001:db8::1", &["2001:db9::7"], "2001:db9::7"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ] {
            assert_eq!(client(&ours, peer, lines), expected, "{peer} {lines:?}");
        }
        let nobody = TrustedProxies::default();
        assert_eq!(client(&nobody, "10.0.0.1", &["198.51.100.7"]), "10.0.0.1");
    }

    #[test]
    fn entries_are_read_as_proxies_write_them() {
        let ours = proxies("10.0.0.0/8");
        for (entry, expected) in [
            ("198.51.100.7:8080", "198.51.100.7"),
            ("[2001:db8::7]:8080", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7"),
            ("\t198.51.100.7 ", "198.51.100.7"),
            ("198.51.100.7, ,", "198.51.100.7"),
        ] {
            assert_eq!(client(&ours, "10.0.0.1", &[entry]), expected, "{entry}");
        }
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_way_at_the_hop_that_wrote_it() {
        let ours = proxies("10.0.0.0/8");
        for garbage in [
            "unknown",
            "_hidden",
            "198.51.100.7:port",
            "198.51.100.7:99999",
            "198.51.100",
            "0x7f.1",
            "[198.51.100.7]",
            "[2001:db8::7",
            "fe80::1%eth0",
            "\"198.51.100.7\"",
            "for=198.51.100.7",
            "198.51.100.7 198.51.100.8",
            "é",
        ] {
            let line = format!("198.51.100.7, {garbage}, 10.0.0.2");
            assert_eq!(client(&ours, "10.0.0.1", &[&line]), "10.0.0.2", "{garbage}");
            assert_eq!(client(&ours, "10.0.0.1", &[garbage]), "10.0.0.1");
        }
        let bytes: &[u8] = b"\xff\xfe";
        let client = ours.client(IpAddr::from([10, 0, 0, 1]), [bytes]);
        assert_eq!(client, IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn what_is_no_address_and_no_network_is_refused() {
        for bad in [
            "proxy.example.org",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10/8",
            "2001:db8::/129",
            "10.0.0.0/4294967295",
            "[::1]",
            "10.0.0.1:80",
            "*",
            "10.0.0.1;10.0.0.2",
            "10.0.0.0 /8",
        ] {
            assert_eq!(bad.parse::<TrustedProxies>(), Err(InvalidProxies), "{bad}");
        }
        assert_eq!(proxies(" , "), TrustedProxies::default());
        for several in ["10.0.0.1 ::1", "10.0.0.1,\t::1 ", " 10.0.0.1 ,, ::1"] {
            assert_eq!(proxies(several), proxies("10.0.0.1,::1"), "{several:?}");
        }
        for everyone in [
            "0.0.0.0/0",
            "::/0",
            "10.0.0.1, ::1/0",
            "0.0.0.0/1,128.0.0.0/1",
            "0.0.0.0/1, 192.0.0.0/2, 128.0.0.0/2, 10.0.0.0/8",
            // Those of IPv4 are among them.
            "::/1",
        ] {
            assert!(proxies(everyone).trust_everyone(), "{everyone}");
        }
        for some in [
            "0.0.0.0/1, 8000::/1",
            "0.0.0.0/1, 128.0.0.0/2",
            "",
            "10.0.0.1",
        ] {
            assert!(!proxies(some).trust_everyone(), "{some}");
        }
    }

    proptest! {
        #[test]
        fn the_client_is_the_peer_or_one_that_a_trusted_hop_has_named(
            peer: u32,
            hops in proptest::collection::vec(any::<u32>(), 0..6),
            network: u32,
            prefix in 0_u32..=32,
        ) {
            let address = |bits: u32| IpAddr::from(bits.to_be_bytes());
            let ours = proxies(&format!("{}/{prefix}", address(network)));
            let is_ours = |bits: u32| {
                let rest = 32 - prefix;
                bits.checked_shr(rest).unwrap_or(0) == network.checked_shr(rest).unwrap_or(0)
            };
            let written: Vec<String> = hops.iter().map(|hop| address(*hop).to_string()).collect();
            let found = ours.client(address(peer), written.iter().rev().map(String::as_bytes));
            // The way as it was gone, from us to the client.
            let way: Vec<u32> = [peer].into_iter().chain(hops.iter().rev().copied()).collect();
            let trusted = way.iter().take_while(|hop| is_ours(**hop)).count();
            let expected = way[trusted.min(way.len() - 1)];
            prop_assert_eq!(found, address(expected));
        }

        #[test]
        fn no_header_changes_what_an_untrusted_peer_is(
            line in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let peer = IpAddr::from([203, 0, 113, 9]);
            let ours = proxies("10.0.0.0/8");
            let entries = line.rsplit(|it| *it == b',');
            prop_assert_eq!(ours.client(peer, entries), peer);
        }
    }
}
