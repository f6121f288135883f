//! The log at its most talkative holds no secret, no reference and no host.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use publisher::adapters::sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::harness::Service;

#[tokio::test]
async fn the_log_of_a_publish_holds_nothing_that_must_not_be_known() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start_with(sandbox.environment(), &[("RUST_LOG", "trace")]).await;
    let [alice, bob] = sandbox.tenants() else {
        panic!("two tenants")
    };
    service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await;
    // Errors are more talkative than successes.
    sandbox.telegram.revoke_bot(&bob.bot_token);
    sandbox
        .telegram
        .switches()
        .inject("sendPhoto", Fault::ResetAfterRequest);
    sandbox.smtp.remove_user(&alice.sender);
    sandbox
        .openai
        .switches()
        .inject("vision", Fault::MalformedBody);
    sandbox.orchestrator.remove_credential(&bob.telegram_ref);
    for image in ["paper-lantern.png", "red-thread.webp"] {
        service.publish(&sandbox, alice, image, json!({})).await;
        service
            .publish(&sandbox, bob, "north-ridge.jpg", json!({}))
            .await;
    }
    sandbox.telegram.server().stop_listening().await;
    service
        .publish(&sandbox, alice, "café-夜.jpg", json!({}))
        .await;
    for path in [
        "salt-flat.png",
        "random",
        "salt-flat.png/thumbnail",
        "gone.png",
    ] {
        let path = format!("/api/images/{path}");
        service.get_as_admin(&sandbox, &bob.host, &path).await;
    }
    service
        .get("nobody.sandbox.localhost", "/api/images/list?after=canary")
        .await;
    service.get("bad_host", "/api/images/list").await;

    let log = service.log();
    assert!(
        log.lines().count() > 40,
        "too short to prove anything:\n{log}"
    );
    let mut canaries = sandbox.secrets();
    canaries.extend([&alice.host, &bob.host].map(Clone::clone));
    canaries.extend(["nobody.sandbox", "bad_host", "after=canary"].map(str::to_owned));
    for canary in canaries {
        assert!(canary.len() >= 6, "{canary} would be found by chance");
        let encoded: String = form_urlencoded::byte_serialize(canary.as_bytes()).collect();
        for form in [&canary, &encoded, &STANDARD.encode(&canary)] {
            let line = log.lines().find(|line| line.contains(form.as_str()));
            assert_eq!(line, None, "the log holds {form}");
        }
    }
}
