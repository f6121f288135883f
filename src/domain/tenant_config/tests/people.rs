//! The block `auth`: which people it names, and that a bad one names nobody and stops nothing.

use super::*;
use crate::domain::email_address::EmailAddress;

/// Who gets confirmations by this block, and the paths that are warned of. `None` is the sender.
fn confirmed(block: &Value) -> (Option<Vec<String>>, Vec<String>) {
    let mut document = full();
    document["auth"] = block.clone();
    let (with, warnings) = validate(SchemaVersion::V2, document).unwrap();
    let people = with.people.confirmed_to();
    let shown = |people: &[EmailAddress]| people.iter().map(|it| it.expose().to_owned()).collect();
    let people = people.map(shown);
    // Whatever the block says, the rest is as it is without it.
    let rest = TenantSettings {
        people: People::Unset,
        ..with
    };
    assert_eq!(rest, settings(full()), "{block}");
    (people, warnings)
}

#[test]
fn only_a_block_that_is_on_names_people() {
    let list = json!(["jane@example.org"]);
    let jane = || Some(vec!["jane@example.org".to_owned()]);
    for (block, people) in [
        (json!(null), None),
        (json!({}), None),
        (json!({"issuer": "https://login.example.org"}), None),
        (json!({"allowed_emails": list}), None),
        (json!({"enabled": null, "allowed_emails": list}), None),
        (json!({"enabled": false}), None),
        (json!({"enabled": false, "allowed_emails": list}), None),
        (json!({"enabled": true, "allowed_emails": list}), jane()),
        (
            json!({
                "enabled": true, "allowed_emails": list, "provider": 1, "domain": ["x"],
                "client_id": {}, "audience": true, "from_the_future": 1,
            }),
            jane(),
        ),
    ] {
        assert_eq!(confirmed(&block), (people, vec![]), "{block}");
    }
}

#[test]
fn each_person_is_named_once_as_first_written() {
    let block = json!({"enabled": true, "allowed_emails": [
        " Jane <Jane@Example.org>", "joe@example.org", "jane@example.ORG", "mailto:JOE@example.org",
    ]});
    let people = ["Jane@Example.org", "joe@example.org"].map(str::to_owned);
    assert_eq!(confirmed(&block), (Some(people.into()), vec![]));
}

#[test]
fn an_empty_list_is_nobody_and_is_warned_of() {
    for block in [
        json!({"enabled": true}),
        json!({"enabled": true, "allowed_emails": null}),
        json!({"enabled": true, "allowed_emails": []}),
    ] {
        let warned = vec!["auth.allowed_emails".to_owned()];
        assert_eq!(confirmed(&block), (Some(vec![]), warned), "{block}");
    }
}

#[test]
fn a_bad_block_is_nobody_with_a_warning_that_names_the_field() {
    for (block, field) in [
        (json!(true), "auth"),
        (json!([]), "auth"),
        (json!("jane@example.org"), "auth"),
        (json!({"enabled": "yes"}), "auth.enabled"),
        (
            json!({"enabled": 1, "allowed_emails": ["jane@example.org"]}),
            "auth.enabled",
        ),
        (
            json!({"enabled": true, "allowed_emails": "jane@example.org"}),
            "auth.allowed_emails",
        ),
        (
            json!({"enabled": true, "allowed_emails": ["jane@example.org", 1]}),
            "auth.allowed_emails",
        ),
        (
            json!({"enabled": true, "allowed_emails": [null]}),
            "auth.allowed_emails",
        ),
        (
            json!({"enabled": false, "allowed_emails": {}}),
            "auth.allowed_emails",
        ),
    ] {
        assert_eq!(
            confirmed(&block),
            (Some(vec![]), vec![field.to_owned()]),
            "{block}"
        );
    }
}

#[test]
fn what_is_no_address_is_left_out_with_a_warning_that_names_its_place() {
    let block = json!({"enabled": true, "allowed_emails": [
        "jane", "joe@example.org", "", "a@b.example, c@d.example", "x@y\r\nBcc: z@y",
    ]});
    let (people, warnings) = confirmed(&block);
    assert_eq!(people, Some(vec!["joe@example.org".to_owned()]));
    let places = [0, 2, 3, 4].map(|index| format!("auth.allowed_emails[{index}]"));
    assert_eq!(warnings, places);
}

#[test]
fn a_document_of_the_first_version_has_no_such_block() {
    let mut document = full();
    document["auth"] = json!({"enabled": true, "allowed_emails": ["jane@example.org"]});
    let (settings, warnings) = validate(SchemaVersion::V1, document).unwrap();
    assert_eq!(settings.people, People::Unset);
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn nobody_is_shown() {
    let mut document = full();
    document["auth"] = json!({"enabled": true, "allowed_emails": ["jane@example.org"]});
    let settings = settings(document);
    assert!(!format!("{:?}", settings.people).contains("jane"));
}
