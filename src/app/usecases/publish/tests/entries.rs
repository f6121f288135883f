//! Entries of the ledger, and a reader that has them.

use super::*;
use crate::domain::{content_hash::ContentHash, ledger::Position};

/// A ledger that is read once, and has these entries of the image.
pub(super) fn reader_of(entries: Vec<Entry>) -> MockLedgerReader {
    let mut reader = MockLedgerReader::new();
    reader
        .expect_entries_of()
        .times(1)
        .returning(move |_, contents| Ok([(contents[0].clone(), entries.clone())].into()));
    reader
}

/// An entry of an image with this content.
pub(super) fn entry_of(content: &ContentHash, (platform, state): (Platform, EntryState)) -> Entry {
    Entry {
        position: Position {
            started_ms: 1,
            id: 1,
        },
        image: Some(image_name()),
        content_hash: content.clone(),
        platform: Some(platform),
        state,
        post: Some(PublishedPost::new("1")),
        reason: None,
        error: None,
        key: None,
        started: std::time::SystemTime::UNIX_EPOCH,
        ended: None,
    }
}

/// An entry of the image on a platform.
pub(super) fn entry(platform: Platform, state: EntryState) -> Entry {
    entry_of(&stored("a.jpg", &jpeg()).content_hash, (platform, state))
}
