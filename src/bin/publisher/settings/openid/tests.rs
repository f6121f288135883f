//! The login by accounts, by what is set.

use super::*;

const CLIENT: [(&str, &str); 2] = [
    ("OIDC_CLIENT_ID", "client"),
    ("OIDC_CLIENT_SECRET", "s3same-secret"),
];

/// What is read, or the problems, and the warnings. None of them shows a secret.
fn read_of(
    chosen: Chosen,
    pairs: &[(&str, &str)],
) -> (Result<Option<AccountSettings>, Vec<String>>, Vec<String>) {
    let mut environment = Environment::from_pairs(pairs.iter().copied());
    let settings = read(&mut environment, Some(chosen));
    let warnings = environment.warnings().iter().map(ToString::to_string);
    let warnings: Vec<_> = warnings.collect();
    let outcome = environment.finish_with(Some(settings));
    let outcome = outcome.map_err(|problems| {
        let problems = problems.as_slice().iter().map(ToString::to_string);
        problems.collect::<Vec<_>>()
    });
    for text in outcome
        .as_ref()
        .err()
        .into_iter()
        .flatten()
        .chain(&warnings)
    {
        assert!(!text.contains("s3same"), "{text}");
    }
    (outcome, warnings)
}

fn with(pairs: &[(&str, &str)]) -> AccountSettings {
    let pairs: Vec<_> = CLIENT.iter().chain(pairs).copied().collect();
    read_of(Chosen::Orchestrator, &pairs).0.unwrap().unwrap()
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    read_of(Chosen::Orchestrator, pairs).0.unwrap_err()
}

#[test]
fn without_a_client_there_is_none() {
    let (settings, warnings) = read_of(Chosen::Orchestrator, &[("AUTH0_DOMAIN", " ")]);
    assert!(settings.unwrap().is_none() && warnings.is_empty());
}

#[test]
fn a_domain_is_an_issuer_with_a_slash_and_an_address_is_taken_as_it_is() {
    for (name, text, issuer) in [
        (
            "AUTH0_DOMAIN",
            "harbour.eu.auth0.com",
            "https://harbour.eu.auth0.com/",
        ),
        (
            "AUTH0_DOMAIN",
            "https://harbour.eu.auth0.com/",
            "https://harbour.eu.auth0.com/",
        ),
        (
            "OIDC_ISSUER_URL",
            "https://id.example.org",
            "https://id.example.org",
        ),
        (
            "OIDC_ISSUER_URL",
            "https://id.example.org/",
            "https://id.example.org/",
        ),
        (
            "OIDC_ISSUER_URL",
            "https://id.example.org/realms/a",
            "https://id.example.org/realms/a",
        ),
        (
            "OIDC_ISSUER_URL",
            "http://127.0.0.1:9000",
            "http://127.0.0.1:9000",
        ),
    ] {
        assert_eq!(with(&[(name, text)]).client.issuer_text, issuer);
    }
}

#[test]
fn either_name_serves_and_both_are_an_error() {
    let old = [
        ("AUTH0_DOMAIN", "harbour.eu.auth0.com"),
        ("AUTH0_CLIENT_ID", "client"),
        ("AUTH0_CLIENT_SECRET", "s3same-secret"),
    ];
    let settings = read_of(Chosen::Orchestrator, &old).0.unwrap().unwrap();
    assert_eq!(settings.client.client_id, "client");
    assert_eq!(settings.client.client_secret.expose(), "s3same-secret");
    for (name, value) in [
        ("OIDC_ISSUER_URL", "https://harbour.eu.auth0.com/"),
        ("OIDC_CLIENT_ID", "client"),
        ("OIDC_CLIENT_SECRET", "s3same-secret"),
    ] {
        let both: Vec<_> = old.into_iter().chain([(name, value)]).collect();
        let told = problems(&both);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&format!("{name}: must not be set beside AUTH0_")),
            "{told:?}"
        );
    }
}

