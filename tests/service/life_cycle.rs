//! Starting, ending, and the other commands.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use publisher_sandbox::{Fault, Sandbox};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

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
        "mastodon: published, post id",
        "bluesky: published, post id",
        "https://bsky.app/",
        "lead nowhere",
        "All is as it should be",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

/// Reads what a process prints until that has a text in it.
async fn read_until(child: &mut tokio::process::Child, text: &str) -> String {
    let mut out = child.stdout.take().unwrap();
    let mut told = String::new();
    let reading = async {
        while !told.contains(text) {
            let mut piece = [0; 4096];
            let length = out.read(&mut piece).await.unwrap();
            assert!(length > 0, "it ended: {told}");
            told.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading)
        .await
        .unwrap();
    told
}

#[tokio::test]
async fn a_service_of_ones_own_uses_the_sandbox_by_the_file_that_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".env");
    let mut sandbox = command("sandbox");
    sandbox.args(["--listen", "127.0.0.1:0", "--env-file"]);
    // Nobody reads the log.
    let sandbox = sandbox.arg(&file).stderr(std::process::Stdio::null());
    let mut sandbox = sandbox.spawn().unwrap();
    let told = read_until(&mut sandbox, "A service of your own").await;
    assert!(
        told.contains("METRICS_LISTEN_ADDRESS=127.0.0.1:9465"),
        "{told}"
    );
    for part in [
        "posts to telegram, email; images",
        "posts to mastodon, bluesky; images",
        r#"-d '{"captions": {"mastodon": "For mastodon", "bluesky": "For bluesky"}}' http://erin."#,
        "/api/publications\n",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    for (source, lines) in [
        ("", &["ok     orchestrator  it answers"][..]),
        (
            "env",
            &[
                "ok     storage       it can be listed",
                "ok     captions ",
                "ok     telegram ",
            ],
        ),
    ] {
        let mut check = command("check");
        check.current_dir(folder.path()).envs([
            ("LISTEN_ADDRESS", "127.0.0.1:0"),
            ("METRICS_LISTEN_ADDRESS", "127.0.0.1:0"),
        ]);
        if !source.is_empty() {
            check.env("CONFIG_SOURCE", source);
        }
        let output = check.output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        for line in lines {
            assert!(said.contains(line), "{line}: {said}");
        }
    }

    // One that is there is not overwritten.
    let again = command("sandbox")
        .arg("--env-file")
        .arg(&file)
        .output()
        .await;
    let again = again.unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(file.exists(), "it was removed");

    let id = sandbox.id().unwrap().to_string();
    let kill = tokio::process::Command::new("kill").arg(id).status().await;
    assert!(kill.unwrap().success());
    assert!(sandbox.wait().await.unwrap().success());
    assert!(!file.exists(), "it is still there");
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
    assert!(told.contains("--listen 127.0.0.1:0"), "{told}");
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
