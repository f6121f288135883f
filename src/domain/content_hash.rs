//! Hashes of the content of images: by them the same content is the same image, whatever it is called
//! and whichever storage holds it.

use std::fmt;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::storage::HashKind;

/// The longest `ETag` that is kept, in bytes: those of S3 have 32 hex digits, or these with a count of parts.
const MAX_ETAG: usize = 128;

/// A hash of the content of a file, with its kind.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContentHash(Repr);

/// In a few bytes: a listing can have hundreds of thousands.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Digest(HashKind, [u8; 32]),
    Etag(Box<str>),
}

impl ContentHash {
    /// A hash that was computed elsewhere; `None` unless it is one of its kind: 64 hex digits, or, for an
    /// `ETag`, with or without its quotes, up to 128 printable ASCII characters.
    #[must_use]
    pub fn new(kind: HashKind, hash: &str) -> Option<Self> {
        if kind != HashKind::Etag {
            return from_hex(hash).map(|digest| Self::from_digest(kind, digest));
        }
        let etag = hash.strip_prefix("W/").unwrap_or(hash).trim_matches('"');
        let is_sound = !etag.is_empty()
            && etag.len() <= MAX_ETAG
            && etag.bytes().all(|byte| byte.is_ascii_graphic());
        is_sound.then(|| Self(Repr::Etag(etag.to_ascii_lowercase().into())))
    }

    /// A digest that was computed here.
    #[must_use]
    pub fn from_digest(kind: HashKind, digest: [u8; 32]) -> Self {
        Self(Repr::Digest(kind, digest))
    }

    /// The SHA-256 of a file, for tests.
    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        (ContentHashKind::SHA256.of)(bytes)
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        match self.0 {
            Repr::Digest(kind, _) => kind,
            Repr::Etag(_) => HashKind::Etag,
        }
    }

    /// What it takes in memory beside itself, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Digest(..) => 0,
            Repr::Etag(etag) => etag.len(),
        }
    }
}

/// Without its kind: lowercase hex digits, or an `ETag` without its quotes.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Digest(_, digest) => f.write_str(&hex(digest)),
            Repr::Etag(etag) => f.write_str(etag),
        }
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.kind().as_str())
    }
}

/// How hashes of a kind are computed. The registration of each kind of storage names the kind that its
/// listings carry; any kind can be computed of any bytes.
#[derive(Debug, Clone, Copy)]
pub struct ContentHashKind {
    /// The kind.
    pub kind: HashKind,
    /// The hash of a file.
    pub of: fn(&[u8]) -> ContentHash,
    /// The hash of a file with this SHA-256 and this size in bytes; `None` where it does not follow
    /// from them.
    pub of_sha256: fn([u8; 32], u64) -> Option<ContentHash>,
    /// The keys by which a sidecar has what storage calls the image.
    pub sidecar_keys: SidecarKeys,
}

/// The keys of a sidecar for storage's id and revision of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SidecarKeys {
    /// The key of the id.
    pub file_id: &'static str,
    /// The key of the revision.
    pub revision: &'static str,
}

impl SidecarKeys {
    /// Those of every storage that has none of its own.
    pub const OF_STORAGE: Self = Self {
        file_id: "storage_file_id",
        revision: "storage_rev",
    };
}

impl ContentHashKind {
    /// The SHA-256 of the file.
    pub const SHA256: Self = Self {
        kind: HashKind::Sha256,
        of: |bytes| ContentHash::from_digest(HashKind::Sha256, Sha256::digest(bytes).into()),
        of_sha256: |digest, _| Some(ContentHash::from_digest(HashKind::Sha256, digest)),
        sidecar_keys: SidecarKeys::OF_STORAGE,
    };

    /// The `ETag` of an object that was put in one request and is not encrypted: the MD5 of the file.
    pub const MD5_ETAG: Self = Self {
        kind: HashKind::Etag,
        of: |bytes| ContentHash(Repr::Etag(hex(&Md5::digest(bytes)).into())),
        of_sha256: |_, _| None,
        sidecar_keys: SidecarKeys::OF_STORAGE,
    };

    /// A kind for tests: it follows from the SHA-256 of small files only.
    #[cfg(test)]
    pub(crate) const SAMPLE: Self = Self {
        of_sha256: |digest, size| {
            (size <= 1 << 22).then(|| ContentHash::from_digest(HashKind::Sha256, digest))
        },
        ..Self::SHA256
    };

    /// The hash of a file of which the SHA-256 is known in hex, and the size in bytes; `None` where
    /// it does not follow from them.
    pub(super) fn of_sha256_hex(self, sha256: &str, size: u64) -> Option<ContentHash> {
        (self.of_sha256)(from_hex(sha256)?, size)
    }
}

/// Bytes as lowercase hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        let &[high, low] = pair else { return None };
        *byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_hex_digits() {
        let kinds = HashKind::ALL.into_iter();
        for kind in kinds.filter(|kind| *kind != HashKind::Etag) {
            for bad in ["", "abc", &"xy".repeat(32), &"é".repeat(32)] {
                assert!(ContentHash::new(kind, bad).is_none());
            }
            let hash = ContentHash::new(kind, &"AB".repeat(32)).unwrap();
            assert_eq!((hash.kind(), hash.to_string()), (kind, "ab".repeat(32)));
        }
    }

    #[test]
    fn an_etag_is_known_without_its_quotes() {
        let md5 = (ContentHashKind::MD5_ETAG.of)(b"");
        for text in [
            "d41d8cd98f00b204e9800998ecf8427e",
            "\"D41D8CD98F00B204E9800998ECF8427E\"",
            "W/\"d41d8cd98f00b204e9800998ecf8427e\"",
        ] {
            assert_eq!(ContentHash::new(HashKind::Etag, text), Some(md5.clone()));
        }
        for bad in ["", "\"\"", "a b", "é", &"a".repeat(129)] {
            assert!(ContentHash::new(HashKind::Etag, bad).is_none());
        }
    }

    #[test]
    fn hashes_of_different_kinds_differ() {
        let digest = "ab".repeat(32);
        let of = |kind| ContentHash::new(kind, &digest).unwrap();
        let different: std::collections::HashSet<_> = HashKind::ALL.map(of).into();
        assert_eq!(different.len(), HashKind::ALL.len());
    }

    #[test]
    fn a_sha256_is_read_from_its_hex_digits() {
        let kind = ContentHashKind::SHA256;
        let sha256 = hex(&Sha256::digest(b"a")).to_ascii_uppercase();
        assert_eq!(kind.of_sha256_hex(&sha256, 1), Some((kind.of)(b"a")));
        for bad in ["ab", &"xy".repeat(32), &"é".repeat(32)] {
            assert_eq!(kind.of_sha256_hex(bad, 1), None);
        }
    }
}
