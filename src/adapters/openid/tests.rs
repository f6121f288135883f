//! Tests over real sockets, against the sandbox's issuer.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use publisher_sandbox::{Fault, Issuer, IssuerAccount, Signer};
use serde_json::{Value, json};

use super::*;

const JANE: &str = "jane@example.org";

/// A clock that is put forward.
struct TestClock {
    started: (Instant, SystemTime),
    ahead: AtomicU64,
}

impl TestClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the issuer runs by the clock of this machine"
    )]
    fn new() -> Self {
        Self {
            started: (Instant::now(), SystemTime::now()),
            ahead: AtomicU64::new(0),
        }
    }

    fn put_forward(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    fn ahead(&self) -> Duration {
        Duration::from_secs(self.ahead.load(Ordering::Relaxed))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.started.0 + self.ahead()
    }

    fn utc(&self) -> SystemTime {
        self.started.1 + self.ahead()
    }
}

/// An issuer with Jane, and a client of it.
struct Desk {
    issuer: Issuer,
    clock: Arc<TestClock>,
    client: OpenIdClient,
}

fn redirect() -> Url {
    Url::parse("http://alice.sandbox.localhost:8080/auth/callback").unwrap()
}

impl Desk {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut OpenIdSettings)) -> Self {
        let issuer = Issuer::start().await.unwrap();
        issuer.add_account(IssuerAccount::new("jane", JANE));
        let settings: HashMap<_, _> = issuer.environment().into_iter().collect();
        let mut settings = OpenIdSettings {
            issuer: ServiceUrl::parse(&settings["OIDC_ISSUER_URL"]).unwrap(),
            issuer_text: settings["OIDC_ISSUER_URL"].clone(),
            client_id: settings["OIDC_CLIENT_ID"].clone(),
            client_secret: Secret::new(settings["OIDC_CLIENT_SECRET"].clone()),
        };
        change(&mut settings);
        let clock = Arc::new(TestClock::new());
        let client = OpenIdClient::new(settings, &ExtraRoots::default(), Arc::clone(&clock) as _);
        Self {
            issuer,
            clock,
            client: client.unwrap(),
        }
    }

    async fn begin(&self) -> BegunLogin {
        self.client.begin(&redirect()).await.unwrap()
    }

    /// What the browser of a person brings back.
    async fn log_in_as(&self, name: &str, begun: &BegunLogin) -> HashMap<String, String> {
        let mut url = begun.url.clone();
        url.query_pairs_mut().append_pair("account", name);
        let http = http_client::build(TIMEOUT, &ExtraRoots::default()).unwrap();
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let location = answer.headers()["location"].to_str().unwrap();
        let back = Url::parse(location).unwrap();
        assert_eq!(back.path(), "/auth/callback");
        back.query_pairs().into_owned().collect()
    }

    async fn finish_with(
        &self,
        returned: &HashMap<String, String>,
        checks: &LoginChecks,
    ) -> Result<Identity, IdentityError> {
        let answer = LoginAnswer {
            code: Secret::new(returned["code"].clone()),
            issuer: returned.get("iss").cloned(),
        };
        self.client.finish(answer, &redirect(), checks).await
    }

    /// A whole login.
    async fn login(&self) -> Result<Identity, IdentityError> {
        let begun = self.begin().await;
        let returned = self.log_in_as("jane", &begun).await;
        self.finish_with(&returned, &begun.checks).await
    }

    /// The cause for which a login proves nothing.
    async fn refused(&self) -> String {
        match self.login().await {
            Err(IdentityError::Refused(cause)) => cause.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn calls(&self, operation: &str) -> usize {
        self.issuer.switches().calls(operation)
    }
}

#[tokio::test]
async fn a_person_logs_in_by_a_code_that_only_this_login_can_redeem() {
    let desk = Desk::new().await;
    let begun = desk.begin().await;
    let query: HashMap<_, _> = begun.url.query_pairs().into_owned().collect();
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["scope"], "openid email profile");
    assert_eq!(query["redirect_uri"], redirect().as_str());
    assert_eq!(query["state"], begun.checks.state.expose());
    assert_eq!(query["nonce"], begun.checks.nonce.expose());
    assert!(!begun.url.as_str().contains(begun.checks.verifier.expose()));
    let returned = desk.log_in_as("jane", &begun).await;
    assert_eq!(returned["state"], begun.checks.state.expose());
    let identity = desk.finish_with(&returned, &begun.checks).await.unwrap();
    assert_eq!(identity.subject.expose(), "sandbox|jane");
    assert_eq!(identity.email.unwrap().expose(), JANE);
    assert!(identity.email_verified);
    assert_eq!(desk.calls("user_info"), 0);
    let other = desk.begin().await;
    assert_ne!(other.checks.state.expose(), begun.checks.state.expose());
}

#[tokio::test]
async fn keys_of_each_kind_are_accepted() {
    let desk = Desk::new().await;
    for signer in [Signer::EllipticCurve, Signer::Rsa] {
        desk.issuer.sign_by(signer);
        // The key may be newer than what is known.
        desk.clock.put_forward(KEYS_KEPT);
        assert!(desk.login().await.is_ok(), "{signer:?}");
    }
}

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
    let elsewhere = Url::parse("http://bob.sandbox.localhost:8080/auth/callback").unwrap();
    assert!(refused(
        desk.client.finish(answer, &elsewhere, &begun.checks).await
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
async fn the_provider_is_asked_what_it_is_once_an_hour() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        assert!(desk.login().await.is_ok());
    }
    assert_eq!((desk.calls("discovery"), desk.calls("keys")), (1, 1));
    desk.clock.put_forward(KEPT);
    desk.begin().await;
    assert_eq!((desk.calls("discovery"), desk.calls("keys")), (2, 2));
}

