use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions, query::Query,
};
use std::str::FromStr as _;
use uuid::Uuid;

use super::{
    super::pool::Guarded,
    Backstage, Hands, lease_of,
    merge_suite::LATER,
    request_suite::request_of,
    suite::{attempt, claim, list, published},
    suite_on, *,
};
use crate::domain::{idempotency::Begun, ledger::Claim, platform::Platform};

/// Where a server may be; without one, these tests say so and pass.
pub(super) const SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A schema of its own for each test.
pub(super) struct Stage {
    pub(super) ledger: PostgresLedger,
    pub(super) schema: String,
}

pub(super) async fn stage() -> Option<Stage> {
    let options = PgConnectOptions::from_str(SERVER).unwrap();
    let connecting = tokio::time::timeout(Duration::from_secs(5), options.connect()).await;
    let mut connection = match connecting {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            println!("skipped: no PostgreSQL answers at 127.0.0.1:5432: {error}");
            return None;
        }
        Err(_) => {
            println!("skipped: PostgreSQL at 127.0.0.1:5432 did not answer in 5 s");
            return None;
        }
    };
    let schema = format!("ledger_test_{}", Uuid::new_v4().simple());
    let create = format!("CREATE SCHEMA {schema}");
    sqlx::query(AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let ledger = open(&schema).await;
    Some(Stage { ledger, schema })
}

async fn open(schema: &str) -> PostgresLedger {
    let options = PgConnectOptions::from_str(SERVER).unwrap();
    opened(options.options([("search_path", schema)])).await
}

pub(super) async fn opened(options: PgConnectOptions) -> PostgresLedger {
    let ledger = PostgresLedger::new(options, 4, clock());
    ledger.prepare().await.unwrap();
    ledger
}

impl Stage {
    pub(super) async fn end(self) {
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        run(&self.ledger, sqlx::query(AssertSqlSafe(drop))).await;
        self.ledger.close().await;
    }
}

async fn run(
    ledger: &PostgresLedger,
    query: Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
) {
    let mut connection = Guarded::acquire(ledger.pool()).await.unwrap();
    query.execute(&mut *connection).await.unwrap();
    connection.give_back();
}

impl Backstage for PostgresLedger {
    async fn run(&self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        let mut connection = Guarded::acquire(self.pool()).await.unwrap();
        sqlx::raw_sql(statements)
            .execute(&mut *connection)
            .await
            .unwrap();
        connection.give_back();
    }

    async fn number(&self, query: &str) -> i64 {
        let mut connection = Guarded::acquire(self.pool()).await.unwrap();
        let number = sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        connection.give_back();
        number
    }

    async fn expire_leases(&self) {
        for table in ["ledger_leases", "ledger_requests"] {
            let expire = format!("UPDATE {table} SET expires_at = 0");
            run(self, sqlx::query(AssertSqlSafe(expire))).await;
        }
    }

    async fn age_keys(&self) {
        let day = 24 * 60 * 60 * 1000;
        let age = "UPDATE ledger_requests SET created_at = created_at - $1";
        run(self, sqlx::query(age).bind(day)).await;
    }

    async fn leases(&self) -> i64 {
        let mut connection = Guarded::acquire(self.pool()).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM ledger_leases")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        connection.give_back();
        count
    }

    async fn refuse_email(&self) {
        let refuse = "ALTER TABLE ledger_entries ADD CHECK (platform <> 'email')";
        run(self, sqlx::query(refuse)).await;
    }
}

suite_on!(stage);

#[tokio::test]
async fn a_ledger_that_a_later_version_has_changed_opens() {
    let Some(stage) = stage().await else { return };
    stage.ledger.run(LATER).await;
    let again = open(&stage.schema).await;
    attempt(&again, "alice", "image", &published("1")).await;
    assert_eq!(list(&again, "alice").await.len(), 1);
    again.close().await;
    stage.end().await;
}

