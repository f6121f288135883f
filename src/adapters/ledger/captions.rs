//! The captions of attempts, and those that were published: the SQL that both databases accept. Used by `statements.rs`, and
//! by `merge.rs` and `ledger_file.rs` for those of another ledger.
//!
//! One table has both. A row begins with the intent of its attempt, in the same transaction, and is history once the
//! attempt is known to have been published: when its outcome is recorded, or a look-up finds the post. A forced second
//! publication of an image is an attempt of its own, with a row of its own. What was taken over from another service is
//! history from the start, and belongs to no attempt.
//!
//! An attempt is told by its holder and its platform, which together are the row's fingerprint: no two ledgers have the
//! same one of different attempts.

mod imported;

use std::collections::BTreeMap;

use serde_json::json;

pub(super) use self::imported::{ADD, CaptionRecord, PUBLISHED, record};

use super::stored_text::storable;
use crate::domain::{
    caption_history::{Angle, CaptionAuthor, KeptCaption, PastCaption},
    content_hashes::ContentHashes,
    ledger::Settlement,
    platform::Platform,
    storage::HashKind,
};

/// What a platform has published last. The condition is that of the index `ledger_caption_history_published`, word for
/// word: however many attempts have failed, only what is returned is read.
pub(super) const RECENT: &str = "SELECT caption, angle FROM ledger_caption_history
    WHERE tenant = $1 AND platform = $2 AND unpublished IS NULL
    ORDER BY sent_at DESC, id DESC LIMIT $3";

/// Settles the caption of an attempt: `$3` is NULL if it was published.
pub(super) const SETTLE_CAPTION: &str = "UPDATE ledger_caption_history SET unpublished = $3
    WHERE tenant = $1 AND fingerprint = $2 AND unpublished = 'intent'";

/// The fingerprint of the caption of an attempt.
pub(super) fn fingerprint(holder: &str, platform: Platform) -> String {
    format!("{holder} {platform}")
}

/// What `unpublished` is after this outcome.
pub(super) fn unpublished(settlement: &Settlement) -> Option<&'static str> {
    match settlement {
        Settlement::Published(_) => None,
        Settlement::Failed(_) => Some("failed"),
        Settlement::Unknown(_) => Some("unknown"),
    }
}

/// The captions of an intent as a parameter of a statement.
pub(super) fn parameter(holder: &str, captions: &BTreeMap<Platform, KeptCaption>) -> String {
    let object = |(platform, caption): (&Platform, &KeptCaption)| {
        let KeptCaption {
            sent,
            written,
            author,
            angle,
            model,
        } = caption;
        json!({
            "platform": platform.as_str(),
            "fingerprint": fingerprint(holder, *platform),
            "caption": storable(sent),
            "written": written.as_deref().map(storable),
            "author": author.as_str(),
            "angle": angle.map(Angle::as_str),
            "model": model.as_deref().map(storable),
        })
    };
    let objects: Vec<_> = captions.iter().map(object).collect();
    serde_json::Value::from(objects).to_string()
}

/// The SHA-256 among hashes, in hex.
pub(super) fn sha256(hashes: &ContentHashes) -> Option<String> {
    let mut hashes = hashes.as_slice().iter();
    let sha256 = hashes.find(|hash| hash.kind() == HashKind::Sha256);
    sha256.map(ToString::to_string)
}

/// A row of a kept caption: the caption, what the model wrote, author, angle and model.
pub(super) type KeptRow = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The caption in a row. An author whom only a later version knows counts as a person: a machine writes over nothing of
/// theirs.
pub(super) fn kept((sent, written, author, angle, model): KeptRow) -> KeptCaption {
    let author = author.as_deref().and_then(CaptionAuthor::from_name);
    KeptCaption {
        sent,
        written,
        author: author.unwrap_or(CaptionAuthor::Person),
        angle: angle.as_deref().and_then(Angle::from_name),
        model,
    }
}

/// The caption in a row of [`RECENT`]: the text, and the angle.
pub(super) fn past((text, angle): (String, Option<String>)) -> PastCaption {
    PastCaption {
        text,
        angle: angle.as_deref().and_then(Angle::from_name),
    }
}

