//! The client that wrong credentials count against.

use std::net::{IpAddr, Ipv6Addr};

use poem::{Addr, Request};
use uuid::Uuid;

use crate::{
    app::http::dto::admin::AdminMethod,
    domain::{tenant::TenantName, trusted_proxies::TrustedProxies},
    ports::RateKey,
};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A client, and the tenant that it calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The tenant whose host was called. Not the host: where one tenant is served under any host, each
    /// would give five more tries.
    pub(super) tenant: TenantName,
    pub(super) client: ClientKey,
}

/// An admin of a tenant, as far as admins can be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    pub(super) tenant: TenantName,
    /// How the admin has authenticated.
    pub(super) method: AdminMethod,
    /// The session, if it was by one; else the client.
    pub(super) who: Result<Uuid, ClientKey>,
}

/// The identity of a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ClientKey {
    /// A person who is logged in with an account.
    Person(Uuid),
    /// A browser that has been logged in before.
    Device(Uuid),
    /// Any other client at this address.
    Address(IpAddr),
    /// Any other client whose address is not known.
    Unknown,
}

impl Caller {
    /// What the turns of the client are counted under.
    pub(in crate::app::http) fn rate_key(&self) -> RateKey {
        let who = match self.client {
            ClientKey::Person(person) => format!("person {person}"),
            ClientKey::Device(device) => format!("device {device}"),
            ClientKey::Address(address) => format!("address {address}"),
            ClientKey::Unknown => "unknown".to_owned(),
        };
        RateKey {
            tenant: self.tenant.clone(),
            who: Some(who),
        }
    }

    /// A client at an address, without a device.
    #[cfg(test)]
    pub(in crate::app::http) fn at(tenant: TenantName, address: IpAddr) -> Self {
        Self {
            tenant,
            client: ClientKey::new(None, Some(address)),
        }
    }
}

impl ClientKey {
    /// The device where it is known, else the address. IPv6 networks are given out in blocks of 2⁶⁴ addresses, so
    /// each block counts as one address.
    pub(super) fn new(device: Option<Uuid>, address: Option<IpAddr>) -> Self {
        match (device, address.as_ref().map(IpAddr::to_canonical)) {
            (Some(device), _) => Self::Device(device),
            (None, Some(IpAddr::V6(address))) => {
                let network = address.to_bits() >> 64 << 64;
                Self::Address(Ipv6Addr::from_bits(network).into())
            }
            (None, Some(address)) => Self::Address(address),
            (None, None) => Self::Unknown,
        }
    }
}

/// The address of the client: the other end of the connection, or where that is a trusted proxy, the one
/// that it names in `X-Forwarded-For`. From any other peer the header does not count.
pub(super) fn address_of(request: &Request, proxies: &TrustedProxies) -> Option<IpAddr> {
    let Addr::SocketAddr(peer) = request.remote_addr().0 else {
        return None;
    };
    let lines = request.headers().get_all(FORWARDED_FOR).into_iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    Some(proxies.client(peer.ip(), entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        let key = |address: &str| ClientKey::new(None, Some(address.parse().unwrap()));
        let same = |one: &str, other: &str| key(one) == key(other);
        assert!(same("2001:db8::1", "2001:db8::ffff:0:0:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
