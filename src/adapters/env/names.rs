//! Names that nobody asks for. The misspelt name of an optional setting would otherwise leave the
//! setting at its default, and nobody would know.

use super::{environment::AskedNames, problems::SettingProblem};

/// What a name that is meant for us begins with.
const PREFIXES: [&str; 20] = [
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
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(word, known);
    let known = known.into_iter().map(|known| (likeness(known), known));
    let nearest = known.max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest
        .filter(|(likeness, _)| *likeness >= least)
        .map(|(_, known)| known)
}

fn problem(name: &str, known: &AskedNames) -> Option<SettingProblem> {
    let upper = name.to_ascii_uppercase();
    let is_ours = PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    let is_of_platform = OF_PLATFORMS.contains(&&*upper) || is_service_link(&upper);
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(&upper, known);
    let meant = known.keys().map(|known| (likeness(known), known));
    let meant = meant
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .filter(|(likeness, _)| *likeness >= if is_ours { ALIKE } else { MISSPELT })
        .map(|(_, known)| known);
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

/// Kubernetes tells every container of the services beside it, by names such as
/// `ORCHESTRATOR_SERVICE_HOST` and `ORCHESTRATOR_PORT_80_TCP_ADDR`.
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
        ] {
            let expected = format!("{name}: is no setting of this service: did you mean {meant}?");
            assert_eq!(told(name), Some(expected));
        }
    }

    #[test]
    fn a_name_like_no_other_is_told_if_it_begins_like_ours() {
        let told = told("WEB_COLOUR_OF_BUTTONS").unwrap();
        assert_eq!(told, "WEB_COLOUR_OF_BUTTONS: is no setting of this service");
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
        ] {
            assert_eq!(told(name), None);
        }
    }
}
