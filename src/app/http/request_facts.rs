//! The facts of every request that the outermost layer reads off its head.

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
};
use url::Url;
use uuid::Uuid;

use super::error::ApiError;
use crate::domain::{host::Host, request_id::RequestId};

/// The header of the request id, in requests and responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header by which a proxy says how it was called.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The facts in the data of each request.
#[derive(Debug, Clone)]
pub(super) struct RequestFacts {
    /// The id of the request in logs, and in those of upstreams.
    pub(super) id: RequestId,
    /// The host that the request is for: its `Host`, if it has exactly one and that is a host.
    pub(super) host: Option<Host>,
    /// The target names a host as well, and another one.
    pub(super) has_other_target: bool,
}

impl RequestFacts {
    /// The facts of a request.
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let raw = only(headers, header::HOST);
        let host = raw.and_then(|raw| Host::normalize_any(raw).ok());
        let has_other_target = is_of_another_host(request.uri(), raw, host.as_ref());
        Self {
            id: request_id(headers),
            host,
            has_other_target,
        }
    }
}

/// Whether a target in absolute form (`GET http://host/path`), or in that of `CONNECT`, names another
/// host than the header. Proxies route by the target, and this service finds the tenant by the header: where the two
/// differ, a request would be one tenant's there and another's here. Ports do not
/// count, as everywhere; a user does, since no target may have one (RFC 9110, 4.2.4).
fn is_of_another_host(target: &Uri, raw: Option<&str>, host: Option<&Host>) -> bool {
    let Some(authority) = target.authority() else {
        return false;
    };
    let authority = authority.as_str();
    // A header that is no host is answered as an unknown host, also where the target repeats it.
    let is_said_twice = raw.is_some_and(|raw| raw.eq_ignore_ascii_case(authority));
    let named = Host::normalize_any(authority).ok();
    let is_same = named.is_some() && named.as_ref() == host;
    !(is_same || is_said_twice && !authority.contains('@'))
}

/// The caller's id if it has sent exactly one and that is valid, else a new one.
fn request_id(headers: &HeaderMap) -> RequestId {
    only(headers, REQUEST_ID)
        .and_then(RequestId::from_caller)
        .unwrap_or_else(|| RequestId::from(Uuid::new_v4()))
}

/// The value of a header, if there is exactly one and it is text. For the host, no other header counts: a proxy or
/// a caller could have added it.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none());
    only.map(HeaderValue::to_str)?.ok()
}

/// Where the caller sees this service.
#[derive(Debug)]
pub(super) struct CallerOrigin {
    /// The host that the request is for.
    pub(super) host: Host,
    /// The root of its URLs: the scheme, and the host with its port, as the caller has sent them.
    pub(super) url: Url,
}

impl<'a> FromRequest<'a> for CallerOrigin {
    /// The scheme is what a proxy says, `http` without one. That header decides nothing but the URLs in the answer to
    /// this request, so that a caller who makes it up only gets URLs that do not work.
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let facts = request.data::<RequestFacts>();
        let host = facts.and_then(|facts| facts.host.clone());
        let host = host.ok_or_else(ApiError::internal)?;
        let scheme = only(request.headers(), FORWARDED_PROTO).unwrap_or_default();
        let is_https = scheme.trim().eq_ignore_ascii_case("https");
        let scheme = if is_https { "https" } else { "http" };
        let authority = only(request.headers(), header::HOST).unwrap_or_default();
        let url = Url::parse(&format!("{scheme}://{}", authority.trim()));
        let url = url.map_err(|error| ApiError::internal().caused_by(error))?;
        Ok(Self { host, url })
    }
}

/// The id of the request that is being handled.
pub(super) struct CurrentRequestId(pub(super) RequestId);

impl<'a> FromRequest<'a> for CurrentRequestId {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let facts = request.data::<RequestFacts>();
        let facts = facts.ok_or_else(ApiError::internal)?;
        Ok(Self(facts.id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::*;

    fn differs(target: &str, hosts: &[&str]) -> bool {
        let mut request = Request::builder().method(Method::OPTIONS).finish();
        *request.uri_mut() = target.parse().unwrap();
        for host in hosts {
            request
                .headers_mut()
                .append(header::HOST, host.parse().unwrap());
        }
        RequestFacts::of(&request).has_other_target
    }

    #[test]
    fn a_target_without_a_host_or_with_the_one_of_the_header_is_none_of_another() {
        for target in [
            "/",
            "*",
            "//other.example/path",
            "/http://other.example/path",
            "/path?url=http://other.example/",
            "http://alice.example.org/path",
            "https://alice.example.org",
            "HTTP://ALICE.Example.ORG./path",
            "http://alice.example.org:80/path",
            "http://alice.example.org:8080/path?query",
            "alice.example.org:443",
            "alice.example.org",
        ] {
            for host in [
                "alice.example.org",
                "alice.example.org:8080",
                "ALICE.example.org.",
            ] {
                assert!(!differs(target, &[host]), "{target} to {host}");
            }
        }
        assert!(!differs("http://127.0.0.1:80/", &["127.0.0.1"]));
        assert!(!differs("http://[::1]:80/", &["[::1]:8080"]));
        assert!(!differs("http://[0::1]/", &["[::1]"]));
        for no_host in [&[][..], &["a_b.org"], &["one.org", "two.org"]] {
            assert!(!differs("/path", no_host));
        }
        assert!(
            !differs("http://A_b.org/", &["a_B.org"]),
            "bad, but the same"
        );
    }

    #[test]
    fn a_target_of_another_host_or_with_a_user_is_told() {
        for target in [
            "http://other.example/path",
            "https://other.example",
            "http://alice.example.org.other.example/",
            "http://alice.example.org:alice@other.example/",
            "http://user@alice.example.org/path",
            "http://user:password@alice.example.org/",
            "http://alice.example.org:99999/",
            "http://alice.example.org../",
            "http://127.0.0.1/",
            "other.example:443",
            "other.example",
            "ftp://other.example/",
        ] {
            assert!(differs(target, &["alice.example.org"]), "{target}");
        }
        let target = "http://alice.example.org/";
        for hosts in [
            &[][..],
            &[""],
            &["alice_example.org"],
            &["alice.example.org", "alice.example.org"],
            &["alice.example.org", "other.example"],
        ] {
            assert!(differs(target, hosts), "{hosts:?}");
        }
        let user = "user@alice.example.org";
        assert!(differs(&format!("http://{user}/"), &[user]));
    }
}
