//! Hashes of content, as they stand in the ledger.

use crate::domain::{content_hash::ContentHash, storage::HashKind};

/// How a hash stands in the ledger: with its kind, but for the first kind that there was.
pub(super) fn key(hash: &ContentHash) -> String {
    match hash.kind() {
        HashKind::FIRST => hash.to_string(),
        kind => format!("{}:{hash}", kind.as_str()),
    }
}

/// The hash that stands in the ledger so.
pub(super) fn content_hash(key: &str) -> Option<ContentHash> {
    match key.split_once(':') {
        None => ContentHash::new(HashKind::FIRST, key),
        Some((kind, hash)) => ContentHash::new(HashKind::from_name(kind)?, hash),
    }
}
