//! The sandbox as a whole: what it hands to the service fits together.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::client;
use crate::{Network, Sample, Sandbox, TenantSpec};

async fn config(sandbox: &Sandbox, host: &str) -> Value {
    let environment: HashMap<_, _> = sandbox.environment().into_iter().collect();
    let url = format!(
        "{}/v1/runtime/by-host",
        environment["ORCHESTRATOR_BASE_URL"]
    );
    let request = client().post(url).json(&json!({ "host": host }));
    let request = request.bearer_auth(&environment["ORCHESTRATOR_SERVICE_TOKEN"]);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["config"].clone()
}

#[tokio::test]
async fn the_demo_tenants_have_different_images_and_platforms() {
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants");
    };
    assert_eq!(
        (alice.host.as_str(), bob.host.as_str()),
        ("alice.sandbox.localhost", "bob.sandbox.localhost")
    );
    for tenant in [alice, bob] {
        let expected: HashSet<_> = tenant
            .images
            .iter()
            .map(|name| format!("{}/{name}", tenant.root))
            .collect();
        let found: HashSet<_> = sandbox.dropbox.paths(&tenant.name).into_iter().collect();
        assert_eq!(found, expected);
        assert!(!found.is_empty());
    }
    assert_ne!(alice.root, bob.root);

    let config_of_alice = config(&sandbox, &alice.host).await;
    assert_eq!(config_of_alice["publishers"].as_array().unwrap().len(), 2);
    assert_eq!(config_of_alice["email_server"]["port"], sandbox.smtp.port());
    assert_eq!(
        config_of_alice["storage"]["credentials_ref"],
        alice.storage_ref
    );
    let config_of_bob = config(&sandbox, &bob.host).await;
    assert_eq!(config_of_bob["publishers"].as_array().unwrap().len(), 1);
    assert_eq!(config_of_bob.get("email_server"), None);
    assert_eq!(config_of_bob["ai"]["credentials_ref"], bob.ai_ref);
}

#[tokio::test]
async fn a_tenant_with_accounts_has_a_publisher_and_a_credential_for_each() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenants = sandbox.tenants().iter();
    let erin = tenants
        .filter(|it| !it.accounts.is_empty())
        .collect::<Vec<_>>()[0];
    let config = config(&sandbox, &erin.host).await;
    let settings: HashMap<_, _> = sandbox.standalone_environment(erin).into_iter().collect();
    let alone: Value = serde_json::from_str(&settings["PUBLISHERS"]).unwrap();
    let environment: HashMap<_, _> = sandbox.environment().into_iter().collect();
    let url = format!(
        "{}/v1/credentials/resolve",
        environment["ORCHESTRATOR_BASE_URL"]
    );
    for (index, account) in erin.accounts.iter().enumerate() {
        let publisher = &config["publishers"][index];
        assert_eq!(publisher["type"], account.network.id());
        assert_eq!(alone[index]["type"], account.network.id());
        let request = client().post(&url).header("x-tenant", &erin.name);
        let request = request.bearer_auth(&environment["ORCHESTRATOR_SERVICE_TOKEN"]);
        let request = request.json(&json!({ "credentials_ref": publisher["credentials_ref"] }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        for (field, variable, value) in &account.fields {
            assert_eq!(answer[*field], **value);
            assert_eq!(settings[variable], *value);
        }
    }
    assert_eq!(erin.account(Network::Mastodon).unwrap().name, "erin");
    let handle = &erin.account(Network::Bluesky).unwrap().fields[0].2;
    assert_eq!(handle, "erin.bsky.test");
}

#[tokio::test]
async fn a_tenant_is_added_with_the_config_that_a_test_wants() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let spec = TenantSpec::new("carol")
        .root("/")
        .ai(false)
        .images([Sample::png("a.png", 4, 4, 1).unwrap()])
        .patch(&json!({ "storage": { "paths": { "keep": null } }, "content": { "debug": true } }));
    let carol = sandbox.add_tenant(spec);
    let document = config(&sandbox, &carol.host).await;
    assert_eq!(document["storage"]["paths"].get("keep"), None);
    assert_eq!(
        document["content"],
        json!({ "archive": true, "debug": true })
    );
    assert_eq!(document.get("ai"), None);
    assert_eq!(sandbox.dropbox.paths("carol"), ["/a.png"]);

    let raw = TenantSpec::new("dave").raw_config(json!({ "features": 1 }));
    let dave = sandbox.add_tenant(raw);
    assert_eq!(config(&sandbox, &dave.host).await, json!({ "features": 1 }));
    assert!(sandbox.tenants().is_empty());
}