#[test]
fn a_part_asks_for_the_rest() {
    let issuer = ("OIDC_ISSUER_URL", "https://id.example.org");
    let all = [issuer, CLIENT[0], CLIENT[1]];
    for index in 0..3 {
        let told = problems(&[all[index]]);
        let missing = all.iter().enumerate().filter(|(other, _)| *other != index);
        let missing: Vec<_> = missing.map(|(_, (name, _))| *name).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        for (problem, name) in told.iter().zip(missing) {
            assert!(
                problem.starts_with(&format!("{name}: is required")),
                "{told:?}"
            );
        }
    }
    let file = problems(&[issuer, CLIENT[0], ("OIDC_CLIENT_SECRET_FILE", "/nowhere")]);
    assert!(
        file.len() == 1 && file[0].starts_with("OIDC_CLIENT_SECRET_FILE: "),
        "{file:?}"
    );
}

#[test]
fn an_issuer_without_tls_is_refused_unless_it_is_here() {
    for issuer in [
        "http://id.example.org",
        "id.example.org",
        "https://id.example.org/?a",
        "https://u:p@id.example.org",
    ] {
        let told = problems(&[("OIDC_ISSUER_URL", issuer), CLIENT[0], CLIENT[1]]);
        assert!(
            told.len() == 1 && told[0].starts_with("OIDC_ISSUER_URL: must "),
            "{told:?}"
        );
    }
}

#[test]
fn with_an_orchestrator_the_list_is_of_every_tenant_and_the_start_says_so() {
    let list = (
        "ADMIN_LOGIN_EMAILS",
        "Jane@example.org, , joe@example.org,no address",
    );
    let issuer = ("OIDC_ISSUER_URL", "https://id.example.org");
    let pairs = [issuer, CLIENT[0], CLIENT[1], list];
    let (settings, warnings) = read_of(Chosen::Orchestrator, &pairs);
    let rules = settings.unwrap().unwrap().rules;
    let people: Vec<_> = rules
        .operators_list
        .iter()
        .map(EmailAddress::expose)
        .collect();
    assert_eq!(people, ["Jane@example.org", "joe@example.org"]);
    assert!(rules.requires_verified_email);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].starts_with("ADMIN_LOGIN_EMAILS[2]: "),
        "{warnings:?}"
    );
    assert!(
        warnings[1].contains("is an admin of every tenant"),
        "{warnings:?}"
    );
    assert!(!warnings.join("").contains("jane"));
    let (none, warnings) = read_of(Chosen::Orchestrator, &[list]);
    assert!(none.unwrap().is_none());
    assert!(
        warnings.len() == 1 && warnings[0].contains("has no effect"),
        "{warnings:?}"
    );
}

#[test]
fn of_one_tenant_from_the_environment_the_list_is_its_own() {
    let issuer = ("OIDC_ISSUER_URL", "https://id.example.org");
    let list = ("ADMIN_LOGIN_EMAILS", "jane@example.org");
    let (settings, warnings) = read_of(Chosen::Standalone, &[issuer, CLIENT[0], CLIENT[1], list]);
    assert!(settings.unwrap().unwrap().rules.operators_list.is_empty());
    assert_eq!(warnings, [""; 0]);
    let (_, warnings) = read_of(Chosen::Standalone, &[issuer, CLIENT[0], CLIENT[1]]);
    assert_eq!(
        warnings,
        ["ADMIN_LOGIN_EMAILS: names nobody: nobody is let in by OpenID Connect"]
    );
}

#[test]
fn whether_an_address_has_to_be_verified_is_set() {
    let issuer = ("OIDC_ISSUER_URL", "https://id.example.org");
    let open = ("OIDC_REQUIRE_VERIFIED_EMAIL", "false");
    assert!(!with(&[issuer, open]).rules.requires_verified_email);
    let (_, warnings) = read_of(Chosen::Orchestrator, &[open]);
    assert!(
        warnings.len() == 1 && warnings[0].contains("has no effect"),
        "{warnings:?}"
    );
}

#[test]
fn a_domain_is_no_address_and_no_path() {
    for domain in [
        "http://d.example",
        "HTTPS://d.example",
        "https://https://d.example",
        "d.example/path",
        "d.example:443",
        "u@d.example",
        "127.0.0.1",
        "[::1]",
        "d.example?x",
    ] {
        let told = problems(&[("AUTH0_DOMAIN", domain), CLIENT[0], CLIENT[1]]);
        assert!(
            told.len() == 1 && told[0].starts_with("AUTH0_DOMAIN: must be a domain name"),
            "{domain}: {told:?}"
        );
    }
}
