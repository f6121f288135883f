//! The keys of objects. They are made here and nowhere else, of a folder of the tenant and a name
//! that has been checked, so that no call leaves the tenant's folders.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::{image::ImageName, sidecar::SidecarName, tenant_config::StoragePath};

/// What a signature is computed of: everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same in a path, of which slashes stay.
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// The beginning of the keys in a folder, with its slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

impl Prefix {
    pub(super) fn of(folder: &StoragePath) -> Self {
        let below = folder.entry("");
        Self(below.trim_start_matches('/').to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of an image in this folder.
    pub(super) fn image(&self, name: &ImageName) -> Key {
        self.key(name.as_str())
    }

    /// The key of a sidecar of an image in this folder; `None` where its name is too long.
    pub(super) fn sidecar(&self, image: &ImageName, which: SidecarName) -> Option<Key> {
        Some(self.key(&which.beside(image.as_str())?))
    }

    /// The key of a text of an image in this folder that is no sidecar.
    pub(super) fn spare_text(&self, image: &ImageName, number: u32) -> Key {
        self.key(&format!("{image} ({number}).txt"))
    }

    /// The name of the image in this folder that has this key; `None` for keys of anything else.
    pub(super) fn image_of(&self, key: &str) -> Option<ImageName> {
        ImageName::new(key.strip_prefix(&self.0)?).ok()
    }

    fn key(&self, name: &str) -> Key {
        Key(format!("{}{name}", self.0))
    }
}

/// The key of an object in a folder of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The key in a path, as it is signed.
    pub(super) fn encoded(&self) -> String {
        utf8_percent_encode(&self.0, ENCODED_IN_PATH).to_string()
    }
}

/// A value of a query, as it is signed.
pub(super) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(path: &str) -> Prefix {
        Prefix::of(&StoragePath::prefix(path).unwrap())
    }

    #[test]
    fn keys_begin_with_the_folder_and_without_a_slash() {
        let name = ImageName::new("a b+(1).jpg").unwrap();
        let key = prefix("acme/summer").image(&name);
        assert_eq!(key.as_str(), "acme/summer/a b+(1).jpg");
        assert_eq!(key.encoded(), "acme/summer/a%20b%2B%281%29.jpg");
        let sidecar = |which| prefix("acme").sidecar(&name, which).unwrap().0;
        assert_eq!(sidecar(SidecarName::Stem), "acme/a b+(1).txt");
        assert_eq!(sidecar(SidecarName::Full), "acme/a b+(1).jpg.txt");
    }

    #[test]
    fn listed_keys_elsewhere_are_no_images() {
        let prefix = prefix("acme/summer");
        assert!(prefix.image_of("acme/summer/a.jpg").is_some());
        for key in [
            "acme/summer",
            "acme/summer/",
            "acme/summer.jpg",
            "acme/summerhouse/a.jpg",
            "acme/a.jpg",
            "a.jpg",
            "/acme/summer/a.jpg",
            "acme/summer/../a.jpg",
            "acme/summer/archive/a.jpg",
            "acme/summer//a.jpg",
            "acme/summer/a\n.jpg",
            "acme/summer/a\u{0}.jpg",
            "acme/summer/a\\b.jpg",
            "acme/summer/a.txt",
            "ACME/SUMMER/a.jpg",
        ] {
            assert!(prefix.image_of(key).is_none(), "{key:?}");
        }
    }

    proptest! {
        /// Whatever a caller or a listing says.
        #[test]
        fn no_name_leads_out_of_the_folder(
            name in r"(\.\.|/|\\|%2e|%2F|\?|#|a|\.|é|\PC){0,12}(\.jpg|\.png)?",
        ) {
            let prefix = prefix("acme/summer");
            if let Ok(image) = ImageName::new(&name) {
                let sidecars = SidecarName::ALL.map(|which| prefix.sidecar(&image, which));
                let keys = sidecars.into_iter().flatten().chain([prefix.image(&image)]);
                for key in keys {
                    let rest = key.as_str().strip_prefix("acme/summer/").unwrap();
                    prop_assert!(!rest.is_empty() && !rest.contains('/'));
                    prop_assert!(rest != ".." && rest != ".");
                    // What is sent leads to the same place: no query, no fragment, no step up.
                    let url = format!("https://s3.example.org/bucket/{}", key.encoded());
                    let url = url::Url::parse(&url).unwrap();
                    prop_assert!(url.path().starts_with("/bucket/acme/summer/"));
                    prop_assert_eq!(url.path().matches('/').count(), 4);
                    prop_assert!(url.query().is_none() && url.fragment().is_none());
                }
                let key = prefix.image(&image);
                prop_assert_eq!(prefix.image_of(key.as_str()), Some(image));
            }
            let listed = format!("acme/summer/{name}");
            if let Some(image) = prefix.image_of(&listed) {
                let key = prefix.image(&image);
                prop_assert_eq!(key.as_str(), &listed);
            }
            prop_assert!(prefix.image_of(&name).is_none() || name.starts_with("acme/summer/"));
        }
    }
}
