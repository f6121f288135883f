//! The one factory of HTTP clients: time limits, trusted roots and redirects are set here and
//! nowhere else.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{Client, ClientBuilder, redirect};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

/// Time to establish a connection, for every upstream (what the orchestrator was
/// promised, good for the others too).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an idle connection is kept.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Roots that are trusted beside those of the system, and the TLS config that trusts both.
#[derive(Debug, Clone, Default)]
pub struct ExtraRoots {
    pem: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
    /// Made once, for all clients: that reads the system's roots.
    config: Arc<OnceLock<ClientConfig>>,
}

impl ExtraRoots {
    /// Reads a PEM bundle.
    ///
    /// # Errors
    /// [`InvalidRoots`] when it holds no certificate, or anything that is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidRoots> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| InvalidRoots)?;
        if certificates.is_empty() {
            return Err(InvalidRoots);
        }
        Ok(Self {
            pem: pem.to_vec(),
            certificates,
            config: Arc::default(),
        })
    }

    /// The bundle, for those who speak TLS without HTTP; empty when there are no extra roots.
    #[must_use]
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// TLS to servers that the system's roots vouch for, or these.
    pub(super) fn client_config(&self) -> Result<ClientConfig, rustls::Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = self.certificates.iter().cloned();
        let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(self.config.get_or_init(|| config).clone())
    }
}

/// A PEM bundle could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a file with at least one PEM certificate")]
pub struct InvalidRoots;

/// An HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// Without TLS, for instance because the system has no trusted roots.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
    /// For any other reason.
    #[error("the HTTP client could not be built")]
    Client(#[from] reqwest::Error),
}

/// Builds a client whose requests end after `timeout` at the latest, body included. It follows
/// no redirects (a redirect could carry a secret elsewhere) and repeats nothing by itself: the
/// adapters know what may be repeated.
///
/// # Errors
/// [`HttpSetupError`].
pub fn build(timeout: Duration, roots: &ExtraRoots) -> Result<Client, HttpSetupError> {
    Ok(client(timeout, roots, &[b"h2", b"http/1.1"])?.build()?)
}

/// The same for another instance of this service, which is asked directly: through no proxy that the environment names,
/// as the token must not pass through one, and over HTTP/1.1, where the `Host` header names the tenant.
///
/// # Errors
/// As of [`build`].
pub fn build_direct(timeout: Duration, roots: &ExtraRoots) -> Result<Client, HttpSetupError> {
    let client = client(timeout, roots, &[b"http/1.1"])?;
    Ok(client.no_proxy().http1_only().build()?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the factory that the ban points to"
)]
fn client(
    timeout: Duration,
    roots: &ExtraRoots,
    protocols: &[&[u8]],
) -> Result<ClientBuilder, HttpSetupError> {
    let mut tls = roots.client_config()?;
    tls.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    Ok(Client::builder()
        .user_agent(concat!("publisher/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tls_backend_preconfigured(tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        assert_eq!(ExtraRoots::from_pem(b"").unwrap_err(), InvalidRoots);
        assert_eq!(ExtraRoots::from_pem(b"no PEM").unwrap_err(), InvalidRoots);
        let torn = b"-----BEGIN CERTIFICATE-----\nAA";
        assert_eq!(ExtraRoots::from_pem(torn).unwrap_err(), InvalidRoots);
    }

    #[test]
    fn a_config_is_made_once_for_all_that_share_the_roots() {
        let roots = ExtraRoots::default();
        let copy = roots.clone();
        copy.client_config().unwrap();
        assert!(roots.config.get().is_some());
    }
}
