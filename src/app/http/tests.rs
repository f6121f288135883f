//! The API from the outside, with every port mocked.

mod errors;
mod harness;
mod images;
mod logs;
mod looking;
mod publications;
mod requests;
mod tenants;

use self::harness::{Answer, Service};
