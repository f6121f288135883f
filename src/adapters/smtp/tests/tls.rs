//! Tests of how connections to mail servers are secured.

use super::*;

#[tokio::test]
async fn servers_by_name_and_by_address_are_set_up_and_nonsense_is_not() {
    let tls = ServersTls::new(&[]).unwrap();
    for host in [
        "one.example.org",
        "xn--bcher-kva.example",
        "192.0.2.1",
        "2001:db8::1",
    ] {
        assert!(tls.of(host).await.is_ok(), "{host}");
    }
    assert!(tls.of("a b").await.is_err());
    assert!(ServersTls::new(b"-----BEGIN CERTIFICATE-----\nAA").is_err());
}
