//! TLS to mail servers. Used by this folder's adapter.

use std::{io, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::ports::PublishError;

/// TLS to one server.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// TLS to this server, by name or address.
    pub(super) fn to(host: &str, config: &Arc<ClientConfig>) -> Result<Self, PublishError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let source = "the mail server's host is neither a name nor an address";
            PublishError::unavailable(source)
        })?;
        Ok(Self {
            config: Arc::clone(config),
            name,
        })
    }

    /// Secures a connection; the error may have a [`rustls::Error`] in it.
    pub(super) async fn connect<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), stream).await
    }
}
