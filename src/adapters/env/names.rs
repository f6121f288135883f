//! Names that the service does not read. The misspelt name of an optional setting would otherwise silently
//! leave the setting at its default.

use std::collections::BTreeMap;

use super::problems::SettingProblem;

/// Names of settings, each with the default that it was asked for with.
pub type AskedNames = BTreeMap<String, Option<String>>;

/// What a name that is meant for us begins with.
const PREFIXES: [&str; 22] = [
    "AI_RATE_",
    "CAPTIONFILE_",
    "CONFIRMATION_",
    "CREDENTIAL_CACHE_",
    "DROPBOX_",
    "EMAIL_SERVER_",
    "FEATURE_",
    "MAX_CONCURRENT_",
    "METRICS_LISTEN_",
    "OPENAI_",
    "ORCHESTRATOR_",
    "OTEL_EXPORTER_OTLP_",
    "OTEL_TRACES_",
    "PUBLISHERS_",
    "PUBLISH_",
    "RUNTIME_CONFIG_",
    "SHUTDOWN_GRACE_",
    "STANDALONE_",
    "STORAGE_PATHS_",
    "TELEGRAM_",
    "TENANT_SERVICE_",
    "WEB_",
];
/// Names that begin so and are set by platforms, for every program.
const OF_PLATFORMS: [&str; 2] = ["WEB_CONCURRENCY", "WEB_MEMORY"];
/// Names that begin so are of signals that this service does not send.
const OF_OTHER_SIGNALS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_", "OTEL_EXPORTER_OTLP_LOGS_"];
/// How alike a known name must be to be what was meant; 1 is the same.
const ALIKE: f64 = 0.7;
/// How alike a name of any other beginning must be to be taken for a misspelt one.
const MISSPELT: f64 = 0.88;

/// The names that are not known but seem to be meant for us, in order.
pub(super) fn unknown<'a>(
    names: impl IntoIterator<Item = &'a String>,
    known: &AskedNames,
) -> Vec<SettingProblem> {
    let names = names.into_iter().filter(|name| !known.contains_key(*name));
    let mut unknown: Vec<_> = names.filter_map(|name| problem(name, known)).collect();
    unknown.sort_by(|one, other| one.name.cmp(&other.name));
    unknown
}

/// The known word that is most like another one, if it is so much alike; 1 is the same.
pub(super) fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    least: f64,
) -> Option<&'a str> {
    most_alike(known, |known| likeness(word, known), least)
}

/// The known word of the highest score, if that is at least so much.
fn most_alike<'a>(
    known: impl IntoIterator<Item = &'a str>,
    score: impl Fn(&str) -> f64,
    least: f64,
) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (score(known), known));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score >= least)
        .map(|(_, known)| known)
}

fn likeness(one: &str, other: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(one, other)
}

fn problem(name: &str, known: &AskedNames) -> Option<SettingProblem> {
    let upper = name.to_ascii_uppercase();
    let is_ours = PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    let is_of_platform = OF_PLATFORMS.contains(&&*upper)
        || OF_OTHER_SIGNALS.iter().any(|it| upper.starts_with(it))
        || is_service_link(&upper);
    // A setting that is no secret has no file.
    let without_file = upper.strip_suffix("_FILE");
    let without_file = without_file.and_then(|name| known.get_key_value(name));
    let score =
        |known: &str| likeness(&upper, known) + f64::from(u8::from(is_shortened(&upper, known)));
    let least = if is_ours { ALIKE } else { MISSPELT };
    let meant = most_alike(known.keys().map(String::as_str), score, least);
    let meant = without_file.map(|(name, _)| name.as_str()).or(meant);
    if is_of_platform || (!is_ours && meant.is_none()) {
        return None;
    }
    let rule = "is no setting of this service".to_owned();
    Some(SettingProblem {
        name: name.to_owned(),
        rule: match meant {
            Some(meant) => format!("{rule}: did you mean {meant}?"),
            None => rule,
        },
    })
}

/// Whether `name` has the words of `known` in their order, but for one at most that is left out, and
/// for how they end: `METRICS_ADDRESS`, `TRUSTED_PROXY`. One word alone could belong to any program.
fn is_shortened(name: &str, known: &str) -> bool {
    const STEM: usize = 4;
    let is_alike = |one: &str, other: &str| {
        let common = one.bytes().zip(other.bytes());
        let common = common.take_while(|(one, other)| one == other).count();
        one == other || (common >= STEM && one.len().abs_diff(other.len()) < STEM)
    };
    let names: Vec<_> = name.split('_').collect();
    let count = known.split('_').count();
    let mut left = names.as_slice();
    for word in known.split('_') {
        if let [first, rest @ ..] = left
            && is_alike(first, word)
        {
            left = rest;
        }
    }
    left.is_empty() && names.len() >= 2 && count - names.len() <= 1
}

