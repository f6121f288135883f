//! One tenant from the environment, without an orchestrator.

use std::fmt::Write as _;

use publisher::app::http::spec::openapi_document;
use publisher_sandbox::Sandbox;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Service, command};

/// Every secret of a standalone service in the sandbox.
const SECRETS: [&str; 7] = [
    "DROPBOX_APP_SECRET",
    "DROPBOX_REFRESH_TOKEN",
    "OPENAI_API_KEY",
    "TELEGRAM_BOT_TOKEN",
    "EMAIL_PASSWORD",
    "WEB_AUTH_TOKEN",
    "PUBLISH_LEDGER_URL",
];

#[tokio::test]
async fn one_tenant_is_served_from_the_environment() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let environment = sandbox.standalone_environment(alice);
    let service = Service::start_with(environment, &[]).await;
    let answer = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await
        .json();
    assert_eq!(
        answer["results"]["telegram"]["outcome"], "published",
        "{answer}"
    );
    assert_eq!(
        answer["results"]["email"]["outcome"], "published",
        "{answer}"
    );
    assert_eq!(sandbox.orchestrator.switches().total_calls(), 0);
    let ready = service.get("localhost", "/health/ready").await;
    assert_eq!(ready.json(), json!({"status": "ok", "mode": "standalone"}));
}

#[tokio::test]
async fn a_tenant_with_a_host_of_its_own_is_served_under_no_other() {
    let sandbox = Sandbox::start().await.unwrap();
    let environment = sandbox.standalone_environment(&sandbox.tenants()[0]);
    let own = [("STANDALONE_HOST", "photos.example.org")];
    let service = Service::start_with(environment, &own).await;
    let mut of_the_tenant = 0;
    for (method, path) in operations() {
        let call = |host| {
            let request = service.request(method.clone(), host, &path);
            request.bearer_auth(sandbox.web_token()).send()
        };
        let own = Answer::of(call("Photos.Example.org.:80").await.unwrap()).await;
        let is_found = !own.text.contains("tenant-not-found");
        assert!(is_found, "{method} {path}: {own:?}");
        for other in ["localhost", "127.0.0.1", "other.example.org", "example.org"] {
            let answer = Answer::of(call(other).await.unwrap()).await;
            let of_tenants = ["/api/", "/media/", "/auth/"];
            if of_tenants.iter().any(|it| path.starts_with(it)) {
                answer.assert_problem(404, "tenant-not-found");
                of_the_tenant += 1;
            } else {
                let is_found = !answer.text.contains("tenant-not-found");
                assert!(is_found, "{method} {path}: {answer:?}");
            }
        }
    }
    assert!(of_the_tenant >= 4 * 15, "only {of_the_tenant}");
}

/// Every operation of the document, for an image that is not there: nothing is done to any.
fn operations() -> Vec<(Method, String)> {
    let document = openapi_document();
    let paths = document["paths"].as_object().unwrap();
    // A stream of events has no end to wait for.
    let paths = paths.iter().filter(|(path, _)| *path != "/api/jobs/events");
    let operations = paths.flat_map(|(path, methods)| {
        let path = path.replace("{filename}", "no-such-image.jpg");
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    operations.collect()
}

#[tokio::test]
async fn the_second_host_is_warned_of_once_and_not_named() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut environment = sandbox.standalone_environment(&sandbox.tenants()[0]);
    environment.retain(|(name, _)| *name != "STANDALONE_HOST");
    let service = Service::start_with(environment, &[]).await;
    let path = "/api/config/features";
    let warnings = async || {
        let log = service.whole_log().await;
        log.matches("served under a second host").count()
    };
    for host in ["first.example.org", "FIRST.example.org:80"] {
        assert_eq!(service.get(host, path).await.status, 200);
    }
    service.get("second.example.org", "/health").await;
    assert_eq!(warnings().await, 0);
    for host in ["second.example.org", "third.example.org", "localhost"] {
        assert_eq!(service.get(host, path).await.status, 200);
    }
    assert_eq!(warnings().await, 1);
    assert!(!service.whole_log().await.contains("example.org"));
}

#[tokio::test]
async fn going_back_from_the_orchestrator_takes_one_variable() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let mut both = sandbox.environment();
    let standalone = sandbox.standalone_environment(alice);
    both.extend(
        standalone
            .into_iter()
            .filter(|(name, _)| *name != "CONFIG_SOURCE"),
    );
    let ready = async |more: &[(&str, &str)]| {
        let service = Service::start_with(both.clone(), more).await;
        let mode = service.get("any", "/health/ready").await.json()["mode"].clone();
        let features = service.get(&alice.host, "/api/config/features").await;
        assert_eq!(features.status, 200, "{features:?}");
        service.terminate().await;
        let (status, _) = service.ended().await;
        assert!(status.success());
        mode
    };
    assert_eq!(ready(&[]).await, "orchestrated");
    let calls = sandbox.orchestrator.switches().total_calls();
    // What is wrong with the orchestrator's own settings must not be in the way either.
    let back = [
        ("CONFIG_SOURCE", "env"),
        ("ORCHESTRATOR_SERVICE_TOKEN", ""),
        ("ORCHESTRATOR_PREFER_POST", "maybe"),
    ];
    assert_eq!(ready(&back).await, "standalone");
    assert_eq!(sandbox.orchestrator.switches().total_calls(), calls);
}