/// Implements [`CaptionHistory`](crate::ports::CaptionHistory) for a type, with the macros of `sql_hashes` before it.
/// `$elements` selects the elements of the JSON array `$4` as `value`.
macro_rules! sql_captions {
    ($ledger:ty, elements: $elements:literal) => {
        /// Keeps the captions `$4` of the holder `$5`, whose intents are written. `$6` is the SHA-256 of the image.
        pub(super) const KEEP_CAPTIONS: &str = concat!(
            "INSERT INTO ledger_caption_history
                (tenant, platform, caption, written, author, angle, model, image_sha256, sent_at,
                    fingerprint, content_hash, lookup_key, unpublished)
             SELECT e.tenant, e.platform, sent.value ->> 'caption', sent.value ->> 'written',
                sent.value ->> 'author', sent.value ->> 'angle', sent.value ->> 'model',
                CAST($6 AS TEXT), e.started_at, sent.value ->> 'fingerprint', e.content_hash,
                e.lookup_key, 'intent'
             FROM ",
            $elements,
            " AS sent CROSS JOIN ledger_entries e
             WHERE e.tenant = $2 AND e.platform = sent.value ->> 'platform' AND e.holder = $5
                AND e.state = 'intent' AND e.content_hash IN ",
            keys!(),
            " ON CONFLICT (tenant, fingerprint) DO UPDATE SET
                caption = excluded.caption, written = excluded.written, author = excluded.author,
                angle = excluded.angle, model = excluded.model, sent_at = excluded.sent_at,
                lookup_key = excluded.lookup_key, unpublished = excluded.unpublished"
        );

        /// The caption of the last attempt at a content on the platform `$4`. Not sorted by a bare column, for which the
        /// whole history would be read in the order of its index.
        pub(super) const LAST_CAPTION: &str = concat!(
            "SELECT caption, written, author, angle, model FROM ledger_caption_history
             WHERE tenant = $2 AND platform = $4 AND content_hash IS NOT NULL AND content_hash IN ",
            keys!(),
            " ORDER BY sent_at + 0 DESC, id DESC LIMIT 1"
        );

        /// Settles the captions of the attempt with the key `$5`, of which the platform `$4` was asked.
        pub(super) const SETTLE_LOOKED_UP: &str = concat!(
            "UPDATE ledger_caption_history SET unpublished = $6
             WHERE tenant = $2 AND platform = $4 AND lookup_key = $5
                AND unpublished IN ('intent', 'unknown')
                AND content_hash IS NOT NULL AND content_hash IN ",
            keys!()
        );

        impl $ledger {
            /// Keeps the captions of a holder whose intents have been written in the same transaction.
            async fn keep_captions(
                write: &mut Guarded,
                lease: &Lease,
                captions: &std::collections::BTreeMap<
                    Platform,
                    crate::domain::caption_history::KeptCaption,
                >,
            ) -> Result<(), sqlx::Error> {
                if captions.is_empty() {
                    return Ok(());
                }
                sqlx::query(KEEP_CAPTIONS)
                    .bind(0_i64)
                    .bind(lease.tenant().as_str())
                    .bind(hashes::parameter(lease.hashes().as_slice()))
                    .bind(super::captions::parameter(lease.holder(), captions))
                    .bind(lease.holder())
                    .bind(super::captions::sha256(lease.hashes()))
                    .execute(&mut **write)
                    .await?;
                Ok(())
            }

            /// Merges captions of another ledger. `note` is told of each whether it is new, and whether it became history.
            async fn merge_captions(
                write: &mut Guarded,
                records: &[super::captions::CaptionRecord],
                mut note: impl FnMut(bool, bool) + Send,
            ) -> Result<(), sqlx::Error> {
                for record in records {
                    let kept = |text: &Option<String>| text.as_deref().map(statements::storable);
                    let added = sqlx::query(super::captions::ADD)
                        .bind(&record.tenant)
                        .bind(&record.fingerprint)
                        .bind(&record.platform)
                        .bind(statements::storable(&record.caption))
                        .bind(kept(&record.written))
                        .bind(kept(&record.author))
                        .bind(kept(&record.angle))
                        .bind(kept(&record.image_sha256))
                        .bind(kept(&record.model))
                        .bind(record.sent_at)
                        .bind(&record.content_hash)
                        .bind(kept(&record.lookup_key))
                        .bind(record.unpublished)
                        .execute(&mut **write)
                        .await?;
                    let is_new = added.rows_affected() > 0;
                    let mut raised = 0;
                    if !is_new && record.unpublished.is_none() {
                        let published = sqlx::query(super::captions::PUBLISHED)
                            .bind(&record.tenant)
                            .bind(&record.fingerprint)
                            .execute(&mut **write)
                            .await?;
                        raised = published.rows_affected();
                    }
                    note(is_new, raised > 0);
                }
                Ok(())
            }

            /// Settles the caption of a holder's attempt, also where another attempt has begun since: what a platform
            /// has published is history.
            async fn settle_caption(
                write: &mut Guarded,
                lease: &Lease,
                platform: Platform,
                settlement: &Settlement,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(super::captions::SETTLE_CAPTION)
                    .bind(lease.tenant().as_str())
                    .bind(super::captions::fingerprint(lease.holder(), platform))
                    .bind(super::captions::unpublished(settlement))
                    .execute(&mut **write)
                    .await?;
                Ok(())
            }
        }

        #[async_trait]
        impl crate::ports::CaptionHistory for $ledger {
            async fn recent(
                &self,
                tenant: &TenantName,
                platforms: &[Platform],
            ) -> Result<
                std::collections::BTreeMap<
                    Platform,
                    Vec<crate::domain::caption_history::PastCaption>,
                >,
                LedgerError,
            > {
                measured(&self.clock, "captions_recent", async {
                    let limit = i64::try_from(crate::ports::RECENT_CAPTIONS).unwrap_or(i64::MAX);
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let mut recent = std::collections::BTreeMap::new();
                    for &platform in platforms {
                        let rows: Vec<_> = sqlx::query_as(super::captions::RECENT)
                            .bind(tenant.as_str())
                            .bind(platform.as_str())
                            .bind(limit)
                            .fetch_all(&mut *alone)
                            .await?;
                        if !rows.is_empty() {
                            let captions = rows.into_iter().map(super::captions::past);
                            recent.insert(platform, captions.collect());
                        }
                    }
                    alone.give_back();
                    Ok(recent)
                })
                .await
            }

            async fn kept(
                &self,
                tenant: &TenantName,
                hashes: &ContentHashes,
                platforms: &[Platform],
            ) -> Result<
                std::collections::BTreeMap<Platform, crate::domain::caption_history::KeptCaption>,
                LedgerError,
            > {
                measured(&self.clock, "captions_kept", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let mut kept = std::collections::BTreeMap::new();
                    for &platform in platforms {
                        let row = sqlx::query_as(LAST_CAPTION)
                            .bind(0_i64)
                            .bind(tenant.as_str())
                            .bind(hashes::parameter(hashes.as_slice()))
                            .bind(platform.as_str())
                            .fetch_optional(&mut *alone)
                            .await?;
                        kept.extend(row.map(|row| (platform, super::captions::kept(row))));
                    }
                    alone.give_back();
                    Ok(kept)
                })
                .await
            }
        }
    };
}
pub(super) use sql_captions;
