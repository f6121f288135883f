//! A PostgreSQL server of the benchmark's own, with its settings as they come, which counts statements.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

/// The role of the service: what others do is not counted.
const ROLE: &str = "publisher";
/// Statements that the service has had the server carry out, their time, and what the server wrote for them, by kind.
const STATEMENTS: &str = "SELECT kind, sum(calls)::float8, sum(total_exec_time)::float8, sum(wal_bytes)::float8
    FROM (SELECT *, CASE
            WHEN query ILIKE '%ledger_publish_slots%' THEN 'slots'
            WHEN query ILIKE '%ledger_rates%' THEN 'rates'
            WHEN query ILIKE '%ledger_job%' THEN 'jobs'
            WHEN query ILIKE '%ledger_usage%' THEN 'usage'
            WHEN query ILIKE '%ledger_%' THEN 'ledger'
            WHEN query ILIKE 'COMMIT%' THEN 'commits'
            ELSE 'other' END AS kind
        FROM pg_stat_statements JOIN pg_roles ON userid = pg_roles.oid WHERE rolname = 'publisher') AS counted
    GROUP BY kind";
/// The statements that were carried out most often, for whoever wants to know which they are.
const OFTEN: &str = "SELECT calls, left(regexp_replace(query, '\\s+', ' ', 'g'), 110)
    FROM pg_stat_statements JOIN pg_roles ON userid = pg_roles.oid
    WHERE rolname = 'publisher' ORDER BY calls DESC LIMIT 70";
/// What tables take with their indexes, in bytes.
const SIZES: &str = "SELECT relname::text, pg_total_relation_size(oid)::float8 FROM pg_class
    WHERE relkind = 'r' AND relname LIKE 'ledger\\_%'";

/// The server; gone with this.
pub(crate) struct Database {
    _folder: TempDir,
    port: u16,
    running: Child,
    connection: PgConnection,
}

impl Database {
    /// Makes and starts one.
    pub(crate) async fn start() -> Self {
        let binaries = binaries().expect("initdb below /usr/lib/postgresql");
        let folder = tempfile::tempdir().expect("a folder");
        chown(folder.path(), other_user(), None).expect("a folder of the server's user");
        let data = folder.path().join("data");
        let made = as_other_user(&binaries.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "-D"])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(made.status.success(), "initdb does not run here");
        let port = free_port();
        let mut server = as_other_user(&binaries.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        server.arg("-k").arg(folder.path());
        server.args(["-c", "listen_addresses=127.0.0.1"]);
        server.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
        let log = fs::File::create(folder.path().join("log")).expect("a file for its log");
        let server = server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut running = server.spawn().expect("the server");
        let mut connection = loop {
            let options = PgConnectOptions::from_str(&url("postgres", port)).expect("a URL");
            if let Ok(connection) = options.connect().await {
                break connection;
            }
            let ended = running.try_wait().expect("its state");
            assert_eq!(ended, None, "the server does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        for statement in [
            "CREATE EXTENSION pg_stat_statements".to_owned(),
            format!("CREATE ROLE {ROLE} LOGIN SUPERUSER"),
        ] {
            let statement = sqlx::query(AssertSqlSafe(statement));
            statement
                .execute(&mut connection)
                .await
                .expect("it is set up");
        }
        Self {
            _folder: folder,
            port,
            running,
            connection,
        }
    }

    /// Where the service finds it.
    pub(crate) fn url(&self) -> String {
        url(ROLE, self.port)
    }

    /// Calls, milliseconds and bytes of WAL by kind of statement.
    pub(crate) async fn statements(&mut self) -> Vec<(String, f64, f64, f64)> {
        let counted = sqlx::query_as(STATEMENTS).fetch_all(&mut self.connection);
        counted.await.expect("the server counts")
    }

    /// How often the most frequent statements were carried out, and their beginnings.
    pub(crate) async fn often(&mut self) -> Vec<(i64, String)> {
        let counted = sqlx::query_as(OFTEN).fetch_all(&mut self.connection);
        counted.await.expect("the server counts")
    }

    /// The bytes of each table with its indexes, without room for rows that are gone.
    pub(crate) async fn sizes(&mut self) -> Vec<(String, f64)> {
        let packed = sqlx::query("VACUUM FULL").execute(&mut self.connection);
        packed.await.expect("tables that nobody holds");
        let sizes = sqlx::query_as(SIZES).fetch_all(&mut self.connection);
        sizes.await.expect("tables")
    }

    /// What a query gives, which is one number.
    pub(crate) async fn number(&mut self, query: &str) -> i64 {
        let number = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        number
            .fetch_one(&mut self.connection)
            .await
            .expect("a number")
    }

    /// The time of processors that its processes have taken so far.
    pub(crate) fn processor_time(&self) -> f64 {
        let parent = self.running.id();
        // What has ended is in the parent's own times.
        let own: u64 = times(parent, 4).map_or(0, |it| it.1);
        let children = fs::read_dir("/proc").expect("processes").filter_map(|it| {
            let id = it.ok()?.file_name().to_str()?.parse().ok()?;
            let (of, ticks) = times(id, 2)?;
            (of == parent).then_some(ticks)
        });
        let ticks = own + children.sum::<u64>();
        Duration::from_millis(ticks * 10).as_secs_f64()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let id = self.running.id().to_string();
        let told = Command::new("kill").args(["-INT", &id]).status();
        if !told.is_ok_and(|status| status.success()) {
            // It has ended by itself; waiting for it is all that is left.
            drop(self.running.kill());
        }
        drop(self.running.wait());
    }
}

/// The parent of a process, and so many of the fields of its times, added up, in hundredths of a second: its own two,
/// then those of its children that have ended.
fn times(process: u32, fields: usize) -> Option<(u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let rest: Vec<&str> = rest.split(' ').collect();
    let ticks = rest.get(11..11 + fields)?.iter();
    let ticks = ticks.filter_map(|it| it.parse::<u64>().ok()).sum();
    Some((rest.get(1)?.parse().ok()?, ticks))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

fn url(role: &str, port: u16) -> String {
    format!("postgres://{role}@127.0.0.1:{port}/postgres")
}

/// The newest version that is installed.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max()
}

/// The server does not run as root.
fn other_user() -> Option<u32> {
    let id = |who: &[&str]| {
        let output = Command::new("id").arg("-u").args(who).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    (id(&[]) == Some(0)).then(|| id(&["postgres"])).flatten()
}

fn as_other_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some(user) = other_user() {
        command.uid(user);
    }
    command
}
