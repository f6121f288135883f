//! What the real orchestrator sends, what people paste, and what they leave out.

use std::time::Duration;

use publisher_sandbox::{Credential, Sandbox, TenantRecord};
use serde_json::json;

use crate::harness::{Service, command};

const LIST: &str = "/api/images/list";
const MISSING_APP: &str =
    "DROPBOX_APP_KEY and DROPBOX_APP_SECRET are not set: no Dropbox tenant can be served";

#[tokio::test]
async fn two_cold_hosts_of_one_tenant_and_version_publish_each_its_own_image_to_its_own_channel() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let mut other = alice.clone();
    other.host = "alice-too.example.org".to_owned();
    let image = sandbox
        .dropbox
        .file("alice", &format!("{}/{}", alice.root, alice.images[0]))
        .unwrap();
    sandbox.dropbox.make_folder("alice", "/Photos/other");
    sandbox
        .dropbox
        .put("alice", "/Photos/other/other.jpg", image);
    let mut record: TenantRecord = sandbox.orchestrator.tenant(&alice.host).unwrap();
    record.config["storage"]["paths"]["root"] = json!("/Photos/other");
    record.config["publishers"] = json!([{
        "type": "telegram", "credentials_ref": alice.telegram_ref,
        "config": {"channel_id": "@other_channel"},
    }]);
    sandbox.orchestrator.put_tenant(&other.host, record);
    // Both are being opened before either is.
    let switches = sandbox.orchestrator.switches();
    switches.set_latency("resolve", Duration::from_millis(300));
    let telegram = json!({"platforms": ["telegram"], "caption": "hello"});
    let (first, second) = tokio::join!(
        service.publish(&sandbox, alice, &alice.images[1], telegram.clone()),
        service.publish(&sandbox, &other, "other.jpg", telegram),
    );
    assert_eq!(
        (first.status, second.status),
        (200, 200),
        "{} {}",
        first.text,
        second.text
    );
    let mut channels: Vec<_> = sandbox
        .telegram
        .photos()
        .into_iter()
        .map(|it| it.chat_id)
        .collect();
    channels.sort();
    assert_eq!(channels, ["@alice_channel", "@other_channel"]);
    let paths = sandbox.dropbox.paths("alice");
    for archived in [
        format!("{}/archive/{}", alice.root, alice.images[1]),
        "/Photos/other/archive/other.jpg".to_owned(),
    ] {
        let is_there = paths
            .iter()
            .any(|path| path.eq_ignore_ascii_case(&archived));
        assert!(is_there, "{archived} is not in {paths:?}");
    }
}

#[tokio::test]
async fn a_storage_that_cannot_be_used_ends_the_tenant_until_it_can() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox.orchestrator.set_ttl(&alice.host, Some(1));
    assert_eq!(
        service
            .get_as_admin(&sandbox, &alice.host, LIST)
            .await
            .status,
        200
    );
    sandbox.orchestrator.edit_config(&alice.host, |config| {
        config["storage"]["provider"] = json!("another");
    });
    becomes(&service, &sandbox, &alice.host, 503).await;
    let answer = service
        .publish(&sandbox, alice, &alice.images[0], json!({}))
        .await;
    answer.assert_problem(503, "tenant-unavailable");
    assert!(sandbox.telegram.photos().is_empty());
    // Nor is it served on once nobody can be asked.
    sandbox.orchestrator.server().stop_listening().await;
    let answer = service.get_as_admin(&sandbox, &alice.host, LIST).await;
    answer.assert_problem(503, "tenant-unavailable");
}

