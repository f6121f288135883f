//! Tests over real sockets, against the sandbox's issuer.

mod refusing;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use publisher_sandbox::{Fault, Issuer, IssuerAccount, Signer};
use serde_json::{Value, json};
use url::Url;

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

const REDIRECT: &str = "http://alice.sandbox.localhost:8080/auth/callback";

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
        self.client.begin(REDIRECT).await.unwrap()
    }

    /// What the browser of a person brings back.
    async fn log_in_as(&self, name: &str, begun: &BegunLogin) -> HashMap<String, String> {
        let mut url = Url::parse(&begun.url).unwrap();
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
        self.client.finish(answer, REDIRECT, checks).await
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
    let url = Url::parse(&begun.url).unwrap();
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["scope"], "openid email profile");
    assert_eq!(query["redirect_uri"], REDIRECT);
    assert_eq!(query["state"], begun.checks.state.expose());
    assert_eq!(query["nonce"], begun.checks.nonce.expose());
    assert!(!begun.url.contains(begun.checks.verifier.expose()));
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
