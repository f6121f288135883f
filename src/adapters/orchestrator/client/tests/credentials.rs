//! Credentials: what is sent, and what each answer means.

use std::time::SystemTime;

use super::*;
use crate::domain::{
    credential::{AiCredential, CredentialVersion},
    storage::DropboxCredential,
};
use crate::{adapters::platforms::spec, domain::platform::Platform};

#[tokio::test]
async fn a_reference_is_resolved_to_its_secret() {
    let stage = Stage::new().await;
    let reference = stage.api_key();
    let credential = stage.resolve(&reference, Provider::OPENAI).await.unwrap();
    assert_eq!(*credential.version(), CredentialVersion::new("c1"));
    let credential = AiCredential::try_from(Arc::new(credential)).unwrap();
    assert_eq!(credential.api_key().expose(), "sk-sandbox-1");
}

#[tokio::test]
async fn a_reference_goes_out_with_its_tenant_the_token_and_the_request_id() {
    let stage = Stage::new().await;
    let reference = stage.api_key();
    stage.resolve(&reference, Provider::OPENAI).await.unwrap();
    let request = stage.switches().requests(RESOLVE).remove(0);
    assert_eq!(
        (request.method.as_str(), request.path()),
        ("POST", "/v1/credentials/resolve")
    );
    assert_eq!(request.json(), Some(json!({"credentials_ref": reference})));
    assert_eq!(
        request.bearer(),
        Some(stage.orchestrator().service_token().as_str())
    );
    assert_eq!(request.header("x-tenant"), Some("alice"));
    assert_eq!(request.header("x-request-id"), Some("request-1"));
}

#[tokio::test]
async fn a_storage_credential_may_expire() {
    let stage = Stage::new().await;
    let dropbox = |expires_at: Option<&str>| sandbox::Credential::Dropbox {
        refresh_token: "refresh-sandbox-1".to_owned(),
        expires_at: expires_at.map(str::to_owned),
    };
    let reference = stage.orchestrator().add_credential("alice", dropbox(None));
    let lasting = stage.resolve(&reference, Provider::DROPBOX).await.unwrap();
    assert_eq!(lasting.expires_at(), None);
    let until = dropbox(Some("2001-09-09T01:46:40Z"));
    stage.orchestrator().rotate_credential(&reference, until);
    let ending = stage.resolve(&reference, Provider::DROPBOX).await.unwrap();
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    assert_eq!(ending.expires_at(), Some(expected));
    assert_eq!(*ending.version(), CredentialVersion::new("c2"));
    let ending = DropboxCredential::try_from(Arc::new(ending)).unwrap();
    assert_eq!(ending.refresh_token().expose(), "refresh-sandbox-1");
}

#[tokio::test]
async fn each_status_has_its_meaning_and_its_number_of_attempts() {
    let stage = Stage::new().await;
    let reference = stage.api_key();
    let of = |error: &CredentialError| match error {
        CredentialError::NotFound => "not found",
        CredentialError::Unauthorized(_) => "unauthorized",
        CredentialError::OutOfCredit => "out of credit",
        CredentialError::Unavailable { .. } => "unavailable",
        CredentialError::Malformed(_) => "malformed",
    };
    for (fault, meaning, attempts) in [
        (Fault::status(404), "not found", 1),
        (Fault::status(403), "unauthorized", 1),
        (
            Fault::json(403, &json!({"error": "forbidden"})),
            "unauthorized",
            1,
        ),
        (
            Fault::json(403, &json!(["insufficient_balance"])),
            "unauthorized",
            1,
        ),
        (Fault::text(403, "insufficient_balance"), "unauthorized", 1),
        (Orchestrator::insufficient_balance(), "out of credit", 1),
        (Fault::status(429), "unavailable", 3),
        (Fault::status(500), "unavailable", 3),
        (Fault::status(501), "unavailable", 3),
        (Fault::status(504), "unavailable", 3),
        (Fault::ResetAfterRequest, "unavailable", 3),
        (Fault::status(400), "malformed", 1),
        (Fault::status(405), "malformed", 1),
        (Fault::status(302), "malformed", 1),
        (Fault::MalformedBody, "malformed", 1),
    ] {
        let row = format!("{fault:?}");
        stage.switches().always(RESOLVE, fault);
        let error = stage
            .resolve(&reference, Provider::OPENAI)
            .await
            .unwrap_err();
        assert_eq!(of(&error), meaning, "{row}");
        assert_eq!(stage.switches().calls(RESOLVE), attempts, "{row}");
        stage.switches().clear(RESOLVE);
        stage.switches().forget_calls();
    }
}

#[tokio::test]
async fn the_reference_of_another_tenant_is_not_found() {
    let stage = Stage::new().await;
    let api_key = "sk-sandbox-2".to_owned();
    let credential = sandbox::Credential::OpenAi { api_key };
    let reference = stage.orchestrator().add_credential("bob", credential);
    let refused = stage.resolve(&reference, Provider::OPENAI).await;
    assert!(matches!(refused, Err(CredentialError::NotFound)));
}

