use std::path::PathBuf;

use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::{
    Backstage, Hands, everything, lease_of,
    request_suite::{chosen, request},
    suite::{attempt, unknown},
    suite_on, tenant,
    usage_suite::event,
    *,
};
use crate::{
    domain::{
        image::ImageName,
        ledger::{EntryState, Settlement},
        platform::Platform,
        publication::PublishedPost,
    },
    ports::LedgerError,
};

struct Stage {
    ledger: SqliteLedger,
    folder: TempDir,
}

async fn stage() -> Option<Stage> {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await.unwrap();
    Some(Stage { ledger, folder })
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("ledger.db")
}

async fn open(folder: &TempDir) -> Result<SqliteLedger, OpenLedgerError> {
    SqliteLedger::open(&file(folder), Arc::new(Hands::new())).await
}

impl Stage {
    async fn end(self) {
        self.ledger.pool().close().await;
    }
}

impl Backstage for SqliteLedger {
    async fn run(&self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements)
            .execute(self.pool())
            .await
            .unwrap();
    }

    async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    async fn expire_leases(&self) {
        for table in ["ledger_leases", "ledger_requests"] {
            let expire = format!("UPDATE {table} SET expires_at = 0");
            sqlx::query(AssertSqlSafe(expire))
                .execute(self.pool())
                .await
                .unwrap();
        }
    }

    async fn age_keys(&self) {
        let day = 24 * 60 * 60 * 1000;
        sqlx::query("UPDATE ledger_requests SET created_at = created_at - $1")
            .bind(day)
            .execute(self.pool())
            .await
            .unwrap();
    }

    async fn leases(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM ledger_leases")
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    async fn refuse_email(&self) {
        sqlx::raw_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON ledger_entries WHEN NEW.platform = 'email'
             BEGIN SELECT RAISE(FAIL, 'refused'); END",
        )
        .execute(self.pool())
        .await
        .unwrap();
    }
}

suite_on!(stage);

#[tokio::test]
async fn a_file_is_one_process_s_at_a_time() {
    let stage = stage().await.unwrap();
    let second = open(&stage.folder).await.err().unwrap();
    assert!(matches!(second, OpenLedgerError::InUse(_)), "{second}");
    assert!(second.to_string().contains("another process"));
    stage.ledger.pool().close().await;
    drop(stage.ledger);
    assert!(open(&stage.folder).await.is_ok());
}

#[tokio::test]
async fn entries_outlive_the_process_and_leases_do_not() {
    let stage = stage().await.unwrap();
    let name = ImageName::new("a.jpg").unwrap();
    let lease = lease_of("alice", "image");
    stage.ledger.claim(&lease, &Platform::ALL).await.unwrap();
    stage
        .ledger
        .record_intent(
            &lease,
            &name,
            &[Platform::Telegram, Platform::Email],
            &[].into(),
            &[].into(),
        )
        .await
        .unwrap();
    let published = Settlement::Published(PublishedPost::new("1"));
    stage
        .ledger
        .record_outcome(&lease, Platform::Telegram, &published)
        .await
        .unwrap();
    let Stage { ledger, folder } = stage;
    ledger.pool().close().await;
    drop(ledger);

    let ledger = open(&folder).await.unwrap();
    let states: Vec<_> = ledger.list(&tenant("alice"), &everything()).await.unwrap();
    let states: Vec<_> = states
        .iter()
        .map(|entry| (entry.platform.unwrap(), entry.state))
        .collect();
    assert_eq!(
        states,
        [
            (Platform::Email, EntryState::Unknown),
            (Platform::Telegram, EntryState::Published)
        ]
    );
    let next = lease_of("alice", "image");
    let claim = ledger.claim(&next, &Platform::ALL).await.unwrap();
    assert!(matches!(claim, crate::domain::ledger::Claim::Held(_)));
}

/// What `SQLite` calls a commit that has the disk take it.
const FULL: i64 = 2;
/// And one that leaves that to the next such commit.
const NORMAL: i64 = 1;

