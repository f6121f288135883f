//! The address of a server that a tenant names, or that a tenant's server names.

use std::fmt;

use url::Url;

use super::host::is_loopback;

/// The base URL of a server of a tenant: https, or plain HTTP to this machine. It holds no secret, and is not logged: it
/// has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(Url);

impl ServiceUrl {
    /// Reads an address, with blanks around it.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidServiceUrl> {
        const NO_URL: InvalidServiceUrl = InvalidServiceUrl("must be an http or https URL");
        let url = Url::parse(text.trim()).map_err(|_| NO_URL)?;
        let Some(host) = url
            .host_str()
            .filter(|_| matches!(url.scheme(), "http" | "https"))
        else {
            return Err(NO_URL);
        };
        if !url.username().is_empty() || url.password().is_some() {
            let rule = "must hold no user name and no password: those have settings of their own";
            return Err(InvalidServiceUrl(rule));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidServiceUrl(
                "must be a URL without a query or a fragment",
            ));
        }
        if url.scheme() == "http" && !is_loopback(host) {
            return Err(InvalidServiceUrl(
                "must be https, unless it is on this machine",
            ));
        }
        Ok(Self(url))
    }

    /// The address, for the request to it.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Whether it names this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(is_loopback)
    }

    /// The address below this one; the segments are escaped.
    #[must_use]
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceUrl(***)")
    }
}

/// An address that no request is sent to, and the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidServiceUrl(pub &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in [
            "https://bsky.social",
            " https://pds.example.org:8443/base/ ",
            "http://localhost:2583",
            "http://127.0.0.1:2583",
            "http://[::1]:2583",
        ] {
            assert!(ServiceUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "bsky.social",
            "ftp://bsky.social",
            "http://bsky.social",
            "http://10.0.0.7",
            "http://169.254.169.254",
            "http://localhost.example.org",
            "https://alice:secret@bsky.social",
            "https://bsky.social?x",
            "https://bsky.social#x",
            "data:text/plain,x",
        ] {
            assert!(ServiceUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_below_an_address_keeps_its_base_and_cannot_lead_elsewhere() {
        for base in ["https://a.test/b", "https://a.test/b/"] {
            let url = ServiceUrl::parse(base).unwrap();
            let below = url.join(&["xrpc", "../c?d"]);
            assert_eq!(below.as_str(), "https://a.test/b/xrpc/..%2Fc%3Fd");
        }
        let shown = format!("{:?}", ServiceUrl::parse("https://a.test").unwrap());
        assert!(!shown.contains("a.test"), "{shown}");
    }
}
