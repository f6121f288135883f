//! Upstreams that repeat secrets: nothing of them is in an answer, in the ledger or in the log.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use publisher::adapters::secret_scrub::SecretScrub;
use publisher_sandbox::{Fault, Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::{canaries::Canaries, harness::Service};

/// A secret in forms of which each says half of it or more.
fn forms(secret: &str) -> Vec<String> {
    let bytes = |format: fn(u8) -> String| secret.bytes().map(format).collect::<Vec<_>>().concat();
    let spread: Vec<String> = secret.chars().map(String::from).collect();
    vec![
        secret.to_owned(),
        secret.to_uppercase(),
        secret[..secret.len() / 2].to_owned(),
        secret[secret.len() / 2..].to_owned(),
        bytes(|byte| format!("%{byte:02X}")),
        bytes(|byte| format!("{byte:02x}")),
        spread.join(" "),
        spread.join("\u{200b}"),
        STANDARD.encode(secret),
        STANDARD.encode(format!(";{secret};")),
        STANDARD.encode(format!(":;{secret}")),
    ]
}

/// A tenant with one image.
fn carol() -> TenantSpec {
    let image = Sample::jpeg("a.jpg", 64, 48, 1).unwrap();
    TenantSpec::new("carol").archive(false).images([image])
}

#[tokio::test]
async fn a_token_that_telegram_repeats_is_in_no_answer_ledger_or_log() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let tenant = sandbox.add_tenant(carol());
    let service = Service::start(&sandbox).await;
    let image = tenant.images[0].clone();
    let mut canaries = Canaries::default();
    canaries.add([&tenant.bot_token, &tenant.password]);
    let secrets = SecretScrub::default()
        .with(&tenant.bot_token)
        .with(&tenant.password);
    for form in forms(&tenant.bot_token) {
        let description = format!("Forbidden: no rights for {form} there");
        let body = json!({ "ok": false, "error_code": 403, "description": description });
        let switches = sandbox.telegram.switches();
        switches.inject("sendPhoto", Fault::json(403, &body));
        let body = json!({ "platforms": ["telegram"], "caption": "c" });
        let answer = service.publish(&sandbox, &tenant, &image, body).await;
        let told = answer.json()["results"]["telegram"]["error"].to_string();
        assert!(told.contains("Forbidden: no rights for"), "{form}: {told}");
        assert!(!secrets.finds_in(&told), "{form}: {told}");
        canaries.assert_not_in("the answer", &answer.bytes);
    }
    let publications = service.publications(&sandbox, &tenant).await;
    assert!(!publications.is_empty());
    for entry in publications {
        let told = entry["error"].to_string();
        assert!(!secrets.finds_in(&told), "{told}");
    }
    canaries.assert_not_in("the log", service.whole_log().await.as_bytes());
}

#[tokio::test]
async fn a_model_that_writes_the_key_into_its_answer_publishes_none_of_it() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let tenant = sandbox.add_tenant(carol());
    let often = [("AI_RATE_PER_MINUTE", "1000")];
    let service = Service::start_with(sandbox.environment(), &often).await;
    let image = tenant.images[0].clone();
    let secrets = SecretScrub::default().with(&tenant.api_key);
    for form in forms(&tenant.api_key) {
        let analysis = json!({ "description": format!("A harbour, {form}, at dawn"), "mood": "calm",
            "tags": ["harbour"], "nsfw": false });
        sandbox
            .openai
            .answer_vision_with(Some(&analysis.to_string()));
        let path = format!("{image}/analyze?force_refresh=true");
        let (name, what) = path.split_once('/').unwrap();
        let answer = service.post(&sandbox, &tenant, name, what).await;
        let told = answer.json()["description"].to_string();
        assert!(told.contains("A harbour,"), "{form}: {}", answer.text);
        assert!(!secrets.finds_in(&answer.text), "{form}: {}", answer.text);
    }
    assert!(!secrets.finds_in(&service.whole_log().await));
}
