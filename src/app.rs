//! The application: use cases that drive the ports, and the HTTP layer that drives the use cases.
//!
//! Imports `domain` and `ports`, never `adapters`; inside, imports run one way:
//! `runtime <- tenancy <- usecases <- http`.

pub mod http;
pub mod runtime;
pub mod tenancy;
pub mod usecases;
