//! A throw-away certificate authority and a certificate for loopback. Used by the sandbox only;
//! the private keys never leave the process's memory.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::SandboxError;

/// The authority's certificate, and a server set-up that it vouches for.
pub(super) struct Authority {
    /// The authority's certificate as PEM.
    pub(super) pem: String,
    /// TLS for `localhost` and `127.0.0.1`.
    pub(super) server: Arc<ServerConfig>,
}

impl Authority {
    /// Makes new keys and certificates.
    pub(super) fn new() -> Result<Self, SandboxError> {
        let mut root = CertificateParams::new(Vec::new())?;
        root.distinguished_name
            .push(DnType::CommonName, "Publisher sandbox, throw-away");
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_key = KeyPair::generate()?;
        let root_certificate = root.self_signed(&root_key)?;
        let issuer = Issuer::new(root, root_key);

        // Names that parse as an address become address entries.
        let mut leaf =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        leaf.distinguished_name
            .push(DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf_key = KeyPair::generate()?;
        let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let server = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf_certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
            )?;
        Ok(Self {
            pem: root_certificate.pem(),
            server: Arc::new(server),
        })
    }
}
