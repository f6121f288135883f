//! Settings that leave a door ajar: `check` and the start say so.

use publisher_sandbox::Sandbox;

use crate::harness::{Service, command};

/// A base URL on another machine, which no settings may name.
const URL: &str = "http://secret-place.invalid:9";

/// What `check` says with these settings, and what the start logs.
async fn told(sandbox: &Sandbox, more: &[(&str, &str)]) -> [String; 2] {
    let mut check = command("check");
    check.envs(sandbox.environment());
    let output = check.envs(more.iter().copied()).output().await.unwrap();
    let service = Service::start_with(sandbox.environment(), more).await;
    let log = service.whole_log().await;
    [String::from_utf8(output.stdout).unwrap(), log]
}

#[tokio::test]
async fn base_urls_that_secrets_go_to_in_the_clear_are_warned_of_without_their_hosts() {
    let sandbox = Sandbox::start().await.unwrap();
    let names = [
        "ORCHESTRATOR_BASE_URL",
        "DROPBOX_API_URL",
        "DROPBOX_CONTENT_URL",
        "OPENAI_BASE_URL",
        "TELEGRAM_API_URL",
    ];
    let more = names.map(|name| (name, URL));
    for said in told(&sandbox, &more).await {
        for name in names {
            let warning = format!("{name}: is http to another machine");
            assert!(said.contains(&warning), "{warning}: {said}");
        }
        assert!(!said.contains("secret-place.invalid"), "{said}");
    }
    for said in told(&sandbox, &[]).await {
        assert!(!said.contains("is http to another machine"), "{said}");
    }
}

#[tokio::test]
async fn secrets_that_can_be_guessed_are_warned_of_without_their_values() {
    let sandbox = Sandbox::start().await.unwrap();
    let more = [
        ("WEB_AUTH_TOKEN", "sesame-15-chars"),
        ("WEB_AUTH_USER", "editor"),
        ("WEB_AUTH_PASS", "sesame-15-chars"),
        ("WEB_ADMIN_PASSWORD", "sesame!"),
    ];
    for said in told(&sandbox, &more).await {
        for warning in [
            "WEB_AUTH_TOKEN: has fewer than 16 characters",
            "WEB_AUTH_PASS: has fewer than 16 characters",
            "WEB_ADMIN_PASSWORD: has fewer than 8 characters",
        ] {
            assert!(said.contains(warning), "{warning}: {said}");
        }
        assert!(!said.contains("sesame"), "{said}");
    }
}
