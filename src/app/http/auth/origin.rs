//! Whether a request comes from a page of the same site. Browsers add cookies to every request that any page makes
//! them send, but name the page's origin.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::domain::host::Host;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The page that has sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provenance {
    /// A page of the host that the request goes to.
    SameOrigin,
    /// A page of another origin, or one that hides its origin.
    Elsewhere,
    /// No page is named: most likely the client is no browser.
    Unstated,
}

impl Provenance {
    /// The page that has sent a request to `host`: by `Origin`, or by `Referer` where there is none. Ports do not
    /// count, since a proxy may remove or add one. `Sec-Fetch-Site` can only turn the answer to `Elsewhere`.
    pub(super) fn of(headers: &HeaderMap, host: &Host) -> Self {
        let is_foreign = |site: &HeaderValue| site != "same-origin" && site != "none";
        if headers.get_all(SEC_FETCH_SITE).iter().any(is_foreign) {
            return Self::Elsewhere;
        }
        let name = [header::ORIGIN, header::REFERER]
            .into_iter()
            .find(|name| headers.contains_key(name));
        let Some(name) = name else {
            return Self::Unstated;
        };
        let mut sent = headers.get_all(name).iter();
        let only = sent.next().filter(|_| sent.next().is_none());
        if only.and_then(host_of).as_ref() == Some(host) {
            Self::SameOrigin
        } else {
            Self::Elsewhere
        }
    }
}

/// The host of a page; `None` for `null`, and for everything that is not an HTTP URL.
fn host_of(page: &HeaderValue) -> Option<Host> {
    let url = Url::parse(page.to_str().ok()?).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    Host::normalize_any(url.host_str().filter(|_| is_web)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(headers: &[(&'static str, &str)]) -> Provenance {
        let host = Host::normalize_any("alice.example.org").unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Provenance::of(&map, &host)
    }

    #[test]
    fn a_page_of_the_same_host_is_known_by_origin_or_referer() {
        for (name, value) in [
            ("origin", "https://alice.example.org"),
            ("origin", "http://alice.example.org:8080"),
            ("origin", "https://ALICE.example.org."),
            ("referer", "https://alice.example.org/gallery?page=2"),
        ] {
            assert_eq!(
                provenance(&[(name, value)]),
                Provenance::SameOrigin,
                "{value}"
            );
        }
    }

    #[test]
    fn every_other_page_is_from_elsewhere() {
        for (name, value) in [
            ("origin", "null"),
            ("origin", ""),
            ("origin", "https://bob.example.org"),
            ("origin", "https://alice.example.org.evil.example"),
            ("origin", "https://evil.example/alice.example.org"),
            ("origin", "https://alice.example.org@evil.example"),
            ("origin", "https://xalice.example.org"),
            ("origin", "ftp://alice.example.org"),
            ("origin", "alice.example.org"),
            ("referer", "https://example.org/alice.example.org"),
            ("referer", "about:blank"),
        ] {
            assert_eq!(
                provenance(&[(name, value)]),
                Provenance::Elsewhere,
                "{value}"
            );
        }
    }

    #[test]
    fn the_origin_outweighs_the_referer_and_two_origins_are_none() {
        let here = "https://alice.example.org";
        let there = "https://evil.example";
        assert_eq!(
            provenance(&[("origin", there), ("referer", here)]),
            Provenance::Elsewhere
        );
        assert_eq!(
            provenance(&[("origin", here), ("referer", there)]),
            Provenance::SameOrigin
        );
        assert_eq!(
            provenance(&[("origin", here), ("origin", here)]),
            Provenance::Elsewhere
        );
    }

    #[test]
    fn what_the_browser_says_of_the_site_only_makes_it_worse() {
        let here = ("origin", "https://alice.example.org");
        for (site, expected) in [
            ("same-origin", Provenance::SameOrigin),
            ("none", Provenance::SameOrigin),
            ("same-site", Provenance::Elsewhere),
            ("cross-site", Provenance::Elsewhere),
            ("", Provenance::Elsewhere),
        ] {
            assert_eq!(
                provenance(&[here, ("sec-fetch-site", site)]),
                expected,
                "{site}"
            );
        }
        assert_eq!(
            provenance(&[("sec-fetch-site", "same-origin")]),
            Provenance::Unstated
        );
        assert_eq!(provenance(&[]), Provenance::Unstated);
    }
}
