//! `X-Forwarded-For`: whatever is in it, the client is the peer or an address that stands there, and
//! only what a trusted peer sends is looked at.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use publisher::domain::trusted_proxies::TrustedProxies;

fuzz_target!(|input: (&str, [u8; 16], bool, &[u8])| {
    let (setting, peer, is_ipv4, line) = input;
    let [.., a, b, c, d] = peer;
    let peer = if is_ipv4 {
        IpAddr::from([a, b, c, d])
    } else {
        IpAddr::from(peer)
    };
    let entries = || line.rsplit(|it| *it == b',');
    let nobody = TrustedProxies::default();
    assert_eq!(nobody.client(peer, entries()), peer.to_canonical());
    for setting in [setting, "0.0.0.0/0, ::/0", "10.0.0.0/8"] {
        let Ok(proxies) = setting.parse::<TrustedProxies>() else {
            continue;
        };
        let client = proxies.client(peer, entries());
        assert_eq!(client, client.to_canonical());
        // With everyone trusted, each entry alone says which address it is.
        let everyone: TrustedProxies = "::/0".parse().expect("a network");
        let named = |entry| everyone.client(peer, [entry]) == client;
        assert!(client == peer.to_canonical() || entries().any(named));
    }
});
