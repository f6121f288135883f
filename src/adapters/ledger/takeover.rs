//! What the existing service has posted and written, taken over: the SQL that both databases accept. Used by
//! `statements.rs`; publications of its database are merged as those of another ledger are (`merge.rs`).
//!
//! What is known of an image without its platforms is an entry for every platform, and is the hash of its content alone:
//! neither a name of a file nor a time is known. Whatever is taken over can be taken over again.

use async_trait::async_trait;

use crate::{
    domain::{content_hash::ContentHash, tenant::TenantName},
    ports::LedgerError,
};

/// How many hashes are written in one transaction. A service that writes beside an import waits for one at most.
pub(super) const POSTED_AT_A_TIME: usize = 1_000;

/// A caption that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentCaption {
    pub(super) tenant: String,
    pub(super) platform: String,
    /// The text that was sent.
    pub(super) caption: String,
    pub(super) angle: Option<String>,
    /// The model that wrote it.
    pub(super) model: Option<String>,
    /// The SHA-256 of the image, in hex.
    pub(super) image_sha256: Option<String>,
    /// When, in milliseconds since 1970; `None`: not known.
    pub(super) sent_at: Option<i64>,
    /// Tells it from others of the tenant that are taken over.
    pub(super) fingerprint: String,
}

/// Takes over from the existing service.
#[async_trait]
pub(super) trait Takeover: Send + Sync {
    /// Takes images with these hashes to be published on every platform. Returns how many were not known as such.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. All of them are written, or none.
    async fn add_posted(
        &self,
        tenant: &TenantName,
        hashes: &[ContentHash],
    ) -> Result<u64, LedgerError>;

    /// Remembers captions. Returns how many were not there yet.
    ///
    /// # Errors
    /// As of [`add_posted`](Self::add_posted).
    async fn add_captions(&self, captions: &[SentCaption]) -> Result<u64, LedgerError>;
}

/// Who wrote it, and what the model wrote at first, is not known.
pub(super) const ADD_CAPTION: &str = "INSERT INTO ledger_caption_history
        (tenant, platform, caption, angle, image_sha256, sent_at, fingerprint, model)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (tenant, fingerprint) DO NOTHING";

/// Implements [`Takeover`] for a type. `$hashes` is that of `sql_hashes`.
macro_rules! sql_takeover {
    ($ledger:ty, hashes: $hashes:literal) => {
        const ADD_POSTED: &str = concat!(
            "INSERT INTO ledger_entries
                (tenant, content_hash, platform, filename, state, holder, started_at, ended_at,
                    hash_kind, hash)
             SELECT CAST($2 AS TEXT), h.own_key, CAST($4 AS TEXT), '', 'published', 'imported',
                CAST($1 AS BIGINT), CAST($1 AS BIGINT), h.kind, h.hash FROM (",
            $hashes,
            ") AS h WHERE true ORDER BY h.own_key
             ON CONFLICT (tenant, content_hash, platform) DO NOTHING"
        );

        #[async_trait]
        impl super::takeover::Takeover for $ledger {
            async fn add_posted(
                &self,
                tenant: &TenantName,
                hashes: &[ContentHash],
            ) -> Result<u64, LedgerError> {
                bounded(async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    let added = sqlx::query(ADD_POSTED)
                        .bind(now)
                        .bind(tenant.as_str())
                        .bind(hashes::parameter(hashes))
                        .bind(known::EVERY_PLATFORM)
                        .execute(&mut *write)
                        .await?;
                    write.commit().await?;
                    Ok(added.rows_affected())
                })
                .await
            }

            async fn add_captions(
                &self,
                captions: &[super::takeover::SentCaption],
            ) -> Result<u64, LedgerError> {
                bounded(async {
                    let mut new = 0;
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    for record in captions {
                        let added = sqlx::query(super::takeover::ADD_CAPTION)
                            .bind(&record.tenant)
                            .bind(&record.platform)
                            .bind(statements::storable(&record.caption))
                            .bind(record.angle.as_deref().map(statements::storable))
                            .bind(&record.image_sha256)
                            .bind(record.sent_at.unwrap_or(now))
                            .bind(&record.fingerprint)
                            .bind(record.model.as_deref().map(statements::storable))
                            .execute(&mut *write)
                            .await?;
                        new += added.rows_affected();
                    }
                    write.commit().await?;
                    Ok(new)
                })
                .await
            }
        }
    };
}
pub(super) use sql_takeover;
