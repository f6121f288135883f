mod bad_values;
mod documents;

use super::*;

const ORCHESTRATED: [(&str, &str); 5] = [
    ("ORCHESTRATOR_BASE_URL", "https://orchestrator.example.org"),
    ("ORCHESTRATOR_SERVICE_TOKEN", "service-token"),
    ("ORCHESTRATOR_BASE_DOMAIN", "photos.example.org"),
    ("DROPBOX_APP_KEY", "key"),
    ("DROPBOX_APP_SECRET", "secret"),
];

fn read(more: &[(&str, &str)]) -> Result<Settings, SettingProblems> {
    let pairs = ORCHESTRATED.iter().chain(more).copied();
    Settings::read(Environment::from_pairs(pairs))
}

fn problems(more: &[(&str, &str)]) -> Vec<String> {
    let problems = read(more)
        .err()
        .map(|problems| problems.as_slice().to_vec());
    problems
        .unwrap_or_default()
        .iter()
        .map(|problem| problem.name().to_owned())
        .collect()
}

#[test]
fn an_orchestrator_and_the_dropbox_app_are_enough() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.service.listen.to_string(), "0.0.0.0:8080");
    assert!(matches!(
        settings.upstreams.source,
        Source::Orchestrator { .. }
    ));
    assert!(matches!(settings.service.auth, AuthSettings::Enforced(_)));
    assert_eq!(settings.service.max_requests.get(), 1_024);
    assert_eq!(settings.service.thumbnail_cache_bytes, 64 * 1024 * 1024);
    for (written, bytes) in [("0", 0), ("3", 3 * 1024 * 1024)] {
        let settings = read(&[("THUMBNAIL_CACHE_MB", written)]).unwrap();
        assert_eq!(settings.service.thumbnail_cache_bytes, bytes);
    }
    let shutdown = ShutdownTimes {
        drain_timeout: Duration::from_secs(25),
        pre_stop_delay: Duration::ZERO,
    };
    assert_eq!(settings.service.shutdown, shutdown);
}