#[tokio::test]
async fn a_credential_of_another_provider_or_without_its_secret_fails_at_once() {
    let stage = Stage::new().await;
    for (document, provider) in [
        (
            json!({"provider": "openai", "api_key": "sk-sandbox-3"}),
            Provider::DROPBOX,
        ),
        (
            json!({"provider": "telegram", "api_key": "sk-sandbox-3"}),
            Provider::OPENAI,
        ),
        (json!({"provider": "openai"}), Provider::OPENAI),
        (
            json!({"provider": "openai", "api_key": ""}),
            Provider::OPENAI,
        ),
        (
            json!({"provider": "openai", "bot_token": "sk-sandbox-3"}),
            Provider::OPENAI,
        ),
        (json!({"api_key": "sk-sandbox-3"}), Provider::OPENAI),
    ] {
        stage.switches().forget_calls();
        let raw = sandbox::Credential::Raw(document.clone());
        let reference = stage.orchestrator().add_credential("alice", raw);
        let error = stage.resolve(&reference, provider).await.unwrap_err();
        assert!(
            matches!(error, CredentialError::Malformed(_)),
            "{document}: {error}"
        );
        assert_eq!(stage.switches().calls(RESOLVE), 1);
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("sk-sandbox") && !shown.contains(&reference),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_log_says_that_a_tenant_is_out_of_credit_but_shows_no_reference_and_no_secret() {
    let stage = Stage::new().await;
    let reference = stage.api_key();
    let log = Log::start();
    stage.resolve(&reference, Provider::OPENAI).await.unwrap();
    stage
        .switches()
        .inject(RESOLVE, Orchestrator::insufficient_balance());
    stage
        .resolve(&reference, Provider::OPENAI)
        .await
        .unwrap_err();
    let [succeeded, failed] = &log.calls()[..] else {
        panic!("{}", log.text());
    };
    assert_eq!(succeeded["fields"]["operation"], "resolve_credential");
    assert_eq!(succeeded["fields"]["http_status"], 200);
    assert_eq!(succeeded["fields"]["attempts"], 1);
    assert_eq!(succeeded["span"]["tenant"], "alice");
    assert_eq!(succeeded["span"]["config_version"], "v7");
    assert_eq!(succeeded["span"]["request_id"], "request-1");
    assert_eq!(failed["fields"]["error"], "the tenant is out of credit");
    assert_eq!(failed["span"]["tenant"], "alice");
    assert_eq!(failed["span"]["config_version"], "v7");
    assert_eq!(failed["span"]["request_id"], "request-1");
    let token = stage.orchestrator().service_token();
    for hidden in [reference.as_str(), token.as_str(), "sk-sandbox-1", "c1"] {
        assert!(!log.text().contains(hidden), "{hidden}: {}", log.text());
    }
}

#[tokio::test]
async fn each_provider_has_a_secret_of_its_own_kind() {
    let stage = Stage::new().await;
    let secret = || "secret-sandbox-1".to_owned();
    for (stored, provider) in [
        (
            sandbox::Credential::Telegram {
                bot_token: secret(),
            },
            spec(Platform::Telegram).provider,
        ),
        (
            sandbox::Credential::Smtp { password: secret() },
            spec(Platform::Email).provider,
        ),
        (
            sandbox::Credential::OpenAi { api_key: secret() },
            Provider::OPENAI,
        ),
        (
            sandbox::Credential::Dropbox {
                refresh_token: secret(),
                expires_at: None,
            },
            Provider::DROPBOX,
        ),
    ] {
        let reference = stage.orchestrator().add_credential("alice", stored);
        let credential = stage.resolve(&reference, provider).await.unwrap();
        assert_eq!(credential.provider(), provider);
        for other in [
            spec(Platform::Telegram).provider,
            spec(Platform::Email).provider,
            Provider::OPENAI,
            Provider::DROPBOX,
        ] {
            let result = stage.resolve(&reference, other).await;
            assert_eq!(result.is_ok(), other == provider, "{provider:?} {other:?}");
        }
    }
}

#[tokio::test]
async fn a_busy_orchestrator_is_asked_again_when_it_says() {
    let stage = Stage::new().await;
    let reference = stage.api_key();
    for fault in [
        Fault::status(429).with_header("retry-after", "0"),
        Fault::status(502),
        Fault::status(503).with_header("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"),
        Fault::status(599).with_header("retry-after", "whenever it suits you"),
    ] {
        stage.switches().forget_calls();
        let row = format!("{fault:?}");
        stage.switches().inject_times(RESOLVE, 2, fault);
        let resolved = stage.resolve(&reference, Provider::OPENAI).await;
        assert!(resolved.is_ok(), "{row}");
        assert_eq!(stage.switches().calls(RESOLVE), 3, "{row}");
    }
}

#[tokio::test]
async fn an_expiry_that_is_no_time_is_none_and_warned_of_without_being_shown() {
    for expires_at in [json!("2030-01-01"), json!("sesame"), json!(-1), json!([])] {
        let stage = Stage::new().await;
        let raw = json!({
            "provider": "dropbox", "refresh_token": "refresh-sandbox-2", "expires_at": expires_at,
        });
        let raw = sandbox::Credential::Raw(raw);
        let reference = stage.orchestrator().add_credential("alice", raw);
        let log = Log::start();
        let credential = stage.resolve(&reference, Provider::DROPBOX).await.unwrap();
        assert_eq!(credential.expires_at(), None, "{expires_at}");
        let told = log.text();
        assert!(told.contains("\"field\":\"expires_at\""), "{told}");
        assert!(!told.contains("sesame"), "{told}");
    }
}

#[tokio::test]
async fn nothing_that_an_answer_says_about_caching_counts_here() {
    let stage = Stage::new().await;
    let reference = stage.api_key();
    let answer = json!({"provider": "openai", "version": "c1", "api_key": "sk-sandbox-1"});
    for cache_control in ["no-store", "public, max-age=86400, immutable", "?"] {
        let fault = Fault::json(200, &answer).with_header("cache-control", cache_control);
        stage.switches().inject(RESOLVE, fault);
        assert!(stage.resolve(&reference, Provider::OPENAI).await.is_ok());
    }
    assert_eq!(stage.switches().calls(RESOLVE), 3, "nothing is kept");
}
