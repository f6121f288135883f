//! Tests of how connections to mail servers are secured.

use super::*;

#[test]
fn servers_by_name_and_by_address_are_set_up_and_nonsense_is_not() {
    let config = Arc::new(ExtraRoots::default().client_config().unwrap());
    for host in [
        "one.example.org",
        "xn--bcher-kva.example",
        "192.0.2.1",
        "2001:db8::1",
    ] {
        assert!(Tls::to(host, &config).is_ok(), "{host}");
    }
    assert!(Tls::to("a b", &config).is_err());
}
