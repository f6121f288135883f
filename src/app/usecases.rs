//! What the service does: one concrete struct for each use case, holding the ports that it needs
//! as `Arc<dyn Port>`. The caches and the single flights live here, not behind a port.

pub mod analyze;
mod cache_counts;
pub mod capacity;
mod caption_file;
pub mod captioning;
pub mod check_tenant;
pub mod configs;
pub mod credentials;
pub mod curate;
mod deferred_writes;
pub mod describe_image;
pub mod draw_image;
pub mod error_chain;
pub mod fetch_thumbnail;
#[cfg(test)]
pub(crate) mod fixtures;
mod held_lease;
pub mod imaging;
pub mod list_images;
pub mod list_publications;
pub mod listings;
mod loaded_image;
pub mod looks;
pub mod memory_budget;
pub mod own_task;
pub mod publish;
pub mod publish_once;
pub mod readiness;
pub mod request_places;
pub mod resolve_tenant;
mod single_flight;
mod sized_cache;
mod stages;
mod storage;
pub mod sweep_ledger;
pub mod tenant;
pub mod tenants;
pub mod thumbnails;
mod timed_cache;
