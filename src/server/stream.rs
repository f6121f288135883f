//! A connection whose client has to get on with it: one that lets the service wait too long fails
//! like one that broke. Used by `connections` only.
//!
//! What is waited for is known at two places: here, where the bytes come, and where requests are
//! answered, which tells by an [`Answering`]. While a request is being answered, nothing is
//! expected of its client here; reading its body has a limit of its own, in the HTTP layer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::alarm::Alarm;

/// How long the head of a request may take, from its first byte; for the first request of a
/// connection, from its beginning.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection may lie idle between two requests. Longer than the minute after which
/// common proxies drop theirs, so that it is not this side that ends one as it is used again.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(75);
/// How long a client may take nothing at all of its answer.
pub(super) const STALL_LIMIT: Duration = Duration::from_secs(30);

/// A connection that does not wait for ever.
pub(super) struct TimedStream<S> {
    stream: S,
    is_answering: Arc<AtomicBool>,
    expected: Expected,
    reading: Timer,
    writing: Timer,
}

/// What a client that sends nothing owes us.
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

/// Tells a [`TimedStream`] when a request is being answered.
#[derive(Clone)]
pub(super) struct AnsweringFlag(Arc<AtomicBool>);

/// A request is being answered, until this is dropped.
pub(super) struct Answering(Arc<AtomicBool>);

impl AnsweringFlag {
    /// A request is being answered from now on. One connection answers one at a time.
    pub(super) fn raise(&self) -> Answering {
        self.0.store(true, Ordering::Relaxed);
        Answering(Arc::clone(&self.0))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl<S> TimedStream<S> {
    /// A connection that has just begun.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            is_answering: Arc::default(),
            expected: Expected::Head,
            reading: Timer::default(),
            writing: Timer::default(),
        }
    }

    /// By which it is told of requests that are being answered.
    pub(super) fn answering_flag(&self) -> AnsweringFlag {
        AnsweringFlag(Arc::clone(&self.is_answering))
    }

    /// Lets a write take as long as something is taken now and then.
    fn hurry<T>(&mut self, context: &mut Context<'_>, written: Poll<T>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.writing.stop();
                Poll::Ready(Ok(written))
            }
            Poll::Pending => self.writing.wait(STALL_LIMIT, context).map(Err),
        }
    }
}

impl Timer {
    fn is_running(&self) -> bool {
        self.end.is_some()
    }

    fn stop(&mut self) {
        self.end = None;
    }

    /// Waits on, until the time is up.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the runtime's timers, which tests stop with them"
    )]
    fn wait(&mut self, limit: Duration, context: &mut Context<'_>) -> Poll<io::Error> {
        let end = *self.end.get_or_insert_with(|| Instant::now() + limit);
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
        if this.is_answering.load(Ordering::Relaxed) {
            this.reading.stop();
            this.expected = Expected::NextRequest;
            return read;
        }
        match (read, this.expected) {
            (Poll::Ready(read), Expected::NextRequest) => {
                this.reading.stop();
                this.expected = Expected::Head;
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
                this.reading.wait(limit, context).map(Err)
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
        Poll::Ready(ready!(self.hurry(context, written)).flatten())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        Poll::Ready(ready!(self.hurry(context, flushed)).flatten())
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
        Poll::Ready(ready!(self.hurry(context, written)).flatten())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
