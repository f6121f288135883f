//! What can be made to go wrong. Used by the stand-ins of this folder and by tests.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// One way in which an upstream misbehaves, for one request.
///
/// "Processed" means that the request has its full effect (a file is moved, a photo is posted, a
/// mail is stored), whatever the caller gets to see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not processed; answers this instead. SMTP sends `status` and `body` as its reply line.
    Status {
        /// HTTP status or SMTP reply code.
        status: u16,
        /// Extra response headers; SMTP ignores them.
        headers: Vec<(String, String)>,
        /// The body, or the text of the SMTP reply.
        body: Bytes,
    },
    /// Processed; answers this instead, as a gateway does that has lost patience with what it passed
    /// on.
    StatusAfterProcessing {
        /// HTTP status or SMTP reply code.
        status: u16,
        /// Extra response headers; SMTP ignores them.
        headers: Vec<(String, String)>,
        /// The body, or the text of the SMTP reply.
        body: Bytes,
    },
    /// Not processed; the connection is reset (RST) as soon as the operation is known.
    ResetBeforeRequest,
    /// Processed; then the connection is reset (RST) without an answer.
    ResetAfterRequest,
    /// Not processed; silence until the caller goes away.
    Timeout,
    /// Processed; then silence until the caller goes away.
    TimeoutAfterProcessing,
    /// Processed; the body of the answer is no JSON (SMTP: the line is no reply).
    MalformedBody,
    /// Processed; the head is sent, then the body in small pieces. SMTP waits `delay` once.
    SlowBody {
        /// Size of a piece in bytes; 0 counts as 1.
        chunk_bytes: usize,
        /// The wait before each piece.
        delay: Duration,
    },
    /// Processed; the head and half of the body are sent, then the connection is lost. SMTP
    /// loses it before the reply.
    TruncatedBody,
}

impl Fault {
    /// An empty answer with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A JSON answer with this status.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Status {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Bytes::from(body.to_string()),
        }
    }

    /// A plain-text answer with this status; for SMTP a reply such as `451` `4.3.0 try later`.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::Status {
            status,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    /// The same answer, after the request has been processed; any other fault stays as it is.
    #[must_use]
    pub fn after_processing(self) -> Self {
        match self {
            Self::Status {
                status,
                headers,
                body,
            } => Self::StatusAfterProcessing {
                status,
                headers,
                body,
            },
            other => other,
        }
    }

    /// Gives a [`Fault::Status`] another status and leaves its body; any other fault stays as it is.
    #[must_use]
    pub fn with_status(mut self, other: u16) -> Self {
        if let Self::Status { status, .. } = &mut self {
            *status = other;
        }
        self
    }

    /// Adds a response header to a [`Fault::Status`]; any other fault stays as it is.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Status { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Whether the request has its effect all the same.
    pub(super) fn processes(&self) -> bool {
        !matches!(
            self,
            Self::Status { .. } | Self::ResetBeforeRequest | Self::Timeout
        )
    }
}
