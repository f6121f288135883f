//! Where a person goes after a login: a place of this host, whatever was asked for.

use url::{Position, Url};

/// A path of this host, with query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReturnTo(String);

impl ReturnTo {
    /// The longest one, in bytes: the rest of the login has to fit into the same cookie.
    pub(super) const MAX_BYTES: usize = 2_000;

    /// What was asked for if it is a path of this host, else `/`. It is read as browsers read it, who take a backslash for a
    /// slash, and leave out line breaks: `//other.example` and `/\other.example` are other hosts. The paths of the login are no
    /// place to go to.
    pub(super) fn of(asked: &str) -> Self {
        Self::path(asked).unwrap_or_else(|| Self("/".to_owned()))
    }

    fn path(asked: &str) -> Option<Self> {
        if !asked.starts_with('/') || asked.len() > Self::MAX_BYTES {
            return None;
        }
        let here = Url::parse("https://this-host.invalid/").ok()?;
        let url = here.join(asked).ok()?;
        let path = &url[Position::BeforePath..];
        // `/.//other.example` is one of this host that would be read as another when it is read again.
        let is_here = url.origin() == here.origin() && !path.starts_with("//");
        let is_place =
            is_here && !url.path().starts_with("/auth/") && path.len() <= Self::MAX_BYTES;
        is_place.then(|| Self(path.to_owned()))
    }

    /// The path.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(asked: &str) -> String {
        ReturnTo::of(asked).0
    }

    #[test]
    fn a_path_of_this_host_is_kept() {
        for path in [
            "/",
            "/#/image/a%20b.jpg",
            "/?a=b&c=%2F%2Fx#d",
            "/docs",
            "/x//y",
            "/a:b@c",
        ] {
            assert_eq!(of(path), path);
        }
        assert_eq!(of("/a/../b"), "/b");
        assert_eq!(of("/\u{e4}"), "/%C3%A4");
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_the_root() {
        for asked in [
            "",
            "evil.example",
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\n/evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/a/..//evil.example",
            "/%2e%2e//evil.example",
            "/%2e//evil.example",
            " /evil",
            "\t//evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/auth/login",
            "/auth/logout",
            "/./auth/login?return_to=/auth/login",
        ] {
            assert_eq!(of(asked), "/", "{asked:?}");
        }
        assert_eq!(of(&format!("/{}", "a".repeat(2_000))), "/");
        assert_eq!(
            of(&format!("/{}", "\u{e4}".repeat(900))),
            "/",
            "longer when it is written out"
        );
    }

    proptest! {
        #[test]
        fn a_browser_stays_on_this_host(asked in "(?s)[/\\\\.%2eEfF:@?#\t\n\r a]{0,12}(evil\\.example)?.{0,4}") {
            let here = Url::parse("https://alice.example.org/auth/callback").unwrap();
            let path = of(&asked);
            prop_assert!(path.starts_with('/') && path.is_ascii());
            prop_assert!(!path.contains(['\r', '\n']));
            let led = here.join(&path).unwrap();
            prop_assert_eq!(led.origin(), here.origin());
        }
    }
}
