//! A `PgBouncer` between the service and PostgreSQL.

use publisher_sandbox::Sandbox;
use serde_json::json;

use crate::{
    database::Database,
    harness::{Service, command},
    own_postgres::{PASSWORD, Pooler},
};

const SENTENCE: &str = "set pool_mode=session there";

/// A ledger in the shared server, by way of a pooler that does not run yet.
async fn stage() -> Option<(Database, Pooler, String)> {
    let database = Database::postgres().await?;
    let Database::Postgres(schema) = &database else {
        panic!("it is a server");
    };
    let Some(pooler) = Pooler::create(schema.name()) else {
        database.remove().await;
        return None;
    };
    let (user, port) = (schema.name(), pooler.port());
    let url = format!("postgres://{user}:{PASSWORD}@127.0.0.1:{port}/postgres");
    Some((database, pooler, url))
}

#[tokio::test]
async fn a_pooler_of_sessions_with_debian_s_settings_is_as_good_as_the_server() {
    let Some((database, mut pooler, url)) = stage().await else {
        return;
    };
    pooler.start(None);
    let sandbox = Sandbox::start().await.unwrap();
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    service.becomes_ready().await;
    let alice = &sandbox.tenants()[0];
    let published = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await
        .json();
    assert_eq!(
        published["results"]["telegram"]["outcome"], "published",
        "{published}"
    );
    // As after a restart of the pooler.
    pooler.start(None);
    service.becomes_ready().await;
    let entries = service.publications(&sandbox, alice).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    service.kill().await;
    drop(pooler);
    database.remove().await;
}

#[tokio::test]
async fn a_pooler_of_transactions_or_statements_ends_the_start_and_fails_the_check() {
    let Some((database, mut pooler, url)) = stage().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    for mode in ["transaction", "statement"] {
        pooler.start(Some(mode));
        for (name, code) in [("serve", 1), ("check", 2)] {
            let mut command = command(name);
            command.envs(sandbox.environment());
            command.env("LISTEN_ADDRESS", "127.0.0.1:0");
            command.env("METRICS_LISTEN_ADDRESS", "127.0.0.1:0");
            command.env("PUBLISH_LEDGER_URL", &url);
            let output = command.output().await.unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(code), "{mode} {said}");
            assert!(said.contains(SENTENCE), "{mode} {name}: {said}");
            assert!(!said.contains(PASSWORD), "{said}");
        }
    }
    drop(pooler);
    database.remove().await;
}

#[tokio::test]
async fn a_pooler_with_fewer_sessions_than_are_taken_has_requests_wait_for_each_other() {
    let Some((database, mut pooler, url)) = stage().await else {
        return;
    };
    pooler.start_with("default_pool_size = 2\n");
    let sandbox = Sandbox::start().await.unwrap();
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    service.becomes_ready().await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("there are two");
    };
    let (one, other) = tokio::join!(
        service.publish(&sandbox, alice, "harbour-dawn.jpg", json!({})),
        service.publish(&sandbox, bob, "north-ridge.jpg", json!({})),
    );
    for answer in [one, other] {
        let answer = answer.json();
        assert_eq!(
            answer["results"]["telegram"]["outcome"], "published",
            "{answer}"
        );
    }
    service.kill().await;
    let mut check = command("check");
    check.envs(sandbox.environment()).envs(ledger);
    let output = check.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("only 2 of the 3 connections that this process takes can be had now"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
    drop(pooler);
    database.remove().await;
}

#[tokio::test]
async fn a_pooler_that_is_away_at_the_start_is_looked_at_when_it_is_there() {
    let Some((database, mut pooler, url)) = stage().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    let ready = service.becomes_unready().await;
    assert_eq!(ready.json()["reason"], "ledger_unavailable");
    pooler.start(Some("transaction"));
    service.logged(SENTENCE).await;
    let alice = &sandbox.tenants()[0];
    let refused = service
        .publish(&sandbox, alice, "harbour-dawn.jpg", json!({}))
        .await;
    refused.assert_problem(503, "ledger-unavailable");
    pooler.start(Some("session"));
    service.becomes_ready().await;
    service.kill().await;
    drop(pooler);
    database.remove().await;
}
