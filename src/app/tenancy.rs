//! Who is served: from the host of a request to a tenant with its config, its credentials and its
//! open clients, each kept in memory for as long as it may be.
//!
//! For `usecases` and `http`; imports `runtime`.

pub mod access;
pub mod config_cache;
pub mod credentials;
pub(in crate::app) mod images;
pub mod listing_cache;
pub(in crate::app) mod model_lifecycles;
pub mod resolve_error;
pub mod resolve_tenant;
pub(in crate::app) mod storage;
pub mod storage_call;
pub mod tenant;
pub mod tenant_cache;
pub mod voice_profiles;
mod write_log;