/// Neither the migrator's table nor its locks are for a user who may only read and write rows.
#[tokio::test]
async fn a_user_who_may_only_read_and_write_rows_runs_on_tables_that_are_ready() {
    let Some(stage) = stage().await else { return };
    let (schema, role) = (&stage.schema, format!("{}_rows", stage.schema));
    let ledger = &stage.ledger;
    ledger
        .run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
        ))
        .await;
    let url = format!("postgres://{role}@127.0.0.1:5432/postgres");
    let options = PgConnectOptions::from_str(&url).unwrap();
    let options = options.options([("search_path", schema.as_str())]);
    let of_rows = PostgresLedger::new(options.clone(), DEFAULT_POOL_SIZE, clock());
    of_rows.prepare().await.unwrap();
    let mut connection = Guarded::acquire(of_rows.pool()).await.unwrap();
    let refused = sqlx::query("CREATE TABLE mine (id BIGINT)").execute(&mut *connection);
    assert!(refused.await.is_err(), "it may create tables");
    drop(connection);
    caption_suite::attempt(&of_rows, "image", (None, "text"), &published("1")).await;
    let recent = of_rows.recent(&tenant("alice"), &Platform::ALL).await;
    assert_eq!(recent.unwrap().len(), 1);
    let keyed = request_of("alice", "a.jpg");
    of_rows.begin(&keyed).await.unwrap();
    of_rows.probe().await.unwrap();
    of_rows
        .sweep(kept_for(Some(Duration::from_hours(24))))
        .await
        .unwrap();
    of_rows.close().await;

    ledger
        .run("DELETE FROM _sqlx_migrations WHERE version = 5")
        .await;
    let of_rows = PostgresLedger::new(options, DEFAULT_POOL_SIZE, clock());
    assert!(of_rows.prepare().await.is_err());
    let end = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    ledger
        .run(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'"
        ))
        .await;
    ledger.run(&end).await;
    stage.end().await;
}

#[tokio::test]
async fn a_ledger_in_a_file_is_taken_over_into_a_schema() {
    let Some(stage) = stage().await else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let file = SqliteLedger::open(&path, Arc::new(Hands::new()));
    let file = file.await.unwrap();
    caption_suite::attempt(&file, "posted", (None, "text"), &published("1")).await;
    let keyed = request_of("alice", "a.jpg");
    IdempotencyStore::begin(&file, &keyed).await.unwrap();
    file.finish(&keyed, "{}").await.unwrap();
    file.run("UPDATE ledger_requests SET created_at = 9000000000000000")
        .await;
    file.pool().close().await;
    drop(file);
    let url = format!("{SERVER}?options=-c%20search_path%3D{}", stage.schema);
    for told in ["1 new, 0 corrected, 0", "0 new, 0 corrected, 1"] {
        let settings = LedgerSettings::from_url(&Secret::new(url.clone())).unwrap();
        let summary = import_file(settings, &path, Arc::new(Hands::new())).await;
        let summary = summary.unwrap().to_string();
        assert_eq!(summary.matches(told).count(), 3, "{summary}");
    }
    let (_, known) = claim(&stage.ledger, "alice", "posted").await;
    assert_eq!(known.len(), 1);
    let answer = stage.ledger.begin(&keyed).await.unwrap();
    assert_eq!(answer, Begun::Answered("{}".to_owned()));
    let recent = stage.ledger.recent(&tenant("alice"), &Platform::ALL).await;
    assert_eq!(recent.unwrap()[&Platform::Telegram][0].text, "text");
    stage.end().await;
}

#[tokio::test]
async fn looking_at_a_schema_changes_nothing() {
    let Some(stage) = stage().await else { return };
    let look = async |schema: &str, migrate: bool| {
        let url = format!("{SERVER}?options=-c%20search_path%3D{schema}");
        let settings = LedgerSettings::from_url(&Secret::new(url)).unwrap();
        inspect(settings, migrate, Arc::new(Hands::new()))
            .await
            .unwrap()
    };
    assert_eq!(look(&stage.schema, false).await, LedgerState::Ready);
    let empty = format!("{}_empty", stage.schema);
    stage.ledger.run(&format!("CREATE SCHEMA {empty}")).await;
    let tables = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{empty}'");
    assert_eq!(look(&empty, false).await, LedgerState::Absent);
    assert_eq!(stage.ledger.number(&tables).await, 0);
    assert_eq!(look(&empty, true).await, LedgerState::Ready);
    assert_eq!(stage.ledger.number(&tables).await, 14);
    stage
        .ledger
        .run(&format!(
            "DELETE FROM {empty}._sqlx_migrations WHERE version > 1"
        ))
        .await;
    assert_eq!(look(&empty, false).await, LedgerState::Pending(12));
    stage
        .ledger
        .run(&format!("DROP SCHEMA {empty} CASCADE"))
        .await;
    stage.end().await;
}

