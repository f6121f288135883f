//! Accepts connections while the service serves, up to a limit. For `life_cycle` and the metrics.
//!
//! | file | holds |
//! | --- | --- |
//! | `connections.rs` | the open connections, and how each is served |
//! | `stream.rs` | the time limits that a client has to keep |
//! | `alarm.rs` | waiting for them |
//! | `waiting.rs` | which connections wait for their client, and are evicted |
//! | `answer_body.rs` | an answer, piece by piece |
//!
//! `docs/decisions/0008-serving-and-ending.md` says why it is not the framework's own server.

mod alarm;
mod answer_body;
mod connections;
mod stream;
mod waiting;

use std::{io, net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use poem::Endpoint;
use publisher::app::http::MAX_EVENT_STREAMS;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
};

pub(crate) use self::connections::{ConnectionLimits, Connections};

/// How long accepting pauses after it failed, so that running out of file descriptors does not
/// spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections beside those whose requests are being answered: idle ones, and those of clients that
/// are slow to ask. Each costs a descriptor and, with half a head, up to 43 KiB; one whose client
/// does not take its answer, up to 55 KiB. With 1024 of those, all are below 120 MB.
const IDLE_CONNECTIONS: usize = 1_024;
/// Descriptors that are left to everything else: the ledger, upstreams, the metrics.
const OTHER_DESCRIPTORS: u64 = 256;

/// A socket that waits for connections.
pub(crate) struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Opens the socket.
    ///
    /// # Errors
    /// The address cannot be listened on.
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

    /// Serves as many connections at a time as `limits` says until `drain`, and accepts new ones for `pre_stop_delay` after
    /// that. Then closes the socket, and returns the open connections.
    pub(crate) async fn serve<E>(
        self,
        endpoint: E,
        limits: ConnectionLimits,
        drain: impl Future<Output = ()>,
        pre_stop_delay: Duration,
    ) -> Connections<E>
    where
        E: Endpoint + 'static,
    {
        let connections = Connections::new(endpoint, limits);
        tokio::select! {
            () = self.accept_into(&connections) => {}
            () = drain => {}
        }
        connections.start_drain();
        tokio::select! {
            () = self.accept_into(&connections) => {}
            () = tokio::time::sleep(pre_stop_delay) => {}
        }
        self.close_into(&connections);
        connections
    }

    /// Accepts without end. At the limit another connection has to go; if none can, callers stay in
    /// the system's queue meanwhile.
    async fn accept_into<E: Endpoint + 'static>(&self, connections: &Connections<E>) {
        let mut is_failing = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    is_failing = false;
                    let Some(permit) = connections.acquire().await else {
                        return;
                    };
                    add(connections, stream, peer, self.address, permit);
                }
                Err(error) if is_the_callers(&error) => {}
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "cannot accept connections");
                    }
                    is_failing = true;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Closes the socket. Clients in the system's queue by then have been promised a connection.
    fn close_into<E: Endpoint + 'static>(self, connections: &Connections<E>) {
        let address = self.address;
        // The runtime's own look may be older than the queue.
        let listener = match self.listener.into_std() {
            Ok(listener) => listener,
            Err(error) => {
                return tracing::warn!(%error, "connections in the accept queue were lost");
            }
        };
        while let Ok(permit) = Arc::clone(connections.permits()).try_acquire_owned() {
            match listener.accept().and_then(into_tokio) {
                Ok((stream, peer)) => add(connections, stream, peer, address, permit),
                Err(error) if is_the_callers(&error) => {}
                // The queue is empty.
                Err(_) => return,
            }
        }
    }
}

fn into_tokio(
    (stream, peer): (std::net::TcpStream, SocketAddr),
) -> io::Result<(TcpStream, SocketAddr)> {
    stream.set_nonblocking(true)?;
    Ok((TcpStream::from_std(stream)?, peer))
}

fn add<E: Endpoint + 'static>(
    connections: &Connections<E>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    // Answers are written whole; waiting for more to send only makes them late. Where it fails the
    // connection is gone already.
    if stream.set_nodelay(true).is_ok() {
        connections.add(stream, peer, local, permit);
    }
}

/// Whether the caller has hung up already, which is no reason to pause.
fn is_the_callers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// What is logged where the system gives fewer descriptors than are wanted.
pub(crate) const FEW_FILES: &str =
    "the system lets this process open few files: it serves fewer connections at a time";

/// Whether the system gives descriptors for all connections that are wanted.
pub(crate) fn has_files_enough(requests: NonZeroUsize) -> bool {
    connections_within_limits(requests) == wanted(requests)
}

/// The connections beside those of `requests`, and those of event streams.
fn wanted(requests: NonZeroUsize) -> ConnectionLimits {
    ConnectionLimits {
        connections: requests.get().saturating_add(IDLE_CONNECTIONS),
        open_ended: MAX_EVENT_STREAMS,
    }
}

/// How many connections are open at a time beside those of `requests`, and with event streams, or as many as the system
/// gives descriptors for: none must be missing to the ledger and the upstreams. Raises the limit as
/// far as the system lets us.
pub(crate) fn connections_within_limits(requests: NonZeroUsize) -> ConnectionLimits {
    let wanted = wanted(requests);
    let needed = wanted.connections.saturating_add(wanted.open_ended);
    let needed = u64::try_from(needed).unwrap_or(u64::MAX);
    let needed = needed.saturating_add(OTHER_DESCRIPTORS);
    let allowed = match rlimit::increase_nofile_limit(needed) {
        Ok(allowed) => allowed,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known");
            return wanted;
        }
    };
    let limits = within(wanted, allowed);
    if limits != wanted {
        let ConnectionLimits {
            connections,
            open_ended,
        } = limits;
        let wanted = wanted.connections.saturating_add(wanted.open_ended);
        tracing::warn!(connections, open_ended, wanted, "{FEW_FILES}");
    }
    limits
}

/// As many of the connections that are wanted as fit into so many descriptors. Event streams for which none are left of
/// their own take those of other connections.
fn within(wanted: ConnectionLimits, descriptors: u64) -> ConnectionLimits {
    let allowed = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(1);
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    let connections = wanted.connections.min(allowed);
    ConnectionLimits {
        connections,
        open_ended: wanted.open_ended.min(allowed - connections),
    }
}

#[cfg(test)]
mod tests;