#[tokio::test]
async fn secrets_are_all_listed_and_new_at_each_start() {
    let sandbox = Sandbox::start().await.unwrap();
    let secrets = sandbox.secrets();
    for tenant in sandbox.tenants() {
        let of_tenant = [
            &tenant.storage_ref,
            &tenant.ai_ref,
            &tenant.telegram_ref,
            &tenant.password_ref,
            &tenant.refresh_token,
            &tenant.api_key,
            &tenant.bot_token,
            &tenant.password,
        ];
        assert!(of_tenant.iter().all(|secret| secrets.contains(secret)));
        for account in &tenant.accounts {
            assert!(secrets.contains(&account.secret));
            assert!(secrets.contains(&account.credentials_ref));
        }
    }
    let environment: HashMap<_, _> = sandbox.environment().into_iter().collect();
    for name in [
        "ORCHESTRATOR_SERVICE_TOKEN",
        "DROPBOX_APP_SECRET",
        "WEB_AUTH_TOKEN",
    ] {
        assert!(secrets.contains(&environment[name]), "{name}");
    }
    // An app password has a hyphen in it.
    let is_made_up = |secret: &String| secret.replace('-', "").contains("sandbox");
    assert!(secrets.iter().all(is_made_up));
    let other = Sandbox::start().await.unwrap().secrets();
    assert!(secrets.iter().all(|secret| !other.contains(secret)));
}

#[tokio::test]
async fn the_certificate_file_is_private_and_goes_away() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = Sandbox::start_empty().await.unwrap();
    let file = sandbox.ca_file();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), sandbox.ca_pem());
    let folder = file.parent().unwrap().to_owned();
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    drop(sandbox);
    assert!(!folder.exists());
}

#[tokio::test]
async fn standalone_settings_say_what_the_runtime_config_says() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let settings: HashMap<_, _> = sandbox.standalone_environment(alice).into_iter().collect();
    let json = |name: &str| serde_json::from_str::<Value>(&settings[name]).unwrap();
    assert_eq!(settings.get("ORCHESTRATOR_BASE_URL"), None);
    assert_eq!(json("STORAGE_PATHS")["root"], alice.root);
    let channel = json!({ "type": "telegram", "channel_id": "@alice_channel" });
    assert_eq!(json("PUBLISHERS")[0], channel);
    assert_eq!(json("EMAIL_SERVER")["smtp_port"], sandbox.smtp.port());
    assert_eq!(json("OPENAI_SETTINGS").get("credentials_ref"), None);
    assert_eq!(settings["FEATURE_PUBLISH"], "true");
    assert_eq!(settings["DROPBOX_REFRESH_TOKEN"], alice.refresh_token);
}

#[tokio::test]
async fn what_has_left_a_folder_is_put_back_while_the_sandbox_is_kept_stocked() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenant = &sandbox.tenants()[0];
    let path = format!("{}/{}", tenant.root, tenant.images[0]);
    let bytes = sandbox.dropbox.file(&tenant.name, &path);
    let back = async {
        // The stock is what is there at first.
        tokio::task::yield_now().await;
        assert!(sandbox.dropbox.remove(&tenant.name, &path));
        while sandbox.dropbox.file(&tenant.name, &path).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        biased;
        never = sandbox.keep_stocked() => match never {},
        () = back => {}
    }
    assert_eq!(sandbox.dropbox.file(&tenant.name, &path), bytes);
}
