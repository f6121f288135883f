//! What is wrong with a server's certificate, and what to do about it. Used by every adapter that
//! speaks TLS.

use rustls::CertificateError;

/// What is wrong with a certificate ("because it …"), and what to do.
pub(super) fn certificate_advice(error: &CertificateError) -> (&'static str, &'static str) {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => {
            ("has expired", "whoever runs the server has to renew it")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => (
            "is not valid yet",
            "check the clocks of the server and of this machine",
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => (
            "is for another name",
            "name the server as its certificate does",
        ),
        // One of the same name as an authority that is known, but not the same.
        E::UnknownIssuer | E::BadSignature => (
            "comes from an authority that is not known here",
            "if it is your own, name its root in EXTRA_CA_CERTS_FILE",
        ),
        E::Other(_) => (
            "is not one that an authority gives to servers (self-signed, for instance)",
            "have one issued, by an authority of your own that EXTRA_CA_CERTS_FILE names, if need be",
        ),
        E::Revoked => ("was revoked", "whoever runs the server has to renew it"),
        _ => (
            "is damaged or of no use",
            "whoever runs the server has to renew it",
        ),
    }
}
