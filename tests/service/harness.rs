//! Starts the binary, speaks to it, and reads its log.

use std::{
    process::{ExitStatus, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use publisher::{
    adapters::http_client::{self, ExtraRoots},
    app::http::spec,
};
use publisher_sandbox::{DemoTenant, Sandbox};
use reqwest::{Client, Method, RequestBuilder, Response, header::HOST};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    sync::watch,
    time::Instant,
};

use crate::{
    canaries::Canaries,
    conformance::{self, Observed},
    process_log::Log,
};

/// What every answer has to agree with.
static DOCUMENT: LazyLock<Value> = LazyLock::new(spec::openapi_document);

/// Long enough for a slow machine; reaching it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// What every secret and reference of the sandbox has in it, and every host of a tenant.
const MUST_NOT_BE_LOGGED: [&str; 4] = ["sandbox-", "AAsandbox", "sand-box", "sandbox.localhost"];

/// The running binary, at its most talkative. Whatever a test has it do, its log is looked at in the
/// end for what must not be there.
pub(crate) struct Service {
    child: Child,
    base_url: String,
    client: Client,
    log: Log,
}

impl Service {
    /// Starts the service on the sandbox.
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox.environment(), &[]).await
    }

    /// Starts it with these settings and more.
    pub(crate) async fn start_with(
        environment: Vec<(&'static str, String)>,
        more: &[(&str, &str)],
    ) -> Self {
        Self::spawn(|command| {
            command.envs(environment).envs(more.iter().copied());
        })
        .await
    }

    /// Starts it as it is made ready here: with an empty environment but for where it listens.
    pub(crate) async fn spawn(prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = command("serve");
        command
            .env("LISTEN_ADDRESS", "127.0.0.1:0")
            .env("METRICS_LISTEN_ADDRESS", "127.0.0.1:0")
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", "trace");
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let log = Log::default();
        let (told, mut address) = watch::channel(None);
        log.follow(child.stdout.take().unwrap(), Some(told));
        log.follow(child.stderr.take().unwrap(), None);
        let address = tokio::time::timeout(PATIENCE, address.wait_for(Option::is_some)).await;
        let address = address.ok().and_then(|told| told.ok()?.clone());
        let address = address.unwrap_or_else(|| panic!("it does not start:\n{}", log.text()));
        let client = http_client::build(PATIENCE, &ExtraRoots::default()).unwrap();
        Self {
            child,
            base_url: format!("http://{address}"),
            client,
            log,
        }
    }

    /// A request under a host, without credentials.
    pub(crate) fn request(&self, method: Method, host: &str, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base_url))
            .header(HOST, host)
    }

    /// Gets a path under a host.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, host, path)).await
    }

    /// Gets a path of a tenant, as an admin.
    pub(crate) async fn get_as_admin(&self, sandbox: &Sandbox, host: &str, path: &str) -> Answer {
        let request = self
            .request(Method::GET, host, path)
            .bearer_auth(sandbox.web_token());
        Answer::to(request).await
    }

    /// Publishes an image of a tenant, as an admin.
    pub(crate) async fn publish(
        &self,
        sandbox: &Sandbox,
        tenant: &DemoTenant,
        image: &str,
        body: Value,
    ) -> Answer {
        let path = format!("/api/images/{image}/publish");
        let request = self.request(Method::POST, &tenant.host, &path).json(&body);
        Answer::to(request.bearer_auth(sandbox.web_token())).await
    }

    /// What the ledger has of a tenant, newest first.
    pub(crate) async fn publications(&self, sandbox: &Sandbox, tenant: &DemoTenant) -> Vec<Value> {
        let answer = self
            .get_as_admin(sandbox, &tenant.host, "/api/publications")
            .await;
        answer.json()["publications"].as_array().unwrap().clone()
    }

    /// Has something done with an image of a tenant, as an admin: `keep`, `analyze?…`.
    pub(crate) async fn post(
        &self,
        sandbox: &Sandbox,
        tenant: &DemoTenant,
        image: &str,
        what: &str,
    ) -> Answer {
        let path = format!("/api/images/{image}/{what}");
        let request = self.request(Method::POST, &tenant.host, &path);
        Answer::to(request.bearer_auth(sandbox.web_token())).await
    }

    /// What Prometheus would read.
    pub(crate) async fn metrics(&self) -> Answer {
        let url = format!("http://{}/metrics", self.metrics_address());
        Answer::to(self.client.get(url)).await
    }

    /// Where it listens, as `address:port`.
    pub(crate) fn address(&self) -> &str {
        self.base_url.trim_start_matches("http://")
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The lines of its log up to now that say this.
    pub(crate) async fn lines(&self, message: &str) -> Vec<Value> {
        lines_that_say(message, &self.whole_log().await)
    }

    /// What it has written up to now, all of it: the log is read as fast as it comes, so waits for
    /// the line of a request that is sent for its sake.
    pub(crate) async fn whole_log(&self) -> String {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        let last = format!("last-line-{}-", ASKED.fetch_add(1, Ordering::Relaxed));
        let request = self.request(Method::GET, "any", "/health");
        Answer::to(request.header("x-request-id", &last)).await;
        let told = async {
            while !self.log().contains(&last) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, told).await.unwrap();
        self.log()
    }

    /// The most memory that it has held so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory_of("VmHWM:")
    }

    /// The memory that it holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory_of("VmRSS:")
    }

    fn memory_of(&self, what: &str) -> u64 {
        let status = self.proc_file("status");
        let found = status.lines().find_map(|line| line.strip_prefix(what));
        let kilobytes = found.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().unwrap() * 1024
    }

    /// What the system says of its process.
    pub(crate) fn proc_file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id().unwrap())).unwrap()
    }

    /// Where its metrics are, as `address:port`.
    pub(crate) fn metrics_address(&self) -> String {
        let line = lines_that_say("metrics listening", &self.log()).remove(0);
        line["address"].as_str().unwrap().to_owned()
    }

    /// Waits until it has logged this.
    pub(crate) async fn logged(&self, text: &str) {
        until(async || self.log().contains(text)).await;
    }

    /// Waits until it has logged this so often.
    pub(crate) async fn logged_times(&self, text: &str, times: usize) {
        until(async || self.log().matches(text).count() >= times).await;
    }

    /// Waits until it accepts no connections any more.
    pub(crate) async fn refuses_connections(&self) {
        until(async || TcpStream::connect(self.address()).await.is_err()).await;
    }

    /// Waits until it is ready.
    pub(crate) async fn becomes_ready(&self) {
        until(async || self.get("any", "/health/ready").await.status == 200).await;
    }

    /// Waits until it is not ready; the answer that says so.
    pub(crate) async fn becomes_unready(&self) -> Answer {
        until(async || self.get("any", "/health/ready").await.status == 503).await;
        self.get("any", "/health/ready").await
    }

    /// Sends SIGTERM.
    pub(crate) async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .await
            .unwrap();
        assert!(status.success());
    }

    /// Ends the process as `kill -9` does, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap();
        (status, self.log.whole_text().await)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let mut canaries = Canaries::default();
            canaries.add(MUST_NOT_BE_LOGGED);
            canaries.assert_not_in("the log", self.log().as_bytes());
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) text: String,
}

impl Answer {
    /// Sends a request, whose answer has to agree with the spec.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::of(request.send().await.unwrap()).await
    }

    /// Reads an answer, which has to agree with the spec.
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let path = response.url().path().to_owned();
        let bytes = response.bytes().await.unwrap();
        let header = |name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
        let observed = Observed {
            method: None,
            path: &path,
            status,
            header: &header,
            body: &bytes,
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Err(error) = conformance::check(&DOCUMENT, &observed) {
            panic!("{status} of {path} does not agree with the spec: {error}\n{text}");
        }
        Self {
            status,
            headers,
            bytes,
            text,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem of a kind.
    pub(crate) fn assert_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        assert_eq!(
            problem["request_id"],
            self.header("x-request-id"),
            "{self:?}"
        );
    }
}

/// The binary with an empty environment and nothing to read.
pub(crate) fn command(subcommand: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_publisher"));
    command
        .arg(subcommand)
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// Looks again and again until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap();
}

/// The time, for tests of what takes time in another process.
#[expect(
    clippy::disallowed_methods,
    reason = "the service runs on a clock of its own, which cannot be paused from here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn lines_that_say(message: &str, log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}
