//! What is merged: rows of another ledger, and how many of them were news. Used by whoever reads a source, and by
//! `merge.rs`.

use crate::{
    adapters::ledger::{captions::CaptionRecord, voice::VoiceRecord},
    domain::usage::UsageEvent,
};

/// The state of an entry in a ledger that no process works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapters::ledger) enum Standing {
    Published,
    Unknown,
    Failed,
}

impl Standing {
    pub(in crate::adapters::ledger) const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

/// The kind and text of the hash that a row shows; `None` of a version without such columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct ShownHash {
    pub(in crate::adapters::ledger) kind: Option<String>,
    pub(in crate::adapters::ledger) hash: Option<String>,
}

/// A hash that leads to what is kept under another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct HashRecord {
    pub(in crate::adapters::ledger) tenant: String,
    /// May be one that only a later version knows.
    pub(in crate::adapters::ledger) kind: String,
    pub(in crate::adapters::ledger) hash: String,
    pub(in crate::adapters::ledger) content_hash: String,
}

/// What is known of an image on a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct EntryRecord {
    pub(in crate::adapters::ledger) tenant: String,
    pub(in crate::adapters::ledger) content_hash: String,
    pub(in crate::adapters::ledger) shown: ShownHash,
    /// May be one that only a later version knows.
    pub(in crate::adapters::ledger) platform: String,
    pub(in crate::adapters::ledger) filename: String,
    pub(in crate::adapters::ledger) standing: Standing,
    /// What was known before an attempt that came to nothing certain.
    pub(in crate::adapters::ledger) prior: Option<Standing>,
    pub(in crate::adapters::ledger) post_id: Option<String>,
    pub(in crate::adapters::ledger) post_url: Option<String>,
    pub(in crate::adapters::ledger) lookup_key: Option<String>,
    pub(in crate::adapters::ledger) prior_lookup_key: Option<String>,
    pub(in crate::adapters::ledger) reason: Option<String>,
    pub(in crate::adapters::ledger) error: Option<String>,
    pub(in crate::adapters::ledger) started_at: i64,
    pub(in crate::adapters::ledger) ended_at: Option<i64>,
}

/// An image that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct PassedOverRecord {
    pub(in crate::adapters::ledger) tenant: String,
    pub(in crate::adapters::ledger) content_hash: String,
    pub(in crate::adapters::ledger) shown: ShownHash,
    pub(in crate::adapters::ledger) filename: String,
    pub(in crate::adapters::ledger) reason: String,
    pub(in crate::adapters::ledger) error: String,
    pub(in crate::adapters::ledger) noted_at: i64,
}

/// A request under a key that was answered, or may have sent something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct RequestRecord {
    pub(in crate::adapters::ledger) tenant: String,
    pub(in crate::adapters::ledger) key_hash: String,
    pub(in crate::adapters::ledger) fingerprint: String,
    pub(in crate::adapters::ledger) filename: Option<String>,
    pub(in crate::adapters::ledger) content_hash: Option<String>,
    pub(in crate::adapters::ledger) hashes: Option<String>,
    pub(in crate::adapters::ledger) answer: Option<String>,
    pub(in crate::adapters::ledger) created_at: i64,
}

/// What is merged in one transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct Batch {
    pub(in crate::adapters::ledger) entries: Vec<EntryRecord>,
    pub(in crate::adapters::ledger) passed_over: Vec<PassedOverRecord>,
    pub(in crate::adapters::ledger) requests: Vec<RequestRecord>,
    pub(in crate::adapters::ledger) hashes: Vec<HashRecord>,
    pub(in crate::adapters::ledger) voices: Vec<VoiceRecord>,
    pub(in crate::adapters::ledger) captions: Vec<CaptionRecord>,
    /// Events that wait to be sent. One that was sent since is sent again, under the same key.
    pub(in crate::adapters::ledger) usage: Vec<UsageEvent>,
}

/// The outcome for records of one kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct Counts {
    /// Not known before.
    pub(in crate::adapters::ledger) new: u64,
    /// Known, but less certainly.
    pub(in crate::adapters::ledger) raised: u64,
    /// Nothing new.
    pub(in crate::adapters::ledger) known: u64,
}

/// The outcome for a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct Merged {
    pub(in crate::adapters::ledger) entries: Counts,
    pub(in crate::adapters::ledger) passed_over: Counts,
    pub(in crate::adapters::ledger) requests: Counts,
    pub(in crate::adapters::ledger) hashes: Counts,
    pub(in crate::adapters::ledger) voices: Counts,
    pub(in crate::adapters::ledger) captions: Counts,
    pub(in crate::adapters::ledger) usage: Counts,
}

impl Counts {
    pub(in crate::adapters::ledger) fn note(&mut self, new: bool, raised: bool) {
        if new {
            self.new += 1;
        } else if raised {
            self.raised += 1;
        } else {
            self.known += 1;
        }
    }

    pub(in crate::adapters::ledger) fn add(&mut self, other: Self) {
        self.new += other.new;
        self.raised += other.raised;
        self.known += other.known;
    }
}
