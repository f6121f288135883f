//! The application: use cases that drive the ports, and the HTTP layer that drives the use cases.
//!
//! Imports `domain` and `ports`, never `adapters`; inside, `http` imports `usecases` and not the
//! other way round.

pub mod http;
pub mod usecases;
