//! Stored voice profiles: the SQL that both databases accept. Used by `statements.rs`, and by `merge.rs` and
//! `ledger_file.rs` for those of another ledger.
//!
//! A profile that was forgotten keeps its row, without examples: so a ledger that is taken over does not bring it back.

use sqlx::{Row as _, sqlite::SqliteRow};

use crate::{
    domain::{tenant::TenantName, voice::VoiceProfile},
    ports::LedgerError,
};

pub(super) const LOAD: &str = "SELECT examples FROM ledger_voice_profile WHERE tenant = $1";

pub(super) const STORE: &str = "INSERT INTO ledger_voice_profile (tenant, examples, updated_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant) DO UPDATE SET examples = excluded.examples, updated_at = excluded.updated_at";

pub(super) const FORGET: &str = "UPDATE ledger_voice_profile SET examples = NULL, updated_at = $2
    WHERE tenant = $1 AND examples IS NOT NULL";

pub(super) const ADD: &str = "INSERT INTO ledger_voice_profile (tenant, examples, updated_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant) DO NOTHING";

/// The later one wins.
pub(super) const RAISE: &str = "UPDATE ledger_voice_profile SET examples = $2, updated_at = $3
    WHERE tenant = $1 AND updated_at < $3";

/// A row of another ledger.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct VoiceRecord {
    pub(super) tenant: String,
    pub(super) examples: Option<String>,
    pub(super) updated_at: i64,
}

impl std::fmt::Debug for VoiceRecord {
    /// Without the texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceRecord")
            .field("tenant", &self.tenant)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

/// A row of a file, if it makes sense.
pub(super) fn record(row: &SqliteRow) -> Option<VoiceRecord> {
    let record = VoiceRecord {
        tenant: row.try_get("tenant").ok()?,
        examples: row.try_get("examples").ok()?,
        updated_at: row.try_get("updated_at").ok()?,
    };
    TenantName::new(&record.tenant)?;
    let is_profile = |text: &String| profile(text).is_ok();
    record
        .examples
        .as_ref()
        .is_none_or(is_profile)
        .then_some(record)
}

/// A profile as its column has it.
pub(super) fn text(profile: &VoiceProfile) -> String {
    serde_json::Value::from(profile.as_slice()).to_string()
}

/// The profile in a column. The error has nothing of its content.
pub(super) fn profile(text: &str) -> Result<VoiceProfile, LedgerError> {
    let texts: Option<Vec<String>> = serde_json::from_str(text).ok();
    let profile = texts.and_then(|texts| VoiceProfile::new(&texts).ok());
    profile.ok_or_else(|| {
        let cause = "the stored voice profile makes no sense to this version: store it again";
        LedgerError::Unavailable(cause.into())
    })
}

/// Implements [`VoiceProfileStore`](crate::ports::VoiceProfileStore) for a type.
macro_rules! sql_voice {
    ($ledger:ty) => {
        impl $ledger {
            /// Merges profiles of another ledger. `note` is told of each whether it is new, and whether it replaced one.
            async fn merge_voices(
                write: &mut Guarded,
                records: &[super::voice::VoiceRecord],
                mut note: impl FnMut(bool, bool) + Send,
            ) -> Result<(), sqlx::Error> {
                for record in records {
                    let mut written = Vec::new();
                    for statement in [super::voice::ADD, super::voice::RAISE] {
                        let query = sqlx::query(statement)
                            .bind(&record.tenant)
                            .bind(record.examples.as_deref())
                            .bind(record.updated_at);
                        written.push(query.execute(&mut **write).await?.rows_affected() > 0);
                    }
                    note(written[0], written[1]);
                }
                Ok(())
            }
        }

        #[async_trait]
        impl crate::ports::VoiceProfileStore for $ledger {
            async fn load(
                &self,
                tenant: &TenantName,
            ) -> Result<Option<crate::domain::voice::VoiceProfile>, LedgerError> {
                measured(&self.clock, "voice_load", async {
                    let mut alone = self.alone(Durability::Volatile).await?;
                    let found: Option<Option<String>> = sqlx::query_scalar(super::voice::LOAD)
                        .bind(tenant.as_str())
                        .fetch_optional(&mut *alone)
                        .await?;
                    alone.give_back();
                    let text = found.flatten();
                    text.as_deref().map(super::voice::profile).transpose()
                })
                .await
            }

            async fn store(
                &self,
                tenant: &TenantName,
                profile: &crate::domain::voice::VoiceProfile,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "voice_store", async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    sqlx::query(super::voice::STORE)
                        .bind(tenant.as_str())
                        .bind(super::voice::text(profile))
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn forget(&self, tenant: &TenantName) -> Result<(), LedgerError> {
                measured(&self.clock, "voice_forget", async {
                    let (mut write, now) = self.begin(Durability::Synced).await?;
                    sqlx::query(super::voice::FORGET)
                        .bind(tenant.as_str())
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    Ok(write.commit().await?)
                })
                .await
            }
        }
    };
}
pub(super) use sql_voice;
