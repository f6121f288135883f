//! The API from the outside, with every port mocked.

mod admin;
mod analysis;
#[path = "../../../tests/conformance/mod.rs"]
mod conformance;
mod conforming;
mod curation;
mod errors;
mod examples;
mod harness;
mod images;
mod job_events;
mod jobs;
mod library;
mod limits;
mod logs;
mod looking;
mod problem_pages;
mod publications;
mod publishing;
mod requests;
mod tenants;
mod voice_profile;

use self::harness::{Answer, Service};
