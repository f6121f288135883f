//! What the binary says of its settings: in its help, and when it starts.

use publisher_sandbox::Sandbox;

use crate::harness::{Service, command};

const EXAMPLE: &str = include_str!("../../deploy/publisher.env.example");

#[tokio::test]
async fn the_example_of_the_environment_starts_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().to_str().unwrap();
    let example = EXAMPLE.replace("/etc/publisher/secrets", secrets);
    for line in example.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, path)) = line
            .split_once('=')
            .filter(|(name, _)| name.ends_with("_FILE"))
        {
            std::fs::write(path, format!("{name}\n")).unwrap();
        }
    }
    std::fs::write(folder.path().join(".env"), example).unwrap();
    let service = Service::spawn(|serve| {
        serve.current_dir(folder.path());
    })
    .await;
    assert_eq!(service.get("any", "/health").await.status, 200);
    assert!(folder.path().join("publisher-ledger.db").exists());
    let log = service.whole_log().await;
    // Nothing but what is to be filled in.
    let warned: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warned.len(), 2, "{log}");
    assert!(warned[0].contains("ORCHESTRATOR_BASE_DOMAIN: is not set"));
    assert!(warned[1].contains("DROPBOX_APP_KEY: still is `change-me`"));
}

#[tokio::test]
async fn a_misspelt_setting_is_warned_of_and_its_value_not_shown() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let misspelt = [
        ("WEB_ADMIN_COOKIE_TTL", "sesame"),
        ("ORCHESTRATOR_TIMEOUT_OF_CALLS", "sesame"),
        ("STANDALONE_HOST", "sesame.example.org"),
        ("SOMEBODY_ELSES", "sesame"),
    ];
    let service = Service::start_with(sandbox.environment(), &misspelt).await;
    let log = service.whole_log().await;
    for told in [
        "WEB_ADMIN_COOKIE_TTL: is no setting of this service: \
         did you mean WEB_ADMIN_COOKIE_TTL_SECONDS?",
        "ORCHESTRATOR_TIMEOUT_OF_CALLS: is no setting of this service",
        "STANDALONE_HOST: of the CONFIG_SOURCE that is not in use",
    ] {
        assert!(log.contains(told), "{told} is not in {log}");
    }
    assert!(
        !log.contains("sesame") && !log.contains("SOMEBODY_ELSES"),
        "{log}"
    );
}

#[tokio::test]
async fn the_help_of_serve_tells_of_the_settings() {
    let output = command("serve").arg("--help").output().await.unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    for part in [
        "ORCHESTRATOR_BASE_URL",
        "DROPBOX_APP_SECRET",
        "docs/operations.md",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}
