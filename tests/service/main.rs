//! The whole service, as operators run it: the real binary, real sockets, and the sandbox's
//! stand-ins as its upstreams.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod access;
mod analysis;
mod canaries;
mod check;
mod collector;
#[path = "../conformance/mod.rs"]
mod conformance;
mod crashes;
mod curation;
mod database;
mod ending;
mod ending_under_load;
mod errors;
mod harness;
mod imaging;
mod ledger;
mod ledger_recovery;
mod life_cycle;
mod limits;
mod load;
mod log_audit;
mod log_lines;
mod looking;
mod memory_budget;
mod metrics;
mod outages;
mod own_files;
mod pasted;
mod platforms;
mod process_log;
mod publishing;
mod refusals;
mod repeated_requests;
mod service_token;
mod sessions;
mod settings;
mod slow_clients;
mod standalone;
mod tenancy;
mod traces;
