//! The API from the outside, with every port mocked.

mod analysis;
mod curation;
mod errors;
mod harness;
mod images;
mod logs;
mod publications;
mod requests;
mod tenants;

use self::harness::{Answer, Service};
