//! The captions of another ledger. Used by `merge.rs` and `ledger_file.rs`.

use sqlx::{Row as _, sqlite::SqliteRow};

use crate::domain::{content_hash::ContentHash, storage::HashKind, tenant::TenantName};

pub(in crate::adapters::ledger) const ADD: &str = "INSERT INTO ledger_caption_history
        (tenant, fingerprint, platform, caption, written, author, angle, image_sha256, model, sent_at,
            content_hash, lookup_key, unpublished)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (tenant, fingerprint) DO NOTHING";

/// An attempt that is known to have been published was, whichever ledger knows it.
pub(in crate::adapters::ledger) const PUBLISHED: &str =
    "UPDATE ledger_caption_history SET unpublished = NULL
    WHERE tenant = $1 AND fingerprint = $2 AND unpublished IS NOT NULL";

/// A row of another ledger.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::adapters::ledger) struct CaptionRecord {
    pub(in crate::adapters::ledger) tenant: String,
    pub(in crate::adapters::ledger) fingerprint: String,
    /// May be one that only a later version knows.
    pub(in crate::adapters::ledger) platform: String,
    pub(in crate::adapters::ledger) caption: String,
    pub(in crate::adapters::ledger) written: Option<String>,
    pub(in crate::adapters::ledger) author: Option<String>,
    pub(in crate::adapters::ledger) angle: Option<String>,
    pub(in crate::adapters::ledger) image_sha256: Option<String>,
    pub(in crate::adapters::ledger) model: Option<String>,
    pub(in crate::adapters::ledger) sent_at: i64,
    pub(in crate::adapters::ledger) content_hash: Option<String>,
    pub(in crate::adapters::ledger) lookup_key: Option<String>,
    /// `None`: it was published.
    pub(in crate::adapters::ledger) unpublished: Option<&'static str>,
}

impl std::fmt::Debug for CaptionRecord {
    /// Without the texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptionRecord")
            .field("tenant", &self.tenant)
            .field("platform", &self.platform)
            .field("fingerprint", &self.fingerprint)
            .field("unpublished", &self.unpublished)
            .finish_non_exhaustive()
    }
}

/// A row of a file, if it makes sense. No process works on an attempt in it any more.
pub(in crate::adapters::ledger) fn record(row: &SqliteRow) -> Option<CaptionRecord> {
    let unpublished: Option<String> = row.try_get("unpublished").ok()?;
    let record = CaptionRecord {
        tenant: row.try_get("tenant").ok()?,
        fingerprint: row.try_get("fingerprint").ok()?,
        platform: row.try_get("platform").ok()?,
        caption: row.try_get("caption").ok()?,
        written: row.try_get("written").ok()?,
        author: row.try_get("author").ok()?,
        angle: row.try_get("angle").ok()?,
        image_sha256: row.try_get("image_sha256").ok()?,
        model: row.try_get("model").ok()?,
        sent_at: row.try_get("sent_at").ok()?,
        content_hash: row.try_get("content_hash").ok()?,
        lookup_key: row.try_get("lookup_key").ok()?,
        unpublished: match unpublished.as_deref() {
            None => None,
            Some("intent" | "unknown") => Some("unknown"),
            Some("failed") => Some("failed"),
            Some(_) => return None,
        },
    };
    TenantName::new(&record.tenant)?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_graphic());
    let has_key = match &record.content_hash {
        Some(key) => ContentHash::new(HashKind::FIRST, key).is_some(),
        // History that belongs to no attempt.
        None => record.unpublished.is_none(),
    };
    let is_whole = !record.fingerprint.is_empty() && !record.caption.is_empty();
    (is_word(&record.platform) && has_key && is_whole).then_some(record)
}
