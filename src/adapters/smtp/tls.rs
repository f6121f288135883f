//! TLS to mail servers. Used by this folder's adapter.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OnceCell,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{adapters::http_client::InvalidRoots, ports::PublishError};

/// The TLS config of all servers, made once: that reads the system's roots.
pub(super) struct ServersTls {
    roots: Vec<CertificateDer<'static>>,
    config: OnceCell<Arc<ClientConfig>>,
}

/// TLS to one server.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ServersTls {
    /// A config that is not made yet. These roots (PEM, possibly none) are trusted beside those of the system.
    pub(super) fn new(pem: &[u8]) -> Result<Self, InvalidRoots> {
        let roots: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
        Ok(Self {
            roots: roots.map_err(|_| InvalidRoots)?,
            config: OnceCell::new(),
        })
    }

    /// TLS to this server, by name or address.
    pub(super) async fn of(&self, host: &str) -> Result<Tls, PublishError> {
        let failed = || PublishError::unavailable("the TLS set-up for mail failed");
        let config = self.config.get_or_try_init(async || {
            let roots = self.roots.clone();
            // Reads the system's roots from disk.
            let made = tokio::task::spawn_blocking(|| config(roots)).await;
            made.ok().and_then(Result::ok).ok_or_else(failed)
        });
        let config = Arc::clone(config.await?);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let source = "the mail server's host is neither a name nor an address";
            PublishError::unavailable(source)
        })?;
        Ok(Tls { config, name })
    }
}

impl Tls {
    /// Secures a connection; the error may have a [`rustls::Error`] in it.
    pub(super) async fn connect<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), stream).await
    }
}

fn config(roots: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}
