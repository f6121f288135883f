//! The connections that are open, and how each is served: HTTP/1.1, one request after another.
//!
//! HTTP/2 is not spoken: browsers speak it over TLS only, which ends at a proxy before us, and
//! proxies speak HTTP/1.1 to what is behind them unless they are configured otherwise. It would
//! bring limits of its own to keep, and its requests need not have the `Host` that names a tenant.

use std::{
    convert::Infallible,
    future::poll_fn,
    mem,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, HeaderValue, TRANSFER_ENCODING},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use poem::{
    Endpoint,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use publisher::app::http::OpenEnded;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    alarm::ConnectionTimer,
    answer_body::AnswerBody,
    stream::{HEAD_LIMIT, IDLE_LIMIT, TimedStream},
    waiting::{Answering, ConnectionState, WaitingConnections},
};

/// The largest head of a request, in bytes (32 KiB): the size that common proxies let through. Up
/// to as much of an answer is also kept in memory while its client does not take it.
const MAX_BUFFER: usize = 32 * 1024;
/// How long a new connection waits for the permit of an evicted one, before another is evicted.
const EVICTION_PAUSE: Duration = Duration::from_millis(20);
/// How long connections without a request stay open when the service drains: a request that is on its way is
/// answered if it arrives within this.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// How many connections are open at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// Those that are idle, or whose requests are answered.
    pub(crate) connections: usize,
    /// Those with an answer that goes on while nothing happens. Further ones are among the others.
    pub(crate) open_ended: usize,
}

impl ConnectionLimits {
    /// So many connections, and none of their own for answers that go on.
    pub(crate) const fn of(connections: usize) -> Self {
        Self {
            connections,
            open_ended: 0,
        }
    }
}

/// One connection.
struct Connection {
    peer: SocketAddr,
    local: SocketAddr,
    state: Arc<ConnectionState>,
    permit: Mutex<OwnedSemaphorePermit>,
}

/// All open connections of a listener.
pub(crate) struct Connections<E> {
    shared: Arc<Shared<E>>,
    tasks: TaskTracker,
}

struct Shared<E> {
    endpoint: E,
    permits: Arc<Semaphore>,
    open_ended: Arc<Semaphore>,
    max: usize,
    waiting: Arc<WaitingConnections>,
    /// From now on, each connection ends after its next answer.
    is_draining: AtomicBool,
    /// Connections without a request end now.
    idle_end: CancellationToken,
    requests: AtomicUsize,
}

impl<E: Endpoint + 'static> Connections<E> {
    /// None yet, and as many as `limits` says at most.
    pub(super) fn new(endpoint: E, limits: ConnectionLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                endpoint,
                permits: Arc::new(Semaphore::new(limits.connections)),
                open_ended: Arc::new(Semaphore::new(limits.open_ended)),
                max: limits.connections,
                waiting: Arc::default(),
                is_draining: AtomicBool::new(false),
                idle_end: CancellationToken::new(),
                requests: AtomicUsize::new(0),
            }),
            tasks: TaskTracker::new(),
        }
    }

    /// The permits of connections.
    pub(super) fn permits(&self) -> &Arc<Semaphore> {
        &self.shared.permits
    }

    /// The permits of connections with answers that go on.
    #[cfg(test)]
    pub(super) fn open_ended(&self) -> &Arc<Semaphore> {
        &self.shared.open_ended
    }

    /// Acquires a permit for a connection that has been accepted. Where none is free, the connection that has
    /// waited longest for its client is evicted: clients that send nothing, or half of a head, do not keep
    /// others out.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        let permits = self.permits();
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return Some(permit);
        }
        loop {
            self.shared.waiting.evict_longest();
            let permit = Arc::clone(permits).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(EVICTION_PAUSE, permit).await {
                // The semaphore is never closed.
                return permit.ok();
            }
        }
    }

    /// Serves a connection, on a task of its own.
    pub(super) fn add<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        local: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let connection = Connection {
            peer,
            local,
            state: Arc::default(),
            permit: Mutex::new(permit),
        };
        self.tasks.spawn(shared.serve(stream, Arc::new(connection)));
    }

    /// Each connection ends after its next answer, which says so.
    pub(super) fn start_drain(&self) {
        self.shared.is_draining.store(true, Ordering::Relaxed);
    }

    /// Waits until all connections have ended. Those without a request stay open for [`LAST_REQUESTS`].
    pub(crate) async fn ended(&self) {
        self.start_drain();
        self.tasks.close();
        if tokio::time::timeout(LAST_REQUESTS, self.tasks.wait())
            .await
            .is_err()
        {
            self.shared.idle_end.cancel();
            self.tasks.wait().await;
        }
    }

    /// How many requests are being answered.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

