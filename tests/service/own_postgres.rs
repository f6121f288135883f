//! Servers of PostgreSQL and poolers before them of a test's own.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr as _,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

/// How a server is stopped.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// It ends its sessions, and writes what is to be written.
    Fast,
    /// It ends as after a crash.
    Immediate,
}

/// The password of its superuser.
pub(crate) const PASSWORD: &str = "own-s3cret";

/// A server with TLS, passwords and a certificate of its own authority; gone with this.
pub(crate) struct OwnServer {
    folder: TempDir,
    binaries: PathBuf,
    port: u16,
    running: Option<Child>,
    /// The authority's certificate.
    pub(crate) authority: String,
}

impl OwnServer {
    /// Makes one, which does not run yet; says so where there is none to be had.
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    pub(crate) fn create() -> Option<Self> {
        let Some(binaries) = binaries() else {
            println!("skipped: there is no initdb in /usr/lib/postgresql");
            return None;
        };
        let folder = private_folder();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let made = as_other_user(&binaries.join("initdb"))
            .args(["--no-sync", "--auth=scram-sha-256", "--username=postgres"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("-D")
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).into_owned();
            println!("skipped: initdb does not run here: {said}");
            return None;
        }
        let authority = certificate(folder.path());
        Some(Self {
            folder,
            binaries,
            port: free_port(),
            running: None,
            authority,
        })
    }

    /// Starts it, with at most so many connections, three of which are for its superuser.
    pub(crate) async fn start(&mut self, connections: u32) {
        let folder = self.folder.path();
        let options = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", folder.display()),
            format!("max_connections={connections}"),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", folder.join("server.pem").display()),
            format!("ssl_key_file={}", folder.join("server.key").display()),
        ];
        let mut server = as_other_user(&self.binaries.join("postgres"));
        server.arg("-D").arg(folder.join("data"));
        for option in options {
            server.args(["-c", &option]);
        }
        self.running = Some(in_silence(&mut server).spawn().unwrap());
        while self.try_to_connect().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops it; it can be started again.
    pub(crate) fn stop(&mut self, how: Stop) {
        if let Some(running) = self.running.take() {
            let signal = match how {
                Stop::Fast => "-INT",
                Stop::Immediate => "-QUIT",
            };
            end(running, signal);
        }
    }

    /// Where it is, or will be, for a user with a password.
    pub(crate) fn url(&self, user: &str, password: &str) -> String {
        format!(
            "postgres://{user}:{password}@localhost:{}/postgres",
            self.port
        )
    }

    /// Connects as the superuser.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.try_to_connect().await.unwrap()
    }

    /// The same, where it may have no room, or is not there yet.
    pub(crate) async fn try_to_connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::from_str(&self.url("postgres", PASSWORD)).unwrap();
        options.connect().await
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.stop(Stop::Immediate);
    }
}

/// A `PgBouncer` before the server that tests share; gone with this.
pub(crate) struct Pooler {
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

impl Pooler {
    /// One that does not run yet, for a user who shows it this password; says so where it is not
    /// installed.
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    pub(crate) fn create(user: &str) -> Option<Self> {
        if !Path::new(PGBOUNCER).exists() {
            println!("skipped: PgBouncer is not installed at {PGBOUNCER}");
            return None;
        }
        let folder = private_folder();
        let users = format!("\"{user}\" \"{PASSWORD}\"\n");
        fs::write(folder.path().join("userlist.txt"), users).unwrap();
        Some(Self {
            folder,
            port: free_port(),
            running: None,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it with Debian's settings but for the ports and files, and for the mode if one is named.
    pub(crate) fn start(&mut self, mode: Option<&str>) {
        let mode = mode.map(|mode| format!("pool_mode = {mode}\n"));
        self.start_with(&mode.unwrap_or_default());
    }

    /// The same, with settings in lines of its own file.
    pub(crate) fn start_with(&mut self, more: &str) {
        self.stop();
        let (folder, port) = (self.folder.path().display(), self.port);
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port=5432\n[pgbouncer]\n\
             logfile = {folder}/pgbouncer.log\npidfile = {folder}/pgbouncer.pid\n\
             listen_addr = localhost\nlisten_port = {port}\nunix_socket_dir = {folder}\n\
             auth_type = md5\nauth_file = {folder}/userlist.txt\n{more}"
        );
        let file = self.folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).unwrap();
        let mut pooler = as_other_user(Path::new(PGBOUNCER));
        self.running = Some(in_silence(pooler.arg("-q").arg(file)).spawn().unwrap());
        // It is there in a moment, or it has ended.
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.running.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            end(running, "-TERM");
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.stop();
    }
}

const PGBOUNCER: &str = "/usr/sbin/pgbouncer";

/// The newest version that is installed.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<_> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// Neither server runs as root.
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

fn in_silence(command: &mut Command) -> &mut Command {
    let command = command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null())
}

/// A folder of the user that the servers run as.
fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), other_user(), None).unwrap();
    folder
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Makes an authority, and what it vouches for; gives its certificate.
fn certificate(folder: &Path) -> String {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let authority = root.self_signed(&root_key).unwrap().pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("server.pem"), server.pem()).unwrap();
    let key_file = folder.join("server.key");
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&key_file, other_user(), None).unwrap();
    authority
}

fn end(mut running: Child, signal: &str) {
    let id = running.id().to_string();
    let told = Command::new("kill").args([signal, &id]).status();
    if !told.is_ok_and(|status| status.success()) {
        // It has ended by itself; waiting for it is all that is left.
        drop(running.kill());
    }
    running.wait().unwrap();
}
