//! Names that are not asked for: those of the existing service, whose environment works here as it is.

use publisher::adapters::env::Environment;

use super::gone_names;

/// Names of the existing service, each with ours. All but the last wait for ours to be unset.
const OF_EXISTING_SERVICE: [(&str, &str); 6] = [
    ("SECRET_KEY", "WEB_SESSION_SECRET"),
    ("SECRET_KEY_FILE", "WEB_SESSION_SECRET_FILE"),
    ("DATABASE_URL", "PUBLISH_LEDGER_URL"),
    ("DATABASE_URL_FILE", "PUBLISH_LEDGER_URL_FILE"),
    ("AUTH0_ADMIN_EMAIL_ALLOWLIST", "ADMIN_LOGIN_EMAILS"),
    ("FEATURE_AUTO_VIEW", "AUTO_VIEW"),
];
/// A switch of the existing service by which it believes `X-Forwarded-For` of any sender.
const TRUST: &str = "WEB_TRUST_FORWARDED_FOR";
/// The name here, and the networks that stand for that: a proxy in front of this service has an address of this
/// machine, of a private network (RFC 1918, RFC 4193), or of a provider's (RFC 6598).
const TRUSTED: (&str, &str) = (
    "TRUSTED_PROXIES",
    "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 ::1 fc00::/7",
);

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
    let is_trusting = environment.boolean(TRUST, false);
    if is_trusting {
        let (name, networks) = TRUSTED;
        environment.take_as_value(TRUST, name, networks);
    }
    for name in [TRUST, METERING] {
        environment.take_out(name);
    }
    warn_of_gone(environment);
}

/// Warns of each variable that is set and is gone, and takes it out.
fn warn_of_gone(environment: &mut Environment) {
    let names = environment.set_names();
    let gone = names.filter_map(|name| Some((name.to_owned(), gone_names::rule_of(name)?)));
    let mut gone: Vec<_> = gone.collect();
    gone.sort_unstable();
    for (name, rule) in gone {
        environment.take_out(&name);
        environment.warn(name, rule);
    }
}

#[cfg(test)]
mod tests {
    use publisher::domain::trusted_proxies::TrustedProxies;

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
        for (other, name) in &OF_EXISTING_SERVICE[..5] {
            let (value, told) = taken(&[(other, "sesame"), (name, "ours")], name);
            assert_eq!(value.as_deref(), Some("ours"), "{other}");
            assert_eq!(told, [format!("{other}: has no effect beside {name}")]);
        }
        let both = [("FEATURE_AUTO_VIEW", "true"), ("AUTO_VIEW", "false")];
        let (value, told) = taken(&both, "AUTO_VIEW");
        assert_eq!(value.as_deref(), Some("true"));
        assert_eq!(
            told,
            [
                "FEATURE_AUTO_VIEW: is taken for AUTO_VIEW, which says otherwise and has no effect: set AUTO_VIEW alone"
            ]
        );
        let same = [("FEATURE_AUTO_VIEW", "true"), ("AUTO_VIEW", " True")];
        let (_, told) = taken(&same, "AUTO_VIEW");
        assert_eq!(
            told,
            ["FEATURE_AUTO_VIEW: is taken for AUTO_VIEW: use that name"]
        );
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
    fn no_setting_that_is_asked_for_is_among_those_without_effect() {
        for name in crate::settings::names::known().into_keys() {
            let is_gone = gone_names::rule_of(&name).is_some();
            assert!(!is_gone && ![METERING, TRUST].contains(&&*name), "{name}");
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
    fn to_believe_every_proxy_is_to_believe_those_of_private_networks() {
        let (name, networks) = TRUSTED;
        for on in ["true", "1", "YES", " on "] {
            let (value, told) = taken(&[(TRUST, on)], name);
            assert_eq!(value.as_deref(), Some(networks), "{on}");
            assert_eq!(
                told,
                [format!(
                    "{TRUST}: is taken for {name}={networks}: use that name"
                )]
            );
        }
        for off in ["false", "0", "No", "off", " "] {
            assert_eq!(taken(&[(TRUST, off)], name), (None, vec![]), "{off}");
        }
        let (value, told) = taken(&[(TRUST, "true"), (name, "192.0.2.1")], name);
        assert_eq!(value.as_deref(), Some("192.0.2.1"));
        assert_eq!(told, [format!("{TRUST}: has no effect beside {name}")]);
        let proxies: TrustedProxies = networks.parse().unwrap();
        assert!(!proxies.trust_everyone());
    }

    #[test]
    fn whom_to_believe_must_be_said_clearly() {
        let mut environment = Environment::from_pairs([(TRUST, "sesame")]);
        take(&mut environment);
        assert_eq!(environment.text(TRUSTED.0), None);
        let told = environment.finish().unwrap_err().to_string();
        assert!(
            told.starts_with(TRUST) && told.lines().count() == 1,
            "{told}"
        );
        assert!(!told.contains("sesame"), "{told}");
    }

    #[test]
    fn what_is_gone_is_told_with_what_there_is_instead() {
        for (name, rule) in gone_names::GONE {
            let (value, told) = taken(&[(name, "sesame")], name);
            assert_eq!(value, None, "{name}");
            assert_eq!(told, [format!("{name}: {rule}")]);
            assert_eq!(taken(&[(name, " ")], "ANY"), (None, vec![]), "{name}");
        }
        let (_, told) = taken(&[("PUBLISH_TIMEOUT_TELEGRAM_SECONDS", "sesame")], "ANY");
        assert_eq!(told.len(), 1);
        assert!(!told[0].contains("is no setting"), "{told:?}");
    }

    #[test]
    fn the_guide_has_every_name() {
        const GUIDE: &str = include_str!("../../../../docs/migrating.md");
        let gone = gone_names::GONE.map(|(name, _)| name);
        let others = OF_EXISTING_SERVICE.map(|(other, _)| other);
        let others = others.into_iter().filter(|it| !it.ends_with("_FILE"));
        for name in others.chain(gone).chain([TRUST, METERING]) {
            let rows = GUIDE.lines().filter(|line| line.starts_with("| `"));
            let mut cells = rows.filter_map(|row| row.split('|').nth(1));
            let is_named = cells.any(|cell| cell.contains(&format!("`{name}`")));
            assert!(is_named, "{name}");
        }
    }
}
