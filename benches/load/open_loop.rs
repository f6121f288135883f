//! Time to an answer when requests come at a fixed rate, whether or not the ones before are
//! answered: each counts from when it was due.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::{
    closed_loop::{self, Compared, STATUS},
    figures::Figures,
    service::Serving,
};

const CONNECTIONS: &str = "64";
const SECONDS: u32 = 4;
const ROUNDS: usize = 5;
/// Rates that are the same on every machine, in requests per second, beside half of what the
/// service can do.
const RATES: [f64; 2] = [1_000.0, 5_000.0];

/// What one run has found. Times in milliseconds.
struct Run {
    per_second: f64,
    p50: f64,
    p99: f64,
    p999: f64,
}

async fn run(serving: &Serving, host: &str, rate: f64, seconds: u32) -> Run {
    let output = Command::new("oha")
        .args([
            "--no-tui",
            "--output-format",
            "json",
            "--latency-correction",
        ])
        .args(["-q", &format!("{rate:.0}"), "-c", CONNECTIONS])
        .args(["-z", &format!("{seconds}s"), "--host", host])
        .arg(format!("http://{}{STATUS}", serving.address))
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("oha: `cargo install oha --locked`");
    let report: Value = serde_json::from_slice(&output.stdout).expect("its report");
    // Those that the end of the run has cut off are no failures.
    let errors = report["errorDistribution"].as_object().expect("errors");
    let errors: Vec<_> = errors
        .keys()
        .filter(|it| !it.contains("deadline"))
        .collect();
    let statuses = report["statusCodeDistribution"]
        .as_object()
        .expect("statuses");
    let only_good = statuses.keys().all(|status| status == "200");
    assert!(errors.is_empty() && only_good, "{report}");
    let number = |value: &Value| value.as_f64().expect("a number");
    let percentiles = &report["latencyPercentiles"];
    Run {
        per_second: number(&report["summary"]["requestsPerSec"]),
        p50: number(&percentiles["p50"]) * 1e3,
        p99: number(&percentiles["p99"]) * 1e3,
        p999: number(&percentiles["p99.9"]) * 1e3,
    }
}

/// Measures at each rate, and prints a table.
pub(crate) async fn measure() {
    let half = closed_loop::requests_per_second(3).await / 2.0;
    let compared = Compared::start().await;
    println!(
        "\n## {STATUS}, open loop, {CONNECTIONS} connections, {ROUNDS} runs of {SECONDS} s each in turns: medians\n"
    );
    println!("| asked/s | | answered/s | p50 ms | p99 ms | least to most | p99.9 ms |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for rate in RATES.into_iter().chain([half]) {
        let mut runs = [const { Vec::new() }; 3];
        for (_, serving) in &compared.serving {
            run(serving, &compared.host, rate, 1).await;
        }
        for round in 0..ROUNDS {
            for turn in 0..runs.len() {
                let which = (round + turn) % runs.len();
                let (_, serving) = &compared.serving[which];
                runs[which].push(run(serving, &compared.host, rate, SECONDS).await);
            }
        }
        for (which, (name, _)) in compared.serving.iter().enumerate() {
            let figures = |of: fn(&Run) -> f64| Figures::new(runs[which].iter().map(of).collect());
            let p99 = figures(|run| run.p99);
            let (least, most) = p99.range();
            println!(
                "| {rate:.0} | {name} | {:.0} | {:.3} | {:.3} | {least:.3} to {most:.3} | {:.3} |",
                figures(|run| run.per_second).median(),
                figures(|run| run.p50).median(),
                p99.median(),
                figures(|run| run.p999).median(),
            );
        }
    }
}
