//! The key of a post: the account's id (DID) and an id of ours (TID), by which a server takes it once.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;

use crate::domain::publication::{PostId, PostUrl, PublishedPost};

/// The collection that posts are in.
pub(super) const COLLECTION: &str = "app.bsky.feed.post";

/// The id of an account. It has only letters that a URI needs not escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Did(pub(super) String);

impl Did {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (method, id) = text.strip_prefix("did:")?.split_once(':')?;
        let is_method = !method.is_empty() && method.bytes().all(|it| it.is_ascii_lowercase());
        let is_part = |it: u8| it.is_ascii_alphanumeric() || b"._:-".contains(&it);
        let is_id = !id.is_empty() && id.len() <= 256 && id.bytes().all(is_part);
        (is_method && is_id).then(|| Self(text.to_owned()))
    }
}

/// The place of a post. It displays as its `at://` URI, which is its id and the key that it is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordKey {
    pub(super) did: Did,
    pub(super) rkey: String,
}

impl RecordKey {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (did, rest) = text.strip_prefix("at://")?.split_once('/')?;
        let rkey = rest.strip_prefix(COLLECTION)?.strip_prefix('/')?;
        Some(Self {
            did: Did::parse(did)?,
            rkey: is_tid(rkey).then(|| rkey.to_owned())?,
        })
    }

    pub(super) fn post(&self) -> PublishedPost {
        let (did, rkey) = (&self.did.0, &self.rkey);
        PublishedPost {
            id: PostId::new(self.to_string()),
            url: PostUrl::parse(&format!("https://bsky.app/profile/{did}/post/{rkey}")),
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at://{}/{COLLECTION}/{}", self.did.0, self.rkey)
    }
}

/// Makes TIDs, the keys of records: the time in microseconds and a number, in an alphabet that sorts as numbers do. Each
/// is greater than the one before it.
#[derive(Debug, Default)]
pub(super) struct Tids(AtomicU64);

const SORTABLE: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

impl Tids {
    pub(super) fn next(&self, now: SystemTime) -> String {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or_default();
        let after = |last: u64| now.max(last + 1);
        let micros = after(self.0.update(Ordering::AcqRel, Ordering::Acquire, after));
        // Chosen anew each time, so that two processes do not meet.
        let clock_id = u64::from(Uuid::new_v4().as_fields().1) % (1 << 10);
        tid(((micros % (1 << 53)) << 10) | clock_id)
    }
}

pub(super) fn tid(value: u64) -> String {
    let symbol = |place: u32| SORTABLE[((value >> (5 * place)) & 31) as usize];
    (0..13).rev().map(|it| char::from(symbol(it))).collect()
}

/// 13 symbols, of which the first keeps the top bit at 0.
pub(super) fn is_tid(text: &str) -> bool {
    let is_small = |first: &u8| SORTABLE[..16].contains(first);
    text.len() == 13
        && text.as_bytes().first().is_some_and(is_small)
        && text.bytes().all(|it| SORTABLE.contains(&it))
}
