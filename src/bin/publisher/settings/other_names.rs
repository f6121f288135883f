//! Names that are not asked for: those of the existing service, whose environment works here as it is,
//! and those of features that this version does not have.

use publisher::adapters::env::Environment;

/// Names of the existing service, each with ours. All but the last wait for ours to be unset.
const OF_EXISTING_SERVICE: [(&str, &str); 5] = [
    ("SECRET_KEY", "WEB_SESSION_SECRET"),
    ("SECRET_KEY_FILE", "WEB_SESSION_SECRET_FILE"),
    ("DATABASE_URL", "PUBLISH_LEDGER_URL"),
    ("DATABASE_URL_FILE", "PUBLISH_LEDGER_URL_FILE"),
    ("FEATURE_AUTO_VIEW", "AUTO_VIEW"),
];
/// Names of the existing service that have no effect here, each with what to do. The first is a password that
/// it no longer accepts, the second has it believe `X-Forwarded-For` of any sender.
const NOT_TAKEN: [(&str, &str); 2] = [
    (
        "web_admin_pw",
        "is not taken: to log in with a password set WEB_ADMIN_PASSWORD",
    ),
    (
        "WEB_TRUST_FORWARDED_FOR",
        "is not taken: name the proxies whose X-Forwarded-For counts in TRUSTED_PROXIES",
    ),
];

/// Names of the contract that nothing asks for yet.
const LATER: [&str; 10] = [
    "ADMIN_LOGIN_EMAILS",
    "FEATURE_SMART_HASHTAGS",
    "JOBS_ENABLED",
    "JOBS_MAX_LATE_MINUTES",
    "JOBS_KEEP_DAYS",
    "USAGE_REPORTING",
    "USAGE_OUTBOX_MAX",
    "CAPTION_HISTORY_DAYS",
    "CAPTION_CANDIDATES",
    "WEB_ADMIN_COOKIE_EPOCH",
];
/// What others of them begin with.
const LATER_PREFIXES: [&str; 4] = ["AUTH0_", "OIDC_", "MASTODON_", "BLUESKY_"];
/// A name that never has an effect here, and needs no warning: it belongs to the orchestrator's
/// billing.
const METERING: &str = "FEATURE_STORAGE_OPS_METERING";

/// Takes the values of the existing service's names, and warns of those that have no effect. To be
/// called before anything is asked for.
pub(super) fn take(environment: &mut Environment) {
    for (other, name) in OF_EXISTING_SERVICE {
        // A secret must not be given twice: in a file and as a value counts as given, too.
        let twin = match name.strip_suffix("_FILE") {
            Some(value) => value.to_owned(),
            None => format!("{name}_FILE"),
        };
        if environment.is_set(other) && environment.is_set(&twin) {
            environment.take_out(other);
            environment.warn(other, format!("has no effect beside {twin}"));
            continue;
        }
        environment.take_as(other, name, other == "FEATURE_AUTO_VIEW");
    }
    for (name, rule) in NOT_TAKEN {
        if environment.is_set(name) {
            environment.warn(name, rule);
        }
        environment.take_out(name);
    }
    environment.take_out(METERING);
    let is_later = |name: &&str| {
        LATER.contains(name) || LATER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    let mut later: Vec<String> = environment
        .set_names()
        .filter(is_later)
        .map(str::to_owned)
        .collect();
    later.sort();
    for name in later {
        environment.take_out(&name);
        environment.warn(name, "has no effect in this version");
    }
    for name in LATER {
        environment.take_out(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pairs: &[(&str, &str)], name: &str) -> (Option<String>, Vec<String>) {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        take(&mut environment);
        let told = environment
            .warnings()
            .iter()
            .map(ToString::to_string)
            .collect();
        (environment.text(name), told)
    }

    #[test]
    fn a_name_of_the_existing_service_is_taken_with_a_warning_that_says_ours() {
        for (other, name) in OF_EXISTING_SERVICE {
            let (value, told) = taken(&[(other, "sesame")], name);
            assert_eq!(value.as_deref(), Some("sesame"), "{other}");
            assert_eq!(
                told,
                [format!("{other}: is taken for {name}: use that name")]
            );
            let (value, _) = taken(&[(other, "sesame"), (name, " ")], name);
            assert_eq!(value.as_deref(), Some("sesame"), "{name} is blank");
            let (value, told) = taken(&[(other, " "), (name, "ours")], name);
            assert_eq!(
                (value.as_deref(), told.len()),
                (Some("ours"), 0),
                "{other} is blank"
            );
        }
    }

    #[test]
    fn beside_ours_a_name_of_the_existing_service_has_no_effect_but_for_one() {
        for (other, name) in &OF_EXISTING_SERVICE[..4] {
            let (value, told) = taken(&[(other, "sesame"), (name, "ours")], name);
            assert_eq!(value.as_deref(), Some("ours"), "{other}");
            assert_eq!(told, [format!("{other}: has no effect beside {name}")]);
        }
        let both = [("FEATURE_AUTO_VIEW", "true"), ("AUTO_VIEW", "false")];
        assert_eq!(taken(&both, "AUTO_VIEW").0.as_deref(), Some("true"));
        let file = [
            ("DATABASE_URL", "postgres://h/d"),
            ("PUBLISH_LEDGER_URL_FILE", "/f"),
        ];
        let (value, told) = taken(&file, "PUBLISH_LEDGER_URL");
        assert_eq!(value, None);
        assert_eq!(
            told,
            ["DATABASE_URL: has no effect beside PUBLISH_LEDGER_URL_FILE"]
        );
    }

    #[test]
    fn no_setting_that_is_asked_for_is_kept_for_a_later_version() {
        // The day on which a feature comes, its names must go from the lists.
        for name in crate::settings::names::known().into_keys() {
            let is_later = LATER.contains(&&*name)
                || LATER_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            assert!(!is_later && name != METERING, "{name}");
        }
    }

    #[test]
    fn the_old_password_is_not_taken() {
        let (value, told) = taken(&[("web_admin_pw", "sesame")], "WEB_ADMIN_PASSWORD");
        assert_eq!(value, None);
        assert!(
            told[0].starts_with("web_admin_pw: is not taken") && told.len() == 1,
            "{told:?}"
        );
        assert!(told[0].contains("WEB_ADMIN_PASSWORD") && !told[0].contains("sesame"));
    }

    #[test]
    fn believing_every_header_is_not_taken() {
        let (value, told) = taken(&[("WEB_TRUST_FORWARDED_FOR", "true")], "TRUSTED_PROXIES");
        assert_eq!(value, None);
        assert!(
            told[0].contains("TRUSTED_PROXIES") && told.len() == 1,
            "{told:?}"
        );
    }

    #[test]
    fn what_is_for_a_later_version_is_told_and_stops_nothing() {
        let pairs = [
            ("AUTH0_ADMIN_EMAIL_ALLOWLIST", "a@b"),
            ("MASTODON_INSTANCE_URL", "b"),
            ("JOBS_ENABLED", " "),
            (METERING, "true"),
        ];
        let (_, told) = taken(&pairs, "ANY");
        let rule = "has no effect in this version";
        assert_eq!(
            told,
            ["AUTH0_ADMIN_EMAIL_ALLOWLIST", "MASTODON_INSTANCE_URL"]
                .map(|name| format!("{name}: {rule}"))
        );
    }
}
