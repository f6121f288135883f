//! Builds of the service side by side: other profiles, other allocators, other features.

use std::{fs, path::Path, time::Duration};

use publisher_sandbox::Sandbox;

use crate::{
    closed_loop::{ROUNDS, SECONDS, STATUS, run},
    figures::Figures,
    service::{Serving, megabytes},
};

/// Long enough for what runs beside the start to have ended.
const REST: Duration = Duration::from_secs(2);

/// Measures each of these programs, in turns, and prints a table.
pub(crate) async fn measure(programs: &[&str]) {
    let sandbox = Sandbox::start().await.expect("the sandbox");
    let host = sandbox.tenants()[0].host.clone();
    let folders: Vec<_> = programs
        .iter()
        .map(|_| tempfile::tempdir().expect("a folder"))
        .collect();
    let mut builds = Vec::new();
    for (program, folder) in programs.iter().zip(&folders) {
        // All of them run at the same time, and a ledger is one process's.
        let ledger = format!("sqlite://{}", folder.path().join("ledger.db").display());
        let more = [("PUBLISH_LEDGER_URL", &*ledger)];
        let serving = Serving::build_of(Path::new(program), &sandbox, folder.path(), &more).await;
        tokio::time::sleep(REST).await;
        let idle = serving.memory();
        run(&serving, &host, STATUS, 1).await;
        builds.push((serving, idle, Vec::new(), Vec::new()));
    }
    let count = builds.len();
    for round in 0..ROUNDS {
        for turn in 0..count {
            let (serving, _, per_second, processor) = &mut builds[(round + turn) % count];
            let before = serving.processor_time();
            let run = run(serving, &host, STATUS, SECONDS).await;
            let took = serving.processor_time().saturating_sub(before);
            let requests = run.per_second * f64::from(SECONDS);
            per_second.push(run.per_second);
            processor.push(took.as_secs_f64() * 1e6 / requests);
        }
    }
    println!("\n## Builds, closed loop, {ROUNDS} runs of {SECONDS} s each in turns: medians\n");
    println!(
        "| | requests/s | least to most | processor µs a request | idle MB | MB after | program MB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (program, (serving, idle, per_second, processor)) in programs.iter().zip(builds) {
        let (per_second, processor) = (Figures::new(per_second), Figures::new(processor));
        let (least, most) = per_second.range();
        #[expect(clippy::cast_precision_loss, reason = "no program is that large")]
        let size = fs::metadata(program).expect("a program").len() as f64;
        println!(
            "| {program} | {:.0} | {least:.0} to {most:.0} | {:.1} | {:.1} | {:.1} | {:.1} |",
            per_second.median(),
            processor.median(),
            megabytes(idle),
            megabytes(serving.memory()),
            megabytes(size),
        );
    }
}
