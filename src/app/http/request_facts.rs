//! What is known of every request before anything is done about it.

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, Uri, header},
};

use super::{error::ApiError, request_id};
use crate::domain::{host::Host, request_id::RequestId};

/// Noted once in the data of each request, by the outermost middleware.
#[derive(Debug, Clone)]
pub(super) struct RequestFacts {
    /// The id under which it can be found again.
    pub(super) id: RequestId,
    /// Whom it is for, if it has exactly one `Host` and that can be one.
    pub(super) host: Option<Host>,
    /// Its target names a host, too, and another one.
    pub(super) has_other_target: bool,
}

impl RequestFacts {
    /// What the head of a request says.
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let raw = host_of(headers);
        let host = raw.and_then(|raw| Host::normalise_any(raw).ok());
        let has_other_target = is_of_another_host(request.uri(), raw, host.as_ref());
        Self {
            id: request_id::choose(headers),
            host,
            has_other_target,
        }
    }
}

/// Whether a target in absolute form (`GET http://host/path`), or in that of `CONNECT`, names another
/// host than the header. By the target alone proxies route, and by the header alone tenants are
/// found: where they differ, a request would be one tenant's there and another's here. Ports do not
/// count, as nowhere; a user does, since no target may have one (RFC 9110, 4.2.4).
fn is_of_another_host(target: &Uri, raw: Option<&str>, host: Option<&Host>) -> bool {
    let Some(authority) = target.authority() else {
        return false;
    };
    let authority = authority.as_str();
    // What is no host at all is answered as an unknown one, also where it is said twice.
    let is_said_twice = raw.is_some_and(|raw| raw.eq_ignore_ascii_case(authority));
    let named = Host::normalise_any(authority).ok();
    let is_same = named.is_some() && named.as_ref() == host;
    !(is_same || is_said_twice && !authority.contains('@'))
}

/// The `Host` header, if there is exactly one. The request's target does not count, even where it
/// names a host, nor does any header that a proxy could have added or a caller made up.
fn host_of(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let only = hosts.next().filter(|_| hosts.next().is_none());
    only.and_then(|host| host.to_str().ok())
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
