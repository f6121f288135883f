//! Whether a request comes from a page of the same site: browsers send cookies along with
//! whatever any page makes them send, but say where the page is from.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::domain::host::Host;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provenance {
    /// From a page of the host that it goes to.
    SameOrigin,
    /// From another page, or from one that hides where it is from.
    Elsewhere,
    /// Nobody says: from no browser, most likely.
    Unstated,
}

impl Provenance {
    /// Of a request to `host`. `Origin` counts, and `Referer` where there is none; ports do not,
    /// since a proxy may take or add one. `Sec-Fetch-Site`, which knows the difference, can only
    /// make it worse.
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

/// The host of a page; `None` for `null`, and for anything that is no page of a web site.
fn host_of(page: &HeaderValue) -> Option<Host> {
    let url = Url::parse(page.to_str().ok()?).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    Host::normalise_any(url.host_str().filter(|_| is_web)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(headers: &[(&'static str, &str)]) -> Provenance {
        let host = Host::normalise_any("alice.example.org").unwrap();
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
