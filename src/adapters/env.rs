//! The process environment: settings are read and checked here, and a single tenant can be
//! configured by it.
//!
//! The binary reads its settings through [`Environment`] and ends with
//! [`Environment::finish`], so that every problem is reported to the operator at once.

pub mod dot_env;
pub mod environment;
mod names;
mod problems;
pub mod standalone;

pub use self::{
    environment::Environment,
    names::AskedNames,
    problems::{SettingProblem, SettingProblems},
    standalone::StandaloneTenant,
};
