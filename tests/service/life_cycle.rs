//! Starting, ending, and the other commands.

use publisher_sandbox::{Fault, Sandbox};
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

#[tokio::test]
async fn the_start_says_what_has_started_in_one_line() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let [line] = &service.lines("listening").await[..] else {
        panic!("one line: {}", service.log())
    };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(line["config_source"], "orchestrator");
    assert_eq!(line["ledger"], "sqlite");
    assert_eq!(line["address"], service.address());
    assert_eq!(line["metrics_address"], service.metrics_address());
    assert!(line["memory_budget_mb"].is_u64(), "{line}");
    // Both say the same build.
    let commit = line["commit"].as_str().unwrap();
    let output = command("--version").output().await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(told, format!("publisher {version} (commit {commit})\n"));
    let metrics = service.metrics().await.text;
    assert!(metrics.contains(&format!("commit=\"{commit}\"")));
}

#[tokio::test]
async fn a_hangup_is_logged_and_ends_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    for times in 1..=2 {
        service.signal("HUP").await;
        service.logged_times("received SIGHUP", times).await;
    }
    assert_eq!(service.get("any", "/health").await.status, 200);
    service.terminate().await;
    assert!(service.ended().await.0.success());
}

#[tokio::test]
async fn without_the_orchestrators_answer_it_is_ready_where_that_is_not_required() {
    let sandbox = Sandbox::start().await.unwrap();
    let switches = sandbox.orchestrator.switches();
    switches.always("by_host", Fault::status(503));
    for (required, status) in [("true", 503), ("false", 200)] {
        let more = [("READINESS_REQUIRES_ORCHESTRATOR", required)];
        let service = Service::start_with(sandbox.environment(), &more).await;
        let ready = service.get("any", "/health/ready").await;
        assert_eq!(ready.status, status, "{ready:?}");
        let is_orchestrated = ready.json()["mode"] == "orchestrated";
        assert_eq!(is_orchestrated, status == 200, "{ready:?}");
        // The next one takes its ledger.
        service.kill().await;
    }
}