#[tokio::test]
async fn everything_but_taking_and_giving_back_a_lease_waits_for_the_disk() {
    let stage = stage().await.unwrap();
    let ledger = &stage.ledger;
    let journal = sqlx::query_scalar::<_, String>("PRAGMA journal_mode").fetch_one(ledger.pool());
    assert_eq!(journal.await.unwrap(), "wal");
    let (lease, request) = (lease_of("alice", "image"), request("a.jpg"));
    let name = ImageName::new("a.jpg").unwrap();
    let unknown = Settlement::Unknown("no answer".to_owned());
    // How a write was committed. A lease is claimed before it, which must not decide that.
    macro_rules! after {
        ($write:expr) => {{
            ledger.claim(&lease, &Platform::ALL).await.unwrap();
            $write.await.unwrap();
            let level = sqlx::query_scalar::<_, i64>("PRAGMA synchronous");
            level.fetch_one(ledger.pool()).await.unwrap()
        }};
    }
    let all = &Platform::ALL;
    assert_eq!(after!(ledger.claim(&lease, all)), NORMAL);
    assert_eq!(
        after!(ledger.record_intent(&lease, &name, all, &[].into(), &[].into())),
        FULL
    );
    assert_eq!(
        after!(ledger.record_outcome(&lease, Platform::Email, &unknown)),
        FULL
    );
    assert_eq!(after!(ledger.renew(&lease)), FULL);
    assert_eq!(after!(IdempotencyStore::begin(ledger, &request)), FULL);
    assert_eq!(after!(ledger.choose(&request, &chosen())), FULL);
    assert_eq!(after!(ledger.finish(&request, "{}")), FULL);
    assert_eq!(after!(ledger.abandon(&request, true)), FULL);
    assert_eq!(after!(ledger.release(&lease)), NORMAL);
    assert_eq!(after!(ledger.add(&event("a"))), FULL);
    assert_eq!(after!(ledger.claim_due(1)), NORMAL);
}

#[tokio::test]
async fn a_usage_event_need_not_wait_for_the_claim_of_a_process_that_is_gone() {
    let stage = stage().await.unwrap();
    stage.ledger.add(&event("a")).await.unwrap();
    assert_eq!(stage.ledger.claim_due(1).await.unwrap().len(), 1);
    assert!(stage.ledger.claim_due(1).await.unwrap().is_empty());
    let Stage { ledger, folder } = stage;
    ledger.pool().close().await;
    drop(ledger);
    let ledger = open(&folder).await.unwrap();
    let claimed = ledger.claim_due(1).await.unwrap();
    assert_eq!(claimed[0].event, event("a"));
}

#[tokio::test]
async fn a_ledger_that_cannot_be_opened_says_which() {
    let folder = TempDir::new().unwrap();
    let nowhere = folder.path().join("missing/ledger.db");
    let clock = Arc::new(Hands::new());
    let error = SqliteLedger::open(&nowhere, clock.clone())
        .await
        .err()
        .unwrap();
    let told = error.to_string();
    assert!(
        told.contains("PUBLISH_LEDGER_URL") && told.contains("missing"),
        "{told}"
    );

    std::fs::write(
        file(&folder),
        "this is no database, and long enough to tell",
    )
    .unwrap();
    let error = SqliteLedger::open(&file(&folder), clock)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, OpenLedgerError::File { .. }), "{error}");
    assert!(error.is_of_settings());
}

/// How many pages the file may have from now on, in the connection that is open now.
async fn limit_pages(ledger: &SqliteLedger, pages: i64) {
    let limit = format!("PRAGMA max_page_count = {pages}");
    sqlx::query(AssertSqlSafe(limit))
        .execute(ledger.pool())
        .await
        .unwrap();
}