#[test]
fn the_dropbox_app_is_needed_only_by_a_tenant_that_has_its_images_there() {
    let with = |pairs: &[(&str, &str)]| {
        let orchestrated = &ORCHESTRATED[..3];
        let pairs = orchestrated.iter().chain(pairs).copied();
        Settings::read(Environment::from_pairs(pairs))
    };
    let without = with(&[]).unwrap();
    assert!(!without.upstreams.has_dropbox_app);
    let note =
        "DROPBOX_APP_KEY and DROPBOX_APP_SECRET are not set: no Dropbox tenant can be served";
    assert!(without.warnings.iter().any(|it| it == note));
    let blank = with(&[("DROPBOX_APP_KEY", " "), ("DROPBOX_APP_SECRET", "")]);
    assert!(!blank.unwrap().upstreams.has_dropbox_app);
    assert!(read(&[]).unwrap().upstreams.has_dropbox_app);
    let token = [("WEB_AUTH_TOKEN", "0123456789abcdef")];
    assert_eq!(read(&token).unwrap().warnings, [""; 0]);
    let closed = read(&[]).unwrap().warnings;
    assert!(
        closed[0].starts_with("WEB_AUTH_TOKEN: ") && closed.len() == 1,
        "{closed:?}"
    );
    let among_others = [("WEB_COLOUR", "b"), ("WEB_DEBUG", "true")];
    let told = read(&among_others).unwrap().warnings;
    assert!(told[0] == closed[0] && told.len() == 3, "first: {told:?}");
    for (half, missing) in [
        ("DROPBOX_APP_KEY", "DROPBOX_APP_SECRET"),
        ("DROPBOX_APP_SECRET", "DROPBOX_APP_KEY"),
    ] {
        let told = with(&[(half, "x")]).err().unwrap().to_string();
        assert_eq!(told, format!("{missing}: is required"));
    }
    // Nor is it a problem where the orchestrator's settings have one.
    let told = Settings::read(Environment::from_pairs(ORCHESTRATED[..1].iter().copied()));
    let told = told.err().unwrap();
    assert_eq!(told.to_string(), "ORCHESTRATOR_SERVICE_TOKEN: is required");
    assert!(told.warnings().iter().any(|it| it.to_string() == note));
    let standalone = [
        ("STORAGE_PATHS", r#"{"root": "/a"}"#),
        ("DROPBOX_REFRESH_TOKEN", "r"),
    ];
    let without = Settings::read(Environment::from_pairs(standalone)).unwrap();
    assert!(!without.upstreams.has_dropbox_app);
    assert!(without.warnings.iter().any(|it| it == note));
    let local = [
        ("STORAGE_PROVIDER", "local"),
        ("STORAGE_PATHS", r#"{"root": "/a"}"#),
    ];
    let local = Settings::read(Environment::from_pairs(local)).unwrap();
    assert!(!local.warnings.iter().any(|it| it.contains("DROPBOX")));
}

#[test]
fn what_has_no_effect_or_looks_odd_is_warned_of_and_never_stops_the_start() {
    let odd = [
        ("STANDALONE_HOST", "sesame.example.org"),
        ("WEB_SESSION_SECRET", "sesame-0123456789abcdef0123456789"),
        ("WEB_AUTH_TOKEN", "\"sesame-token-0123\""),
        ("WEB_TRUST_FORWARDED_FOR", "true"),
        ("web_admin_pw", "sesame-password"),
        ("WEB_COLOUR", "sesame"),
    ];
    let told = read(&odd).unwrap().warnings;
    for (name, _) in odd {
        let mut lines = told.iter();
        assert!(
            lines.any(|line| line.starts_with(&format!("{name}: "))),
            "{name}: {told:?}"
        );
    }
    assert_eq!(told.len(), odd.len(), "{told:?}");
    assert!(!told.join("\n").contains("sesame"), "{told:?}");
}

#[test]
fn the_environment_of_the_existing_service_works_as_it_is() {
    let existing = [
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("WEB_ADMIN_PASSWORD", "open sesame"),
        (
            "DATABASE_URL",
            "postgresql+asyncpg://user:s3cret@db.example.org/ledger",
        ),
        ("AUTH0_ADMIN_EMAIL_ALLOWLIST", "jane@example.org"),
        ("AUTH0_DOMAIN", "example.auth0.com"),
        ("AUTH0_CLIENT_ID", "0123456789abcdef"),
        ("AUTH0_CLIENT_SECRET", "0123456789abcdef"),
        ("WEB_TRUST_FORWARDED_FOR", "true"),
        ("FEATURE_STORAGE_OPS_METERING", "true"),
    ];
    let settings = read(&existing).unwrap();
    let AuthSettings::Enforced(admins) = &settings.service.auth else {
        panic!("it is enforced")
    };
    assert!(admins.sessions.secret.is_some());
    assert_eq!(
        settings.warnings,
        [
            "SECRET_KEY: is taken for WEB_SESSION_SECRET: use that name",
            "DATABASE_URL: is taken for PUBLISH_LEDGER_URL: use that name",
            "AUTH0_ADMIN_EMAIL_ALLOWLIST: is taken for ADMIN_LOGIN_EMAILS: use that name",
            "WEB_TRUST_FORWARDED_FOR: is taken for TRUSTED_PROXIES=127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 \
             192.168.0.0/16 100.64.0.0/10 ::1 fc00::/7: use that name",
            "AUTH0_ADMIN_EMAIL_ALLOWLIST: whoever is on it is an admin of every tenant whose config has no `auth`",
        ]
    );
    for scheme in ["postgres", "postgresql", "postgresql+asyncpg"] {
        let url = format!("{scheme}://user@db.example.org/ledger");
        assert!(read(&[("DATABASE_URL", &url)]).is_ok(), "{scheme}");
    }
    let told = read(&[("DATABASE_URL", "mysql://sesame@h/d")])
        .err()
        .unwrap()
        .to_string();
    assert!(
        told.starts_with("PUBLISH_LEDGER_URL: ") && told.contains("DATABASE_URL"),
        "{told}"
    );
    assert!(!told.contains("sesame"), "{told}");
}

#[test]
fn every_bad_value_is_named_at_once() {
    let names = problems(&[
        ("PORT", "eighty"),
        ("SHUTDOWN_GRACE_SECONDS", "0"),
        ("MAX_CONCURRENT_REQUESTS", "0"),
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "four"),
        ("CREDENTIAL_CACHE_TTL_SECONDS", "601"),
        ("CREDENTIAL_CACHE_ENABLED", "maybe"),
        ("AI_RATE_PER_MINUTE", "0"),
        ("OPENAI_BASE_URL", "ftp://example.org"),
        ("EXTRA_CA_CERTS_FILE", "/nowhere/ca.pem"),
        ("ORCHESTRATOR_BASE_DOMAIN", "no domain"),
        ("PUBLISH_LEDGER_URL", "mysql://user:s3cret@host/ledger"),
        ("WEB_AUTH_TOKEN", "tökens"),
        ("WEB_AUTH_USER", "editor"),
        ("WEB_ADMIN_PASSWORD", "pass-phrase"),
        ("WEB_ADMIN_COOKIE_TTL_SECONDS", "59"),
        ("WEB_SECURE_COOKIES", "maybe"),
    ]);
    for name in [
        "PORT",
        "SHUTDOWN_GRACE_SECONDS",
        "MAX_CONCURRENT_REQUESTS",
        "MAX_CONCURRENT_PUBLISHES_PER_TENANT",
        "CREDENTIAL_CACHE_TTL_SECONDS",
        "CREDENTIAL_CACHE_ENABLED",
        "AI_RATE_PER_MINUTE",
        "OPENAI_BASE_URL",
        "EXTRA_CA_CERTS_FILE",
        "ORCHESTRATOR_BASE_DOMAIN",
        "PUBLISH_LEDGER_URL",
        "WEB_AUTH_TOKEN",
        "WEB_AUTH_PASS",
        "WEB_ADMIN_COOKIE_TTL_SECONDS",
        "WEB_SECURE_COOKIES",
    ] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} is not among {names:?}"
        );
    }
}

