//! The use cases: one concrete struct for each, holding the ports that it needs as `Arc<dyn Port>`. They run on
//! `runtime`, and serve the tenants of `tenancy`.

pub mod analyze;
pub mod carry_out_jobs;
pub mod check_publication;
pub mod check_tenant;
pub mod curate;
pub mod describe_image;
pub mod fetch_thumbnail;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod list_images;
pub mod list_library;
pub mod list_publications;
pub mod log_in;
pub mod manage_jobs;
pub mod migrate_storage;
pub mod publish;
pub mod publish_once;
pub mod random_image;
pub mod readiness;
pub mod report_usage;
pub mod steps;
pub mod sweep_ledger;
pub mod upload_image;
pub mod voice_profile;
pub mod watch_jobs;
