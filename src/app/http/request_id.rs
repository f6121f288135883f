//! The id of a request: taken over from the caller or made up, and sent back.

use poem::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::domain::request_id::RequestId;

/// The header in which the id comes and goes.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's id if it sent exactly one and it is sane, else a new one.
pub(super) fn choose(headers: &HeaderMap) -> RequestId {
    let mut sent = headers.get_all(HEADER).iter();
    let only = sent.next().filter(|_| sent.next().is_none());
    only.and_then(|value| value.to_str().ok())
        .and_then(RequestId::from_caller)
        .unwrap_or_else(|| RequestId::from(Uuid::new_v4()))
}

/// The id as a header's value.
pub(super) fn header_value(id: &RequestId) -> Option<HeaderValue> {
    HeaderValue::from_str(id.as_str()).ok()
}
