//! What proves nothing, and providers that cannot be used.

use super::*;

#[tokio::test]
async fn what_is_signed_wrongly_proves_nothing() {
    let desk = Desk::new().await;
    for (signer, why) in [
        (Signer::Stranger, "its signature is wrong"),
        (Signer::UnknownKey, "unknown key"),
        (Signer::ClientSecret, "not signed by a key pair"),
        (Signer::PublicKey, "not signed by a key pair"),
        (Signer::Nothing, "not signed by a key pair"),
    ] {
        desk.issuer.sign_by(signer);
        let cause = desk.refused().await;
        assert!(cause.contains(why), "{signer:?}: {cause}");
    }
}

#[tokio::test]
async fn what_is_for_somebody_or_something_else_proves_nothing() {
    let desk = Desk::new().await;
    let claims: [(&'static str, Value, &str); 12] = [
        ("aud", json!("another-client"), "another client"),
        ("aud", json!([]), "another client"),
        ("aud", json!(["another-client", "third"]), "another client"),
        ("azp", json!("another-client"), "another client"),
        ("iss", json!("https://issuer.example.org"), "another issuer"),
        ("iss", json!(null), "not one of OpenID Connect"),
        ("nonce", json!("another"), "another login"),
        ("nonce", json!(null), "another login"),
        ("exp", json!(1_700_000_000), "expired"),
        ("exp", json!(null), "not one of OpenID Connect"),
        ("sub", json!(null), "not one of OpenID Connect"),
        ("sub", json!("s".repeat(256)), "the subject is none"),
    ];
    for (name, value, why) in claims {
        let shown = format!("{name} {value}");
        desk.issuer.edit_claims(move |claims| {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        });
        let cause = desk.refused().await;
        assert!(cause.contains(why), "{shown}: {cause}");
        assert!(!cause.contains("another-client"), "{cause}");
    }
    desk.issuer.be_honest();
    assert!(desk.login().await.is_ok());
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_own_login() {
    let desk = Desk::new().await;
    let refused = |outcome: Result<Identity, IdentityError>| matches!(outcome, Err(IdentityError::Refused(cause)) if cause.to_string().contains("the code"));
    let (begun, other) = (desk.begin().await, desk.begin().await);
    let returned = desk.log_in_as("jane", &begun).await;
    assert!(refused(desk.finish_with(&returned, &other.checks).await));
    let returned = desk.log_in_as("jane", &begun).await;
    assert!(desk.finish_with(&returned, &begun.checks).await.is_ok());
    assert!(refused(desk.finish_with(&returned, &begun.checks).await));
    let mut returned = desk.log_in_as("jane", &begun).await;
    let answer = LoginAnswer {
        code: Secret::new(returned["code"].clone()),
        issuer: None,
    };
    let elsewhere = "http://bob.sandbox.localhost:8080/auth/callback";
    assert!(refused(
        desk.client.finish(answer, elsewhere, &begun.checks).await
    ));
    returned.insert("iss".to_owned(), "https://issuer.example.org".to_owned());
    let before = desk.calls("token");
    let outcome = desk.finish_with(&returned, &begun.checks).await;
    assert!(matches!(outcome, Err(IdentityError::Refused(_))));
    assert_eq!(
        desk.calls("token"),
        before,
        "nobody is asked for another issuer"
    );
}

#[tokio::test]
async fn a_provider_that_is_down_or_odd_is_unavailable_and_the_next_login_asks_again() {
    let desk = Desk::new().await;
    let switches = desk.issuer.switches();
    for (operation, fault) in [
        ("discovery", Fault::json(500, &json!({}))),
        ("discovery", Fault::json(404, &json!({}))),
        (
            "discovery",
            Fault::json(200, &json!({"issuer": "https://issuer.example.org"})),
        ),
        ("discovery", Fault::json(200, &json!([]))),
        ("discovery", Fault::MalformedBody),
        ("discovery", Fault::TruncatedBody),
        ("discovery", Fault::ResetAfterRequest),
        ("keys", Fault::json(503, &json!({}))),
        ("keys", Fault::MalformedBody),
    ] {
        switches.inject(operation, fault.clone());
        let begun = desk.client.begin(REDIRECT).await;
        assert!(
            matches!(
                begun,
                Err(IdentityError::Unavailable(_) | IdentityError::Unusable(_))
            ),
            "{operation} {fault:?}"
        );
    }
    desk.issuer.server().stop_listening().await;
    assert!(desk.client.begin(REDIRECT).await.is_err());
    desk.issuer.server().listen_again().await.unwrap();
    assert!(desk.login().await.is_ok());
    for fault in [Fault::json(500, &json!({})), Fault::ResetAfterRequest] {
        switches.inject("token", fault.clone());
        assert!(
            matches!(desk.login().await, Err(IdentityError::Unavailable(_))),
            "{fault:?}"
        );
    }
    for fault in [
        Fault::json(200, &json!({"access_token": "a", "token_type": "Bearer"})),
        Fault::json(200, &json!({})),
        Fault::MalformedBody,
    ] {
        switches.inject("token", fault.clone());
        assert!(
            matches!(desk.login().await, Err(IdentityError::Refused(_))),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_elsewhere_in_its_own_words_is_not_followed() {
    let desk = Desk::new().await;
    for (name, address) in [
        ("token_endpoint", "http://issuer.example.org/token"),
        ("token_endpoint", "ftp://127.0.0.1/token"),
        (
            "authorization_endpoint",
            "http://issuer.example.org/authorize",
        ),
        ("jwks_uri", "http://issuer.example.org/keys"),
    ] {
        desk.issuer
            .edit_discovery(move |it| it[name] = json!(address));
        let begun = desk.client.begin(REDIRECT).await;
        let Err(IdentityError::Unusable(cause)) = begun else {
            panic!("{name} {address}");
        };
        assert!(cause.to_string().contains("not https"), "{cause}");
    }
    desk.issuer.edit_discovery(|it| {
        it.as_object_mut().unwrap().remove("token_endpoint");
    });
    assert!(desk.client.begin(REDIRECT).await.is_err());
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_to_mend_and_is_not_told() {
    let desk =
        Desk::with(|settings| settings.client_secret = Secret::new("s3same".to_owned())).await;
    let Err(IdentityError::Unusable(cause)) = desk.login().await else {
        panic!("the client is refused");
    };
    let cause = cause.to_string();
    assert!(
        cause.contains("OIDC_CLIENT_SECRET") && !cause.contains("s3same"),
        "{cause}"
    );
    let settings = format!("{:?}", desk.client.client_secret);
    assert!(!settings.contains("s3same"));
}
