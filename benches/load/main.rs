//! What the whole service takes, in requests, time and memory: started as it is released, on the
//! sandbox's stand-ins, and driven from outside. See `README.md` in the folder above.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark measures time, has nothing to measure where it cannot be set up, and prints what it has"
)]

mod builds;
mod closed_loop;
mod controls;
mod figures;
mod footprint;
mod growth;
mod listing;
mod open_loop;
#[path = "../image_path/photo.rs"]
#[expect(dead_code, reason = "the other benchmark needs more of it")]
mod photo;
mod publish_floor;
mod service;
mod soak;

use std::{env, process::ExitCode};

const PARTS: &str = "closed, open, footprint, publish, growth, listing or soak, or builds and some programs; \
                     without any, all but the last three";

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo tells every benchmark that it is one.
    let parts: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    if let [control, name, answers @ ..] = &parts[..]
        && control == controls::ARGUMENT
    {
        controls::serve(name, answers).await;
        return ExitCode::SUCCESS;
    }
    let mut chosen: Vec<&str> = parts.iter().map(String::as_str).collect();
    if chosen.is_empty() {
        chosen = vec!["closed", "open", "footprint", "publish", "growth"];
    }
    if let ["builds", programs @ ..] = &chosen[..] {
        builds::measure(programs).await;
        return ExitCode::SUCCESS;
    }
    for part in chosen {
        match part {
            "closed" => closed_loop::measure().await,
            "open" => open_loop::measure().await,
            "footprint" => footprint::measure().await,
            "publish" => publish_floor::measure().await,
            "growth" => growth::measure().await,
            "listing" => listing::measure().await,
            "soak" => soak::measure().await,
            _ => {
                println!("There is no {part}: {PARTS}.");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
