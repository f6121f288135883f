//! A stage: a sandbox, a service on it, and traffic.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use publisher::adapters::http_client::{self, ExtraRoots};
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use reqwest::{Client, RequestBuilder, header::HOST};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    sync::{Mutex, watch},
};

use crate::table::Case;

/// How long a caller waits, and how long a start may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two rounds of a caller.
const PAUSE: Duration = Duration::from_millis(300);
/// Requests in a row, where many are wanted.
const FLOOD: usize = 40;
/// Callers publish an image each, so that they do not wait for each other.
pub(crate) const CALLERS: usize = 4;

/// What became of one alert.
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) alert: &'static str,
    /// `None`: it did not fire.
    pub(crate) fired_after: Option<Duration>,
    pub(crate) done: &'static str,
    /// `None`: it went on.
    pub(crate) over_after: Option<Duration>,
}

/// Where a case is played.
pub(crate) struct Stage {
    case: &'static Case,
    pub(crate) sandbox: Sandbox,
    pub(crate) tenant: DemoTenant,
    /// Callers publish, each with force, as long as this says so.
    pub(crate) publishes: AtomicBool,
    /// How many of them publish now.
    publishing: watch::Sender<usize>,
    /// Hosts that no tenant has are asked for, too.
    pub(crate) strangers: AtomicBool,
    /// Callers call as much as they can.
    pub(crate) floods: AtomicBool,
    folder: TempDir,
    process: Mutex<Process>,
    client: Client,
}

struct Process {
    child: Child,
    address: SocketAddr,
    metrics_address: SocketAddr,
    /// While this says so, nobody reads what it writes.
    is_unread: Arc<AtomicBool>,
}

