//! What a stand-in received. Used by the stand-ins of this folder and by tests.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;

/// One request as it came over the wire.
///
/// For SMTP `method` is the verb, `path_and_query` the rest of the line, `body` the message
/// (`DATA_END` only), and `headers` has `connection` and `tls`.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// The operation's name; each stand-in documents its own.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query of the request line.
    pub path_and_query: String,
    /// Header values by lower-case name; of a repeated header the last one.
    pub headers: HashMap<String, String>,
    /// The whole body; empty when the request was refused before it was read.
    pub body: Bytes,
}

impl RecordedRequest {
    /// A header's value; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as JSON; `None` if it is none.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path_and_query
            .split_once('?')
            .map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The token of `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Whether path, a header value or the body contains this text. It tells tenants apart:
    /// a host, a token or a channel.
    #[must_use]
    pub fn mentions(&self, needle: &str) -> bool {
        self.path_and_query.contains(needle)
            || self.headers.values().any(|value| value.contains(needle))
            || contains(&self.body, needle.as_bytes())
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || haystack
            .windows(needle.len())
            .any(|window| window == needle)
}
