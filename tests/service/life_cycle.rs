//! Starting, ending, and the other commands.

use publisher::adapters::sandbox::Sandbox;
use serde_json::json;

use crate::harness::{Service, command};

#[tokio::test]
async fn bad_settings_end_the_start_with_2_and_are_all_named() {
    let mut serve = command("serve");
    serve.envs([
        ("PORT", "eighty"),
        ("CONFIG_SOURCE", "orchestrator"),
        ("LOG_FORMAT", "xml"),
    ]);
    serve.env("WEB_AUTH_TOKEN_FILE", "/nowhere/s3cret");
    serve.envs([
        ("WEB_AUTH_USER", "s3cret"),
        ("WEB_ADMIN_PASSWORD", ""),
        ("WEB_SESSION_SECRET", "s3cret"),
        ("WEB_ADMIN_COOKIE_TTL_SECONDS", "s3cret"),
        ("WEB_SECURE_COOKIES", "s3cret"),
        ("WEB_AUTH_DISABLED", "s3cret"),
    ]);
    let output = serve.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    for name in [
        "PORT",
        "ORCHESTRATOR_BASE_URL",
        "ORCHESTRATOR_SERVICE_TOKEN",
        "DROPBOX_APP_KEY",
        "LOG_FORMAT",
        "WEB_AUTH_TOKEN",
        "WEB_AUTH_PASS",
        "WEB_ADMIN_PASSWORD",
        "WEB_SESSION_SECRET",
        "WEB_ADMIN_COOKIE_TTL_SECONDS",
        "WEB_SECURE_COOKIES",
        "WEB_AUTH_DISABLED",
    ] {
        assert!(told.contains(name), "{name} is not in {told}");
    }
    assert!(
        !told.contains("eighty") && !told.contains("xml") && !told.contains("s3cret"),
        "values are not shown: {told}"
    );
}

#[tokio::test]
async fn a_publish_under_way_finishes_before_the_process_ends() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let publish = service.publish(&sandbox, bob, "north-ridge.jpg", json!({}));
    let end = async {
        held.arrived(1).await;
        service.terminate().await;
        held.release();
    };
    let (answer, ()) = tokio::join!(publish, end);
    assert_eq!(answer.json()["archived"], true);
    let (status, log) = service.ended().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn the_sandbox_publishes_one_image_and_tells_of_it() {
    let output = command("sandbox").arg("--once").output().await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}\n{log}");
    for part in [
        "1 vision call, 1 caption call",
        "Telegram",
        "E-mail",
        "archive/",
        "All is as it should be",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command("sandbox")
        .args(["--listen", &address])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains(&format!("cannot listen on {address}")),
        "{told}"
    );
}
