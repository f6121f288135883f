//! What is known of every request before anything is done about it.

use poem::{
    Request,
    http::{HeaderMap, header},
};

use super::request_id;
use crate::domain::{host::Host, request_id::RequestId};

/// Noted once in the data of each request, by the outermost middleware.
#[derive(Debug, Clone)]
pub(super) struct RequestFacts {
    /// The id under which it can be found again.
    pub(super) id: RequestId,
    /// Whom it is for, if it has exactly one `Host` and that can be one.
    pub(super) host: Option<Host>,
}

impl RequestFacts {
    /// What the head of a request says.
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let host = host_of(headers).and_then(|raw| Host::normalise_any(raw).ok());
        Self {
            id: request_id::choose(headers),
            host,
        }
    }
}

/// The `Host` header, if there is exactly one. The request's target does not count, even where it
/// names a host, nor does any header that a proxy could have added or a caller made up.
fn host_of(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let only = hosts.next().filter(|_| hosts.next().is_none());
    only.and_then(|host| host.to_str().ok())
}
