//! Where a test keeps its ledger.

use std::{str::FromStr as _, time::Duration};

use publisher_sandbox::Sandbox;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

use crate::harness::Service;

/// A ledger that outlives the services that use it.
pub(crate) enum Database {
    /// A file.
    Sqlite(TempDir),
    /// A schema of its own on a server.
    Postgres(Schema),
}

impl Database {
    /// A file; always there.
    #[expect(clippy::unused_async, reason = "PostgreSQL has to be asked")]
    pub(crate) async fn sqlite() -> Option<Self> {
        Some(Self::Sqlite(tempfile::tempdir().unwrap()))
    }

    /// A schema, if there is a server; says so if there is none.
    pub(crate) async fn postgres() -> Option<Self> {
        Schema::create().await.map(Self::Postgres)
    }

    /// What `PUBLISH_LEDGER_URL` has to be.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}/ledger.db", folder.path().display()),
            Self::Postgres(schema) => schema.url(),
        }
    }

    /// Starts the service on the sandbox with this ledger.
    pub(crate) async fn start(&self, sandbox: &Sandbox) -> Service {
        let ledger = [("PUBLISH_LEDGER_URL", &*self.url())];
        Service::start_with(sandbox.environment(), &ledger).await
    }

    /// Has the server take no writes from this ledger's sessions, or take them again: as one that has
    /// failed over, it ends those that are open. A file always takes them.
    pub(crate) async fn take_no_writes(&mut self, none: bool) {
        if let Self::Postgres(schema) = self {
            schema.take_no_writes(none).await;
        }
    }

    /// Runs statements behind the service's back.
    pub(crate) async fn run(&mut self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("ledger.db");
                let options = SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await.unwrap();
                let run = sqlx::raw_sql(statements).execute(&mut connection);
                run.await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(schema) => {
                let options = PgConnectOptions::from_str(&schema.url()).unwrap();
                let mut connection = options.connect().await.unwrap();
                let run = sqlx::raw_sql(statements).execute(&mut connection);
                run.await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// The one column of text that a query gives, which is asked behind the service's back.
    pub(crate) async fn texts(&mut self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("ledger.db");
                let options = SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await.unwrap();
                let texts = sqlx::query_scalar(query).fetch_all(&mut connection).await;
                connection.close().await.unwrap();
                texts.unwrap()
            }
            Self::Postgres(schema) => {
                let options = PgConnectOptions::from_str(&schema.url()).unwrap();
                let mut connection = options.connect().await.unwrap();
                let texts = sqlx::query_scalar(query).fetch_all(&mut connection).await;
                connection.close().await.unwrap();
                texts.unwrap()
            }
        }
    }

    /// Leaves nothing behind on a server.
    pub(crate) async fn remove(self) {
        if let Self::Postgres(schema) = self {
            schema.remove().await;
        }
    }
}

/// Where a PostgreSQL server may be; without one, what needs it says so and passes.
const SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A schema of its own in PostgreSQL.
pub(crate) struct Schema {
    connection: PgConnection,
    name: String,
}

impl Schema {
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    async fn create() -> Option<Self> {
        let options = PgConnectOptions::from_str(SERVER).unwrap();
        let connecting = tokio::time::timeout(Duration::from_secs(5), options.connect()).await;
        let Ok(Ok(connection)) = connecting else {
            println!("skipped: no PostgreSQL answers at 127.0.0.1:5432");
            return None;
        };
        let name = format!("service_test_{}", uuid::Uuid::new_v4().simple());
        let mut schema = Self { connection, name };
        let name = schema.name.clone();
        // A role of its own, whose settings are its sessions' alone.
        schema
            .run(format!("CREATE ROLE {name} LOGIN SUPERUSER"))
            .await;
        schema.run(format!("CREATE SCHEMA {name}")).await;
        // The role's and not the URL's: a pooler takes no options.
        schema
            .run(format!("ALTER ROLE {name} SET search_path = {name}"))
            .await;
        Some(schema)
    }

    fn url(&self) -> String {
        let name = &self.name;
        SERVER.replace("//postgres@", &format!("//{name}@"))
    }

    /// The name of the schema, and of the role whose it is.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    async fn run(&mut self, statement: String) {
        let statement = sqlx::query(AssertSqlSafe(statement));
        statement.execute(&mut self.connection).await.unwrap();
    }

    async fn take_no_writes(&mut self, none: bool) {
        let (name, value) = (self.name.clone(), if none { "on" } else { "off" });
        let set = format!("ALTER ROLE {name} SET default_transaction_read_only = {value}");
        self.run(set).await;
        if none {
            self.end_sessions().await;
        }
    }

    async fn end_sessions(&mut self) {
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename =";
        self.run(format!("{end} '{}'", self.name)).await;
    }

    async fn remove(mut self) {
        let name = self.name.clone();
        self.run(format!("DROP SCHEMA {name} CASCADE")).await;
        self.end_sessions().await;
        self.run(format!("DROP OWNED BY {name}")).await;
        self.run(format!("DROP ROLE {name}")).await;
    }
}
