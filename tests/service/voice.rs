//! Voice profiles that admins store: over restarts and replicas, and up to the model.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    database::Database,
    harness::{Answer, Service},
};
use publisher_sandbox::{DemoTenant, Sandbox};

const PATH: &str = "/api/config/voice-profile";
const IMAGE: &str = "harbour-dawn.jpg";
/// In no prompt but as an example, and in no line of a log.
const EXAMPLE: &str = "Quintessential zephyr, said the lighthouse.";

async fn put(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant, profile: Value) -> Answer {
    let request = service.request(Method::PUT, &tenant.host, PATH);
    let request = request.json(&json!({"voice_profile": profile}));
    Answer::to(request.bearer_auth(sandbox.web_token())).await
}

async fn shown(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant) -> Value {
    let answer = service.get_as_admin(sandbox, &tenant.host, PATH).await;
    answer.json()["voice_profile"].clone()
}

async fn is_on(service: &Service, tenant: &DemoTenant) -> bool {
    let features = service.get(&tenant.host, "/api/config/features").await;
    features.json()["voice_matching_enabled"] == true
}

/// The examples of the request for captions that is sent for an analysis.
async fn examples(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant) -> Value {
    let openai = sandbox.openai.switches();
    openai.forget_calls();
    let what = "analyze?force_refresh=true";
    let answer = service.post(sandbox, tenant, IMAGE, what).await;
    assert_eq!(answer.json()["filename"], IMAGE);
    let requests = openai.requests("caption");
    assert_eq!(requests.len(), 1);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let material = body["messages"][1]["content"].as_str().unwrap();
    let material: Value = serde_json::from_str(material).unwrap();
    material["voice_examples"].clone()
}

async fn a_stored_profile_survives_a_restart(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob] = [0, 1].map(|index| &sandbox.tenants()[index]);
    let service = database.start(&sandbox).await;
    assert_eq!(shown(&service, &sandbox, alice).await, Value::Null);
    assert!(!is_on(&service, alice).await);
    assert_eq!(examples(&service, &sandbox, alice).await, json!([]));

    let stored = put(&service, &sandbox, alice, json!([EXAMPLE])).await;
    let expected = json!({"voice_profile": [EXAMPLE], "enabled": true, "examples_used": 1});
    assert_eq!(stored.json(), expected);
    assert!(is_on(&service, alice).await);
    assert_eq!(examples(&service, &sandbox, alice).await, json!([EXAMPLE]));
    assert!(!is_on(&service, bob).await, "another tenant");
    let log = service.whole_log().await;
    assert!(!log.contains("zephyr"));
    let metrics = service.metrics().await.text;
    assert!(!metrics.contains("zephyr"));
    service.terminate().await;
    service.ended().await;

    let service = database.start(&sandbox).await;
    assert_eq!(shown(&service, &sandbox, alice).await, json!([EXAMPLE]));
    assert_eq!(examples(&service, &sandbox, alice).await, json!([EXAMPLE]));
    // The config has the last word on whether captions follow the examples.
    sandbox.orchestrator.edit_config(&alice.host, |config| {
        config["features"]["voice_matching_enabled"] = false.into();
    });
    service.terminate().await;
    service.ended().await;
    let service = database.start(&sandbox).await;
    assert!(!is_on(&service, alice).await);
    assert_eq!(examples(&service, &sandbox, alice).await, json!([]));
    put(&service, &sandbox, alice, json!(null)).await;
    assert_eq!(shown(&service, &sandbox, alice).await, Value::Null);
    drop(service);
    database.remove().await;
}

#[tokio::test]
async fn a_profile_stored_in_a_file_survives_a_restart() {
    a_stored_profile_survives_a_restart(Database::sqlite().await).await;
}

#[tokio::test]
async fn a_profile_stored_on_a_server_survives_a_restart() {
    a_stored_profile_survives_a_restart(Database::postgres().await).await;
}

#[tokio::test]
async fn another_replica_follows_within_the_life_of_an_opened_tenant() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let first = database.start(&sandbox).await;
    let url = database.url();
    let more = [
        ("PUBLISH_LEDGER_URL", &*url),
        ("TENANT_SERVICE_TTL_SECONDS", "1"),
    ];
    let second = Service::start_with(sandbox.environment(), &more).await;
    assert!(!is_on(&second, alice).await);
    put(&first, &sandbox, alice, json!([EXAMPLE])).await;
    let follows = async {
        while !is_on(&second, alice).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let followed = tokio::time::timeout(Duration::from_secs(20), follows).await;
    assert!(followed.is_ok(), "it does not follow");
    assert_eq!(examples(&second, &sandbox, alice).await, json!([EXAMPLE]));
    drop((first, second));
    database.remove().await;
}

#[tokio::test]
async fn without_alt_text_the_model_is_not_asked_for_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    for is_on in [true, false] {
        sandbox.orchestrator.edit_config(&alice.host, |config| {
            config["features"]["alt_text_enabled"] = is_on.into();
            config["captionfile"]["extended_metadata_enabled"] = true.into();
        });
        let service = Service::start(&sandbox).await;
        let openai = sandbox.openai.switches();
        openai.forget_calls();
        let what = "analyze?force_refresh=true";
        // The stand-in answers with one all the same.
        let answer = service.post(&sandbox, alice, IMAGE, what).await.json();
        assert_eq!(answer["alt_text"].is_string(), is_on);
        assert_eq!(
            openai.calls_matching("vision", "alt_text"),
            usize::from(is_on)
        );
        let again = service.post(&sandbox, alice, IMAGE, "analyze").await.json();
        assert_eq!(again["sidecar_written"], false);
        assert_eq!(again["alt_text"].is_string(), is_on);
        let path = format!("/api/images/{IMAGE}");
        let image = service.get_as_admin(&sandbox, &alice.host, &path).await;
        assert_eq!(image.json()["metadata"]["alt_text"].is_string(), is_on);
    }
}
