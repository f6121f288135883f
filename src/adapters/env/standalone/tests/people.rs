//! Who gets the confirmations: `ADMIN_LOGIN_EMAILS`.

use super::*;
use crate::adapters::env::SettingProblems;

/// The recipients of confirmations; `None` is the sender.
async fn confirmed(list: &'static str) -> Option<Vec<String>> {
    let tenant = tenant(&FULL, &[("ADMIN_LOGIN_EMAILS", list)]).unwrap();
    let settings = settings(&tenant).await;
    let people = settings.people.confirmed_to()?.iter();
    Some(people.map(|it| it.expose().to_owned()).collect())
}

fn told(changes: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let pairs = FULL.iter().chain(changes).copied();
    let mut environment = Environment::from_pairs(pairs);
    let _ = StandaloneTenant::from_environment(&mut environment, spec);
    let warnings = environment.warnings().iter().map(ToString::to_string);
    let warnings = warnings.filter(|it| it.contains("ADMIN_LOGIN_EMAILS"));
    let warnings = warnings.collect();
    let problems = environment.finish().err();
    let problems = problems.iter().flat_map(SettingProblems::as_slice);
    (problems.map(ToString::to_string).collect(), warnings)
}

#[tokio::test]
async fn the_admins_get_the_confirmations_where_they_are_named() {
    for unset in ["", " ", ",", " , ,"] {
        assert_eq!(confirmed(unset).await, None, "{unset:?}");
    }
    assert_eq!(
        confirmed(" Jane@Example.org ,joe@example.org,,JANE@example.org,").await,
        Some(vec![
            "Jane@Example.org".to_owned(),
            "joe@example.org".to_owned()
        ])
    );
    assert_eq!(
        told(&[("ADMIN_LOGIN_EMAILS", "jane@example.org")]),
        (vec![], vec![])
    );
}

#[test]
fn an_entry_that_is_no_address_is_named_by_its_place() {
    let list = (
        "ADMIN_LOGIN_EMAILS",
        "jane@example.org,sesame, joe@example.org",
    );
    let (problems, warnings) = told(&[list]);
    assert_eq!(
        problems,
        ["ADMIN_LOGIN_EMAILS[1]: must be one e-mail address; the entry is ignored"]
    );
    assert_eq!(warnings, [""; 0]);
    // Where no mail is sent, it stops nothing.
    let without_mail = [
        list,
        ("PUBLISHERS", r#"[{"type": "telegram", "channel_id": 1}]"#),
        ("EMAIL_SERVER", ""),
        ("EMAIL_PASSWORD", ""),
    ];
    let (problems, warnings) = told(&without_mail);
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        warnings,
        [
            "ADMIN_LOGIN_EMAILS: has no effect: PUBLISHERS has no email entry, and there is no login by OpenID \
             Connect",
            "ADMIN_LOGIN_EMAILS[1]: must be one e-mail address; the entry is ignored (it has no effect now)",
        ]
    );
}