impl<E: Endpoint + 'static> Shared<E> {
    async fn serve<S>(self: Arc<Self>, stream: S, served: Arc<Connection>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let state = &served.state;
        let _listed = self.waiting.add(state);
        let stream = TimedStream::new(stream, Arc::clone(state));
        let service = service_fn(|request: Request<Incoming>| {
            let (shared, served) = (Arc::clone(&self), Arc::clone(&served));
            let answering = InProgress::new(Arc::clone(&shared), served.state.begin_answer());
            async move {
                let response = shared.answer(request, &served, answering).await;
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .max_buf_size(MAX_BUFFER)
            // Answers are small: one piece costs the system less than two.
            .writev(false)
            .timer(ConnectionTimer::default())
            // The stream distinguishes an idle connection from a slow head. This limit is for what
            // the stream cannot see: a head that began to arrive with the request before. And
            // because there is a limit here, the stream is read from the end of each answer on, and
            // so its own limits apply.
            .header_read_timeout(IDLE_LIMIT + HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut idle_end = pin!(self.idle_end.cancelled());
        let mut is_heard = false;
        let ended = poll_fn(|context| {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(End::Closed(ended));
            }
            if state.is_evicted() {
                return Poll::Ready(End::Evicted);
            }
            // The task is woken after it has asked once. Asking again takes a lock that all connections share, and is
            // done only when the drain may have ended.
            if is_heard && !self.is_draining.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            is_heard = true;
            state.wakes(context.waker());
            // Evicted before it could be woken.
            if state.is_evicted() {
                return Poll::Ready(End::Evicted);
            }
            idle_end.as_mut().poll(context).map(|()| End::Drained)
        });
        let ended = match ended.await {
            End::Closed(ended) => ended,
            End::Evicted => return,
            End::Drained => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
        answering: InProgress<E>,
    ) -> Response<AnswerBody<InProgress<E>>> {
        // Where there is a `Content-Length` beside it, which the server overlooks and takes away,
        // a proxy before us may see another end of the request than we do, and what we would read as the next one may
        // be a part of this one's body to that proxy (RFC 9112, 6.1).
        let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
        let local = LocalAddr(connection.local.into());
        let peer = RemoteAddr(connection.peer.into());
        let request = (request, local, peer, Scheme::HTTP).into();
        let mut response: Response<_> = self.endpoint.get_response(request).await.into();
        let is_open_ended = response.extensions().get::<OpenEnded>().is_some();
        if is_open_ended {
            self.make_room(connection);
        }
        let is_draining = self.is_draining.load(Ordering::Relaxed);
        if is_chunked || is_open_ended || is_draining || self.above_keep_alive_limit() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        let held = mem::take(response.extensions_mut());
        let state = Arc::clone(&connection.state);
        response.map(|body| AnswerBody::new(body, state, held, answering))
    }

    /// Gives the permit of a connection back whose answer goes on, and which closes after it, if there is one for it among
    /// those of its kind.
    fn make_room(&self, connection: &Connection) {
        if let Ok(permit) = Arc::clone(&self.open_ended).try_acquire_owned() {
            *connection.permit.lock() = permit;
        }
    }

    /// Whether so few permits are left that connections are closed after their answers.
    fn above_keep_alive_limit(&self) -> bool {
        self.permits.available_permits() < self.max / 4
    }
}

/// How serving a connection ended.
enum End {
    Closed(hyper::Result<()>),
    /// Another connection needs its permit.
    Evicted,
    /// The service drains, and this one had no request.
    Drained,
}

/// A request that is being answered, until this is dropped.
struct InProgress<E> {
    shared: Arc<Shared<E>>,
    _answering: Answering,
}

impl<E> InProgress<E> {
    fn new(shared: Arc<Shared<E>>, answering: Answering) -> Self {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            _answering: answering,
        }
    }
}

impl<E> Drop for InProgress<E> {
    fn drop(&mut self) {
        self.shared.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