#[tokio::test]
async fn replicas_share_leases_until_the_holder_s_process_is_gone() {
    let Some(stage) = stage().await else { return };
    let other = open(&stage.schema).await;
    let lease = lease_of("alice", "image");
    assert!(matches!(
        other.claim(&lease, &[]).await.unwrap(),
        Claim::Held(_)
    ));
    let next = lease_of("alice", "image");
    let claim = stage.ledger.claim(&next, &Platform::ALL).await.unwrap();
    assert_eq!(claim, Claim::HeldByOther);
    // As the server sees the end of a process: the connection breaks.
    drop(other);
    let taken = async {
        while stage.ledger.claim(&next, &[]).await.unwrap() == Claim::HeldByOther {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, taken)
        .await
        .expect("well before the lease expires");
    stage.end().await;
}

#[tokio::test]
async fn a_holder_whose_connection_broke_goes_on_unless_another_was_faster() {
    let Some(stage) = stage().await else { return };
    let lease = lease_of("alice", "image");
    stage.ledger.claim(&lease, &[]).await.unwrap();
    let key = stage.ledger.session().await.unwrap();
    let end = sqlx::query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'
            AND (CAST(classid AS BIGINT) << 32) + CAST(objid AS BIGINT) = $1",
    );
    run(&stage.ledger, end.bind(key)).await;
    stage.ledger.renew(&lease).await.unwrap();
    assert_ne!(stage.ledger.session().await.unwrap(), key);
    let claim = stage
        .ledger
        .claim(&lease_of("alice", "image"), &[])
        .await
        .unwrap();
    assert_eq!(claim, Claim::HeldByOther, "the lease is under the new key");
    stage.end().await;
}

/// As a server that has failed over: what is connected takes no writes, and goes on taking none
/// when the server takes them again.
#[tokio::test]
async fn sessions_that_take_no_writes_are_left_as_soon_as_the_server_takes_them_again() {
    let Some(stage) = stage().await else { return };
    let ledger = &stage.ledger;
    // Several sessions, all of them idle.
    let all = (0..4).map(|_| Guarded::acquire(ledger.pool()));
    let all: Vec<_> = futures_util::future::join_all(all).await;
    for connection in all {
        let mut connection = connection.unwrap();
        sqlx::query("SET default_transaction_read_only = on")
            .execute(&mut *connection)
            .await
            .unwrap();
        connection.give_back();
    }
    let lease = lease_of("alice", "image");
    ledger.claim(&lease, &[]).await.unwrap();
    ledger.renew(&lease).await.unwrap();
    ledger.probe().await.unwrap();
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_takes_no_writes_fails_the_probe_until_it_takes_them() {
    let Some(stage) = stage().await else { return };
    // The role's setting is what its new sessions begin with.
    let role = format!("{}_writer", stage.schema);
    let admin = async |statement: String| {
        run(&stage.ledger, sqlx::query(AssertSqlSafe(statement))).await;
    };
    admin(format!("CREATE ROLE {role} LOGIN SUPERUSER")).await;
    let options = PgConnectOptions::from_str(SERVER).unwrap().username(&role);
    let options = options.options([("search_path", &*stage.schema)]);
    let ledger = opened(options).await;
    ledger.probe().await.unwrap();
    let set =
        |value: &str| format!("ALTER ROLE {role} SET default_transaction_read_only = {value}");
    admin(set("on")).await;
    let end_sessions = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'"
    );
    admin(end_sessions).await;
    let lease = lease_of("alice", "image");
    for _ in 0..3 {
        assert!(ledger.probe().await.is_err());
        assert!(ledger.claim(&lease, &[]).await.is_err());
    }
    admin(set("off")).await;
    ledger.probe().await.unwrap();
    ledger.claim(&lease, &[]).await.unwrap();
    ledger.close().await;
    admin(format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'"
    ))
    .await;
    admin(format!("DROP ROLE {role}")).await;
    stage.end().await;
}
