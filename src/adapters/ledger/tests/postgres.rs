use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions, query::Query,
};
use std::str::FromStr as _;
use uuid::Uuid;

use super::{
    super::{pool::Guarded, *},
    Backstage, lease_of, suite_on,
};
use crate::domain::{ledger::Claim, platform::Platform};

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
    let ledger = PostgresLedger::new(options, 4);
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
