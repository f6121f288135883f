//! Tests of how connections to mail servers are secured.

use super::*;

#[tokio::test]
async fn a_server_is_set_up_once_for_all_tenants_and_a_plain_one_not_at_all() {
    let tls = ServersTls::new(None);
    let of = async |host: &str, transport: MailTransport| {
        let mut server = tenant(host, 25, &json!({})).settings().email.clone();
        let server = &mut server.as_mut().unwrap().server;
        server.transport = transport;
        tls.of(server).await.unwrap()
    };
    for host in ["one.example.org", "two.example.org", "one.example.org"] {
        assert!(of(host, MailTransport::StartTls).await.is_some());
    }
    assert!(of("localhost", MailTransport::Plain).await.is_none());
    assert_eq!(tls.known(), 2);
}
