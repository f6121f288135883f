//! How long what the ledger need not remember is kept.

use std::time::Duration;

use publisher::adapters::env::Environment;

/// The longest time, in days: ten years.
const MOST_DAYS: u64 = 3_650;

/// How long texts for people are kept in the ledger; `None`: for good.
pub(super) fn read(environment: &mut Environment) -> Option<Duration> {
    let days = environment.number_or_unset("LEDGER_KEEP_DAYS", 1..=MOST_DAYS)?;
    Some(Duration::from_hours(days * 24))
}
