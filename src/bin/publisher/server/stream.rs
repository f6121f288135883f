//! A connection with a time limit for its client: a connection that keeps the service waiting too
//! long fails like one that broke. Used by `connections` only.
//!
//! Two places know what is waited for: this one, where the bytes arrive, and the one where requests
//! are answered, which reports it in the [`ConnectionState`]. While a request is being answered,
//! this module expects of its client only that it takes the answer. Reading the request's body has
//! a limit of its own, in the HTTP layer.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{alarm::Alarm, waiting::ConnectionState};

/// How long the head of a request may take, from its first byte; for the first request of a
/// connection, from its beginning.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection may lie idle between two requests. Longer than the minute after which
/// common proxies drop theirs, so that this side does not close a connection just as a proxy uses
/// it again.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(75);
/// How long a client may take nothing at all of its answer.
pub(super) const STALL_LIMIT: Duration = Duration::from_secs(30);
/// The lowest average rate at which a client may take an answer, in bytes a second: the same rate
/// at which it may send the largest body. Counted from the moment when the system's buffer is full.
pub(super) const LOWEST_RATE: u32 = 2 * 1024;
/// How far a client may fall behind that rate.
pub(super) const RATE_GRACE: Duration = Duration::from_secs(10);

/// A connection that does not wait forever.
pub(super) struct TimedStream<S> {
    stream: S,
    state: Arc<ConnectionState>,
    expected: Expected,
    reading: Timer,
    writing: Timer,
    pace: Pace,
}

/// What is expected of a client that sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The rest of a head, or the first one of the connection.
    Head,
    /// Nothing, for a while.
    NextRequest,
}

/// Runs while something is waited for.
#[derive(Default)]
struct Timer {
    /// When the time of the current wait is up.
    end: Option<Instant>,
    alarm: Alarm,
}

/// How fast a client takes an answer.
#[derive(Default)]
struct Pace {
    /// Since when it is not as fast as we are, and how many bytes it has taken since.
    behind: Option<(Instant, u64)>,
}

impl Pace {
    fn note(&mut self, taken: usize) {
        if let Some((_, bytes)) = &mut self.behind {
            *bytes = bytes.saturating_add(taken as u64);
        }
    }

    /// How long it may take nothing from now on.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the runtime's timers, which tests stop with them"
    )]
    fn left(&mut self) -> Duration {
        let now = Instant::now();
        let (since, bytes) = self.behind.get_or_insert((now, 0));
        let earned = Duration::from_secs(*bytes / u64::from(LOWEST_RATE));
        let end = *since + RATE_GRACE + earned;
        end.saturating_duration_since(now).min(STALL_LIMIT)
    }
}

impl<S> TimedStream<S> {
    /// A connection that has just begun, and whose state others read from `state`.
    pub(super) fn new(stream: S, state: Arc<ConnectionState>) -> Self {
        Self {
            stream,
            state,
            expected: Expected::Head,
            reading: Timer::default(),
            writing: Timer::default(),
            pace: Pace::default(),
        }
    }

    /// Lets a write continue as long as the client takes enough bytes.
    fn hurry<T>(&mut self, context: &mut Context<'_>, written: Poll<T>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.writing.stop();
                Poll::Ready(Ok(written))
            }
            Poll::Pending => {
                let limit = || self.pace.left();
                self.writing.wait(limit, context).map(Err)
            }
        }
    }

    /// The same for a write that returns how many bytes were taken.
    fn hurry_bytes(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.hurry(context, written)).flatten();
        if let Ok(taken) = written {
            self.pace.note(taken);
        }
        Poll::Ready(written)
    }
}

impl Timer {
    fn is_running(&self) -> bool {
        self.end.is_some()
    }

    fn stop(&mut self) {
        self.end = None;
    }

    /// Continues waiting until the time is up. `limit` returns the time that there is when the wait
    /// begins.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the runtime's timers, which tests stop with them"
    )]
    fn wait(
        &mut self,
        limit: impl FnOnce() -> Duration,
        context: &mut Context<'_>,
    ) -> Poll<io::Error> {
        let end = *self.end.get_or_insert_with(|| Instant::now() + limit());
        let is_up = self.alarm.poll_until(end, context);
        is_up.map(|()| io::Error::new(io::ErrorKind::TimedOut, "the client takes too long"))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if this.state.is_answering() {
            this.reading.stop();
            this.expected = Expected::NextRequest;
            return read;
        }
        match (read, this.expected) {
            (Poll::Ready(read), Expected::NextRequest) => {
                this.reading.stop();
                this.expected = Expected::Head;
                this.pace = Pace::default();
                Poll::Ready(read)
            }
            (Poll::Ready(read), Expected::Head) => Poll::Ready(read),
            // It is still taking its last answer, and cannot be expected to ask for more.
            (Poll::Pending, _) if this.writing.is_running() => {
                this.reading.stop();
                Poll::Pending
            }
            (Poll::Pending, expected) => {
                let limit = match expected {
                    Expected::Head => HEAD_LIMIT,
                    Expected::NextRequest => IDLE_LIMIT,
                };
                this.state.wait();
                this.reading.wait(|| limit, context).map(Err)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.hurry_bytes(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        let flushed = ready!(self.hurry(context, flushed)).flatten();
        // It has caught up. What an answer brings later, it may take as slowly as if that were a new one.
        if self.state.is_pausing() {
            self.pace = Pace::default();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        Poll::Ready(ready!(self.hurry(context, shut)).flatten())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.hurry_bytes(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
