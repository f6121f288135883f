//! The file of another `SQLite` ledger, read without changing it: a copy of it is opened. It may be one
//! that `kill -9` left, of an earlier version or a later one, or something else altogether. For
//! `import` and `inspect`.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sqlx::{
    AssertSqlSafe, Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use tempfile::TempDir;

use super::{
    captions,
    merge::{Batch, EntryRecord, HashRecord, PassedOverRecord, RequestRecord, ShownHash, Standing},
    migrations::{self, Pending},
    private_file::{folder_of, with_suffix},
    usage, voice,
    wal::{self, LogState},
};
use crate::domain::{
    content_hash::ContentHash, image::ImageName, publication::FailureReason, storage::HashKind,
    tenant::TenantName,
};

/// How many rows are read, and merged in one transaction.
const BATCH: usize = 200;
/// What `SQLite` keeps beside a database, with writes that are not in it yet: its logs of both modes.
const LOGS: [&str; 2] = ["-wal", "-journal"];
/// What is read, in this order.
const TABLES: [&str; 7] = [
    "ledger_entries",
    "ledger_passed_over",
    "ledger_requests",
    "ledger_hashes",
    "ledger_voice_profile",
    "ledger_caption_history",
    "ledger_usage",
];
/// The longest kind of a hash, and the longest hash, in bytes.
const MAX_WORD: usize = 128;
/// What an attempt ended with whose process ended.
const CUT_OFF: &str = "the process ended before it was known what came of it";

