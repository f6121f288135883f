//! Who is not let in, and what each attack on a login comes to. The table is in `docs/people.md`.

use publisher_sandbox::{Fault, IssuerAccount, Signer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::Answer,
    people::{JANE, Place},
};

const FAILED: &str = "/?auth_error=callback_failed";

#[tokio::test]
async fn who_may_not_enter_is_told_why() {
    let place = Place::new().await;
    let issuer = &place.sandbox.issuer;
    let account = |name: &str, email: Option<&str>, is_verified| IssuerAccount {
        email: email.map(str::to_owned),
        email_verified: is_verified,
        ..IssuerAccount::new(name, "")
    };
    issuer.add_account(account("una", Some(JANE), Some(false)));
    issuer.add_account(account("ursa", Some(JANE), None));
    issuer.add_account(account("noel", None, None));
    let service = place.service(&[]).await;
    for (name, error) in [
        ("joe", "access_denied"),
        ("una", "email_not_verified"),
        ("ursa", "email_not_verified"),
        ("noel", "no_email_provided"),
        // Who denies.
        ("", "access_denied"),
    ] {
        let mut browser = place.browser(&service);
        assert_eq!(
            browser.log_in(name).await,
            format!("/?auth_error={error}"),
            "{name}"
        );
        assert!(browser.cookies.is_empty(), "{name}");
    }
    service.kill().await;
    let service = place
        .service(&[("OIDC_REQUIRE_VERIFIED_EMAIL", "false")])
        .await;
    assert_eq!(place.browser(&service).log_in("una").await, "/");
}

#[tokio::test]
async fn a_proof_that_is_none_lets_nobody_in() {
    let place = Place::new().await;
    let issuer = &place.sandbox.issuer;
    let service = place.service(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let mut browser = place.browser(&service);
    for signer in [
        Signer::Stranger,
        Signer::UnknownKey,
        Signer::ClientSecret,
        Signer::Nothing,
    ] {
        issuer.sign_by(signer);
        assert_eq!(browser.log_in("jane").await, FAILED, "{signer:?}");
    }
    issuer.be_honest();
    // The client has come back too often without a login, whatever it brings now.
    issuer.edit_claims(|claims| claims["aud"] = json!("another"));
    assert_eq!(browser.log_in("jane").await, FAILED);
    issuer.be_honest();
    let tokens = issuer.switches().calls("token");
    assert_eq!(browser.log_in("jane").await, FAILED);
    assert_eq!(issuer.switches().calls("token"), tokens, "nobody is asked");
    service
        .logged("too many logins with accounts were not completed")
        .await;
    service.kill().await;

    let claims: [(&'static str, Value); 5] = [
        ("aud", json!("another-client")),
        ("iss", json!("https://issuer.example.org")),
        ("nonce", json!("another")),
        ("exp", json!(1_700_000_000)),
        ("azp", json!("another-client")),
    ];
    // Each from another place: the last is the one that succeeds.
    let service = place.service(&[]).await;
    for (name, value) in claims.into_iter().take(4) {
        issuer.edit_claims(move |claims| claims[name] = value.clone());
        assert_eq!(
            place.browser(&service).log_in("jane").await,
            FAILED,
            "{name}"
        );
    }
    issuer.be_honest();
    assert_eq!(place.browser(&service).log_in("jane").await, "/");
}

#[tokio::test]
async fn an_answer_to_another_login_or_to_none_is_refused() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    let mut browser = place.browser(&service);
    let back = browser.returned("jane", "/").await;
    let (state, code) = (parameter(&back, "state"), parameter(&back, "code"));

    // Without the cookie of the login: another browser was made to log in as somebody else.
    let mut other = place.browser(&service);
    assert_eq!(other.led(&back).await, FAILED);
    // With the cookie of a login of its own.
    other.returned("jane", "/").await;
    assert_eq!(other.led(&back).await, FAILED);
    for path in [
        format!("/auth/callback?code={code}&state=another"),
        format!("/auth/callback?code={code}"),
        "/auth/callback".to_owned(),
    ] {
        let mut browser = browser.clone();
        assert_eq!(browser.led(&path).await, FAILED, "{path}");
        assert!(
            !browser.cookies.is_empty(),
            "the answer is to no login of this browser"
        );
    }
    for path in [
        format!("/auth/callback?state={state}"),
        format!("/auth/callback?state={state}&error=server_error"),
        format!("/auth/callback?state={state}&code={code}&iss=https://issuer.example.org"),
    ] {
        let mut browser = browser.clone();
        assert_eq!(browser.led(&path).await, FAILED, "{path}");
        assert!(browser.cookies.is_empty(), "a login is answered once");
    }
    // A cookie that was changed.
    let mut forged = browser.clone();
    let sealed = forged.cookies.get_mut("__Host-pv2_login").unwrap();
    let last = if sealed.ends_with('A') { "B" } else { "A" };
    sealed.replace_range(sealed.len() - 1.., last);
    assert_eq!(forged.led(&back).await, FAILED);

    let again = browser.clone();
    assert_eq!(browser.led(&back).await, "/");
    // Again: the cookie is gone, and where it was kept, the code is spent.
    assert_eq!(browser.led(&back).await, FAILED);
    assert_eq!(again.clone().led(&back).await, FAILED);
}

#[tokio::test]
async fn of_two_logins_in_one_browser_the_later_one_can_be_finished() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    let mut browser = place.browser(&service);
    let first = browser.returned("jane", "/").await;
    let second = browser.returned("jane", "/docs").await;
    assert_eq!(browser.led(&first).await, FAILED);
    assert_eq!(browser.led(&second).await, "/docs");
    assert_eq!(browser.status().await["email"], JANE);
}

