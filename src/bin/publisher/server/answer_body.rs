//! The body of an answer on its way to a client: handed on in small pieces, so that a client that
//! does not read keeps no more of it in memory than hyper's write buffer and one piece.
//! For `connections`.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use poem::http::Extensions;

use super::waiting::ConnectionState;

/// The largest piece, in bytes (4 KiB). hyper copies each into its write buffer until that is full.
const PIECE: usize = 4 * 1024;

/// The body of an answer, together with what is held until the client has taken it.
pub(super) struct AnswerBody<H> {
    body: BoxBody<Bytes, io::Error>,
    /// The rest of the last frame.
    rest: Bytes,
    /// Told whether there is more.
    state: Arc<ConnectionState>,
    /// The extensions that the routes have put into the answer, permits among them.
    _extensions: Extensions,
    _held: H,
}

impl<H> AnswerBody<H> {
    /// `body`, of the connection with this state, with which `extensions` and `held` are dropped.
    pub(super) fn new(
        body: BoxBody<Bytes, io::Error>,
        state: Arc<ConnectionState>,
        extensions: Extensions,
        held: H,
    ) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            state,
            _extensions: extensions,
            _held: held,
        }
    }
}

impl<H: Unpin> Body for AnswerBody<H> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let frame = Pin::new(&mut this.body).poll_frame(context)?;
            this.state.set_pausing(frame.is_pending());
            let Some(frame) = ready!(frame) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
