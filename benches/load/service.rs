//! The processes that are measured: the service as it is released, and the controls.

use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use publisher::adapters::http_client::{self, ExtraRoots};
use publisher_sandbox::Sandbox;
use reqwest::{Client, RequestBuilder, header::HOST};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::controls;

/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether something is there.
const GLANCE: Duration = Duration::from_millis(1);

/// A process that serves.
pub(crate) struct Serving {
    child: Child,
    /// Where.
    pub(crate) address: SocketAddr,
    metrics: Option<SocketAddr>,
    client: Client,
}

impl Serving {
    /// A control, with the answers that it gives.
    pub(crate) async fn control(name: &str, answers: &[String]) -> Self {
        let program = env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args([controls::ARGUMENT, name])
            .args(answers)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a control");
        let output = child.stdout.take().expect("its output");
        let line = BufReader::new(output).lines().next_line().await;
        let port = line.expect("its output").expect("a line");
        Self::new(child, port.parse().expect("a port"))
    }

    /// The service on the sandbox, as operators run it: it logs to a file, at `info`.
    pub(crate) async fn service(sandbox: &Sandbox, folder: &Path) -> Self {
        Self::service_with(sandbox, folder, &[]).await
    }

    /// The same with more settings.
    pub(crate) async fn service_with(
        sandbox: &Sandbox,
        folder: &Path,
        more: &[(&str, &str)],
    ) -> Self {
        Self::build_of(&program(), sandbox, folder, more).await
    }

    /// The same of another build.
    pub(crate) async fn build_of(
        program: &Path,
        sandbox: &Sandbox,
        folder: &Path,
        more: &[(&str, &str)],
    ) -> Self {
        let log = folder.join("log");
        let child = Command::new(program)
            .env_clear()
            .envs(sandbox.environment())
            .env("LISTEN_ADDRESS", "127.0.0.1:0")
            .env("METRICS_LISTEN_ADDRESS", "127.0.0.1:0")
            .env("LOG_FORMAT", "json")
            .envs(more.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&log).expect("a file for the log"))
            .kill_on_drop(true)
            .spawn()
            .expect("the service");
        let started = Instant::now();
        let address = loop {
            if let Some(address) = address(&log, "listening") {
                break address;
            }
            assert!(started.elapsed() < PATIENCE, "the service does not start");
            tokio::time::sleep(GLANCE).await;
        };
        let mut serving = Self::new(child, address.port());
        serving.metrics = self::address(&log, "metrics listening");
        serving
    }

    /// What Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        let address = self.metrics.expect("the service shows metrics");
        let answer = self.client.get(format!("http://{address}/metrics")).send();
        let answer = answer.await.expect("an answer");
        answer.text().await.expect("its body")
    }

    fn new(child: Child, port: u16) -> Self {
        Self {
            child,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            metrics: None,
            client: http_client::build(PATIENCE, &ExtraRoots::default()).expect("a client"),
        }
    }

    /// A GET of a path under a host.
    pub(crate) fn get(&self, host: &str, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.get(url).header(HOST, host)
    }

    /// The body of the answer to a GET, which must be a 200.
    pub(crate) async fn text(&self, host: &str, path: &str) -> String {
        let answer = self.get(host, path).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("its body")
    }

    /// A POST to a path under a host.
    pub(crate) fn post(&self, host: &str, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.post(url).header(HOST, host)
    }

    /// The memory that it holds now, in bytes.
    pub(crate) fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most that it has held so far, in bytes.
    pub(crate) fn peak_memory(&self) -> f64 {
        self.status("VmHWM:")
    }

    /// The time that processors have worked for it so far, within it and within the system.
    pub(crate) fn processor_time(&self) -> Duration {
        let id = self.child.id().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("its times");
        // What stands before is its name, which may hold anything, and 11 other fields.
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks = ticks.map(|ticks| ticks.parse::<u64>().expect("a number"));
        // Hundredths of a second, on every Linux.
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    fn status(&self, field: &str) -> f64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let value = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = value.expect("the field").trim().trim_end_matches(" kB");
        kilobytes.parse::<f64>().expect("a number") * 1024.0
    }
}

/// The service as it was built with this benchmark, or the program that `PUBLISHER` names.
fn program() -> PathBuf {
    let named = env::var_os("PUBLISHER");
    named.map_or_else(|| env!("CARGO_BIN_EXE_publisher").into(), PathBuf::from)
}

/// The address in the line of the log that says this, if it is there yet.
fn address(log: &Path, message: &str) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(log).expect("its log");
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut said = lines.filter(|line| line["message"] == message);
    said.next()?["address"].as_str()?.parse().ok()
}

/// Megabytes of bytes, as people write them.
pub(crate) fn megabytes(bytes: f64) -> f64 {
    bytes / 1_000_000.0
}
