//! Requests per second at 64 connections, each of which asks again as soon as it is answered: the
//! service beside the controls, in turns.

use std::process::Stdio;

use publisher_sandbox::Sandbox;
use serde_json::Value;
use tokio::process::Command;

use crate::{
    controls::{HYPER, POEM_OPENAPI},
    figures::Figures,
    service::Serving,
};

const PATH: &str = "/api/config/features";
const CONNECTIONS: &str = "64";
/// How long each run takes, and how many there are of each: a second of each before is not counted.
pub(crate) const SECONDS: u32 = 4;
pub(crate) const ROUNDS: usize = 9;
/// The service, among those that are compared.
pub(crate) const SERVICE: &str = "publisher";

/// The service and the controls, ready to be driven, all with the same answer.
pub(crate) struct Compared {
    /// By name.
    pub(crate) serving: [(&'static str, Serving); 3],
    /// Whose tenant is asked for.
    pub(crate) host: String,
    _sandbox: Sandbox,
    _folder: tempfile::TempDir,
}

impl Compared {
    /// Starts all of them, and compares their answers.
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::start().await.expect("the sandbox");
        let folder = tempfile::tempdir().expect("a folder");
        let serving = [
            (HYPER, Serving::control(HYPER).await),
            (POEM_OPENAPI, Serving::control(POEM_OPENAPI).await),
            (SERVICE, Serving::service(&sandbox, folder.path()).await),
        ];
        let host = sandbox.tenants()[0].host.clone();
        let mut answers = Vec::new();
        for (_, serving) in &serving {
            let answer = serving.get(&host, PATH).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.expect("its body");
            answers.push(serde_json::from_str::<Value>(&text).expect("JSON"));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "the answers differ: {answers:?}");
        Self {
            serving,
            host,
            _sandbox: sandbox,
            _folder: folder,
        }
    }
}

/// What one run has found. Times in microseconds.
pub(crate) struct Run {
    pub(crate) per_second: f64,
    p50: f64,
    p99: f64,
    p999: f64,
}

pub(crate) async fn run(serving: &Serving, host: &str, seconds: u32) -> Run {
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", CONNECTIONS])
        .args(["--duration", &format!("{seconds}s")])
        .args(["--header", &format!("Host: {host}")])
        .args(["--script", "benches/load/report.lua"])
        .arg(format!("http://{}{PATH}", serving.address))
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("wrk: Debian has it as `wrk`");
    let text = String::from_utf8_lossy(&output.stdout);
    let report = text.lines().find(|line| line.starts_with('{'));
    let report: Value = serde_json::from_str(report.expect("its report")).expect("JSON");
    assert_eq!(report["errors"], 0, "{report}");
    let number = |name: &str| report[name].as_f64().expect("a number");
    Run {
        per_second: number("requests") / (number("duration") / 1e6),
        p50: number("p50"),
        p99: number("p99"),
        p999: number("p999"),
    }
}

/// Measures, and prints a table. Returns what the service answers in a second.
pub(crate) async fn measure() {
    requests_per_second(ROUNDS, true).await;
}

/// The median of the service's requests per second.
pub(crate) async fn requests_per_second(rounds: usize, print: bool) -> f64 {
    let compared = Compared::start().await;
    let mut runs = [const { Vec::new() }; 3];
    for (_, serving) in &compared.serving {
        run(serving, &compared.host, 1).await;
    }
    for round in 0..rounds {
        for turn in 0..runs.len() {
            // Each comes first, second and last in turns.
            let which = (round + turn) % runs.len();
            let (_, serving) = &compared.serving[which];
            runs[which].push(run(serving, &compared.host, SECONDS).await);
        }
    }
    let figures =
        |which: usize, of: fn(&Run) -> f64| Figures::new(runs[which].iter().map(of).collect());
    let per_second = |which| figures(which, |run| run.per_second).median();
    let service = per_second(2);
    if print {
        println!(
            "\n## Closed loop, {CONNECTIONS} connections, {rounds} runs of {SECONDS} s each in turns: medians\n"
        );
        println!(
            "| | requests/s | least to most | of hyper | of poem-openapi | p50 µs | p99 µs | p99.9 µs |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        for (which, (name, _)) in compared.serving.iter().enumerate() {
            let (least, most) = figures(which, |run| run.per_second).range();
            println!(
                "| {name} | {:.0} | {least:.0} to {most:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
                per_second(which),
                per_second(which) / per_second(0),
                per_second(which) / per_second(1),
                figures(which, |run| run.p50).median(),
                figures(which, |run| run.p99).median(),
                figures(which, |run| run.p999).median(),
            );
        }
    }
    service
}
