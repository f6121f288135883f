//! The whole service, as operators run it: the real binary, real sockets, and the sandbox's
//! stand-ins as its upstreams.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod access;
mod analysis;
mod archived;
mod bluesky;
mod buckets;
mod canaries;
mod captions;
mod check;
mod check_after_crash;
mod check_states;
mod check_tenants;
mod check_upstreams;
mod collector;
mod confirmations;
#[path = "../conformance/mod.rs"]
mod conformance;
mod crashes;
mod curation;
mod database;
mod ending;
mod ending_under_load;
mod errors;
mod existing_client;
mod existing_environment;
mod half_sent_requests;
mod harness;
mod imaging;
mod job_events;
mod jobs;
mod kept_captions;
mod known_outcomes;
mod ledger;
mod ledger_recovery;
mod ledger_server;
mod library;
mod life_cycle;
mod limits;
mod load;
mod local;
mod log_audit;
mod log_lines;
mod looking;
mod mastodon;
mod memory_budget;
mod metadata;
mod metrics;
mod migrate;
mod network_accounts;
mod network_crashes;
mod outages;
mod own_files;
mod own_postgres;
mod page;
mod pasted;
mod people;
mod people_refused;
mod platforms;
mod poolers;
mod process_log;
mod publish_command;
mod publishing;
mod refusals;
mod refused_publishes;
mod repeated_requests;
mod replicas;
mod restore;
mod service_token;
mod sessions;
mod settings;
mod standalone;
mod storage_changes;
mod takeover;
mod tenancy;
mod traces;
mod unavailable_features;
mod upgrades;
mod usage;
mod voice;
