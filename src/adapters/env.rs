//! The process environment: settings are read and checked here, and a single tenant can be
//! configured by it.
//!
//! The binary reads its settings through [`Environment`] and ends with
//! [`Environment::finish`], so that an operator is told every problem at once.

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
