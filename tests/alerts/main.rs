//! Every alert of `deploy/prometheus-alerts.yaml` is fired by its fault: a real Prometheus scrapes real
//! services on the sandbox, the fault is switched on, the alert fires; what the runbook says is done,
//! and the alert is over. Prints the table of all of them.
//!
//! Takes minutes and needs `prometheus`, so it is run by itself, and says so where that is not there:
//! `cargo test --test alerts -- --ignored --nocapture`.
//!
//! | file | holds |
//! | --- | --- |
//! | `table.rs` | the faults, and the alerts that they fire |
//! | `cases.rs`, `ledger_cases.rs`, `model_cases.rs` | how they are brought about, and what is done about them |
//! | `rules.rs` | the rules, with every duration divided by sixty |
//! | `prometheus.rs` | Prometheus, and what it says is firing |
//! | `service.rs` | a service with a sandbox and traffic of its own |
//! | `rules.test.yaml` | for `promtool test rules`: the rules with their own durations |
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails says so by panicking, and the table is to be seen"
)]

mod cases;
mod ledger_cases;
mod model_cases;
mod prometheus;
mod rules;
mod service;
mod table;

use std::{collections::BTreeSet, sync::atomic::AtomicBool, time::Duration};

use futures_util::future::join_all;

use self::{
    prometheus::Prometheus,
    rules::Rules,
    service::{Row, Stage},
};

/// Where Debian has it.
const PROMETHEUS: &str = "prometheus";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and needs prometheus: see the top of this file"]
async fn every_alert_is_fired_by_its_fault_and_is_over_when_that_is_mended() {
    if !Prometheus::is_installed().await {
        println!("skipped: `{PROMETHEUS}` is not installed (apt-get install prometheus)");
        return;
    }
    let rules = Rules::real();
    let stages = join_all(table::ALL.iter().map(Stage::start)).await;
    let prometheus = Prometheus::start(&stages, &rules).await;
    let false_alarms = AtomicBool::new(false);
    let played = stages
        .iter()
        .map(|stage| cases::play(stage, &prometheus, &false_alarms));
    let rows: Vec<Row> = join_all(played).await.into_iter().flatten().collect();
    print(&rows, &rules);
    let is_done = |row: &&Row| row.fired_after.is_some() && row.over_after.is_some();
    let done: BTreeSet<&str> = rows.iter().filter(is_done).map(|row| row.alert).collect();
    let known: BTreeSet<&str> = rules.names().collect();
    let missing: Vec<_> = known.difference(&done).collect();
    assert!(
        missing.is_empty(),
        "fired by no fault, or not over: {missing:?}"
    );
    assert!(rows.iter().all(|row| is_done(&row)));
    assert!(
        !false_alarms.into_inner(),
        "an alert has fired that was not to"
    );
}

/// The table: fault, alert, seconds, what the runbook says, and after how long it was over.
fn print(rows: &[Row], rules: &Rules) {
    println!("| fault | alert | fired after | the runbook says | done | over after |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let says = rules.description(row.alert);
        let seconds = |took: Option<Duration>| {
            took.map_or("never".to_owned(), |took| format!("{} s", took.as_secs()))
        };
        println!(
            "| {} | {} | {} | {says} | {} | {} |",
            row.fault,
            row.alert,
            seconds(row.fired_after),
            row.done,
            seconds(row.over_after),
        );
    }
}