/// Whether there are writes beside a database that are not in it yet.
pub(super) fn has_unmerged_writes(path: &Path) -> io::Result<bool> {
    for suffix in LOGS {
        match fs::metadata(with_suffix(path, suffix)) {
            Ok(log) if log.len() > 0 => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// A copy of a database and its logs, in a folder that only this user may read. Dropping this
/// removes it.
pub(super) struct Aside {
    path: PathBuf,
    _folder: TempDir,
}

impl Aside {
    /// Copies a database that no process is writing. The copy is put beside it or, if that is not
    /// permitted, into the folder for temporary files.
    pub(super) fn copy(path: &Path) -> io::Result<Self> {
        let beside = folder_of(path);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".publisher-copy-");
        let folder = builder.tempdir_in(beside).or_else(|_| builder.tempdir())?;
        let copy = folder.path().join("ledger.db");
        copy_file(path, &copy)?;
        for suffix in LOGS {
            let log = with_suffix(path, suffix);
            if fs::exists(&log)? {
                let copied = copy_file(&log, &with_suffix(&copy, suffix));
                copied.map_err(|source| {
                    io::Error::new(source.kind(), UnreadableLog { suffix, source })
                })?;
            }
        }
        Ok(Self {
            path: copy,
            _folder: folder,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The database can be read, and what is beside it cannot.
#[derive(Debug, thiserror::Error)]
#[error("its {suffix} cannot be read")]
struct UnreadableLog {
    suffix: &'static str,
    source: io::Error,
}

/// The copy can be written, also of a file that cannot.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::set_permissions(to, Permissions::from_mode(0o600))
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableFile {
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    #[error("the file is empty")]
    Empty,
    #[error(
        "it has no tables of a ledger of this service; what was written last is in a file of the same \
         name and -wal, which must be beside it"
    )]
    NoLedger,
    #[error("it is damaged")]
    Damaged,
    #[error("it is no ledger that can be read")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for UnusableFile {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<sqlx::migrate::MigrateError> for UnusableFile {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Database(error.into())
    }
}

/// A ledger that is read from its beginning to its end.
pub(super) struct LedgerFile {
    pub(super) pool: SqlitePool,
    table: usize,
    position: i64,
    unreadable: u64,
    is_cut: bool,
    _copy: Aside,
}

impl LedgerFile {
    /// Copies the file and its logs, checks the copy, and brings its tables up to date.
    ///
    /// # Errors
    /// [`UnusableFile`].
    pub(super) async fn open(path: &Path) -> Result<Self, UnusableFile> {
        if fs::metadata(path)?.len() == 0 && !has_unmerged_writes(path)? {
            return Err(UnusableFile::Empty);
        }
        let copy = Aside::copy(path)?;
        // Before SQLite opens it, and keeps what it can read.
        let log = wal::state(
            &with_suffix(copy.path(), "-wal"),
            &with_suffix(path, "-shm"),
        )?;
        let is_cut = log != LogState::Whole;
        let options = SqliteConnectOptions::new()
            .filename(copy.path())
            .pragma("trusted_schema", "OFF");
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(sqlx::ConnectOptions::disable_statement_logging(options))
            .await?;
        let file = Self {
            pool,
            table: 0,
            position: i64::MIN,
            unreadable: 0,
            is_cut,
            _copy: copy,
        };
        file.check().await?;
        migrations::apply_to_sqlite(&file.pool).await?;
        Ok(file)
    }

    async fn check(&self) -> Result<(), UnusableFile> {
        let mut connection = self.pool.acquire().await?;
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&mut *connection)
            .await?;
        if found != "ok" {
            return Err(UnusableFile::Damaged);
        }
        if migrations::pending_in_sqlite(&mut connection).await? == Pending::Everything {
            return Err(UnusableFile::NoLedger);
        }
        Ok(())
    }

    /// The next rows; `None` at the end. Rows that make no sense are counted, and left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) async fn next_batch(&mut self) -> Result<Option<Batch>, UnusableFile> {
        while let Some(table) = TABLES.get(self.table) {
            let select = format!(
                "SELECT rowid AS position, * FROM {table} WHERE rowid > $1 ORDER BY rowid LIMIT {BATCH}"
            );
            let rows = sqlx::query(AssertSqlSafe(select))
                .bind(self.position)
                .fetch_all(&self.pool)
                .await?;
            let Some(last) = rows.last() else {
                self.table += 1;
                self.position = i64::MIN;
                continue;
            };
            let position = last.try_get("position")?;
            if position <= self.position {
                return Err(UnusableFile::Damaged);
            }
            self.position = position;
            let mut batch = Batch::default();
            for row in &rows {
                let is_read = match self.table {
                    0 => entry(row).map(|record| batch.entries.push(record)),
                    1 => passed_over(row).map(|record| batch.passed_over.push(record)),
                    2 => request(row, &mut batch.requests),
                    3 => hash(row).map(|record| batch.hashes.push(record)),
                    4 => voice::record(row).map(|record| batch.voices.push(record)),
                    5 => captions::record(row).map(|record| batch.captions.push(record)),
                    _ => usage::record(row).map(|event| batch.usage.push(event)),
                };
                self.unreadable += u64::from(is_read.is_none());
            }
            return Ok(Some(batch));
        }
        Ok(None)
    }

    /// How many rows made no sense so far.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Whether what was written last is not in it, as far as that can be seen.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Closes the copy, which is gone then.
    pub(super) async fn close(self) {
        self.pool.close().await;
    }
}

fn entry(row: &SqliteRow) -> Option<EntryRecord> {
    let state: String = row.try_get("state").ok()?;
    let prior: Option<String> = row.try_get("prior").ok()?;
    let is_intent = state == "intent";
    let platform: String = row.try_get("platform").ok()?;
    let is_word = !platform.is_empty() && platform.bytes().all(|byte| byte.is_ascii_graphic());
    let mut record = EntryRecord {
        tenant: tenant(row)?,
        content_hash: content_hash(row)?,
        shown: shown(row)?,
        platform: is_word.then_some(platform)?,
        filename: sent_filename(row)?,
        standing: match state.as_str() {
            "published" => Standing::Published,
            // No process works on it any more.
            "unknown" | "intent" => Standing::Unknown,
            "failed" => Standing::Failed,
            _ => return None,
        },
        prior: match prior.as_deref() {
            Some("published") => Some(Standing::Published),
            Some("unknown") => Some(Standing::Unknown),
            None => None,
            Some(_) => return None,
        },
        post_id: row.try_get("post_id").ok()?,
        post_url: row.try_get("post_url").ok()?,
        lookup_key: row.try_get("lookup_key").ok()?,
        prior_lookup_key: row.try_get("prior_lookup_key").ok()?,
        reason: row.try_get("reason").ok()?,
        error: row.try_get("error").ok()?,
        started_at: row.try_get("started_at").ok()?,
        ended_at: row.try_get("ended_at").ok()?,
    };
    if is_intent {
        record.reason = Some(FailureReason::LostAnswer.as_str().to_owned());
        record.error = Some(CUT_OFF.to_owned());
    }
    Some(record)
}

fn passed_over(row: &SqliteRow) -> Option<PassedOverRecord> {
    Some(PassedOverRecord {
        tenant: tenant(row)?,
        content_hash: content_hash(row)?,
        shown: shown(row)?,
        filename: filename(row)?,
        reason: row.try_get("reason").ok()?,
        error: row.try_get("error").ok()?,
        noted_at: row.try_get("noted_at").ok()?,
    })
}

/// Adds a request, unless it came to nothing: its key is free.
fn request(row: &SqliteRow, requests: &mut Vec<RequestRecord>) -> Option<()> {
    let digest = |column: &str| -> Option<String> {
        let digest: String = row.try_get(column).ok()?;
        ContentHash::new(HashKind::Sha256, &digest).map(|_| digest)
    };
    let answer: Option<String> = row.try_get("answer").ok()?;
    let is_json = |text: &String| serde_json::from_str::<serde_json::Value>(text).is_ok();
    if answer.as_ref().is_some_and(|text| !is_json(text)) {
        return None;
    }
    let chosen: Option<String> = row.try_get("filename").ok()?;
    let (filename, content_hash) = match chosen {
        Some(_) => (Some(filename(row)?), Some(content_hash(row)?)),
        None => (None, None),
    };
    let record = RequestRecord {
        tenant: tenant(row)?,
        key_hash: digest("key_hash")?,
        fingerprint: digest("fingerprint")?,
        filename,
        content_hash,
        hashes: row.try_get("hashes").ok()?,
        answer,
        created_at: row.try_get("created_at").ok()?,
    };
    if record.answer.is_some() || record.filename.is_some() {
        requests.push(record);
    }
    Some(())
}

fn tenant(row: &SqliteRow) -> Option<String> {
    let name: String = row.try_get("tenant").ok()?;
    TenantName::new(&name).map(|_| name)
}

/// A hash that leads to another. One of a kind that only a later version knows is kept for that version.
fn hash(row: &SqliteRow) -> Option<HashRecord> {
    let word = |column: &str| -> Option<String> {
        let word: String = row.try_get(column).ok()?;
        let is_word = (1..=MAX_WORD).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_graphic());
        is_word.then_some(word)
    };
    let (kind, hash) = (word("kind")?, word("hash")?);
    if let Some(kind) = HashKind::from_name(&kind) {
        ContentHash::new(kind, &hash)?;
    }
    Some(HashRecord {
        tenant: tenant(row)?,
        kind,
        hash,
        content_hash: content_hash(row)?,
    })
}

fn shown(row: &SqliteRow) -> Option<ShownHash> {
    Some(ShownHash {
        kind: row.try_get("hash_kind").ok()?,
        hash: row.try_get("hash").ok()?,
    })
}

/// The key of a hash.
fn content_hash(row: &SqliteRow) -> Option<String> {
    let key: String = row.try_get("content_hash").ok()?;
    ContentHash::new(HashKind::FIRST, &key).map(|_| key)
}

/// The name of an image that was sent; empty where another service sent it.
fn sent_filename(row: &SqliteRow) -> Option<String> {
    let name: String = row.try_get("filename").ok()?;
    if name.is_empty() {
        return Some(name);
    }
    filename(row)
}

fn filename(row: &SqliteRow) -> Option<String> {
    let name: String = row.try_get("filename").ok()?;
    ImageName::new(&name).is_ok().then_some(name)
}
