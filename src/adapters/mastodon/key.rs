//! The key by which a post is found, and sent again: the upload, which an instance attaches to one status only, and the
//! idempotency key. Used by this folder's adapter.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::{image::EncodedImage, publication::LookupKey};

/// The bytes of the digest that the key holds.
const DIGEST_BYTES: usize = 8;
/// The longest id, in bytes; Mastodon's have 18, and others' 26.
const MAX_ID: usize = 64;

/// The key of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostKey {
    /// The id of the upload.
    pub(super) media: String,
    /// The `Idempotency-Key`.
    pub(super) idempotency: Uuid,
    /// The digest of what was uploaded.
    pub(super) digest: String,
}

impl PostKey {
    /// The key of a new post with this upload.
    pub(super) fn new(media: String, digest: String) -> Self {
        Self {
            media,
            idempotency: Uuid::new_v4(),
            digest,
        }
    }

    /// Reads what [`PostKey::write`] has written; `None` if it is anything else.
    pub(super) fn read(key: &LookupKey) -> Option<Self> {
        let key: Value = serde_json::from_str(key.as_str()).ok()?;
        let text = |name: &str| key[name].as_str();
        Some(Self {
            media: text("media").filter(|id| is_id(id))?.to_owned(),
            idempotency: text("idempotency")?.parse().ok()?,
            digest: text("digest")?.to_owned(),
        })
    }

    /// The key as the ledger keeps it.
    pub(super) fn write(&self) -> LookupKey {
        let Self {
            media,
            idempotency,
            digest,
        } = self;
        let idempotency = idempotency.to_string();
        let key = json!({ "media": media, "idempotency": idempotency, "digest": digest });
        LookupKey::new(key.to_string())
    }
}

/// Whether a text can be the id of something: it becomes a part of addresses.
pub(super) fn is_id(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_part)
}

/// The digest of an image and its description, in hex.
pub(super) fn digest(image: &EncodedImage, description: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(image.bytes());
    // Apart from the image, and whether there is one at all.
    hash.update([u8::from(description.is_some())]);
    hash.update(description.unwrap_or_default());
    let hash = hash.finalize();
    let mut text = String::with_capacity(2 * DIGEST_BYTES);
    for byte in hash.iter().take(DIGEST_BYTES) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_nothing_else_is() {
        let key = PostKey::new("115600000000000001".to_owned(), "0f".to_owned());
        assert_eq!(PostKey::read(&key.write()), Some(key.clone()));
        let other = PostKey::new(key.media.clone(), key.digest.clone());
        assert_ne!(other.idempotency, key.idempotency);
        let idempotency = key.idempotency;
        for odd in [
            String::new(),
            "115600000000000001".to_owned(),
            "{}".to_owned(),
            r#"{"media":"1","idempotency":"x","digest":""}"#.to_owned(),
            format!(r#"{{"media":"","idempotency":"{idempotency}","digest":""}}"#),
            format!(r#"{{"media":"../a","idempotency":"{idempotency}","digest":""}}"#),
            format!(r#"{{"media":7,"idempotency":"{idempotency}","digest":""}}"#),
        ] {
            assert_eq!(PostKey::read(&LookupKey::new(odd.clone())), None, "{odd}");
        }
    }

    #[test]
    fn a_digest_tells_images_and_descriptions_apart() {
        let image = |end: &[u8]| {
            let bytes = [b"\xFF\xD8\xFF", end].concat();
            EncodedImage::new(Bytes::from(bytes)).unwrap()
        };
        let digests = [
            digest(&image(b"a"), None),
            digest(&image(b"a"), Some("")),
            digest(&image(b"a"), Some("b")),
            digest(&image(b"ab"), None),
            digest(&image(b"ab"), Some("")),
        ];
        assert!(digests.iter().all(|it| it.len() == 2 * DIGEST_BYTES));
        let all: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(all.len(), digests.len());
        assert_eq!(digest(&image(b"a"), Some("b")), digests[2]);
    }
}
