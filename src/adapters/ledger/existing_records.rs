//! What the existing service's database says of posts and captions, taken over into the ledger. For `publisher import
//! database`.
//!
//! `published` stays; what was being sent, or of which nobody knows what came of it, becomes `unknown`, as does a status
//! that is not known here; `failed` is left, as the platform does not have the image. Its errors are not taken over: they
//! may quote addresses that hold a secret.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use sqlx::postgres::PgRow;

use super::{
    database_summary::{DatabaseSummary, Doubt, count, shown},
    error::OpenLedgerError,
    existing_database::{CAPTIONS, ExistingDatabase, Missing, RECORDS, Reading, text, time},
    fault, hashes,
    merge::{Batch, EntryRecord, ShownHash, Standing},
    open::OpenLedger,
    posted_list::taken_over,
    settings::LedgerSettings,
    statements::millis,
    takeover::SentCaption,
};
use crate::{
    domain::{
        content_hash::{ContentHash, ContentHashKind},
        image::ImageName,
        ledger::EntryState,
        platform::Platform,
        publication::FailureReason,
        storage::HashKind,
        tenant::TenantName,
    },
    ports::{Cause, Clock, LedgerError},
};

/// How many rows are read at a time, and written in one transaction.
const BATCH: usize = 200;
/// The longest caption, and the longest name of an angle or a model, that are remembered, in characters.
const MAX_CAPTION: usize = 10_000;
const MAX_WORD: usize = 100;
/// What an attempt ended with whose outcome the existing service did not know.
const NOT_KNOWN: &str = "the service that this was taken over from did not know what came of it";

/// Takes over what the existing service's database says. Can be repeated, and works while the service runs. Makes an
/// `SQLite` ledger that is not there. `own` is the only tenant that is served here, if there is only one.
///
/// # Errors
/// [`DatabaseImportError`]. What was taken over until then stays; the rest comes with the next try.
pub async fn import_database(
    settings: LedgerSettings,
    database: &ExistingDatabase,
    own: Option<&TenantName>,
    clock: Arc<dyn Clock>,
) -> Result<DatabaseSummary, DatabaseImportError> {
    let mut reading = database.read().await?;
    let records = reading.expressions(&RECORDS).await??;
    let captions = reading.expressions(&CAPTIONS).await?;
    let now = millis(clock.utc());
    let ledger = OpenLedger::open_or_make_beside(settings, clock).await?;
    let taken = async {
        let mut summary = DatabaseSummary::of(own);
        let names = captions.as_ref().ok();
        reading.begin(&select_records(&records, names)).await?;
        take_records(&mut reading, &ledger, now, &mut summary).await?;
        match captions {
            Ok(captions) => {
                let (columns, table) = (captions.join(", "), CAPTIONS.name);
                let select = format!("SELECT {columns} FROM {table} AS r");
                reading.begin(&select).await?;
                take_captions(&mut reading, &ledger, &mut summary).await?;
            }
            Err(missing) => summary.no_captions = Some(missing),
        }
        Ok(summary)
    };
    let taken: Result<_, DatabaseImportError> = taken.await;
    ledger.close().await;
    let summary = taken?;
    reading.end().await?;
    Ok(summary)
}

/// The records, each with the name of the image where the captions know it.
fn select_records(columns: &[String], captions: Option<&Vec<String>>) -> String {
    let (of_tenant, of_hash) = (&columns[0], &columns[1]);
    let (columns, table) = (columns.join(", "), RECORDS.name);
    let Some(captions) = captions else {
        return format!("SELECT {columns}, NULL::text FROM {table} AS r");
    };
    let [tenant, filename, sha256] = [0, 3, 4].map(|index| captions[index].as_str());
    let names = CAPTIONS.name;
    format!(
        "SELECT {columns}, n.filename FROM {table} AS r LEFT JOIN
            (SELECT {tenant} AS tenant, lower(btrim({sha256})) AS sha256, max({filename}) AS filename
                FROM {names} AS r GROUP BY 1, 2) AS n
            ON n.tenant = {of_tenant} AND n.sha256 = lower(btrim({of_hash}))"
    )
}

