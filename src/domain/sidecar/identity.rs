//! Which image a sidecar is of, and whether it is of the image as it is now.

use unicode_normalization::UnicodeNormalization as _;

use super::{Belonging, FIRST_KEYS, IMAGE_FILE, Sidecar};
use crate::domain::{
    content_hash::{ContentHashKind, SidecarKeys},
    image::StoredImage,
};

impl Sidecar {
    /// The relation to an image, whose content hash is of this kind; `sha256` is that of the image's content in hex,
    /// where it is known.
    ///
    /// A file with the image's id belongs to the image, and so does one with its name, in any letter case and Unicode
    /// normalization. Whether it fits is decided by the first of these that can be compared: its SHA-256, which is of
    /// the content itself, with `sha256` or the content hash of storage; its revision, which changes with the content,
    /// and when the file moves; its id, which stays when the content changes. With none of them it fits by its name,
    /// unless it has a SHA-256.
    #[must_use]
    pub fn belonging_to(
        &self,
        image: &StoredImage,
        kind: ContentHashKind,
        sha256: Option<&str>,
    ) -> Belonging {
        let (keys, first) = (kind.sidecar_keys, FIRST_KEYS);
        let is_same = |key: &str, first: &str, value: &str| {
            let known = self.get(key).or_else(|| self.get(first));
            known.map(|known| known == value)
        };
        let names_it = self
            .get(IMAGE_FILE)
            .is_some_and(|name| folded(name) == folded(image.name.as_str()));
        let by_id = is_same(keys.file_id, first.file_id, &image.file_id);
        if !names_it && by_id != Some(true) {
            return Belonging::OtherImage;
        }
        let by_revision = || is_same(keys.revision, first.revision, &image.revision);
        // A hash that cannot be compared, without a revision, is of an unknown content.
        let by_doubt = || self.sha256().map(|_| false);
        let fits = self.by_hash(image, kind, sha256).or_else(by_revision);
        match fits.or_else(by_doubt).or(by_id) {
            Some(false) => Belonging::Outdated,
            _ => Belonging::Fits,
        }
    }

    /// Whether its SHA-256 can be compared with the content hash of storage.
    #[must_use]
    pub fn is_comparable(&self, image: &StoredImage, kind: ContentHashKind) -> bool {
        self.by_hash(image, kind, None).is_some()
    }

    /// Whether its SHA-256 is that of the image; `None` if they cannot be compared.
    fn by_hash(
        &self,
        image: &StoredImage,
        kind: ContentHashKind,
        sha256: Option<&str>,
    ) -> Option<bool> {
        let known = self.sha256()?;
        if let Some(sha256) = sha256 {
            return Some(known.eq_ignore_ascii_case(sha256));
        }
        let hash = kind.of_sha256_hex(known, image.size)?;
        Some(hash == image.content_hash)
    }

    /// Sets what storage calls the image, by the keys of its kind alone.
    pub fn set_identity(&mut self, image: &StoredImage, keys: SidecarKeys) {
        for other in [FIRST_KEYS, SidecarKeys::OF_STORAGE] {
            if other != keys {
                self.remove(other.file_id);
                self.remove(other.revision);
            }
        }
        self.set(keys.file_id, &image.file_id);
        self.set(keys.revision, &image.revision);
    }

    /// The SHA-256 of the image in hex, if it was computed for this revision.
    #[must_use]
    pub fn sha256_of(&self, revision: &str) -> Option<&str> {
        let keys = [FIRST_KEYS, SidecarKeys::OF_STORAGE].map(|it| it.revision);
        let mut known = keys.into_iter().filter_map(|key| self.get(key));
        known
            .any(|known| known == revision)
            .then(|| self.sha256())?
    }

    /// Its SHA-256, if that is a valid one.
    fn sha256(&self) -> Option<&str> {
        self.get("sha256")
            .filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
}

/// A name in the form in which storage compares names.
fn folded(name: &str) -> String {
    // Lower case may be in pieces again, as that of a capital I with a dot is.
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{content_hash::ContentHash, image::ImageName};

    fn image() -> StoredImage {
        StoredImage {
            name: ImageName::new("a.jpg").unwrap(),
            file_id: "id:1".to_owned(),
            revision: "7".to_owned(),
            content_hash: ContentHash::of(b"a"),
            size: 1,
            last_modified: None,
        }
    }

    #[test]
    fn a_kind_of_storage_has_its_own_keys_and_reads_those_of_former_versions() {
        let (image, first, others) = (image(), FIRST_KEYS, SidecarKeys::OF_STORAGE);
        let kind = |sidecar_keys| ContentHashKind {
            sidecar_keys,
            ..ContentHashKind::MD5_ETAG
        };
        for keys in [first, others] {
            let mut sidecar = Sidecar::parse(b"# ---\n# image_file: a.jpg\n").unwrap();
            sidecar.set("sha256", &"ab".repeat(32));
            for before in [first, others] {
                sidecar.set_identity(&image, before);
            }
            sidecar.set_identity(&image, keys);
            let has = |it: SidecarKeys| sidecar.get(it.revision).is_some();
            assert_eq!((has(first), has(others)), (keys == first, keys == others));
            assert!(sidecar.sha256_of("7").is_some() && sidecar.sha256_of("8").is_none());
            let fits = |keys| sidecar.belonging_to(&image, kind(keys), None) == Belonging::Fits;
            assert!(fits(keys));
            // Former versions wrote the first keys for all.
            assert!(fits(others));
        }
    }
}
