//! Whom wrong credentials are counted against.

use std::net::{IpAddr, Ipv6Addr};

use poem::{Addr, Request};
use uuid::Uuid;

use super::{login::PasswordLogin, tenant_of};
use crate::{
    app::http::error::ApiError,
    domain::{host::Host, tenant::TenantName, trusted_proxies::TrustedProxies},
    ports::Clock,
};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A client that shows a credential, and the tenant that it calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    /// The tenant whose host was called. Not the host: where one tenant is served under any, each
    /// would give five more tries.
    pub(super) tenant: TenantName,
    /// The client.
    pub(super) client: ClientKey,
}

/// What a client is told from others by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ClientKey {
    /// A browser that has been logged in before.
    Device(Uuid),
    /// Any other at this address.
    Address(IpAddr),
    /// Any other whose address is not known.
    Unknown,
}

impl Caller {
    /// The caller of a request that comes from an address. Where there is a login, a browser may be
    /// known by it.
    pub(super) fn of(
        request: &Request,
        host: &Host,
        login: Option<&PasswordLogin>,
        address: Option<IpAddr>,
        clock: &dyn Clock,
    ) -> Result<Self, ApiError> {
        let device = |login: &PasswordLogin| login.device(request.headers(), host, clock.utc());
        let client = match (login.and_then(device), address) {
            (Some(id), _) => ClientKey::Device(id),
            (None, Some(address)) => ClientKey::of(address),
            (None, None) => ClientKey::Unknown,
        };
        let tenant = tenant_of(request)?.name().clone();
        Ok(Self { tenant, client })
    }
}

impl ClientKey {
    /// An address. IPv6 networks are given out in blocks of 2⁶⁴ addresses, so each counts as one.
    pub(super) fn of(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The address of the client: the other end of the connection, or where that is a trusted proxy, the one
/// that it names in `X-Forwarded-For`. Anyone else can make that header up.
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
        let same = |one: &str, other: &str| {
            ClientKey::of(one.parse().unwrap()) == ClientKey::of(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:0:0:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
