//! A PostgreSQL of a test's own, which it may stop and start.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::process::Command;

/// Where Debian keeps the servers, by version.
const SERVERS: &str = "/usr/lib/postgresql";

/// A server that nothing else uses; it ends with the test.
pub(crate) struct OwnPostgres {
    folder: TempDir,
    binaries: PathBuf,
    port: u16,
}

/// How a server is stopped.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// It ends its sessions, and writes what is to be written.
    Fast,
    /// It ends as after a crash.
    Immediate,
}

impl OwnPostgres {
    /// Starts one, if it is installed; says so if it is not.
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    pub(crate) async fn start() -> Option<Self> {
        let installed = std::fs::read_dir(SERVERS).into_iter().flatten();
        let binaries = installed.filter_map(|version| Some(version.ok()?.path().join("bin")));
        let Some(binaries) = binaries.filter(|it| it.join("initdb").exists()).max() else {
            println!("skipped: no PostgreSQL is installed in {SERVERS}");
            return None;
        };
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Self {
            folder: tempfile::tempdir().unwrap(),
            binaries,
            port,
        };
        if is_root() {
            // It does not run as root.
            let folder = server.folder.path().as_os_str();
            let owned = Command::new("chown").arg("postgres").arg(folder).output();
            assert!(owned.await.unwrap().status.success());
        }
        let made = ["--auth", "trust", "--username", "postgres", "--no-sync"];
        server.run("initdb", &made).await;
        server.start_again().await;
        Some(server)
    }

    /// What `PUBLISH_LEDGER_URL` has to be.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it.
    pub(crate) async fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        self.run("pg_ctl", &["stop", "--wait", "--mode", mode])
            .await;
    }

    /// Starts it after it was stopped.
    pub(crate) async fn start_again(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.folder.path().display()
        );
        let log = self.folder.path().join("log");
        let log = log.to_str().unwrap();
        let start = ["start", "--wait", "--log", log, "--options", &options];
        self.run("pg_ctl", &start).await;
    }

    async fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program, arguments).output().await.unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments);
        command.arg("--pgdata").arg(self.folder.path().join("data"));
        command.current_dir("/").stdin(std::process::Stdio::null());
        command
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl", &["stop", "--mode", "immediate"]);
        // It may be stopped already.
        let _ = stop.as_std_mut().output();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}
