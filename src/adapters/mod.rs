//! The outside world: one folder or file per technology, each implementing a port.
//!
//! Imports `domain` and `ports` only. Only `main.rs` and the tests may import adapters.

#[cfg(feature = "sandbox")]
pub mod sandbox;
