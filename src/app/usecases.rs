//! What the service does: one concrete struct for each use case, holding the ports that it needs
//! as `Arc<dyn Port>`. What they run on is in `runtime`, whom they serve in `tenancy`.

pub mod analyze;
pub mod background_tasks;
pub mod captioning;
pub mod check_tenant;
pub mod curate;
mod deferred_writes;
pub mod describe_image;
pub mod fetch_thumbnail;
#[cfg(test)]
pub(crate) mod fixtures;
mod heartbeat;
mod held_lease;
pub mod list_images;
pub mod list_publications;
mod loaded_image;
pub mod looks;
pub mod publish;
pub mod publish_once;
pub mod random_image;
pub mod readiness;
mod sidecar;
mod stages;
pub mod sweep_ledger;
pub mod thumbnails;
