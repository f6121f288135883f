//! What a tenant, a request, a publication and a job cost, and a simulation of many tenants that a model made of these
//! costs has to predict. See `README.md` in the folder above, and `docs/scaling.md`.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark measures time, has nothing to measure where it cannot be set up, and prints what it has"
)]

#[path = "../load/controls.rs"]
#[expect(dead_code, reason = "the other benchmark starts them")]
mod controls;
mod database;
mod meter;
#[path = "../load/service.rs"]
#[expect(dead_code, reason = "the other benchmark needs more of it")]
mod service;
mod simulation;
mod stage;
mod units;

use std::{env, fs, process::ExitCode};

use serde_json::Value;

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo tells every benchmark that it is one.
    let parts: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    // A number is that of the tenants.
    let tenants = parts.iter().find_map(|it| it.parse().ok());
    let names = parts.iter().filter(|it| it.parse::<u32>().is_err());
    let mut chosen: Vec<&str> = names.map(String::as_str).collect();
    if chosen.is_empty() {
        chosen = vec!["units", "simulation"];
    }
    for part in chosen {
        let figures = match part {
            "units" => units::measure(tenants.unwrap_or(units::TENANTS)).await,
            "simulation" => simulation::measure(tenants.unwrap_or(simulation::TENANTS)).await,
            _ => {
                println!("There is no {part}: units or simulation; without any, both.");
                return ExitCode::FAILURE;
            }
        };
        write(part, &figures);
    }
    println!("\npython3 benches/scaling/model.py prints what follows from them.");
    ExitCode::SUCCESS
}

/// Writes what a part has measured where the model looks for it.
fn write(part: &str, figures: &Value) {
    let text = serde_json::to_string_pretty(figures).expect("figures are JSON");
    fs::create_dir_all("target").expect("the folder of the build");
    fs::write(format!("target/scaling-{part}.json"), &text).expect("a file");
    println!("\n## {part}\n\n{text}");
}
