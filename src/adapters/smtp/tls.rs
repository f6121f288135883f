//! How the connections to mail servers are secured. Used by this folder's adapter.

use std::sync::Arc;

use cached::ShardedLruCache;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use tokio::sync::OnceCell;

use crate::{
    domain::tenant_config::{MailServer, MailTransport},
    ports::PublishError,
};

/// How many servers it is known of at the same time, a hundred kilobytes of roots for each. Most
/// tenants share the few that many people use.
const SERVERS: usize = 64;

/// Made once for each server, whoever of the tenants has its mail there: it reads the system's roots.
pub(super) struct ServersTls {
    roots: Option<Certificate>,
    servers: ShardedLruCache<String, Arc<OnceCell<TlsParameters>>>,
}

impl ServersTls {
    /// None yet. These roots are trusted beside those of the system.
    pub(super) fn new(roots: Option<Certificate>) -> Self {
        Self {
            roots,
            servers: ShardedLruCache::new(SERVERS),
        }
    }

    /// How connections to this server are secured; `None` when they are not, which the config allows
    /// to loopback alone.
    pub(super) async fn of(
        &self,
        server: &MailServer,
    ) -> Result<Option<TlsParameters>, PublishError> {
        if server.transport == MailTransport::Plain {
            return Ok(None);
        }
        let made = self
            .servers
            .get_or_set_with(server.host.clone(), Arc::default);
        let made = made.get_or_try_init(|| self.make(&server.host)).await;
        made.cloned().map(Some)
    }

    /// How many servers it is known of.
    #[cfg(test)]
    #[cfg(feature = "sandbox")]
    pub(super) fn known(&self) -> usize {
        self.servers.len()
    }

    async fn make(&self, host: &str) -> Result<TlsParameters, PublishError> {
        let mut builder = TlsParameters::builder(host.to_owned());
        if let Some(roots) = &self.roots {
            builder = builder.add_root_certificate(roots.clone());
        }
        // Reads the system's roots from disk.
        let built = tokio::task::spawn_blocking(|| builder.build_rustls()).await;
        match built {
            Ok(Ok(parameters)) => Ok(parameters),
            Ok(Err(_)) | Err(_) => Err(PublishError::unavailable("the TLS set-up for mail failed")),
        }
    }
}
