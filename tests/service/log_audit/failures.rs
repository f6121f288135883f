//! Upstreams that fail in all their ways, and tell in their answers what they were shown.

use publisher_sandbox::{DemoTenant, Fault, Network, Sandbox};
use reqwest::Method;
use serde_json::json;

use super::Audit;

/// An answer that tells what the upstream was shown.
fn told(tenant: &DemoTenant, status: u16, secret: &str) -> Fault {
    let text = format!(
        "no: {secret} in https://u:{secret}@{}/?q={secret}",
        tenant.host
    );
    let body = json!({
        "ok": false, "error_code": status, "description": text,
        "error": {"message": text, "type": text, "code": text},
        "error_summary": text, "error_description": text,
    });
    Fault::json(status, &body)
}

pub(super) async fn platforms_fail(audit: &Audit, tenant: &DemoTenant) {
    let (telegram, smtp) = (
        audit.sandbox.telegram.switches(),
        audit.sandbox.smtp.switches(),
    );
    let token = &tenant.bot_token;
    for fault in [
        Fault::ResetBeforeRequest,
        Fault::ResetAfterRequest,
        Fault::MalformedBody,
        Fault::TruncatedBody,
        told(tenant, 400, token),
        told(tenant, 403, token),
        told(tenant, 404, token),
        told(tenant, 500, token),
    ] {
        telegram.inject_matching("sendPhoto", 3, token, fault);
        smtp.inject(
            "DATA_END",
            Fault::text(554, &format!("5.7.1 {}", tenant.password)),
        );
        let answer = audit.publish(tenant, "harbour-dawn.jpg").await;
        assert_eq!(answer.json()["any_success"], false, "{answer:?}");
        telegram.clear("sendPhoto");
        smtp.clear("DATA_END");
    }
}

/// An answer of a network that tells what it was shown, and where it is.
fn told_by_network(status: u16, secrets: &[&str], url: &str) -> Fault {
    let secrets = secrets.join(" and ");
    let text = format!("no: {secrets} at {url}/?q={secrets}");
    let body = json!({"error": text, "error_description": text, "message": text});
    Fault::json(status, &body)
}

/// The networks fail at every call that can be repeated or looked up at once.
pub(super) async fn networks_fail(audit: &Audit, tenant: &DemoTenant) {
    const IMAGE: &str = "harbour-dawn.jpg";
    let Sandbox {
        mastodon, bluesky, ..
    } = &audit.sandbox;
    let answer = audit.publish(tenant, IMAGE).await;
    assert_eq!(answer.json()["any_success"], true, "{answer:?}");
    let token = &tenant.account(Network::Mastodon).unwrap().secret;
    let password = &tenant.account(Network::Bluesky).unwrap().secret;
    let shown = bluesky.switches().requests("createRecord");
    let access = shown.last().unwrap().bearer().unwrap();
    let instance = mastodon.server().url();
    let server = bluesky.server().url();
    let told = |status| {
        [
            told_by_network(status, &[token], &instance),
            told_by_network(status, &[password, access], &server),
        ]
    };
    let both = |fault: Fault| [fault.clone(), fault];
    for [at_mastodon, at_bluesky] in [
        both(Fault::ResetBeforeRequest),
        both(Fault::ResetAfterRequest),
        both(Fault::MalformedBody),
        both(Fault::TruncatedBody),
        told(400),
        told(403),
        told(404),
        told(500),
    ] {
        mastodon.switches().always("upload_media", at_mastodon);
        bluesky.switches().always("uploadBlob", at_bluesky);
        let answer = audit.publish(tenant, IMAGE).await;
        assert_eq!(answer.json()["any_success"], false, "{answer:?}");
        assert!(!answer.text.contains("127.0.0.1"), "{answer:?}");
        mastodon.switches().clear("upload_media");
        bluesky.switches().clear("uploadBlob");
    }
    // With the post refused, and with it taken and the answer lost.
    for [at_mastodon, at_bluesky] in [
        told(403),
        told(502).map(Fault::after_processing),
        both(Fault::MalformedBody),
    ] {
        mastodon.switches().inject("post_status", at_mastodon);
        bluesky.switches().inject("createRecord", at_bluesky);
        audit.publish(tenant, IMAGE).await;
    }
    // A post that is in doubt until its token may read.
    mastodon.set_scopes(token, &["write"]);
    let after_taking = told_by_network(502, &[token], &instance).after_processing();
    mastodon.switches().inject("post_status", after_taking);
    let answer = audit.publish(tenant, IMAGE).await;
    let results = &answer.json()["results"];
    assert_eq!(results["mastodon"]["outcome"], "unknown", "{answer:?}");
    let in_doubt = "/api/publications?outcome=unknown";
    let in_doubt = audit.get(tenant, in_doubt).await.json();
    let id = in_doubt["publications"][0]["id"].as_str().unwrap();
    let question = format!("/api/publications/{id}/check");
    for status in [403, 401] {
        let [fault, _] = told(status);
        mastodon.switches().inject("verify_credentials", fault);
        let answer = audit.post(tenant, &question, json!({})).await.json();
        assert_ne!(answer["outcome"], "published", "{answer}");
        // Where the post before it is, everybody may know.
        let said = format!("{}{}", answer["error"], answer["detail"]);
        assert!(!said.contains("127.0.0.1"), "{answer}");
        mastodon.switches().clear("verify_credentials");
    }
    mastodon.set_scopes(token, &["read", "write"]);
    let answer = audit.post(tenant, &question, json!({})).await;
    assert_eq!(answer.json()["outcome"], "published", "{answer:?}");
    // A session that has run out, and a server that does not refresh it.
    bluesky.expire_access_tokens();
    audit.publish(tenant, IMAGE).await;
    let shown = bluesky.switches().requests("refreshSession");
    let refresh = shown.last().unwrap().bearer().unwrap();
    bluesky.expire_access_tokens();
    let fault = told_by_network(400, &[refresh, access], &server);
    bluesky.switches().inject("refreshSession", fault);
    let answer = audit.publish(tenant, IMAGE).await;
    let results = &answer.json()["results"];
    assert_eq!(results["bluesky"]["outcome"], "published", "{answer:?}");
    // Dead credentials, and servers that are away.
    mastodon.revoke(token);
    bluesky.revoke(password);
    bluesky.expire_access_tokens();
    let answer = audit.publish(tenant, IMAGE).await;
    assert_eq!(answer.json()["any_success"], false, "{answer:?}");
    mastodon.server().stop_listening().await;
    bluesky.server().stop_listening().await;
    let answer = audit.publish(tenant, IMAGE).await;
    assert_eq!(answer.json()["any_success"], false, "{answer:?}");
    assert!(!answer.text.contains("127.0.0.1"), "{answer:?}");
    assert!(bluesky.secrets().len() > 7, "the tokens are among them");
}

