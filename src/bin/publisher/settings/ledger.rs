//! Where the ledger is, how it is reached, and how long it keeps what it need not.

use std::time::Duration;

use publisher::{
    adapters::{
        env::{Environment, SettingProblems},
        http_client::ExtraRoots,
        ledger::{DEFAULT_POOL_SIZE, LedgerSettings},
    },
    domain::secret::Secret,
    ports::KeptFor,
};

use super::{extra_roots, other_names};
use crate::logging::LogSettings;

/// The longest time that texts and captions are kept, in days: ten years.
const MOST_DAYS: u64 = 3_650;
/// How long captions are kept by default, in days: a season, in which people would notice what is repeated.
const CAPTION_DAYS: u64 = 90;

/// The ledger's settings from the environment of the process, for commands that need no others.
///
/// # Errors
/// All problems of these alone.
pub(crate) fn from_process() -> Result<LedgerSettings, SettingProblems> {
    let mut environment = Environment::from_process();
    LogSettings::read(&mut environment, "info");
    other_names::take(&mut environment);
    let roots = extra_roots(&mut environment);
    let settings = location(&mut environment, &roots);
    environment.finish_with(settings)
}

/// Where the ledger is. The URL is a secret: it may hold a password.
pub(super) fn location(
    environment: &mut Environment,
    roots: &ExtraRoots,
) -> Option<LedgerSettings> {
    const NAME: &str = "PUBLISH_LEDGER_URL";
    const POOL_SIZE: &str = "LEDGER_POOL_SIZE";
    let default = || Secret::new("sqlite://publisher-ledger.db".to_owned());
    let url = environment.secret(NAME).unwrap_or_else(default);
    let pool_size = environment.number(POOL_SIZE, DEFAULT_POOL_SIZE, 1..=100);
    let ledger = LedgerSettings::from_url(&url)
        .map_err(|rule| environment.reject(NAME, rule))
        .ok()?;
    if let Some(warning) = ledger.warning() {
        environment.warn(NAME, warning);
    }
    if !ledger.is_on_server() && environment.is_set(POOL_SIZE) {
        environment.warn(POOL_SIZE, "has no effect: the ledger is in SQLite");
    }
    Some(ledger.trusting(roots).with_pool_size(pool_size))
}

/// How long the ledger keeps what it need not. Captions are texts, too, and no text is kept for longer than texts are.
pub(super) fn kept_for(environment: &mut Environment) -> KeptFor {
    let days = |days: u64| Duration::from_hours(days * 24);
    let texts = environment.number_or_unset("LEDGER_KEEP_DAYS", 1..=MOST_DAYS);
    let texts = texts.map(days);
    let captions = environment.number("CAPTION_HISTORY_DAYS", CAPTION_DAYS, 1..=MOST_DAYS);
    let captions = days(captions);
    KeptFor {
        texts,
        captions: texts.map_or(captions, |texts| captions.min(texts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_kept_for_no_longer_than_texts() {
        let days = |days: u64| Duration::from_hours(days * 24);
        for (pairs, texts, captions) in [
            (&[][..], None, 90),
            (&[("CAPTION_HISTORY_DAYS", "30")], None, 30),
            (&[("LEDGER_KEEP_DAYS", "365")], Some(365), 90),
            (&[("LEDGER_KEEP_DAYS", "7")], Some(7), 7),
        ] {
            let mut environment = Environment::from_pairs(pairs.iter().copied());
            let expected = KeptFor {
                texts: texts.map(days),
                captions: days(captions),
            };
            assert_eq!(kept_for(&mut environment), expected, "{pairs:?}");
        }
    }
}
