//! The body of an upload, as the reader of its form gets it: small pieces, one for each time that it asks, and only so
//! many of them around the file. The reader keeps in memory what it cannot pass on, such as the headers of a part.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use poem::Body;

/// The largest piece, in bytes (16 KiB).
const PIECE: usize = 16 * 1024;
/// The most bytes before, between and after pieces of the file (32 KiB).
const AROUND: usize = 32 * 1024;
/// How much of a body is read and dropped after an early answer, and for how long: a client that only sends would not
/// see the answer, since the system resets a connection with unread data (RFC 9112, section 9.6).
const LINGER_BYTES: usize = 2 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Why there is no next piece.
#[derive(Debug, thiserror::Error)]
pub(super) enum PieceError {
    /// There is too much around the file.
    #[error("the form has more than 32 KiB beside its file")]
    TooMuchAround,
    /// The body broke off.
    #[error("the body could not be read")]
    Body(#[source] std::io::Error),
}

/// A body in pieces. When it is dropped before its end, a part of the rest is read and dropped.
pub(super) struct Pieces {
    body: BoxStream<'static, std::io::Result<Bytes>>,
    rest: Bytes,
    allowance: Allowance,
    has_given: bool,
    has_ended: bool,
}

/// How much may come before the next piece of the file.
#[derive(Clone)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(AROUND)))
    }

    /// A piece of the file has come.
    pub(super) fn renew(&self) {
        self.0.store(AROUND, Ordering::Relaxed);
    }

    fn spend(&self, bytes: usize) -> bool {
        let left = self.0.load(Ordering::Relaxed).checked_sub(bytes);
        self.0.store(left.unwrap_or_default(), Ordering::Relaxed);
        left.is_some()
    }
}

impl Pieces {
    pub(super) fn new(body: Body, allowance: Allowance) -> Self {
        Self {
            body: body.into_bytes_stream().boxed(),
            rest: Bytes::new(),
            allowance,
            has_given: false,
            has_ended: false,
        }
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, PieceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The reader asks until there is nothing more at the moment, and keeps all that it gets.
        if std::mem::take(&mut self.has_given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match std::task::ready!(self.body.poll_next_unpin(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(Err(PieceError::Body(error))));
                }
                None => {
                    self.has_ended = true;
                    return Poll::Ready(None);
                }
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        if !self.allowance.spend(length) {
            return Poll::Ready(Some(Err(PieceError::TooMuchAround)));
        }
        self.has_given = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let body = std::mem::replace(&mut self.body, futures_util::stream::empty().boxed());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER_TIME, drop_part(body)));
        }
    }
}

/// Reads and drops a part of a body.
async fn drop_part(mut body: BoxStream<'static, std::io::Result<Bytes>>) {
    let mut dropped = 0;
    while let Some(Ok(bytes)) = body.next().await {
        dropped += bytes.len();
        if dropped >= LINGER_BYTES {
            return;
        }
    }
}
