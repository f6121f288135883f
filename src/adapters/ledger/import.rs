//! What other ledgers know, taken over into this one. For `publisher import`.
//!
//! A source yields [`Batch`]es, and the ledger merges them (`merge.rs`). To add one: a file that reads
//! it, as `ledger_file.rs` does, and a function here beside [`import_file`].

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    database_summary::counted,
    error::OpenLedgerError,
    file_lock,
    ledger_file::{LedgerFile, UnusableFile},
    location::Location,
    merge::{Counts, Merge, Merged},
    open::OpenLedger,
    private_file::by_own_name,
    queue_summary,
    settings::LedgerSettings,
};
use crate::ports::{Cause, Clock, LedgerError};

/// Takes over from the file of another `SQLite` ledger what this one does not know. The file is not
/// changed. Can be repeated, and works while the service runs. Makes no `SQLite` ledger: where there is
/// none, the import was run in another folder, or without the service's settings.
///
/// # Errors
/// [`ImportError`]. What was taken over until then stays; the rest comes with the next try.
pub async fn import_file(
    settings: LedgerSettings,
    file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<ImportSummary, ImportError> {
    let unusable = |cause: UnusableFile| ImportError::Unusable {
        path: file.to_owned(),
        cause: cause.into(),
    };
    let io = |error: io::Error| unusable(error.into());
    let found = fs::metadata(file).map_err(io)?;
    if let Location::Sqlite(target) = &settings.location
        && let Ok(target) = fs::metadata(target)
        && (target.dev(), target.ino()) == (found.dev(), found.ino())
    {
        return Err(ImportError::SameFile);
    }
    let own = by_own_name(file).map_err(io)?;
    if file_lock::is_in_use(&own).map_err(io)? {
        return Err(ImportError::InUse(file.to_owned()));
    }
    if let Some(target) = settings.missing_file() {
        return Err(ImportError::NoTarget(target.to_owned()));
    }
    let mut source = LedgerFile::open(&own).await.map_err(unusable)?;
    let target = OpenLedger::open_beside(settings, clock).await?;
    let taken = take_over(&mut source, &*target.merge).await;
    source.close().await;
    target.close().await;
    taken.map_err(|error| match error {
        Stopped::Source(cause) => unusable(cause),
        Stopped::Target(error) => ImportError::Ledger(error),
    })
}

/// What ended an import half-way.
enum Stopped {
    Source(UnusableFile),
    Target(LedgerError),
}

async fn take_over(source: &mut LedgerFile, target: &dyn Merge) -> Result<ImportSummary, Stopped> {
    let mut merged = Merged::default();
    while let Some(batch) = source.next_batch().await.map_err(Stopped::Source)? {
        let some = target.merge(&batch).await.map_err(Stopped::Target)?;
        merged.entries.add(some.entries);
        merged.passed_over.add(some.passed_over);
        merged.requests.add(some.requests);
        merged.hashes.add(some.hashes);
        merged.voices.add(some.voices);
        merged.captions.add(some.captions);
        merged.usage.add(some.usage);
    }
    let open_jobs = queue_summary::open_jobs(&source.pool).await;
    Ok(ImportSummary {
        merged,
        open_jobs: open_jobs.map_err(|error| Stopped::Source(error.into()))?,
        unreadable: source.unreadable(),
        is_cut: source.is_cut(),
    })
}

/// The outcome of an import.
#[derive(Debug, PartialEq, Eq)]
pub struct ImportSummary {
    merged: Merged,
    open_jobs: u64,
    unreadable: u64,
    is_cut: bool,
}

impl ImportSummary {
    /// Whether everything was taken over that there is.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unreadable == 0 && !self.is_cut
    }
}

impl fmt::Display for ImportSummary {
    /// For people, in lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Merged {
            entries,
            passed_over,
            requests,
            hashes,
            voices,
            captions,
            usage,
        } = self.merged;
        for (kind, counts) in [
            ("publications", entries),
            ("passed over", passed_over),
            ("answers of keys", requests),
            ("other hashes", hashes),
            ("voice profiles", voices),
            ("captions", captions),
            ("usage events", usage),
        ] {
            let Counts { new, raised, known } = counts;
            writeln!(
                f,
                "{kind:<16} {new} new, {raised} corrected, {known} with nothing new"
            )?;
        }
        if self.open_jobs > 0 {
            let jobs = counted(
                self.open_jobs,
                "job that has not come to its end stays",
                "jobs that have not come to their end stay",
            );
            writeln!(
                f,
                "{jobs} behind: what two ledgers carried out would be published twice; add what is still \
                 wanted here"
            )?;
        }
        if self.unreadable > 0 {
            let rows = counted(
                self.unreadable,
                "row makes no sense and was",
                "rows make no sense and were",
            );
            writeln!(
                f,
                "{rows} not taken over: look at the platforms before you publish"
            )?;
        }
        if self.is_cut {
            writeln!(
                f,
                "The file's -wal is damaged or cut: what was written last was not taken over: look at \
                 the platforms before you publish"
            )?;
        }
        Ok(())
    }
}

/// Why nothing, or not everything, was taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It names the ledger itself.
    #[error("the file is the ledger of PUBLISH_LEDGER_URL itself")]
    SameFile,
    /// Another service's ledger.
    #[error("a running process has {}: stop it first", .0.display())]
    InUse(PathBuf),
    /// The file cannot be taken over from.
    #[error("nothing can be taken over from {}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: Cause,
    },
    /// There is no ledger to take over into.
    #[error(
        "PUBLISH_LEDGER_URL: there is no ledger {}, and an import makes none: run it with the settings \
         of the service and in its working directory, after the copy was put in its place",
        .0.display()
    )]
    NoTarget(PathBuf),
    /// The ledger that is written does not open.
    #[error(transparent)]
    Open(#[from] OpenLedgerError),
    /// It cannot be written any more.
    #[error("not everything was taken over: mend what follows, and start the import again")]
    Ledger(#[source] LedgerError),
}
