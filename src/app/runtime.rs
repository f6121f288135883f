//! What use cases run on: caches, single flights, limits, background tasks, leases.

pub mod background_tasks;
mod cache_metrics;
pub mod concurrency_limit;
pub(in crate::app) mod deferred_writes;
pub mod error_chain;
pub mod event_hub;
mod heartbeat;
pub mod held_lease;
mod held_slot;
pub mod keyed_limit;
pub mod memory_budget;
mod refresh_backoff;
pub(in crate::app) mod refreshing_cache;
pub(in crate::app) mod single_flight;
pub mod spool;
pub(in crate::app) mod timed_cache;
pub mod usage_recorder;