#[tokio::test]
async fn secrets_are_read_from_files_and_the_rest_from_a_dot_env_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let folder = tempfile::tempdir().unwrap();
    let mut dot_env = String::new();
    let mut secrets = Vec::new();
    for (name, value) in sandbox.standalone_environment(alice) {
        if SECRETS.contains(&name) {
            let file = folder.path().join(name);
            std::fs::write(&file, format!("{value}\n")).unwrap();
            secrets.push((format!("{name}_FILE"), file));
        } else if name == "STANDALONE_HOST" {
            // The environment's own wins; under this one nothing could be found.
            dot_env.push_str("STANDALONE_HOST=elsewhere.example.org\n");
        } else {
            writeln!(dot_env, "{name}='{value}'").unwrap();
        }
    }
    assert_eq!(secrets.len(), SECRETS.len());
    std::fs::write(folder.path().join(".env"), dot_env).unwrap();
    let service = Service::spawn(|serve| {
        serve.current_dir(folder.path());
        serve.env("STANDALONE_HOST", &alice.host).envs(secrets);
    })
    .await;
    let answer = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await
        .json();
    for platform in ["telegram", "email"] {
        let outcome = &answer["results"][platform]["outcome"];
        assert_eq!(outcome, "published", "{answer}");
    }
    let recipient = alice.recipient.as_deref().unwrap();
    let [mail] = &sandbox.smtp.mails_to(recipient)[..] else {
        panic!("one mail to the platform")
    };
    assert!(mail.tls && mail.user.as_deref() == Some(&*alice.sender));
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_never_shown() {
    let mut serve = command("serve");
    serve.envs([
        ("CONFIG_SOURCE", "env"),
        ("STANDALONE_HOST", "open sesame"),
        (
            "STORAGE_PATHS",
            r#"{"root": "sesame", "keep": "../sesame"}"#,
        ),
        (
            "PUBLISHERS",
            r#"[{"type": "telegram", "channel_id": ["sesame"]}, {"type": "sesame"}]"#,
        ),
        ("EMAIL_SERVER", r#"{"sender": "sesame"}"#),
        ("OPENAI_SETTINGS", r#"{"vision_detail": "sesame"}"#),
        ("CAPTIONFILE_SETTINGS", "sesame"),
        ("CONFIRMATION_SETTINGS", r#"["sesame"]"#),
        ("CONTENT_SETTINGS", r#"{"hashtags": "sesame"}"#),
        ("FEATURE_DELETE", "sesame"),
        ("OPENAI_API_KEY_FILE", "/sesame"),
        ("DROPBOX_APP_KEY", ""),
    ]);
    let output = serve.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.contains("sesame"), "{told}");
    for name in [
        "STANDALONE_HOST",
        "STORAGE_PATHS.root",
        "STORAGE_PATHS.keep",
        "PUBLISHERS[0].channel_id",
        "OPENAI_SETTINGS.vision_detail",
        "CAPTIONFILE_SETTINGS",
        "FEATURE_DELETE",
        "OPENAI_API_KEY_FILE",
        "DROPBOX_REFRESH_TOKEN",
        "warning: DROPBOX_APP_KEY and DROPBOX_APP_SECRET are not set",
    ] {
        let is_named = told
            .lines()
            .any(|line| line.starts_with(&format!("{name}: ")));
        assert!(is_named, "{name} is not in {told}");
    }
    // What has no effect beside the others.
    for name in [
        "PUBLISHERS[1].type",
        "EMAIL_SERVER.sender",
        "CONFIRMATION_SETTINGS",
        "CONTENT_SETTINGS.hashtags",
    ] {
        let is_warned_of = told
            .lines()
            .any(|line| line.starts_with(&format!("warning: {name}: ")));
        assert!(is_warned_of, "{name} is not in {told}");
    }
}
