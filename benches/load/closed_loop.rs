//! Requests per second at 64 connections, each of which asks again as soon as it is answered: the
//! service beside the controls, in turns, for each of the routes that are compared.

use std::process::Stdio;

use publisher_sandbox::{Sample, Sandbox, TenantSpec, sample_images};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    controls::{Answers, HYPER, POEM_OPENAPI},
    figures::Figures,
    service::Serving,
};

/// The route that does the least behind all layers.
pub(crate) const STATUS: &str = "/api/admin/status";
/// A page of a folder that is in memory.
const IMAGES: &str = "/api/images/list?limit=20";
/// How many images the folder has.
const FOLDER: usize = 100;
const CONNECTIONS: &str = "64";
/// How long each run takes, and how many there are of each: a second of each before is not counted.
pub(crate) const SECONDS: u32 = 4;
pub(crate) const ROUNDS: usize = 9;
/// The service, among those that are compared.
pub(crate) const SERVICE: &str = "publisher";

/// The service and the controls, ready to be driven, all with the same answers.
pub(crate) struct Compared {
    /// By name.
    pub(crate) serving: [(&'static str, Serving); 3],
    /// The host of the tenant that is asked for.
    pub(crate) host: String,
    _sandbox: Sandbox,
    _folder: tempfile::TempDir,
}

impl Compared {
    /// Starts all of them, and compares their answers.
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::start_empty().await.expect("the sandbox");
        let [samples, _] = sample_images().expect("samples");
        let bytes = &samples.first().expect("one").bytes;
        let images = (0..FOLDER).map(|n| Sample::new(&format!("image-{n:03}.jpg"), bytes.clone()));
        // The load generator brings no credential.
        let open = json!({"features": {"auto_view_enabled": true}});
        let tenant = TenantSpec::new("alice").images(images).patch(&open);
        let host = sandbox.add_tenant(tenant).host;
        let folder = tempfile::tempdir().expect("a folder");
        let service = Serving::service(&sandbox, folder.path()).await;
        let answers = Answers::read(
            &service.text(&host, STATUS).await,
            &service.text(&host, IMAGES).await,
        );
        let arguments = answers.arguments();
        let serving = [
            (HYPER, Serving::control(HYPER, &arguments).await),
            (
                POEM_OPENAPI,
                Serving::control(POEM_OPENAPI, &arguments).await,
            ),
            (SERVICE, service),
        ];
        for path in [STATUS, IMAGES] {
            let mut answers = Vec::new();
            for (_, serving) in &serving {
                let text = serving.text(&host, path).await;
                answers.push(serde_json::from_str::<Value>(&text).expect("JSON"));
            }
            answers.dedup();
            assert_eq!(
                answers.len(),
                1,
                "the answers to {path} differ: {answers:?}"
            );
        }
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

pub(crate) async fn run(serving: &Serving, host: &str, path: &str, seconds: u32) -> Run {
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", CONNECTIONS])
        .args(["--duration", &format!("{seconds}s")])
        .args(["--header", &format!("Host: {host}")])
        .args(["--script", "benches/load/report.lua"])
        .arg(format!("http://{}{path}", serving.address))
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

/// Measures each route, and prints a table for each.
pub(crate) async fn measure() {
    let compared = Compared::start().await;
    for path in [STATUS, IMAGES] {
        let runs = runs(&compared, path, ROUNDS).await;
        print(path, &compared, &runs);
    }
}

/// The median of the service's requests per second.
pub(crate) async fn requests_per_second(rounds: usize) -> f64 {
    let compared = Compared::start().await;
    let [.., service] = runs(&compared, STATUS, rounds).await;
    figures(&service, |run| run.per_second).median()
}

/// The runs of each that is compared, in its order.
async fn runs(compared: &Compared, path: &str, rounds: usize) -> [Vec<Run>; 3] {
    let mut runs = [const { Vec::new() }; 3];
    for (_, serving) in &compared.serving {
        run(serving, &compared.host, path, 1).await;
    }
    for round in 0..rounds {
        for turn in 0..runs.len() {
            // Each comes first, second and last in turns.
            let which = (round + turn) % runs.len();
            let (_, serving) = &compared.serving[which];
            runs[which].push(run(serving, &compared.host, path, SECONDS).await);
        }
    }
    runs
}

fn figures(runs: &[Run], of: fn(&Run) -> f64) -> Figures {
    Figures::new(runs.iter().map(of).collect())
}

fn print(path: &str, compared: &Compared, runs: &[Vec<Run>; 3]) {
    let rounds = runs[0].len();
    println!(
        "\n## {path}: {CONNECTIONS} connections, {rounds} runs of {SECONDS} s each in turns, medians\n"
    );
    println!(
        "| | requests/s | least to most | of hyper | of poem-openapi | p50 µs | p99 µs | p99.9 µs |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let per_second = runs
        .each_ref()
        .map(|runs| figures(runs, |run| run.per_second));
    let [of_hyper, of_poem, _] = per_second.each_ref().map(Figures::median);
    for ((name, _), (per_second, runs)) in compared.serving.iter().zip(per_second.iter().zip(runs))
    {
        let (least, most) = per_second.range();
        let median = per_second.median();
        println!(
            "| {name} | {median:.0} | {least:.0} to {most:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
            median / of_hyper,
            median / of_poem,
            figures(runs, |run| run.p50).median(),
            figures(runs, |run| run.p99).median(),
            figures(runs, |run| run.p999).median(),
        );
    }
}
