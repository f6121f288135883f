//! Images on Mastodon: posted with their description, within the instance's limits, and found where an answer is lost.

use publisher_sandbox::{DemoTenant, Fault, Network, Sandbox};
use serde_json::json;

use crate::{
    check_states::{check, quiet},
    harness::Service,
};

/// The demo tenant with an account at the instance.
fn erin(sandbox: &Sandbox) -> &DemoTenant {
    sandbox.tenant_at(Network::Mastodon).unwrap()
}

/// No line tells the token, or where the instance is.
async fn assert_discreet(service: &Service, sandbox: &Sandbox) {
    let log = service.whole_log().await;
    let account = erin(sandbox).account(Network::Mastodon).unwrap();
    let url = sandbox.mastodon.server().url();
    let authority = url.trim_start_matches("http://");
    assert!(log.contains("mastodon") && !log.contains(&account.secret));
    let line = log.lines().find(|line| line.contains(authority));
    assert_eq!(line, None);
}

#[tokio::test]
async fn an_image_is_posted_with_its_description_by_either_source() {
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
        let result = &answer["results"]["mastodon"];
        assert_eq!(result["outcome"], "published", "{answer}");
        assert_eq!(answer["archived"], true);
        let statuses = sandbox.mastodon.statuses_of("erin");
        assert_eq!(statuses.len(), 1);
        assert_eq!(result["post_id"], statuses[0].id);
        assert_eq!(result["caption"], statuses[0].text);
        assert!(!statuses[0].text.is_empty());
        assert_eq!(statuses[0].visibility, "unlisted");
        let posted = &statuses[0].images[0];
        assert!(posted.description.as_ref().is_some_and(|it| !it.is_empty()));
        assert_eq!(posted.image.metadata(), Vec::<String>::new());
        assert_discreet(&service, &sandbox).await;
    }
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found_and_not_sent_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let erin = erin(&sandbox);
    for (image, fault) in erin.images.iter().zip([
        Fault::ResetAfterRequest,
        Fault::text(504, "<html>").after_processing(),
    ]) {
        sandbox.mastodon.switches().inject("post_status", fault);
        let body = json!({ "platforms": ["mastodon"] });
        let answer = service.publish(&sandbox, erin, image, body).await;
        let answer = answer.json();
        let statuses = sandbox.mastodon.statuses_of("erin");
        let result = &answer["results"]["mastodon"];
        assert_eq!(result["outcome"], "published", "{answer}");
        assert_eq!(result["post_id"], statuses.last().unwrap().id);
    }
    assert_eq!(sandbox.mastodon.switches().calls("post_status"), 2);
    assert_eq!(sandbox.mastodon.statuses_of("erin").len(), 2);
    assert_discreet(&service, &sandbox).await;
}

#[tokio::test]
async fn a_dead_token_and_a_missing_scope_are_told_without_the_instance() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let erin = erin(&sandbox);
    let token = &erin.account(Network::Mastodon).unwrap().secret;
    for reason in ["rejected", "unauthorized"] {
        match reason {
            "rejected" => sandbox.mastodon.set_scopes(token, &["read"]),
            _ => sandbox.mastodon.revoke(token),
        }
        let body = json!({ "platforms": ["mastodon"] });
        let answer = service.publish(&sandbox, erin, &erin.images[0], body);
        let answer = answer.await.json();
        let result = &answer["results"]["mastodon"];
        assert_eq!(result["reason"], reason, "{answer}");
        let error = result["error"].to_string();
        assert!(
            !error.contains("127.0.0.1") && !error.contains(token),
            "{error}"
        );
    }
    assert_discreet(&service, &sandbox).await;
}

#[tokio::test]
async fn the_check_asks_for_the_account_and_posts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let arguments = ["--host", &*erin(&sandbox).host];
    let (said, code) = check(&quiet(sandbox.environment()), &arguments, folder.path()).await;
    let well =
        "ok     mastodon      the account is known, and its token may upload images and read";
    assert!(said.contains(well), "{said}");
    assert_eq!(code, 0, "{said}");
    assert!(sandbox.mastodon.uploads().is_empty() && sandbox.mastodon.statuses().is_empty());
}