async fn take_records(
    reading: &mut Reading,
    ledger: &OpenLedger,
    now: i64,
    summary: &mut DatabaseSummary,
) -> Result<(), DatabaseImportError> {
    loop {
        let rows = reading.next(BATCH).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (mut published, mut unknown) = (Batch::default(), Batch::default());
        let mut in_doubt = Vec::new();
        for row in &rows {
            match summary.record(row, now) {
                Some((record, _)) if record.standing == Standing::Published => {
                    published.entries.push(record);
                }
                Some((record, hash)) => {
                    unknown.entries.push(record);
                    in_doubt.push(hash);
                }
                None => {}
            }
        }
        for (batch, counts) in [
            (&published, &mut summary.published),
            (&unknown, &mut summary.unknown),
        ] {
            let merged = ledger.merge.merge(batch).await;
            counts.add(merged.map_err(DatabaseImportError::Ledger)?.entries);
        }
        let noted = note_doubts(ledger, &unknown.entries, &in_doubt, summary);
        noted.await.map_err(DatabaseImportError::Ledger)?;
    }
}

/// Notes which of these records are in doubt in the ledger, too: it may know better. `hashes` are theirs.
async fn note_doubts(
    ledger: &OpenLedger,
    records: &[EntryRecord],
    hashes: &[ContentHash],
    summary: &mut DatabaseSummary,
) -> Result<(), LedgerError> {
    let mut by_tenant: BTreeMap<&str, Vec<(&EntryRecord, &ContentHash)>> = BTreeMap::new();
    for (record, hash) in records.iter().zip(hashes) {
        let of_tenant = by_tenant.entry(&record.tenant).or_default();
        of_tenant.push((record, hash));
    }
    for (name, records) in by_tenant {
        let Some(tenant) = TenantName::new(name) else {
            continue;
        };
        let mut contents: Vec<ContentHash> = Vec::new();
        for (_, hash) in &records {
            if !contents.contains(*hash) {
                contents.push((*hash).clone());
            }
        }
        let known = ledger.reader.entries_of(&tenant, &contents).await?;
        for (record, hash) in records {
            let Some(platform) = Platform::from_name(&record.platform) else {
                continue;
            };
            let entries = known.get(hash).into_iter().flatten();
            let of_platform = entries.filter(|entry| entry.concerns(platform));
            let entry = of_platform.max_by_key(|entry| entry.state == EntryState::Published);
            if let Some(entry) = entry.filter(|entry| entry.state == EntryState::Unknown) {
                summary.note_doubt(|| Doubt {
                    tenant: name.to_owned(),
                    platform,
                    image: entry.image.clone(),
                    hash: hash.clone(),
                });
            }
        }
    }
    Ok(())
}

async fn take_captions(
    reading: &mut Reading,
    ledger: &OpenLedger,
    summary: &mut DatabaseSummary,
) -> Result<(), DatabaseImportError> {
    loop {
        let rows = reading.next(BATCH).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let captions: Vec<_> = rows.iter().filter_map(|row| summary.caption(row)).collect();
        let new = ledger.takeover.add_captions(&captions).await;
        let new = new.map_err(DatabaseImportError::Ledger)?;
        summary.captions.new += new;
        summary.captions.known += (captions.len() as u64).saturating_sub(new);
    }
}

