//! Publisher: publishes images for many tenants from one process.
//!
//! Imports run one way: `domain <- ports <- {adapters, app} <- the binary`. `adapters` and `app`
//! never import each other; `tests/architecture.rs` fails when one of these rules is broken.

pub mod adapters;
pub mod app;
pub mod domain;
pub mod ports;
