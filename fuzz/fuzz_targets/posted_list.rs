//! A list of what the existing service has posted: each hash is there once, and all of them, written again, read the same.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use publisher::{adapters::ledger::PostedList, domain::storage::HashKind};
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = PostedList::read(bytes) else {
        return;
    };
    assert!(list.named().len() as u64 <= list.bad());
    assert!(
        list.ignored()
            .iter()
            .all(|name| !name.contains(char::is_control))
    );
    let (mut hashes, mut of_dropbox) = (Vec::new(), Vec::new());
    for hash in list.hashes() {
        match hash.kind() {
            HashKind::Dropbox => of_dropbox.push(hash.to_string()),
            HashKind::Sha256 | HashKind::Etag => hashes.push(hash.to_string()),
        }
    }
    let texts: BTreeSet<_> = hashes.iter().chain(&of_dropbox).collect();
    assert_eq!(texts.len(), list.hashes().len());
    let written = json!({ "hashes": hashes, "dropbox_content_hashes": of_dropbox }).to_string();
    let Ok(read) = PostedList::read(written.as_bytes()) else {
        panic!("{written} is such a list")
    };
    assert_eq!(read.hashes(), list.hashes());
    assert_eq!((read.bad(), read.repeated()), (0, 0));
});