impl DatabaseSummary {
    /// The entry of a record, and its hash; `None` where it is left.
    fn record(&mut self, row: &PgRow, now: i64) -> Option<(EntryRecord, ContentHash)> {
        let Some(platform) = text(row, 2) else {
            let hash = shown(text(row, 1).as_deref());
            self.note_unreadable(|| format!("content_hash {hash}, without a platform"));
            return None;
        };
        let platform = self.platform(Some(platform))?;
        let tenant = text(row, 0).filter(|name| TenantName::new(name).is_some());
        let hash = text(row, 1).and_then(|hash| taken_over(hash.trim()));
        let (Some(tenant), Some(hash)) = (tenant, hash) else {
            let [tenant, hash] = [0, 1].map(|index| shown(text(row, index).as_deref()));
            self.note_unreadable(|| {
                format!("tenant {tenant}, platform `{platform}`, content_hash {hash}")
            });
            return None;
        };
        self.count_tenant(&tenant);
        let status = text(row, 3).unwrap_or_default().to_lowercase();
        let standing = match status.trim() {
            "published" => Standing::Published,
            "failed" => {
                self.failed += 1;
                return None;
            }
            "leased" | "unknown" => Standing::Unknown,
            _ => {
                self.other_status += 1;
                Standing::Unknown
            }
        };
        let is_unknown = standing == Standing::Unknown;
        let (leased_at, finished_at) = (time(row, 5), time(row, 6));
        let filename = text(row, 7).filter(|name| ImageName::new(name).is_ok());
        let record = EntryRecord {
            tenant,
            content_hash: hashes::key_of(&hash),
            shown: ShownHash {
                kind: Some(hash.kind().as_str().to_owned()),
                hash: Some(hash.to_string()),
            },
            platform: platform.as_str().to_owned(),
            filename: filename.unwrap_or_default(),
            standing,
            prior: None,
            post_id: text(row, 4).filter(|_| !is_unknown),
            post_url: None,
            lookup_key: None,
            prior_lookup_key: None,
            reason: is_unknown.then(|| FailureReason::LostAnswer.as_str().to_owned()),
            error: is_unknown.then(|| NOT_KNOWN.to_owned()),
            started_at: leased_at.or(finished_at).unwrap_or(now),
            ended_at: finished_at.or(leased_at),
        };
        Some((record, hash))
    }

    /// The caption in a row; `None` where it is left.
    fn caption(&mut self, row: &PgRow) -> Option<SentCaption> {
        let platform = self.platform(text(row, 1))?;
        let tenant = text(row, 0).filter(|name| TenantName::new(name).is_some());
        let caption = text(row, 2).filter(|text| text.chars().count() <= MAX_CAPTION);
        let (Some(tenant), Some(caption)) = (tenant, caption) else {
            self.no_captions_in += 1;
            return None;
        };
        let sha256 = text(row, 4).and_then(|it| ContentHash::new(HashKind::Sha256, it.trim()));
        let image_sha256 = sha256.map(|hash| hash.to_string());
        let word = |index| text(row, index).filter(|word| word.chars().count() <= MAX_WORD);
        let sent_at = time(row, 6);
        let identity = json!([platform.as_str(), caption, image_sha256, sent_at]).to_string();
        Some(SentCaption {
            tenant,
            platform: platform.as_str().to_owned(),
            caption,
            angle: word(5),
            model: word(7),
            image_sha256,
            sent_at,
            fingerprint: (ContentHashKind::SHA256.of)(identity.as_bytes()).to_string(),
        })
    }

    /// The platform of a name there. One that there is not here is counted.
    fn platform(&mut self, name: Option<String>) -> Option<Platform> {
        let name = name.unwrap_or_default();
        let known = match name.trim().to_lowercase().as_str() {
            // The type of the publisher, whose platform is e-mail.
            "fetlife" => Some(Platform::Email),
            name => Platform::from_name(name),
        };
        if known.is_none() {
            count(&mut self.other_platforms, &name);
        }
        known
    }
}

/// Why nothing, or not everything, was taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseImportError {
    /// The ledger does not open.
    #[error(transparent)]
    Open(#[from] OpenLedgerError),
    /// It cannot be written any more.
    #[error("not everything was taken over: mend what follows, and start the import again")]
    Ledger(#[source] LedgerError),
    /// The database is not that of the existing service.
    #[error("the database of the URL is not that of the service to take over from")]
    Missing(#[from] Missing),
    /// It cannot be read.
    #[error("the database of the URL cannot be read")]
    Database(#[source] Cause),
}

impl From<sqlx::Error> for DatabaseImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(fault::cause(error.into()))
    }
}