#[tokio::test]
async fn cookies_without_the_prefix_are_no_login_and_no_session_of_a_person() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    let mut browser = place.browser(&service);
    let back = browser.returned("jane", "/").await;
    let mut tossed = browser.clone();
    let sealed = tossed.cookies.remove("__Host-pv2_login").unwrap();
    tossed.cookies.insert("pv2_login".to_owned(), sealed);
    assert_eq!(tossed.led(&back).await, FAILED);
    assert_eq!(browser.led(&back).await, "/");
    let session = browser.cookies.remove("__Host-pv2_admin").unwrap();
    browser.cookies.insert("pv2_admin".to_owned(), session);
    assert_eq!(browser.status().await["admin"], false);
}

#[tokio::test]
async fn an_outage_of_the_provider_is_no_guessing_and_many_at_once_are() {
    let place = Place::new().await;
    let switches = place.sandbox.issuer.switches();
    let service = place.service(&[]).await;
    switches.inject_times("token", 6, Fault::json(503, &json!({})));
    for _ in 0..6 {
        assert_eq!(place.browser(&service).log_in("jane").await, FAILED);
    }
    assert_eq!(place.browser(&service).log_in("jane").await, "/");

    let mut browser = place.browser(&service);
    let back = browser.returned("jane", "/").await;
    let issuer = &place.sandbox.issuer;
    issuer.edit_claims(|claims| claims["aud"] = json!("another"));
    let before = switches.calls("token");
    let tries = (0..20).map(|_| {
        let (mut browser, back) = (browser.clone(), back.clone());
        async move { browser.led(&back).await }
    });
    futures_util::future::join_all(tries).await;
    assert_eq!(switches.calls("token") - before, 5);
}

#[tokio::test]
async fn a_login_leads_to_no_other_host() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    for return_to in [
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "/auth/logout",
    ] {
        let mut browser = place.browser(&service);
        let back = browser.returned("jane", return_to).await;
        assert_eq!(browser.led(&back).await, "/", "{return_to}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_stops_neither_the_start_nor_other_logins() {
    let place = Place::new().await;
    let issuer = &place.sandbox.issuer;
    issuer.server().stop_listening().await;
    let service = place.service(&[]).await;
    let mut browser = place.browser(&service);
    assert_eq!(browser.led("/auth/login").await, FAILED);
    assert!(browser.cookies.is_empty());
    let token = place.sandbox.web_token();
    let list = service
        .request(Method::GET, browser.host, "/api/publications")
        .bearer_auth(token);
    assert_eq!(Answer::to(list).await.status, 200);
    issuer.server().listen_again().await.unwrap();
    assert_eq!(browser.log_in("jane").await, "/");
    issuer.server().stop_listening().await;
    assert_eq!(
        browser.status().await["email"],
        JANE,
        "a session asks nobody"
    );

    issuer.server().listen_again().await.unwrap();
    let mut browser = place.browser(&service);
    issuer
        .switches()
        .inject("token", Fault::json(500, &json!({})));
    assert_eq!(browser.log_in("jane").await, FAILED);
    let metrics = service.metrics().await.text;
    assert!(metrics.contains("upstream=\"openid\""), "{metrics}");
}

#[tokio::test]
async fn without_a_client_or_a_list_the_tenant_is_served_and_there_is_no_login() {
    let place = Place::new().await;
    let environment = place.sandbox.environment();
    let service = crate::harness::Service::start_with(environment, &[]).await;
    let mut browser = place.browser(&service);
    let features = browser.open("/api/config/features").await.json();
    assert_eq!(
        (&features["auth_mode"], &features["auth_methods"]),
        (&json!("none"), &json!(["bearer"]))
    );
    assert_eq!(
        browser.led("/auth/login").await,
        "/?auth_error=auth_not_configured"
    );
    assert_eq!(
        browser.led("/auth/callback?code=a&state=b").await,
        "/?auth_error=auth_not_configured"
    );
    service.logged("people of the tenant cannot log in").await;
    service.kill().await;

    for block in [
        json!({"enabled": true, "allowed_emails": []}),
        json!({"enabled": "yes", "allowed_emails": [JANE]}),
        json!({"enabled": true, "allowed_emails": JANE}),
    ] {
        let place = Place::with(block.clone()).await;
        let service = place.service(&[]).await;
        let mut browser = place.browser(&service);
        assert_eq!(
            browser.log_in("jane").await,
            "/?auth_error=access_denied",
            "{block}"
        );
        assert_eq!(browser.open("/api/config/publishers").await.status, 200);
    }
}

#[tokio::test]
async fn a_host_of_no_tenant_has_no_login() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    for path in ["/auth/login", "/auth/callback?code=a&state=b"] {
        let answer = service.get("nobody.sandbox.localhost", path).await;
        answer.assert_problem(404, "tenant-not-found");
    }
}

fn parameter(path: &str, name: &str) -> String {
    let url = reqwest::Url::parse("http://a.test")
        .unwrap()
        .join(path)
        .unwrap();
    let mut pairs = url.query_pairs();
    pairs.find(|(it, _)| it == name).unwrap().1.into_owned()
}
