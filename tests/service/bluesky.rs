//! Images on Bluesky: posted with alt text and labels, by a session that is kept, and found where an answer is lost.

use publisher_sandbox::{DemoTenant, Fault, Network, NetworkAccount, Sandbox};
use serde_json::{Value, json};

use crate::{
    check_states::{check, quiet},
    harness::Service,
};

/// The demo tenant with an account at the server.
fn erin(sandbox: &Sandbox) -> &DemoTenant {
    sandbox.tenant_at(Network::Bluesky).unwrap()
}

fn account(sandbox: &Sandbox) -> &NetworkAccount {
    erin(sandbox).account(Network::Bluesky).unwrap()
}

/// Publishes an image of the tenant to Bluesky alone, and returns the result.
async fn publish(service: &Service, sandbox: &Sandbox, image: &str) -> Value {
    let body = json!({ "platforms": ["bluesky"] });
    let answer = service.publish(sandbox, erin(sandbox), image, body).await;
    answer.json()["results"]["bluesky"].clone()
}

/// No line tells a password or a token, the handle, or where the server is.
async fn assert_discreet(service: &Service, sandbox: &Sandbox) {
    let log = service.whole_log().await;
    assert!(log.contains("bluesky"));
    let url = sandbox.bluesky.server().url();
    let authority = url.trim_start_matches("http://").to_owned();
    let mut hidden = sandbox.bluesky.secrets();
    hidden.extend([account(sandbox).fields[0].2.clone(), authority]);
    for secret in hidden {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
}

#[tokio::test]
async fn an_image_is_posted_with_its_alt_text_by_either_source() {
    for is_standalone in [false, true] {
        let sandbox = Sandbox::start().await.unwrap();
        let erin = erin(&sandbox);
        let environment = if is_standalone {
            sandbox.standalone_environment(erin)
        } else {
            sandbox.environment()
        };
        let service = Service::start_with(environment, &[]).await;
        let image = &erin.images[0];
        let answer = service.publish(&sandbox, erin, image, json!({})).await;
        let answer = answer.json();
        let result = &answer["results"]["bluesky"];
        assert_eq!(result["outcome"], "published", "{answer}");
        assert_eq!(answer["archived"], true);
        let did = &account(&sandbox).name;
        let posts = sandbox.bluesky.posts_of(did);
        assert_eq!(posts.len(), 1);
        assert_eq!(result["post_id"], posts[0].uri);
        let url = format!("https://bsky.app/profile/{did}/post/{}", posts[0].rkey);
        assert_eq!(result["post_url"], url);
        assert_eq!(result["caption"], posts[0].text);
        assert!(!posts[0].text.is_empty());
        let labels = &posts[0].record["labels"]["values"];
        assert_eq!(*labels, json!([{ "val": "nudity" }]));
        let posted = &posts[0].images[0];
        assert!(!posted.alt.is_empty());
        assert_eq!(posted.image.metadata(), Vec::<String>::new());
        assert_discreet(&service, &sandbox).await;
    }
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found_and_not_sent_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let switches = sandbox.bluesky.switches();
    for (image, fault) in erin(&sandbox).images.iter().zip([
        Fault::ResetAfterRequest,
        Fault::text(504, "<html>").after_processing(),
    ]) {
        switches.inject("createRecord", fault);
        let result = publish(&service, &sandbox, image).await;
        let posts = sandbox.bluesky.posts();
        assert_eq!(result["outcome"], "published", "{result}");
        assert_eq!(result["post_id"], posts.last().unwrap().uri);
    }
    assert_eq!(switches.calls("createRecord"), 2);
    assert_eq!(switches.calls("getRecord"), 2);
    assert_eq!(sandbox.bluesky.posts().len(), 2);
    assert_discreet(&service, &sandbox).await;
}

#[tokio::test]
async fn a_session_serves_several_posts_and_is_refreshed() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    for image in &erin(&sandbox).images {
        let result = publish(&service, &sandbox, image).await;
        assert_eq!(result["outcome"], "published", "{result}");
        sandbox.bluesky.expire_access_tokens();
    }
    let posts = sandbox.bluesky.posts().len();
    assert!(posts > 1);
    let switches = sandbox.bluesky.switches();
    assert_eq!(switches.calls("createSession"), 1);
    assert_eq!(switches.calls("refreshSession"), posts - 1);
    assert_discreet(&service, &sandbox).await;
}

#[tokio::test]
async fn a_dead_app_password_is_told_without_the_server() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let password = &account(&sandbox).secret;
    sandbox.bluesky.revoke(password);
    let result = publish(&service, &sandbox, &erin(&sandbox).images[0]).await;
    assert_eq!(result["reason"], "unauthorized", "{result}");
    let error = result["error"].to_string();
    let is_discreet = !error.contains("127.0.0.1") && !error.contains(password);
    assert!(error.contains("app password") && is_discreet, "{error}");
    assert!(sandbox.bluesky.posts().is_empty());
    assert_discreet(&service, &sandbox).await;
}

#[tokio::test]
async fn the_check_logs_in_and_posts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let arguments = ["--host", &*erin(&sandbox).host];
    let (said, code) = check(&quiet(sandbox.environment()), &arguments, folder.path()).await;
    let well = "ok     bluesky       the account can be logged in to";
    assert!(said.contains(well), "{said}");
    assert_eq!(code, 0, "{said}");
    assert_eq!(sandbox.bluesky.switches().calls("uploadBlob"), 0);
    assert!(sandbox.bluesky.posts().is_empty());
}
