//! What the whole service takes, in requests, time and memory: started as it is released, on the
//! sandbox's stand-ins, and driven from outside. See `README.md` in the folder above.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark measures time, has nothing to measure where it cannot be set up, and prints what it has"
)]

mod closed_loop;
mod controls;
mod figures;
mod footprint;
mod open_loop;
mod publish_floor;
mod service;
mod soak;

use std::{env, process::ExitCode};

/// As in the service: all that are compared get their memory from the same place.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PARTS: &str = "closed, open, footprint, publish or soak; without any, all but soak";

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo tells every benchmark that it is one.
    let parts: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    if let [control, name] = &parts[..]
        && control == controls::ARGUMENT
    {
        controls::serve(name).await;
        return ExitCode::SUCCESS;
    }
    let chosen = if parts.is_empty() {
        vec!["closed", "open", "footprint", "publish"]
    } else {
        parts.iter().map(String::as_str).collect()
    };
    for part in chosen {
        match part {
            "closed" => closed_loop::measure().await,
            "open" => open_loop::measure().await,
            "footprint" => footprint::measure().await,
            "publish" => publish_floor::measure().await,
            "soak" => soak::measure().await,
            _ => {
                println!("There is no {part}: {PARTS}.");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