#[test]
fn the_default_domain_of_tenants_is_told_once_where_it_counts() {
    let told = |pairs: &[(&str, &str)]| {
        let settings = Settings::read(Environment::from_pairs(pairs.iter().copied())).unwrap();
        let mut warnings = settings.warnings;
        warnings.retain(|told| told.starts_with("ORCHESTRATOR_BASE_DOMAIN: "));
        warnings
    };
    let mut pairs = ORCHESTRATED.to_vec();
    pairs.retain(|(name, _)| *name != "ORCHESTRATOR_BASE_DOMAIN");
    assert_eq!(
        told(&pairs),
        [
            "ORCHESTRATOR_BASE_DOMAIN: is not set: the default shibari.photo counts as the domain of the \
             tenants' hosts; set your own"
        ]
    );
    assert_eq!(told(&ORCHESTRATED), [""; 0]);
    let alone = [
        ("STORAGE_PATHS", r#"{"root": "/q"}"#),
        ("DROPBOX_APP_KEY", "key"),
        ("DROPBOX_APP_SECRET", "secret"),
        ("DROPBOX_REFRESH_TOKEN", "token"),
    ];
    assert_eq!(told(&alone), [""; 0]);
}

#[test]
fn what_is_left_of_an_example_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Change-Me\n").unwrap();
    let path = file.path().to_str().unwrap();
    let settings = read(&[
        ("DROPBOX_APP_KEY", " change-me "),
        ("WEB_AUTH_TOKEN_FILE", path),
        // No setting: nothing is said of its value.
        ("FOREIGN", "change-me"),
    ]);
    let told = settings.unwrap().warnings;
    let about = |name: &str| told.iter().filter(|it| it.starts_with(name)).count();
    assert_eq!(
        about("DROPBOX_APP_KEY: still is `change-me`"),
        1,
        "{told:?}"
    );
    assert_eq!(
        about("WEB_AUTH_TOKEN_FILE: names a file that still says"),
        1,
        "{told:?}"
    );
    assert_eq!(about("FOREIGN"), 0, "{told:?}");
}

#[test]
fn the_source_is_chosen_by_name_or_by_presence() {
    assert_eq!(problems(&[("CONFIG_SOURCE", "file")]), ["CONFIG_SOURCE"]);
    assert!(problems(&[("CONFIG_SOURCE", "env")]).contains(&"STORAGE_PATHS".to_owned()));
    let nothing = Settings::read(Environment::from_pairs([("CONFIG_SOURCE", "orchestrator")]));
    let problems = nothing.err().unwrap().to_string();
    assert!(problems.contains("ORCHESTRATOR_BASE_URL"), "{problems}");
    assert!(
        problems.contains("ORCHESTRATOR_SERVICE_TOKEN"),
        "{problems}"
    );
}

