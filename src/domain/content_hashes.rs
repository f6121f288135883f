//! All the hashes by which one content is known: that of the listing, and those computed from the bytes. Images that
//! share one of them are one image, whichever storage holds them.

use super::{
    content_hash::{ContentHash, ContentHashKind},
    storage::HashKind,
};

/// The known hashes of one content: at least one, none twice, that of the listing first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentHashes(Vec<ContentHash>);

/// Hashes of every kind, computed from the bytes of a file; beside them that of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputedHashes(ContentHashes);

impl From<ContentHash> for ContentHashes {
    fn from(listed: ContentHash) -> Self {
        Self(vec![listed])
    }
}

impl ContentHashes {
    /// These hashes, the first of them that of the listing; `None` if there are none.
    #[must_use]
    pub fn new(hashes: impl IntoIterator<Item = ContentHash>) -> Option<Self> {
        let mut known: Vec<ContentHash> = Vec::new();
        for hash in hashes {
            if !known.contains(&hash) {
                known.push(hash);
            }
        }
        (!known.is_empty()).then_some(Self(known))
    }

    /// All of them, that of the listing first.
    #[must_use]
    pub fn as_slice(&self) -> &[ContentHash] {
        &self.0
    }

    /// The hash of the listing.
    #[must_use]
    pub fn listed(&self) -> &ContentHash {
        &self.0[0]
    }

    /// The hash that people are shown: the first that depends on nothing but the bytes, which an `ETag` may not.
    #[must_use]
    pub fn shown(&self) -> &ContentHash {
        let mut hashes = self.0.iter();
        let digest = hashes.find(|hash| hash.kind() != HashKind::Etag);
        digest.unwrap_or(self.listed())
    }

    /// Whether one of them is this hash.
    #[must_use]
    pub fn contains(&self, hash: &ContentHash) -> bool {
        self.0.contains(hash)
    }

    /// Whether both have a hash in common: then they are of one content.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().any(|hash| other.contains(hash))
    }
}

impl ComputedHashes {
    /// Computes the hashes of a file; `None` if the listing's is of one of these kinds, and another: then these are
    /// not the bytes that were listed. The `ETag` of an object may be something else than the MD5 of its bytes.
    #[must_use]
    pub fn of(listed: ContentHash, bytes: &[u8], kinds: &[ContentHashKind]) -> Option<Self> {
        let mut hashes = vec![listed];
        for kind in kinds {
            let hash = (kind.of)(bytes);
            let is_other = hashes[0].kind() == kind.kind && hashes[0] != hash;
            if is_other && kind.kind != HashKind::Etag {
                return None;
            }
            hashes.push(hash);
        }
        ContentHashes::new(hashes).map(Self)
    }

    /// The hashes.
    #[must_use]
    pub fn get(&self) -> &ContentHashes {
        &self.0
    }
}

impl From<ComputedHashes> for ContentHashes {
    fn from(computed: ComputedHashes) -> Self {
        computed.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ContentHashKind; 2] = [ContentHashKind::MD5_ETAG, ContentHashKind::SHA256];

    fn sha256(bytes: &[u8]) -> ContentHash {
        (ContentHashKind::SHA256.of)(bytes)
    }

    fn md5(bytes: &[u8]) -> ContentHash {
        (ContentHashKind::MD5_ETAG.of)(bytes)
    }

    #[test]
    fn the_listed_hash_comes_first_and_none_twice() {
        let computed = ComputedHashes::of(sha256(b"a"), b"a", &KINDS).unwrap();
        assert_eq!(computed.get().as_slice(), [sha256(b"a"), md5(b"a")]);
    }

    #[test]
    fn other_bytes_than_the_listed_ones_are_noticed() {
        assert_eq!(ComputedHashes::of(sha256(b"b"), b"a", &KINDS), None);
    }

    #[test]
    fn an_etag_need_not_be_an_md5_and_is_shown_only_where_nothing_else_is_known() {
        let etag = ContentHash::new(HashKind::Etag, "in-parts-2").unwrap();
        let computed = ComputedHashes::of(etag.clone(), b"a", &KINDS).unwrap();
        let all = [etag.clone(), md5(b"a"), sha256(b"a")];
        assert_eq!(computed.get().as_slice(), all);
        assert_eq!(*computed.get().shown(), sha256(b"a"));
        assert_eq!(*ContentHashes::from(etag.clone()).shown(), etag);
    }

    #[test]
    fn contents_that_share_a_hash_are_one() {
        let of = |bytes: &[u8]| {
            ContentHashes::from(ComputedHashes::of(md5(bytes), bytes, &KINDS).unwrap())
        };
        assert!(of(b"a").overlaps(&sha256(b"a").into()));
        assert!(!of(b"a").overlaps(&of(b"b")));
        assert_eq!(ContentHashes::new([]), None);
    }
}