pub(super) async fn models_fail(audit: &Audit, tenant: &DemoTenant) {
    let (openai, key) = (audit.sandbox.openai.switches(), &tenant.api_key);
    for fault in [
        Fault::ResetAfterRequest,
        Fault::MalformedBody,
        told(tenant, 400, key),
        told(tenant, 401, key),
        told(tenant, 429, key),
        told(tenant, 500, key),
    ] {
        openai.inject_matching("vision", 3, key, fault);
        let answer = audit.publish(tenant, "harbour-dawn.jpg").await;
        assert!(answer.status >= 500, "{answer:?}");
        openai.clear("vision");
    }
}

pub(super) async fn storage_fails(audit: &Audit, tenant: &DemoTenant) {
    let (dropbox, token) = (audit.sandbox.dropbox.switches(), &tenant.refresh_token);
    let image = "/api/images/harbour-dawn.jpg";
    for (operation, status, path) in [
        ("list_folder", 403, "/api/images/list"),
        ("get_temporary_link", 429, image),
        ("get_thumbnail_v2", 409, &format!("{image}/thumbnail")),
        ("get_metadata", 500, &format!("{image}/publish")),
        ("get_metadata", 409, &format!("{image}/publish")),
        ("download", 400, &format!("{image}/publish")),
    ] {
        dropbox.inject_times(operation, 3, told(tenant, status, token));
        let answer = if path.ends_with("publish") {
            audit.post(tenant, path, json!({})).await
        } else {
            audit.get(tenant, path).await
        };
        // What is about one file alone is a 422.
        assert!(answer.status >= 422, "{operation}: {answer:?}");
        dropbox.clear(operation);
    }
}

/// The orchestrator fails, tells what it was shown, and is away.
pub(super) async fn orchestrator_fails(audit: &Audit, tenant: &DemoTenant) {
    let orchestrator = &audit.sandbox.orchestrator;
    let token = orchestrator.service_token();
    for status in [400, 403, 404, 500] {
        let text = format!("{token} for {} and {}", tenant.host, tenant.storage_ref);
        let fault = Fault::json(status, &json!({"error": text}));
        orchestrator.switches().inject_times("by_host", 3, fault);
        let host = format!("unkn0wn-{status}.sandbox.localhost");
        audit
            .send(audit.request(Method::GET, &host, "/api/images/list"))
            .await;
        orchestrator.switches().clear("by_host");
    }
    for host in [
        "bad_h0st.example",
        "unkn0wn.sandbox.localhost:81",
        "[2001:db8::c4]",
    ] {
        audit
            .send(audit.request(Method::GET, host, "/api/images/list"))
            .await;
    }
    orchestrator.server().stop_listening().await;
    let cold = audit.request(Method::GET, "c0ld.sandbox.localhost", "/api/images/list");
    assert_eq!(audit.send(cold).await.status, 503);
    audit.hide(["unkn0wn", "bad_h0st", "2001:db8::c4", "c0ld.sandbox"]);
}

/// Credentials that their providers no longer accept.
pub(super) async fn credentials_die(audit: &Audit, tenant: &DemoTenant) {
    let Sandbox {
        dropbox,
        openai,
        telegram,
        smtp,
        orchestrator,
        ..
    } = &audit.sandbox;
    telegram.revoke_bot(&tenant.bot_token);
    smtp.remove_user(&tenant.sender);
    audit.publish(tenant, "paper-lantern.png").await;
    openai.revoke_key(&tenant.api_key);
    audit.publish(tenant, "paper-lantern.png").await;
    orchestrator.remove_credential(&tenant.telegram_ref);
    orchestrator.remove_credential(&tenant.ai_ref);
    audit.publish(tenant, "paper-lantern.png").await;
    dropbox.revoke(&tenant.refresh_token);
    dropbox.expire_access_tokens();
    audit.publish(tenant, "paper-lantern.png").await;
}
