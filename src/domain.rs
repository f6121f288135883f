//! Types and rules: what a tenant, an image, a caption and a publication are.
//!
//! Pure: no I/O, no async, no crate that does either. Imports nothing of this crate but itself;
//! every layer may import it.

pub mod analysis;
pub mod caption;
pub mod caption_brief;
pub mod caption_history;
pub mod caption_score;
pub mod caption_style;
pub mod config_block;
pub mod content_hash;
pub mod content_hashes;
pub mod credential;
pub mod curation;
pub mod email_address;
pub mod host;
pub mod idempotency;
pub mod identity;
pub mod image;
pub mod image_memory;
pub mod job;
pub mod ledger;
pub mod listing;
pub(crate) mod model_text;
mod pasted;
pub mod platform;
pub mod platform_spec;
pub mod posting_times;
pub mod prompt_text;
pub mod publication;
pub mod request_id;
pub mod rfc3339;
pub mod schedule;
pub mod secret;
pub mod selection;
pub mod service_url;
pub mod shuffle_bag;
pub mod sidecar;
pub mod storage;
pub mod tenant;
pub mod tenant_config;
pub mod thumbnail;
pub mod trusted_proxies;
pub mod upload;
pub mod usage;
pub mod voice;
pub(crate) mod words;