#[tokio::test]
async fn a_bad_value_elsewhere_leaves_the_tenant_served() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    sandbox.orchestrator.set_ttl(&alice.host, Some(1));
    assert_eq!(
        service
            .get_as_admin(&sandbox, &alice.host, LIST)
            .await
            .status,
        200
    );
    sandbox.orchestrator.edit_config(&alice.host, |config| {
        config["features"]["keep_enabled"] = json!("yes");
    });
    let calls = sandbox.orchestrator.switches().calls("by_host");
    while sandbox.orchestrator.switches().calls("by_host") == calls {
        assert_eq!(
            service
                .get_as_admin(&sandbox, &alice.host, LIST)
                .await
                .status,
            200
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    service.logged("features.keep_enabled").await;
    assert_eq!(
        service
            .get_as_admin(&sandbox, &alice.host, LIST)
            .await
            .status,
        200
    );
}

async fn becomes(service: &Service, sandbox: &Sandbox, host: &str, status: u16) {
    for _ in 0..200 {
        if service.get_as_admin(sandbox, host, LIST).await.status == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become {status}");
}

#[tokio::test]
async fn what_the_real_orchestrator_sends_publishes_to_both_platforms() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let pasted = |secret: &str| format!("\u{feff} {secret}\u{200b}\r\n");
    let orchestrator = &sandbox.orchestrator;
    for (reference, field, provider, secret, expires_at) in [
        (
            &alice.storage_ref,
            "refresh_token",
            "dropbox",
            &alice.refresh_token,
            json!(4_102_444_800_i64),
        ),
        (
            &alice.telegram_ref,
            "bot_token",
            "telegram",
            &alice.bot_token,
            json!("4102444800"),
        ),
        (
            &alice.password_ref,
            "password",
            "smtp",
            &alice.password,
            json!(null),
        ),
        (
            &alice.ai_ref,
            "api_key",
            "openai",
            &alice.api_key,
            json!(4_102_444_800.5),
        ),
    ] {
        let document =
            json!({"provider": provider, field: pasted(secret), "expires_at": expires_at});
        assert!(orchestrator.rotate_credential(reference, Credential::Raw(document)));
    }
    orchestrator.edit_config(&alice.host, |config| {
        config["features"]["voice_matching_enabled"] = json!(null);
        config["storage"]["paths"]["archive"] = json!(" ");
        config["storage"]["paths"]["keep"] = json!(format!("{}/keep", alice.root));
        config["storage"]["paths"]["remove"] = json!(null);
        let recipient = alice.recipient.clone().unwrap();
        config["publishers"][1]["type"] = json!("email");
        config["publishers"][1]["config"]["recipient"] =
            json!(format!("\"Up, load\" <{recipient}>"));
        config["email_server"]["from_email"] = json!(format!("Alice <{}>", alice.sender));
        let reserved = json!({"type": "instagram", "enabled": true});
        config["publishers"].as_array_mut().unwrap().push(reserved);
    });
    let answer = service
        .publish(&sandbox, alice, &alice.images[0], json!({}))
        .await;
    let answer = answer.json();
    for platform in ["telegram", "email"] {
        assert_eq!(
            answer["results"][platform]["outcome"], "published",
            "{answer}"
        );
    }
    service.logged("publishers[2].type").await;
}

#[tokio::test]
async fn without_a_dropbox_app_the_service_starts_and_its_tenants_of_dropbox_are_503() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| !name.starts_with("DROPBOX_APP_"));
    let (said, code) = check(&environment, &[]).await;
    assert!(
        said.contains(&format!("note   settings      {MISSING_APP}")),
        "{said}"
    );
    assert_eq!(code, 0, "{said}");
    let service = Service::start_with(environment, &[]).await;
    let answer = service
        .get_as_admin(&sandbox, &sandbox.tenants()[0].host, LIST)
        .await;
    answer.assert_problem(503, "tenant-unavailable");
    assert_eq!(service.get("any", "/health").await.status, 200);
    let lines = service.lines("credential could not be resolved").await;
    assert!(
        lines
            .iter()
            .any(|line| line.to_string().contains(MISSING_APP)),
        "{lines:?}"
    );
    // The one is the question of `check` whether this is an orchestrator.
    assert_eq!(sandbox.orchestrator.switches().calls("resolve"), 1);
}

#[tokio::test]
async fn check_says_what_serve_warns_of_and_shows_no_value() {
    let sandbox = Sandbox::start().await.unwrap();
    let odd = [
        ("SECRET_KEY", "sesame-0123456789"),
        ("WEB_ADMIN_PASSWORD", "sesame-0123"),
        ("WEB_AUTH_TOKEN", "\"sesame\""),
        ("web_admin_pw", "sesame"),
        ("STANDALONE_HOST", "sesame.example.org"),
        ("AUTH0_AUDIENCE", "sesame"),
    ];
    let (said, code) = check(&sandbox.environment(), &odd).await;
    assert_eq!(code, 0, "{said}");
    let service = Service::start_with(sandbox.environment(), &odd).await;
    let log = service.whole_log().await;
    for told in [
        "SECRET_KEY: is taken for WEB_SESSION_SECRET: use that name",
        "SECRET_KEY: has fewer than 32 bytes: it is used",
        "WEB_AUTH_TOKEN: begins and ends with quotes",
        "web_admin_pw: is not taken: to log in with a password set WEB_ADMIN_PASSWORD",
        "STANDALONE_HOST: of the CONFIG_SOURCE that is not in use",
        "AUTH0_AUDIENCE: ",
    ] {
        assert!(said.contains(told), "{told} is not in {said}");
        assert!(log.contains(told), "{told} is not in {log}");
    }
    assert!(
        !said.contains("sesame") && !log.contains("sesame"),
        "{said}\n{log}"
    );
}

#[tokio::test]
async fn quotes_that_make_a_setting_bad_are_told_beside_it() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let odd = [
        ("OPENAI_BASE_URL", "\"https://sesame.example.org\""),
        ("web_admin_pw", "sesame"),
    ];
    let (said, code) = check(&sandbox.environment(), &odd).await;
    assert_eq!(code, 2, "{said}");
    let mut serve = command("serve");
    serve.envs(sandbox.environment()).envs(odd);
    let output = serve.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8(output.stderr).unwrap();
    for told in [
        "OPENAI_BASE_URL: begins and ends with quotes",
        "web_admin_pw: is not taken",
    ] {
        assert!(said.contains(told), "{told} is not in {said}");
        assert!(complaint.contains(told), "{told} is not in {complaint}");
    }
    assert!(
        said.contains("WRONG  OPENAI_BASE_URL") && complaint.contains("\nOPENAI_BASE_URL: must be"),
        "{said}\n{complaint}"
    );
    assert!(!said.contains("sesame") && !complaint.contains("sesame"));
}

/// What a check says, and its code.
async fn check(environment: &[(&'static str, String)], more: &[(&str, &str)]) -> (String, i32) {
    let mut check = command("check");
    check
        .envs(environment.iter().cloned())
        .envs(more.iter().copied());
    let output = check.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (said, output.status.code().unwrap())
}
