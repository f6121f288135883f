//! The outside world: one folder or file per technology, each implementing a port.
//!
//! Imports `domain` and `ports` only. Only the binary and the tests may import adapters.

mod certificate_advice;
pub mod clock;
pub mod dropbox;
pub mod env;
pub mod http_client;
pub mod imaging;
pub mod ledger;
pub mod local;
pub mod managed;
#[cfg(feature = "memory-storage")]
pub mod memory;
pub mod openai;
pub mod orchestrator;
pub mod otlp;
pub mod platforms;
pub mod redaction;
pub mod registration;
mod retry_budget;
#[cfg(test)]
mod sample_tenant;
mod secret_file;
pub mod secret_scrub;
pub mod smtp;
pub mod storages;
pub mod telegram;
mod upstream;
mod upstream_message;
#[cfg(feature = "webhook-platform")]
mod webhook;
