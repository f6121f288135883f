//! What use cases run on: caches, single flights, limits, background tasks, leases.

pub mod background_tasks;
pub(in crate::app) mod cache_metrics;
pub mod concurrency_limit;
pub(in crate::app) mod deferred_writes;
pub mod error_chain;
mod heartbeat;
pub mod held_lease;
pub mod keyed_limit;
pub mod memory_budget;
pub(in crate::app) mod single_flight;
pub(in crate::app) mod sized_cache;
pub(in crate::app) mod timed_cache;
