//! What the service does: one concrete struct for each use case, holding the ports that it needs
//! as `Arc<dyn Port>`. The caches and the single flights live here, not behind a port.

pub mod analyze;
mod caption_file;
pub mod captioning;
pub mod configs;
pub mod credentials;
pub mod curate;
pub mod error_chain;
#[cfg(test)]
pub(crate) mod fixtures;
mod held_lease;
pub mod imaging;
pub mod list_images;
pub mod list_publications;
mod own_task;
pub mod publish;
pub mod readiness;
pub mod resolve_tenant;
mod single_flight;
mod storage;
pub mod tenant;
pub mod tenants;
mod timed_cache;
