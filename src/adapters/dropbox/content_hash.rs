//! The hash that Dropbox's listings carry: the SHA-256 of the SHA-256s of each 4 MiB block.

use sha2::{Digest as _, Sha256};

use crate::domain::{
    content_hash::{ContentHash, ContentHashKind},
    sidecar::FIRST_KEYS,
    storage::HashKind,
};

const BLOCK: usize = 4 * 1024 * 1024;

/// Dropbox's `content_hash`.
pub(super) const CONTENT_HASH: ContentHashKind = ContentHashKind {
    kind: HashKind::Dropbox,
    of,
    of_sha256,
    sidecar_keys: FIRST_KEYS,
};

pub(super) fn of(bytes: &[u8]) -> ContentHash {
    let mut outer = Sha256::new();
    for block in bytes.chunks(BLOCK) {
        outer.update(Sha256::digest(block));
    }
    ContentHash::from_digest(HashKind::Dropbox, outer.finalize().into())
}

/// Of a file of several blocks, or of none, it does not follow from the file's SHA-256.
fn of_sha256(sha256: [u8; 32], size: u64) -> Option<ContentHash> {
    let is_one_block = (1..=BLOCK as u64).contains(&size);
    is_one_block.then(|| ContentHash::from_digest(HashKind::Dropbox, Sha256::digest(sha256).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_hash_is_the_hash_of_the_block_hashes() {
        // The SHA-256 of nothing: a file without blocks.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of(b"").to_string(), empty);
        let two_blocks = vec![7_u8; BLOCK + 1];
        let mut outer = Sha256::new();
        outer.update(Sha256::digest(&two_blocks[..BLOCK]));
        outer.update(Sha256::digest([7_u8]));
        let expected = ContentHash::from_digest(HashKind::Dropbox, outer.finalize().into());
        assert_eq!(of(&two_blocks), expected);
    }

    #[test]
    fn the_content_hash_of_one_block_follows_from_its_sha256() {
        for size in [1, BLOCK] {
            let bytes = vec![7; size];
            let sha256 = Sha256::digest(&bytes).into();
            assert_eq!(of_sha256(sha256, size as u64), Some(of(&bytes)));
        }
        for size in [0, BLOCK as u64 + 1] {
            assert_eq!(of_sha256([7; 32], size), None);
        }
    }
}
