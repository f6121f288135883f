//! What use cases run on: caches, single flights, limits, tasks. Knows nothing of tenants.

pub(in crate::app) mod cache_metrics;
pub mod concurrency_limit;
pub mod error_chain;
pub mod keyed_limit;
pub mod memory_budget;
pub(in crate::app) mod single_flight;
pub(in crate::app) mod sized_cache;
pub(in crate::app) mod timed_cache;
