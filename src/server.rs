//! Listening, serving, and ending in good order.

use std::{io, net::SocketAddr, time::Duration};

use poem::{
    Endpoint, Server,
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
};

/// How long accepting pauses after it failed, so that running out of file descriptors does not
/// spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that waits for requests.
pub(crate) struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Opens the socket.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(crate) async fn on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `end`; then running requests have `grace` to finish.
    ///
    /// # Errors
    /// The socket broke.
    pub(crate) async fn serve<E>(
        self,
        endpoint: E,
        end: impl Future<Output = ()>,
        grace: Duration,
    ) -> io::Result<()>
    where
        E: Endpoint + 'static,
    {
        Server::new_with_acceptor(self)
            .run_with_graceful_shutdown(endpoint, end, Some(grace))
            .await
    }
}

impl Acceptor for Listening {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(self.address.into())]
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.listener.accept().await;
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                return Err(error);
            }
        };
        // Answers are written whole; waiting for more to send only makes them late.
        stream.set_nodelay(true)?;
        Ok((
            stream,
            LocalAddr(self.address.into()),
            RemoteAddr(peer.into()),
            Scheme::HTTP,
        ))
    }
}

/// SIGTERM and SIGINT, caught from now on.
pub(crate) struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Starts to catch them.
    ///
    /// # Errors
    /// The system does not let us.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them. The next one ends the process at once.
    pub(crate) async fn wait(mut self) {
        self.next().await;
        tracing::info!("told to end; running requests finish first");
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("told to end at once");
            crate::logging::flush();
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
