//! Logins on a mocked provider, with every call counted.

use serde_json::json;

use super::*;
use crate::{
    app::usecases::fixtures::TenantFixture,
    domain::{
        identity::{Identity, Subject},
        secret::Secret,
    },
    ports::MockIdentityProvider,
};

const JANE: &str = "jane@example.org";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn checks() -> LoginChecks {
    LoginChecks {
        state: secret("state"),
        nonce: secret("nonce"),
        verifier: secret("verifier"),
    }
}

fn answer() -> LoginAnswer {
    LoginAnswer {
        code: secret("code"),
        issuer: None,
    }
}

const REDIRECT: &str = "https://alice.example.org/auth/callback";

fn identity(email: Option<&str>, email_verified: bool) -> Identity {
    Identity {
        subject: Subject::new("auth0|1".to_owned()).unwrap(),
        email: email.and_then(EmailAddress::parse),
        email_verified,
    }
}

/// A tenant with this block.
fn tenant(auth: &serde_json::Value) -> Arc<Tenant> {
    let mut fixture = TenantFixture::new();
    fixture.document["auth"] = auth.clone();
    fixture.build()
}

fn with_jane() -> Arc<Tenant> {
    tenant(&json!({"enabled": true, "allowed_emails": [JANE]}))
}

fn log_in(provider: MockIdentityProvider) -> LogIn {
    let rules = LoginRules {
        operators_list: vec![],
        requires_verified_email: true,
    };
    LogIn::new(Arc::new(provider), rules)
}

/// A provider that is asked once who it is.
fn finishing(with: impl Fn() -> Result<Identity, IdentityError> + Send + 'static) -> LogIn {
    let mut provider = MockIdentityProvider::new();
    provider
        .expect_finish()
        .times(1)
        .withf(|answer, to, checks| {
            answer.code.expose() == "code" && to == REDIRECT && checks.nonce.expose() == "nonce"
        })
        .returning(move |_, _, _| with());
    log_in(provider)
}

async fn finished(log_in: LogIn, tenant: &Tenant) -> Result<Member, LoginRefusal> {
    log_in.finish(tenant, answer(), REDIRECT, &checks()).await
}

#[tokio::test]
async fn who_is_on_the_list_is_let_in() {
    let log_in = finishing(|| Ok(identity(Some("Jane@Example.org"), true)));
    let member = finished(log_in, &with_jane()).await.unwrap();
    assert_eq!(member.email.expose(), "Jane@Example.org");
    assert_eq!(member.subject.expose(), "auth0|1");
}

#[tokio::test]
async fn who_is_not_is_told_why() {
    for (email, is_verified, refusal) in [
        (Some("joe@example.org"), true, LoginRefusal::AccessDenied),
        (Some(JANE), false, LoginRefusal::EmailNotVerified),
        (None, true, LoginRefusal::NoEmail),
    ] {
        let log_in = finishing(move || Ok(identity(email, is_verified)));
        assert_eq!(finished(log_in, &with_jane()).await, Err(refusal));
    }
}

#[tokio::test]
async fn what_the_provider_does_not_prove_is_no_login() {
    let unavailable = || Err(IdentityError::Unavailable("away".into()));
    let refused = || Err(IdentityError::Refused("forged".into()));
    for (log_in, refusal) in [
        (finishing(unavailable), LoginRefusal::ProviderUnavailable),
        (finishing(refused), LoginRefusal::CallbackFailed),
    ] {
        let outcome = finished(log_in, &with_jane()).await;
        assert_eq!(outcome, Err(refusal));
        assert_eq!(refusal.code(), "callback_failed");
    }
}

#[tokio::test]
async fn the_provider_is_not_asked_for_a_tenant_without_this_login() {
    for block in [
        json!(null),
        json!({"enabled": false, "allowed_emails": [JANE]}),
    ] {
        let tenant = tenant(&block);
        // Neither call is expected.
        let log_in = log_in(MockIdentityProvider::new());
        assert!(!log_in.is_on(&tenant));
        let begun = log_in.begin(&tenant, REDIRECT).await;
        assert_eq!(begun.unwrap_err(), LoginRefusal::NotConfigured);
        let outcome = finished(log_in, &tenant).await;
        assert_eq!(outcome, Err(LoginRefusal::NotConfigured));
    }
}

#[tokio::test]
async fn a_bad_block_lets_nobody_in_and_the_tenant_is_served() {
    let tenant = tenant(&json!({"enabled": true, "allowed_emails": JANE}));
    let log_in = finishing(|| Ok(identity(Some(JANE), true)));
    assert!(!log_in.still_admits(&tenant, &EmailAddress::parse(JANE).unwrap()));
    assert_eq!(
        finished(log_in, &tenant).await,
        Err(LoginRefusal::AccessDenied)
    );
}

#[tokio::test]
async fn a_login_begins_at_the_provider() {
    let mut provider = MockIdentityProvider::new();
    provider
        .expect_begin()
        .times(2)
        .withf(|to| to == REDIRECT)
        .returning(|_| {
            Ok(BegunLogin {
                url: "https://issuer.example.org/authorize".to_owned(),
                checks: checks(),
            })
        });
    let log_in = log_in(provider);
    let begun = log_in.begin(&with_jane(), REDIRECT).await.unwrap();
    assert_eq!(begun.url, "https://issuer.example.org/authorize");
    let nobody = tenant(&json!({"enabled": true, "allowed_emails": []}));
    assert!(log_in.begin(&nobody, REDIRECT).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_of() {
    let mut provider = MockIdentityProvider::new();
    let away = |_: &str| Err(IdentityError::Unavailable("away".into()));
    provider.expect_begin().times(1).returning(away);
    let begun = log_in(provider).begin(&with_jane(), REDIRECT).await;
    assert_eq!(begun.unwrap_err(), LoginRefusal::ProviderUnavailable);
}
