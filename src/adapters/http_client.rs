//! The one factory of HTTP clients: time limits, trusted roots and redirects are set here and
//! nowhere else.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, redirect};

/// Time to establish a connection, for every upstream (what the orchestrator was
/// promised, good for the others too).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an idle connection is kept.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Roots that are trusted beside those of the system.
#[derive(Debug, Clone, Default)]
pub struct ExtraRoots {
    pem: Vec<u8>,
    certificates: Vec<Certificate>,
}

impl ExtraRoots {
    /// Reads a PEM bundle.
    ///
    /// # Errors
    /// [`InvalidRoots`] when it holds no certificate, or anything that is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidRoots> {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|_| InvalidRoots)?;
        if certificates.is_empty() {
            return Err(InvalidRoots);
        }
        Ok(Self {
            pem: pem.to_vec(),
            certificates,
        })
    }

    /// The bundle, for those who speak TLS without HTTP; empty when there are no extra roots.
    #[must_use]
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }
}

/// A PEM bundle could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a file with at least one PEM certificate")]
pub struct InvalidRoots;

/// Builds a client whose requests end after `timeout` at the latest, body included. It follows
/// no redirects (a redirect could carry a secret elsewhere) and repeats nothing by itself: the
/// adapters know what may be repeated.
///
/// # Errors
/// The TLS set-up failed, for instance because the system has no trusted roots.
pub fn build(timeout: Duration, roots: &ExtraRoots) -> Result<Client, reqwest::Error> {
    client(timeout, roots).build()
}

/// The same for another instance of this service, which is asked directly: through no proxy that the environment names,
/// as the token must not pass through one, and over HTTP/1.1, where the `Host` header names the tenant.
///
/// # Errors
/// As of [`build`].
pub fn build_direct(timeout: Duration, roots: &ExtraRoots) -> Result<Client, reqwest::Error> {
    client(timeout, roots).no_proxy().http1_only().build()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the factory that the ban points to"
)]
fn client(timeout: Duration, roots: &ExtraRoots) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("publisher/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tls_certs_merge(roots.certificates.iter().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        assert_eq!(ExtraRoots::from_pem(b"").unwrap_err(), InvalidRoots);
        assert_eq!(ExtraRoots::from_pem(b"no PEM").unwrap_err(), InvalidRoots);
    }
}