impl Stage {
    /// Starts the service of a case on a sandbox of its own.
    pub(crate) async fn start(case: &'static Case) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let images = (0..CALLERS).map(|caller| {
            let seed = u8::try_from(caller).unwrap();
            Sample::jpeg(&image(caller), 64, 64, seed).unwrap()
        });
        let tenant = TenantSpec::new("alice").archive(false).ttl_seconds(Some(1));
        let tenant = sandbox.add_tenant(tenant.images(images));
        let folder = tempfile::tempdir().unwrap();
        let token = sandbox.orchestrator.service_token();
        std::fs::write(folder.path().join("token"), token).unwrap();
        let process = Process::start(&sandbox, folder.path(), case.settings, None).await;
        Self {
            case,
            sandbox,
            tenant,
            publishes: AtomicBool::new(true),
            publishing: watch::Sender::new(0),
            strangers: AtomicBool::new(false),
            floods: AtomicBool::new(false),
            folder,
            process: Mutex::new(process),
            client: http_client::build(PATIENCE, &ExtraRoots::default()).unwrap(),
        }
    }

    pub(crate) fn case(&self) -> &'static Case {
        self.case
    }

    /// Where its metrics are.
    pub(crate) async fn metrics_address(&self) -> SocketAddr {
        self.process.lock().await.metrics_address
    }

    /// The file of its ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        ledger(self.folder.path())
    }

    /// Puts another token into the file that the service reads.
    pub(crate) fn write_token(&self, token: &str) {
        let next = self.folder.path().join("next");
        std::fs::write(&next, token).unwrap();
        std::fs::rename(next, self.folder.path().join("token")).unwrap();
    }

    /// Ends the process as `kill -9` does.
    pub(crate) async fn kill(&self) {
        self.process.lock().await.child.kill().await.unwrap();
    }

    /// Starts it again where it was.
    pub(crate) async fn start_again(&self) {
        self.start_again_with(self.case.settings).await;
    }

    /// Starts it again where it was, with other settings of its own.
    pub(crate) async fn start_again_with(&self, settings: &[(&str, &str)]) {
        let mut process = self.process.lock().await;
        let at = (process.address, process.metrics_address);
        *process = Process::start(&self.sandbox, self.folder.path(), settings, Some(at)).await;
    }

    /// Whether nobody reads what it writes.
    pub(crate) async fn leave_unread(&self, is_unread: bool) {
        let process = self.process.lock().await;
        process.is_unread.store(is_unread, Ordering::Relaxed);
    }

    /// Lets it have so many files open.
    pub(crate) async fn limit_files(&self, limit: u64) {
        let id = self.process.lock().await.child.id().unwrap();
        let limited = Command::new("prlimit")
            .args([format!("--pid={id}"), format!("--nofile={limit}:")])
            .status();
        assert!(limited.await.unwrap().success());
    }

    /// How many files it has open.
    pub(crate) async fn open_files(&self) -> u64 {
        let id = self.process.lock().await.child.id().unwrap();
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
        files.try_into().unwrap()
    }

    /// Waits until it has served the tenant once, so that it has what can be cached.
    pub(crate) async fn is_warm(&self) {
        while self.get(&self.tenant.host, "/api/images/list").await != Some(200) {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Calls it for as long as this is polled: what is answered does not matter here.
    pub(crate) async fn call(&self, caller: usize) {
        static STRANGERS: AtomicUsize = AtomicUsize::new(0);
        loop {
            self.get("any", "/health/ready").await;
            self.get(&self.tenant.host, "/api/images/list").await;
            if self.strangers.load(Ordering::Relaxed) {
                // Few beside the others.
                for _ in 0..FLOOD {
                    self.get(&self.tenant.host, "/api/images/list").await;
                }
                let number = STRANGERS.fetch_add(1, Ordering::Relaxed);
                let host = format!("stranger-{number}.sandbox.localhost");
                self.get(&host, "/api/images/list").await;
            }
            if self.floods.load(Ordering::Relaxed) {
                let flood =
                    (0..10 * FLOOD).map(|_| self.get(&self.tenant.host, "/api/images/list"));
                join_all(flood).await;
            }
            if self.publishes.load(Ordering::Relaxed) {
                self.publishing.send_modify(|callers| *callers += 1);
                self.publish(caller).await;
                self.publishing.send_modify(|callers| *callers -= 1);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Has no caller publish any more, and waits for those who do.
    pub(crate) async fn stop_publishing(&self) {
        self.publishes.store(false, Ordering::Relaxed);
        let mut publishing = self.publishing.subscribe();
        publishing.wait_for(|callers| *callers == 0).await.unwrap();
    }

    /// Opens connections that stay, each after a request.
    pub(crate) async fn connect(&self, count: usize) -> Vec<TcpStream> {
        let address = self.process.lock().await.address;
        let connecting = (0..count).map(async |_| {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let request = b"GET /health/live HTTP/1.1\r\nhost: any\r\n\r\n";
            connection.write_all(request).await.unwrap();
            connection.readable().await.unwrap();
            connection
        });
        join_all(connecting).await
    }

    /// Publishes the image of a caller, whether it was published before or not.
    pub(crate) async fn publish(&self, caller: usize) -> Option<Value> {
        let path = format!("/api/images/{}/publish", image(caller));
        let request = self
            .request(&self.tenant.host, &path, reqwest::Method::POST)
            .await;
        let body = json!({ "force": true, "caption": "A harbour at dawn" });
        let answer = request.json(&body).send().await.ok()?;
        answer.json().await.ok()
    }

    /// Has an image analyzed, which costs tokens. Nothing is published from then on.
    pub(crate) async fn analyze(&self) {
        self.stop_publishing().await;
        let path = format!("/api/images/{}/analyze?force_refresh=true", image(0));
        let request = self
            .request(&self.tenant.host, &path, reqwest::Method::POST)
            .await;
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// Adds a job for some day to come. Nothing is published from then on.
    pub(crate) async fn add_job(&self) {
        self.stop_publishing().await;
        let request = self
            .request(&self.tenant.host, "/api/jobs", reqwest::Method::POST)
            .await;
        let body = json!({ "filename": image(0), "publish_at": "2099-01-01T00:00:00Z", "caption": "Dawn" });
        assert_eq!(request.json(&body).send().await.unwrap().status(), 201);
    }

    /// Asks for something; the status, if there was an answer.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Option<u16> {
        let request = self.request(host, path, reqwest::Method::GET).await;
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        answer.bytes().await.ok()?;
        Some(status)
    }

    /// The requests that it has answered, as its metrics have them.
    pub(crate) async fn requests(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics_address().await);
        let page = self.client.get(url).send().await.unwrap();
        let page = page.text().await.unwrap();
        let is_counted = |line: &&str| {
            line.starts_with("publisher_http_requests_total") && !line.ends_with(" 0")
        };
        page.lines()
            .filter(is_counted)
            .collect::<Vec<_>>()
            .join("\n")
    }

    async fn request(&self, host: &str, path: &str, method: reqwest::Method) -> RequestBuilder {
        let address = self.process.lock().await.address;
        let request = self
            .client
            .request(method, format!("http://{address}{path}"));
        request
            .header(HOST, host)
            .bearer_auth(self.sandbox.web_token())
    }
}

impl Process {
    /// Starts it, on any free ports or on these, and waits until it listens.
    async fn start(
        sandbox: &Sandbox,
        folder: &Path,
        settings: &[(&str, &str)],
        at: Option<(SocketAddr, SocketAddr)>,
    ) -> Self {
        let anywhere = || "127.0.0.1:0".parse().unwrap();
        let (listen, metrics) = at.unwrap_or_else(|| (anywhere(), anywhere()));
        let mut environment = sandbox.environment();
        environment.retain(|(name, _)| *name != "ORCHESTRATOR_SERVICE_TOKEN");
        let mut child = Command::new(env!("CARGO_BIN_EXE_publisher"))
            .arg("serve")
            .env_clear()
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .envs(environment)
            .env("ORCHESTRATOR_SERVICE_TOKEN_FILE", folder.join("token"))
            .env("LISTEN_ADDRESS", listen.to_string())
            .env("METRICS_LISTEN_ADDRESS", metrics.to_string())
            .env(
                "PUBLISH_LEDGER_URL",
                format!("sqlite://{}", ledger(folder).display()),
            )
            .env("LOG_FORMAT", "json")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let is_unread = Arc::new(AtomicBool::new(false));
        let (told, mut addresses) = watch::channel((None, None));
        let output = child.stdout.take().unwrap();
        tokio::spawn(read(output, told, Arc::clone(&is_unread)));
        let both = addresses.wait_for(|(listen, metrics)| listen.is_some() && metrics.is_some());
        let both = tokio::time::timeout(PATIENCE, both).await.unwrap();
        let (Some(address), Some(metrics_address)) = *both.unwrap() else {
            panic!("it does not start");
        };
        Self {
            child,
            address,
            metrics_address,
            is_unread,
        }
    }
}

/// Reads what a process writes, and tells where it listens.
async fn read(
    output: ChildStdout,
    told: watch::Sender<(Option<SocketAddr>, Option<SocketAddr>)>,
    is_unread: Arc<AtomicBool>,
) {
    let mut lines = BufReader::new(output).lines();
    loop {
        while is_unread.load(Ordering::Relaxed) {
            tokio::time::sleep(PAUSE).await;
        }
        let Ok(Some(line)) = lines.next_line().await else {
            return;
        };
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = line["address"].as_str().and_then(|it| it.parse().ok());
        match line["message"].as_str() {
            Some("listening") => told.send_modify(|told| told.0 = address),
            Some("metrics listening") => told.send_modify(|told| told.1 = address),
            _ => {}
        }
    }
}

fn ledger(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

fn image(caller: usize) -> String {
    format!("image-{caller}.jpg")
}
