//! The names of all settings, collected as the code asks for them, so that no list has to be
//! maintained.

use publisher::adapters::env::{AskedNames, Environment};

use super::Settings;
use crate::logging::LogSettings;

/// Every name that is asked for with either source, with its default. What is asked for depends on
/// nothing but the source: reading goes on where something is missing or bad.
pub(super) fn known() -> AskedNames {
    let mut known = AskedNames::new();
    for source in ["env", "orchestrator"] {
        let mut environment = Environment::from_pairs([("CONFIG_SOURCE", source)]);
        LogSettings::read(&mut environment, "info");
        // Only the questions matter, and nothing can be made of the answers.
        drop(Settings::ask(&mut environment));
        known.extend(environment.asked().clone());
    }
    known
}