#[test]
fn port_and_listen_address_must_agree() {
    assert_eq!(
        read(&[("PORT", "81")]).unwrap().service.listen.to_string(),
        "0.0.0.0:81"
    );
    let both = [("PORT", "81"), ("LISTEN_ADDRESS", "127.0.0.1:80")];
    assert_eq!(problems(&both), ["PORT"]);
}

#[test]
fn a_misspelt_setting_is_told_and_hinted_at_where_something_is_missing() {
    let misspelt = ("ORCHESTRATOR_BASEURL", "https://orchestrator.example.org");
    let settings = read(&[misspelt]).unwrap();
    let is_unknown = |it: &&String| it.contains("is no setting");
    let unknown: Vec<_> = settings.warnings.iter().filter(is_unknown).collect();
    assert!(
        unknown.len() == 1 && unknown[0].starts_with(misspelt.0),
        "{unknown:?}"
    );
    let alone = Settings::read(Environment::from_pairs([misspelt]));
    let told = alone.err().unwrap().to_string();
    let hint = "ORCHESTRATOR_BASEURL: is no setting of this service: \
                did you mean ORCHESTRATOR_BASE_URL?";
    assert!(told.lines().any(|line| line == hint), "{told}");
    assert!(told.contains("STORAGE_PATHS"), "{told}");
}

#[test]
fn settings_of_the_source_that_is_not_in_use_are_known_and_told() {
    let settings = read(&[("STORAGE_PATHS", "no JSON"), ("EMAIL_PASSWORD_FILE", "/no")]).unwrap();
    let names = |it: &&String| it.contains("STORAGE_PATHS") || it.contains("EMAIL_PASSWORD");
    let told: Vec<_> = settings.warnings.iter().filter(names).collect();
    let ignored =
        "EMAIL_PASSWORD_FILE STORAGE_PATHS: of the CONFIG_SOURCE that is not in use, and ignored";
    assert_eq!(told, [ignored]);
}

#[test]
fn the_pre_stop_delay_is_a_part_of_the_drain_timeout() {
    let both = [
        ("SHUTDOWN_GRACE_SECONDS", "10"),
        ("SHUTDOWN_NOTICE_SECONDS", "9"),
    ];
    let read = read(&both).unwrap().service.shutdown;
    let expected = ShutdownTimes {
        drain_timeout: Duration::from_secs(10),
        pre_stop_delay: Duration::from_secs(9),
    };
    assert_eq!(read, expected);
    for delay in ["25", "soon", "-1"] {
        let name = "SHUTDOWN_NOTICE_SECONDS";
        assert_eq!(problems(&[(name, delay)]), [name], "{delay}");
    }
}

#[test]
fn metrics_are_for_this_machine_unless_they_are_switched_off() {
    let address = |more: &[_]| {
        read(more)
            .unwrap()
            .service
            .metrics_listen
            .map(|it| it.to_string())
    };
    assert_eq!(address(&[]).as_deref(), Some("127.0.0.1:9464"));
    assert_eq!(address(&[("METRICS_LISTEN_ADDRESS", "")]), None);
    let bad = [("METRICS_LISTEN_ADDRESS", "9464")];
    assert_eq!(problems(&bad), ["METRICS_LISTEN_ADDRESS"]);
}

#[test]
fn mail_servers_are_told_the_name_that_is_set_or_a_valid_one() {
    let said = |name: &str| {
        let mut environment = Environment::from_pairs([("SMTP_EHLO_NAME", name)]);
        let said = ehlo_name(&mut environment).to_string();
        (said, environment.problem_count())
    };
    assert_eq!(said("mail.example.org"), ("mail.example.org".to_owned(), 0));
    assert_eq!(said("192.0.2.7"), ("[192.0.2.7]".to_owned(), 0));
    let (by_default, problems) = said("");
    assert!(problems == 0 && by_default.parse::<EhloName>().is_ok());
    assert_eq!(said("my_host"), (by_default, 1));
}
