//! What hostile peers try: callers, pages of other sites, an orchestrator that answers wrong, storage
//! without an end, mail servers that never stop. On the whole service, over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod auth;
mod bombs;
#[path = "../service/canaries.rs"]
mod canaries;
#[path = "../conformance/mod.rs"]
mod conformance;
mod cross_site;
mod crowd;
mod crowding;
mod echoes;
#[path = "../service/harness.rs"]
#[expect(
    dead_code,
    reason = "shared with `tests/service`, which uses all of it"
)]
mod harness;
mod log_forgery;
mod mail_servers;
mod memory;
mod paths;
mod pauses;
mod privacy;
#[path = "../service/process_log.rs"]
mod process_log;
mod raw;
mod settings;
mod smuggling;
mod storage;
mod targets;
mod tenants;
