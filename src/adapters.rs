//! The outside world: one folder or file per technology, each implementing a port.
//!
//! Imports `domain` and `ports` only. Only the binary and the tests may import adapters.

pub mod bluesky;
mod certificate_advice;
pub mod clock;
pub mod dropbox;
pub mod env;
pub mod http_client;
pub mod imaging;
pub mod kept;
pub mod ledger;
pub mod local;
pub mod managed;
pub mod mastodon;
#[cfg(feature = "memory-storage")]
pub mod memory;
pub mod openai;
pub mod openid;
pub mod orchestrator;
pub mod otlp;
pub mod platform_call;
pub mod platforms;
pub mod rate_limits;
pub mod redaction;
pub mod registration;
mod renewal;
mod retry_budget;
pub mod running_service;
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