/// As a full file system ends a write: with `SQLITE_FULL`, in the middle of a transaction.
#[tokio::test]
async fn a_ledger_that_was_full_goes_on_when_it_is_not_any_more() {
    let stage = stage().await.unwrap();
    let ledger = &stage.ledger;
    // The limit cannot be lower than what the file has, and holds for this connection alone.
    limit_pages(ledger, 1).await;
    let long = "x".repeat(200_000);
    let fill = async |number: usize| {
        let lease = lease_of("alice", &format!("image {number}"));
        let name = ImageName::new("a.jpg").unwrap();
        ledger.claim(&lease, &Platform::ALL).await?;
        ledger
            .record_intent(&lease, &name, &[Platform::Telegram], &[].into(), &[].into())
            .await?;
        let unknown = Settlement::Unknown(long.clone());
        ledger
            .record_outcome(&lease, Platform::Telegram, &unknown)
            .await
    };
    let refused = fill(1).await.unwrap_err();
    assert!(
        matches!(&refused, LedgerError::Unavailable(cause) if cause.to_string().contains("full")),
        "{refused:?}"
    );
    for number in 2..20 {
        fill(number).await.unwrap();
    }
    ledger.probe().await.unwrap();
}

/// An operation that is given up in the middle of a transaction leaves nothing of it behind.
#[tokio::test]
async fn a_write_that_is_given_up_half_way_is_rolled_back_and_blocks_nothing() {
    let stage = stage().await.unwrap();
    let ledger = &stage.ledger;
    let (mut write, _) = SqliteLedger::begin(ledger, Durability::Synced)
        .await
        .unwrap();
    sqlx::query("INSERT INTO ledger_leases VALUES ('alice', 'hash', 'holder', 0, 0)")
        .execute(&mut *write)
        .await
        .unwrap();
    drop(write);
    assert_eq!(ledger.leases().await, 0);
    ledger.probe().await.unwrap();
}

#[tokio::test]
async fn nobody_else_reads_the_files_of_a_ledger_not_even_of_one_that_others_could_read() {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
    };

    let folder = TempDir::new().unwrap();
    let named = |suffix: &str| folder.path().join(format!("ledger.db{suffix}"));
    // As an earlier version left it, and after a crash.
    for suffix in ["", ".lock", "-wal", "-shm"] {
        fs::write(named(suffix), "").unwrap();
        fs::set_permissions(named(suffix), Permissions::from_mode(0o644)).unwrap();
    }
    let ledger = open(&folder).await.unwrap();
    for suffix in ["", ".lock", "-wal", "-shm"] {
        let mode = fs::metadata(named(suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "ledger.db{suffix}");
    }
    ledger.pool().close().await;
}

#[tokio::test]
async fn unknown_entries_are_counted_without_reading_the_others() {
    let stage = stage().await.unwrap();
    let explain = format!(
        "EXPLAIN QUERY PLAN {}",
        crate::adapters::ledger::sqlite::COUNT_UNKNOWN
    );
    let plan = sqlx::query(AssertSqlSafe(explain)).bind(0_i64);
    let plan = plan.fetch_all(stage.ledger.pool()).await.unwrap();
    let steps = plan.iter().map(|row| row.get::<String, _>("detail"));
    let steps: Vec<_> = steps.filter(|step| step.contains("e USING")).collect();
    assert_eq!(steps, ["SCAN e USING INDEX ledger_entries_unsettled"]);
    stage.end().await;
}

#[tokio::test]
async fn the_gauges_are_those_of_the_ledger_until_it_is_closed() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let stage = stage().await.unwrap();
    attempt(&stage.ledger, "alice", "image", &unknown()).await;
    let ledger = OpenLedger::of_file(stage.ledger);
    let watch = ledger.watch();
    tokio::pin!(watch);
    let shows = |line: &str| recorder.handle().render().contains(line);
    let counted = async {
        while !shows(r#"publisher_ledger_entries{state="unknown"} 1"#) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = &mut watch => panic!("the ledger is open"),
        () = counted => {}
    }
    assert!(shows(r#"publisher_ledger_pool_connections{state="max"} 1"#));
    // It may be in the middle of an operation, which closing waits for.
    tokio::join!(ledger.close(), watch);
}
