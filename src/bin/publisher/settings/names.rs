//! The names of all settings, collected as the code asks for them, so that no list has to be
//! maintained.

use publisher::{
    adapters::env::{AskedNames, Environment},
    domain::storage::StorageKind,
};

use super::Settings;
use crate::logging::LogSettings;

/// Every name that is asked for with either source, with its default. What is asked for depends on
/// nothing but the source and the kind of storage: reading goes on where something is missing or bad.
pub(super) fn known() -> AskedNames {
    let mut known = AskedNames::new();
    let standalone = StorageKind::ALL.iter().map(|kind| ("env", kind.as_str()));
    for (source, kind) in standalone.chain([("orchestrator", "")]) {
        let pairs = [("CONFIG_SOURCE", source), ("STORAGE_PROVIDER", kind)];
        let mut environment = Environment::from_pairs(pairs);
        LogSettings::read(&mut environment, "info");
        // Only the questions matter, and nothing can be made of the answers.
        drop(Settings::ask(&mut environment));
        known.extend(environment.asked().clone());
    }
    known
}
