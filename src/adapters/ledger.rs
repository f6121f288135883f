//! The publication ledger: an `SQLite` file for one process, PostgreSQL for several.
//!
//! | file | holds |
//! | --- | --- |
//! | `statements.rs` | what is the same for both: the statements, and the ports made of them |
//! | `hashes.rs`, `publications.rs` | how a content is told by its hashes, and the statements about entries |
//! | `reader.rs`, `entry_list.rs` | the same for what people and probes ask; the list of entries by its filters |
//! | `requests.rs` | the same for requests under an idempotency key |
//! | `stored_text.rs` | texts as a database takes them |
//! | `settings.rs`, `location.rs` | where the ledger is, and what a URL says |
//! | `open.rs`, `error.rs` | opening it, and why it cannot be opened |
//! | `connection.rs` | a connection that is closed unless its work came to its end |
//! | `retention.rs` | the same for what goes with time |
//! | `usage.rs` | the same for usage events that wait to be sent |
//! | `voice.rs` | the same for stored voice profiles |
//! | `jobs.rs`, `jobs/` | the same for jobs, the turns of their tenants, schedules, events, and slots of publications |
//! | `rates.rs` | how often something is done, counted in PostgreSQL |
//! | `captions.rs` | the same for the captions of attempts, and those that were published |
//! | `merge.rs` | the same for what comes from another ledger |
//! | `takeover.rs` | the same for what comes from the existing service |
//! | `sqlite.rs`, `postgres.rs` | how each is opened, tells the time, and knows a dead holder |
//! | `metered.rs` | the metrics of what each operation takes, around either |
//! | `watch.rs` | the gauges that are read from the ledger |
//! | `pool.rs`, `pooling.rs`, `fault.rs` | connections to PostgreSQL, poolers before it, and what is wrong with it |
//! | `waiting.rs` | opening a ledger whose server is away |
//! | `file_lock.rs`, `private_file.rs` | whose an `SQLite` file is, and who may read it |
//! | `migrations.rs`, `migrations/` | the tables, shipped in the binary, and how they change |
//! | `inspect.rs`, `queue_summary.rs` | what there is, without changing it |
//! | `existing_database.rs`, `existing_records.rs`, `database_summary.rs` | the existing service's database, read, taken over and told of |
//! | `advice.rs` | what to do about a file that cannot be opened |
//! | `backup.rs` | a copy of an `SQLite` ledger |
//! | `import.rs`, `ledger_file.rs`, `wal.rs` | another ledger, read and taken over |
//! | `posted.rs`, `posted_list.rs` | a list of what the existing service has posted, read and taken over |
//!
//! Every write of a holder first takes his lease again, in the same transaction: one that was
//! lost writes nothing. The outcome of an attempt is the exception: it belongs to that attempt alone,
//! and is written as long as no other attempt has begun. Neither a secret nor an image is ever written.

mod advice;
mod backup;
mod captions;
mod connection;
mod database_summary;
mod entry_list;
mod error;
mod existing_database;
mod existing_records;
mod fault;
mod file_lock;
mod hashes;
mod import;
mod inspect;
mod jobs;
mod known;
mod ledger_file;
mod location;
mod look_ups;
mod merge;
mod metered;
mod migrations;
mod open;
mod pool;
mod pooling;
mod posted;
mod posted_list;
mod postgres;
mod private_file;
mod publications;
mod queue_summary;
mod rates;
mod reader;
mod requests;
mod retention;
mod settings;
mod sqlite;
mod statements;
mod stored_text;
mod takeover;
mod usage;
mod voice;
mod waiting;
mod wal;
mod watch;

pub use self::{
    backup::{BackupError, backup},
    database_summary::DatabaseSummary,
    error::OpenLedgerError,
    existing_database::{ExistingDatabase, Missing},
    existing_records::{DatabaseImportError, import_database},
    import::{ImportError, ImportSummary, import_file},
    inspect::{LedgerState, inspect},
    metered::OPERATIONS,
    open::OpenLedger,
    posted::{PostedImportError, PostedSummary, import_posted},
    posted_list::{BadEntry, MAX_POSTED_LIST, PostedList, PostedListError},
    queue_summary::{QueueSummary, inspect_jobs},
    settings::{DEFAULT_POOL_SIZE, LedgerSettings},
};

#[cfg(test)]
mod tests;
