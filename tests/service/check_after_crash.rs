//! `POST /api/publications/{id}/check` after a `kill -9`: the network tells what became of the post, and nothing is sent.

use std::time::Duration;

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Fault, Network, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    crashes::{kill_at, publish_after_crash},
    database::Database,
    harness::{Answer, Service},
    network_crashes::{
        IMAGE, assert_one_post, finish_late, posting, postpone, posts, switches, with_account,
    },
};

const NETWORKS: [Network; 2] = [Network::Mastodon, Network::Bluesky];

/// A process that was killed while a post was on its way, and the next one on its ledger.
struct Crash {
    database: Database,
    sandbox: Sandbox,
    tenant: DemoTenant,
    network: Network,
    service: Service,
}

impl Crash {
    /// `prepare` makes of the post what is to become of it; its answer is held.
    async fn of(database: Database, network: Network, prepare: fn(&Sandbox, Network)) -> Self {
        let (sandbox, tenant) = with_account(network).await;
        let service = database.start(&sandbox).await;
        prepare(&sandbox, network);
        let held = switches(&sandbox, network).hold(posting(network));
        kill_at(held, service, &sandbox, &tenant, IMAGE).await;
        let service = database.start(&sandbox).await;
        Self {
            database,
            sandbox,
            tenant,
            network,
            service,
        }
    }

    /// Checks the one publication, again for as long as the server has not noticed that the process is gone.
    async fn check(&self) -> Value {
        let (sandbox, tenant) = (&self.sandbox, &self.tenant);
        for _ in 0..100 {
            let before = self.service.publications(sandbox, tenant).await;
            let [before] = &before[..] else {
                panic!("{before:?}");
            };
            let id = before["id"].as_str().unwrap();
            let path = format!("/api/publications/{id}/check");
            let request = self.service.request(Method::POST, &tenant.host, &path);
            let answer = Answer::to(request.bearer_auth(sandbox.web_token())).await;
            if answer.status != 409 {
                assert_eq!(answer.status, 200, "{answer:?}");
                return answer.json();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the lease of a dead process is still held after 10 s");
    }

    /// The checked publication is the network's one post, sent once; the next publish knows it.
    async fn found(self, checked: Value) {
        let (sandbox, tenant, network) = (&self.sandbox, &self.tenant, self.network);
        assert_eq!(checked["outcome"], "published", "{checked}");
        assert_eq!(checked["post_id"], posts(sandbox, tenant, network)[0]);
        if network == Network::Bluesky {
            let url = checked["post_url"].as_str().unwrap();
            assert!(url.starts_with("https://bsky.app/profile/did:"), "{url}");
        }
        let again = self.service.publish(sandbox, tenant, IMAGE, json!({}));
        let again = again.await.json();
        let result = &again["results"][network.id()];
        assert_eq!(result["outcome"], "already_published", "{again}");
        assert_one_post(&self.service, sandbox, tenant, network).await;
        self.service.kill().await;
        self.database.remove().await;
    }
}

/// Each network on each database that there is, all at once.
async fn everywhere(prove: impl AsyncFn(Database, Network)) {
    let mut cases = Vec::new();
    for network in NETWORKS {
        for database in [Database::sqlite().await, Database::postgres().await] {
            cases.extend(database.map(|database| prove(database, network)));
        }
    }
    join_all(cases).await;
}

#[tokio::test]
async fn a_post_that_was_sent_before_the_crash_is_found() {
    everywhere(async |database, network| {
        let crash = Crash::of(database, network, |_, _| {}).await;
        let checked = crash.check().await;
        let sent = switches(&crash.sandbox, network).calls(posting(network));
        assert_eq!(sent, 1, "a check sends nothing");
        crash.found(checked).await;
    })
    .await;
}

#[tokio::test]
async fn a_post_that_the_network_is_still_at_work_on_is_waited_for() {
    everywhere(async |database, network| {
        let crash = Crash::of(database, network, postpone).await;
        let finish = finish_late(&crash.sandbox, network);
        let (checked, ()) = tokio::join!(crash.check(), finish);
        crash.found(checked).await;
    })
    .await;
}

#[tokio::test]
async fn a_post_that_is_not_there_has_failed_and_is_sent_by_the_next_publish() {
    everywhere(async |database, network| {
        let is_lost = |sandbox: &Sandbox, network| {
            let lost = Fault::status(500);
            switches(sandbox, network).inject(posting(network), lost);
        };
        let crash = Crash::of(database, network, is_lost).await;
        let checked = crash.check().await;
        assert_eq!(checked["outcome"], "failed", "{checked}");
        let (sandbox, tenant) = (&crash.sandbox, &crash.tenant);
        assert!(posts(sandbox, tenant, network).is_empty());
        let answer = publish_after_crash(&crash.service, sandbox, tenant, IMAGE).await;
        let result = &answer.json()["results"][network.id()];
        assert_eq!(result["outcome"], "published", "{answer:?}");
        assert_one_post(&crash.service, sandbox, tenant, network).await;
        crash.service.kill().await;
        crash.database.remove().await;
    })
    .await;
}