#[tokio::test]
async fn a_new_key_is_asked_for_at_once_and_at_most_once_a_minute() {
    let desk = Desk::new().await;
    desk.begin().await;
    desk.clock.put_forward(KEYS_KEPT);
    desk.issuer.rotate_keys().unwrap();
    assert!(desk.login().await.is_ok());
    assert_eq!(desk.calls("keys"), 2);
    desk.issuer.sign_by(Signer::UnknownKey);
    for _ in 0..5 {
        desk.refused().await;
    }
    assert_eq!(desk.calls("keys"), 2, "within the minute");
    desk.clock.put_forward(KEYS_KEPT);
    desk.refused().await;
    assert_eq!(desk.calls("keys"), 3);
}

#[tokio::test]
async fn the_address_may_be_told_apart_from_the_proof() {
    let desk = Desk::new().await;
    desk.issuer.set_terse(true);
    let identity = desk.login().await.unwrap();
    assert_eq!(identity.email.unwrap().expose(), JANE);
    assert!(identity.email_verified);
    assert_eq!(desk.calls("user_info"), 1);

    let answer = |body: &Value| Fault::json(200, body);
    let other = answer(&json!({"sub": "sandbox|joe", "email": JANE, "email_verified": true}));
    desk.issuer.switches().inject("user_info", other);
    assert!(desk.refused().await.contains("another person"));
    desk.issuer
        .switches()
        .inject("user_info", Fault::json(500, &json!({})));
    assert!(matches!(
        desk.login().await,
        Err(IdentityError::Unavailable(_))
    ));
    desk.issuer.edit_discovery(|it| {
        it.as_object_mut().unwrap().remove("userinfo_endpoint");
    });
    desk.clock.put_forward(KEPT);
    assert_eq!(desk.login().await.unwrap().email, None);
}

#[tokio::test]
async fn addresses_are_taken_as_they_are_and_verified_where_the_provider_says_so() {
    let desk = Desk::new().await;
    for (claims, email, is_verified) in [
        (
            json!({"email": JANE, "email_verified": true}),
            Some(JANE),
            true,
        ),
        (
            json!({"email": JANE, "email_verified": "true"}),
            Some(JANE),
            true,
        ),
        (
            json!({"email": JANE, "email_verified": "false"}),
            Some(JANE),
            false,
        ),
        (
            json!({"email": JANE, "email_verified": false}),
            Some(JANE),
            false,
        ),
        (
            json!({"email": JANE, "email_verified": null}),
            Some(JANE),
            false,
        ),
        (
            json!({"email": "Evil <jane@example.org>", "email_verified": true}),
            None,
            true,
        ),
        (
            json!({"email": "jane@example.org ", "email_verified": true}),
            None,
            true,
        ),
        (
            json!({"email": "no address", "email_verified": true}),
            None,
            true,
        ),
    ] {
        let shown = claims.to_string();
        desk.issuer.edit_claims(move |all| {
            for (name, value) in claims.as_object().unwrap() {
                all[name] = value.clone();
            }
        });
        let identity = desk.login().await.unwrap();
        let told = identity.email.as_ref().map(EmailAddress::expose);
        assert_eq!(
            (told, identity.email_verified),
            (email, is_verified),
            "{shown}"
        );
    }
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
        let begun = desk.client.begin(&redirect()).await;
        assert!(
            matches!(begun, Err(IdentityError::Unavailable(_))),
            "{operation} {fault:?}"
        );
    }
    desk.issuer.server().stop_listening().await;
    assert!(desk.client.begin(&redirect()).await.is_err());
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
        let begun = desk.client.begin(&redirect()).await;
        let Err(IdentityError::Unavailable(cause)) = begun else {
            panic!("{name} {address}");
        };
        assert!(cause.to_string().contains("not https"), "{cause}");
    }
    desk.issuer.edit_discovery(|it| {
        it.as_object_mut().unwrap().remove("token_endpoint");
    });
    assert!(desk.client.begin(&redirect()).await.is_err());
}

#[tokio::test]
async fn the_client_proves_itself_as_the_provider_takes_it() {
    let desk = Desk::new().await;
    assert!(desk.login().await.is_ok());
    let request = desk.issuer.switches().requests("token").pop().unwrap();
    assert!(
        request
            .header("authorization")
            .is_some_and(|it| it.starts_with("Basic "))
    );
    desk.issuer.edit_discovery(|it| {
        it["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    });
    desk.clock.put_forward(KEPT);
    assert!(desk.login().await.is_ok());
    let request = desk.issuer.switches().requests("token").pop().unwrap();
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_to_mend_and_is_not_told() {
    let desk =
        Desk::with(|settings| settings.client_secret = Secret::new("s3same".to_owned())).await;
    let cause = desk.refused().await;
    assert!(
        cause.contains("OIDC_CLIENT_SECRET") && !cause.contains("s3same"),
        "{cause}"
    );
    let settings = format!("{:?}", desk.client.client_secret);
    assert!(!settings.contains("s3same"));
}
