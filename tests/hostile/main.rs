//! The whole service with hostile peers: the real binary, real sockets, and stand-ins that misbehave.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

#[path = "../service/canaries.rs"]
mod canaries;
#[path = "../conformance/mod.rs"]
mod conformance;
mod echoes;
#[expect(dead_code, reason = "not all that the other tests need is needed here")]
#[path = "../service/harness.rs"]
mod harness;
#[path = "../service/process_log.rs"]
mod process_log;
mod storage;