/// Whether Kubernetes set this variable. It announces the neighboring services to every container,
/// in variables such as `ORCHESTRATOR_SERVICE_HOST` and `ORCHESTRATOR_PORT_80_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    let begins_with_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let port = name.split_once("_PORT_");
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || port.is_some_and(|(_, rest)| begins_with_digit(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> AskedNames {
        let names = [
            "ORCHESTRATOR_BASE_URL",
            "ORCHESTRATOR_SERVICE_TOKEN",
            "ORCHESTRATOR_SERVICE_TOKEN_FILE",
            "STORAGE_PATHS",
            "WEB_AUTH_TOKEN",
            "LISTEN_ADDRESS",
            "LOG_FORMAT",
            "PORT",
            "MEMORY_BUDGET_MB",
            "LEDGER_POOL_SIZE",
            "LEDGER_KEEP_DAYS",
            "METRICS_LISTEN_ADDRESS",
            "PUBLISH_LEDGER_URL",
            "PUBLISH_LEDGER_URL_FILE",
            "TRUSTED_PROXIES",
            "OTEL_TRACES_SAMPLER",
        ];
        names.map(|name| (name.to_owned(), None)).into()
    }

    fn told(name: &str) -> Option<String> {
        let unknown = unknown(&[name.to_owned()], &known());
        unknown.first().map(ToString::to_string)
    }

    #[test]
    fn a_misspelt_name_is_told_with_the_one_that_was_meant() {
        for (name, meant) in [
            ("ORCHESTRATOR_BASEURL", "ORCHESTRATOR_BASE_URL"),
            ("ORCHESTRATOR_URL", "ORCHESTRATOR_BASE_URL"),
            ("ORCHESTATOR_BASE_URL", "ORCHESTRATOR_BASE_URL"),
            ("orchestrator_base_url", "ORCHESTRATOR_BASE_URL"),
            (
                "ORCHESTRATOR_SERVICE_TOKENFILE",
                "ORCHESTRATOR_SERVICE_TOKEN_FILE",
            ),
            ("STORAGE_PATH", "STORAGE_PATHS"),
            ("LISTEN_ADRESS", "LISTEN_ADDRESS"),
            ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
            ("TRUSTED_PROXYS", "TRUSTED_PROXIES"),
            ("MEMORY_BUDGET", "MEMORY_BUDGET_MB"),
            ("LEDGER_POOL", "LEDGER_POOL_SIZE"),
            ("KEEP_DAYS", "LEDGER_KEEP_DAYS"),
            ("METRICS_ADDRESS", "METRICS_LISTEN_ADDRESS"),
            ("LEDGER_URL", "PUBLISH_LEDGER_URL"),
            ("OTEL_SAMPLER", "OTEL_TRACES_SAMPLER"),
            ("PORT_FILE", "PORT"),
            ("LISTEN_ADDRESS_FILE", "LISTEN_ADDRESS"),
        ] {
            let expected = format!("{name}: is no setting of this service: did you mean {meant}?");
            assert_eq!(told(name), Some(expected));
        }
    }

    #[test]
    fn a_name_like_no_other_is_told_if_it_begins_like_ours() {
        for name in ["WEB_COLOUR_OF_BUTTONS", "OTEL_EXPORTER_OTLP_TIMEOUT"] {
            let expected = format!("{name}: is no setting of this service");
            assert_eq!(told(name), Some(expected));
        }
    }

    #[test]
    fn what_is_known_or_meant_for_others_is_not_told() {
        for name in [
            "ORCHESTRATOR_BASE_URL",
            "PATH",
            "SPORT",
            "HOME",
            "RUST_BACKTRACE",
            "LISTEN_FDS",
            "LOG_LEVEL",
            "WEB_CONCURRENCY",
            "ORCHESTRATOR_SERVICE_HOST",
            "ORCHESTRATOR_SERVICE_PORT",
            "ORCHESTRATOR_SERVICE_PORT_HTTP",
            "ORCHESTRATOR_PORT",
            "ORCHESTRATOR_PORT_80_TCP",
            "ORCHESTRATOR_PORT_80_TCP_ADDR",
            "ORCHESTRATOR_PORT_53_UDP_PROTO",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "OTEL_LOGS_EXPORTER",
            "MEMORY_PRESSURE_WATCH",
            "RUST_LOG_STYLE",
            "POOL",
            "TOKEN",
        ] {
            assert_eq!(told(name), None);
        }
    }
}
