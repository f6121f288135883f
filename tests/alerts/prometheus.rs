//! A Prometheus of the test's own: it scrapes the stages, each under a job of its own, and is asked
//! what fires.

use std::{process::Stdio, time::Duration};

use publisher::adapters::http_client::{self, ExtraRoots};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{PROMETHEUS, rules::Rules, service::Stage};

/// Between scrapes, and between evaluations of the rules.
const EVERY: &str = "1s";
/// Between questions of ours.
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// How long anything may take here. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_mins(3);

/// A running Prometheus. It ends, and its files are gone, with this.
pub(crate) struct Prometheus {
    _child: Child,
    _folder: TempDir,
    client: reqwest::Client,
    url: String,
}

impl Prometheus {
    /// Is it there at all?
    pub(crate) async fn is_installed() -> bool {
        let version = Command::new(PROMETHEUS).arg("--version").output().await;
        version.is_ok_and(|output| output.status.success())
    }

    /// Starts it, and waits until it has seen every stage.
    pub(crate) async fn start(stages: &[Stage], rules: &Rules) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: Value| {
            let path = folder.path().join(name);
            // JSON is YAML.
            std::fs::write(&path, content.to_string()).unwrap();
            path
        };
        let groups = stages.iter().map(|stage| {
            let case = stage.case();
            rules.group(case.job, &[case.alerts, case.silent].concat())
        });
        let rules = file(
            "rules.json",
            json!({ "groups": groups.collect::<Vec<_>>() }),
        );
        let mut jobs = Vec::new();
        for stage in stages {
            let target = stage.metrics_address().await.to_string();
            jobs.push(json!({
                "job_name": stage.case().job, "static_configs": [{ "targets": [target] }],
            }));
        }
        let config = json!({
            "global": {
                "scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY,
            },
            "rule_files": [rules],
            "scrape_configs": jobs,
        });
        let config = file("prometheus.json", config);
        let port = free_port();
        let child = Command::new(PROMETHEUS)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let started = Self {
            _child: child,
            _folder: folder,
            client: http_client::build(PATIENCE, &ExtraRoots::default()).unwrap(),
            url: format!("http://127.0.0.1:{port}"),
        };
        for stage in stages {
            // Long enough to see that a counter stands still.
            let query = format!(
                r#"count_over_time(up{{job="{}"}}[10s]) >= 5"#,
                stage.case().job
            );
            let is_seen = started.until(async || !started.query(&query).await.is_empty());
            assert!(is_seen.await, "{} is not scraped", stage.case().job);
        }
        started
    }

    /// Waits until an alert fires for a job; false if it does not.
    #[must_use]
    pub(crate) async fn fires(&self, job: &str, alert: &str) -> bool {
        self.until(async || self.is_firing(job, alert).await).await
    }

    /// Waits until an alert is over for a job; false if it goes on.
    #[must_use]
    pub(crate) async fn is_over(&self, job: &str, alert: &str) -> bool {
        self.until(async || !self.is_firing(job, alert).await).await
    }

    /// Has an alert ever fired for a job?
    pub(crate) async fn has_fired(&self, job: &str, alert: &str) -> bool {
        let query = format!("count_over_time({}[1h])", firing(job, alert));
        !self.query(&query).await.is_empty()
    }

    async fn is_firing(&self, job: &str, alert: &str) -> bool {
        !self.query(&firing(job, alert)).await.is_empty()
    }

    async fn query(&self, query: &str) -> Vec<Value> {
        let encoded: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = self.get(&format!("query?query={encoded}")).await;
        answer["result"].as_array().cloned().unwrap_or_default()
    }

    /// What it answers; nothing while it starts.
    async fn get(&self, path: &str) -> Value {
        let answer = self
            .client
            .get(format!("{}/api/v1/{path}", self.url))
            .send();
        let Ok(answer) = answer.await else {
            return Value::Null;
        };
        let text = answer.text().await.unwrap_or_default();
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_default();
        answer["data"].take()
    }

    async fn until(&self, is_so: impl AsyncFn() -> bool) -> bool {
        let asking = async {
            while !is_so().await {
                tokio::time::sleep(ASKED_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.is_ok()
    }
}

/// The series that is there while an alert fires for a job.
fn firing(job: &str, alert: &str) -> String {
    format!(r#"ALERTS{{stage="{job}",alertname="{alert}",alertstate="firing"}}"#)
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
