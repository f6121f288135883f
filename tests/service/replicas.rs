//! Three replicas on one PostgreSQL: what a tenant may do holds for all of them together, and for each alone while the
//! database is away.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    database::Database,
    harness::{Answer, Service, now},
    own_postgres::{OwnServer, PASSWORD as DATABASE_PASSWORD, Stop},
    sessions::{PASSWORD, SESSION_SECRET, settings},
};

/// The AI calls of a tenant in a minute.
const RATE: usize = 3;
const TOKEN: &str = "a-token-of-more-than-16-characters";
const AWAY: &str = "the limits of all replicas cannot be counted in the ledger";
const BACK: &str = "the limits of all replicas are counted in the ledger again";
/// A JPEG of 16 × 16 pixels with hardly any data.
const JPEG: [u8; 29] = *b"\xFF\xD8\xFF\xC0\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0\
    \xFF\xDA\0\x08\x01\x01\0\0\x3F\0\x12\x34\xFF\xD9";

/// Three replicas on this ledger, with more settings.
async fn replicas(sandbox: &Sandbox, database: &Database, more: &[(&str, &str)]) -> Vec<Service> {
    let url = database.url();
    let mut settings = vec![("PUBLISH_LEDGER_URL", &*url)];
    settings.extend(more);
    let replica = || Service::start_with(sandbox.environment(), &settings);
    join_all((0..3).map(|_| replica())).await
}

/// A tenant with so many images, which are named by their numbers.
async fn with_images(count: u8) -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let image = |number| Sample::jpeg(&format!("{number}.jpg"), 64, 48, number).unwrap();
    let spec = TenantSpec::new("nora").email(false);
    let tenant = sandbox.add_tenant(spec.images((0..count).map(image)));
    (sandbox, tenant)
}

async fn log_in(service: &Service, host: &str, password: &str) -> Answer {
    let login = service.request(Method::POST, host, "/api/admin/login");
    Answer::to(login.json(&json!({"password": password}))).await
}

async fn list(service: &Service, host: &str, token: &str) -> Answer {
    let request = service.request(Method::GET, host, "/api/images/list");
    Answer::to(request.bearer_auth(token)).await
}

#[tokio::test]
async fn a_tenant_publishes_as_many_images_at_a_time_as_one_replica_may() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let (sandbox, nora) = with_images(12).await;
    let limit = [
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "4"),
        ("AI_RATE_PER_MINUTE", "1000"),
    ];
    let replicas = replicas(&sandbox, &database, &limit).await;
    let held = sandbox.openai.switches().hold("vision");
    let refused = AtomicUsize::new(0);
    let publish = async |number: usize| {
        let image = format!("{number}.jpg");
        let replica = &replicas[number % 3];
        let answer = replica.publish(&sandbox, &nora, &image, json!({})).await;
        refused.fetch_add(usize::from(answer.status == 429), Ordering::SeqCst);
        answer
    };
    let release = async {
        held.arrived(4).await;
        while refused.load(Ordering::SeqCst) < 8 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(held.waiting(), 4);
        // Analyses are counted with publications.
        let analysis = replicas[0].post(&sandbox, &nora, "0.jpg", "analyze?force_refresh=true");
        assert_eq!(analysis.await.status, 429);
        held.release();
    };
    let (answers, ()) = tokio::join!(join_all((0..12).map(publish)), release);
    let with = |status| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((with(200), with(429)), (4, 8), "{answers:?}");
    assert_eq!(sandbox.openai.switches().peak_concurrency("vision"), 4);

    // The slots are free again at once, at every replica.
    let left: Vec<_> = (0..12).filter(|it| answers[*it].status == 429).collect();
    for four in left.chunks(4) {
        let answers = join_all(four.iter().map(|number| publish(*number))).await;
        assert!(answers.iter().all(|it| it.status == 200), "{answers:?}");
    }
    assert_eq!(sandbox.telegram.photos().len(), 12);
    for replica in &replicas {
        assert!(!replica.whole_log().await.contains(AWAY));
    }
    drop(replicas);
    database.remove().await;
}

#[tokio::test]
async fn the_slots_of_a_replica_that_is_killed_keep_the_tenant_out_for_a_while_only() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let (sandbox, nora) = with_images(2).await;
    let limit = [("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "1")];
    let mut replicas = replicas(&sandbox, &database, &limit).await;
    let held = sandbox.openai.switches().hold("vision");
    let killed = replicas.remove(0);
    let publishing = killed
        .request(Method::POST, &nora.host, "/api/images/0.jpg/publish")
        .bearer_auth(sandbox.web_token());
    let publishing = tokio::spawn(publishing.send());
    held.arrived(1).await;
    let publish = async || {
        replicas[0]
            .publish(&sandbox, &nora, "1.jpg", json!({}))
            .await
    };
    publish().await.assert_problem(429, "rate-limited");
    killed.kill().await;
    assert!(publishing.await.unwrap().is_err());
    held.release();
    // As if 45 s had passed.
    database
        .run("UPDATE ledger_publish_slots SET ends_at = ends_at - 45000")
        .await;
    assert_eq!(publish().await.status, 200);
    drop(replicas);
    database.remove().await;
}

#[tokio::test]
async fn a_tenant_has_as_many_ai_calls_in_a_minute_as_at_one_replica() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let (sandbox, nora) = with_images(9).await;
    let limit = [
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "50"),
        ("AI_RATE_PER_MINUTE", "3"),
    ];
    let replicas = replicas(&sandbox, &database, &limit).await;
    let started = now();
    let publish = async |number: usize| {
        let image = format!("{number}.jpg");
        let replica = &replicas[number % 3];
        replica.publish(&sandbox, &nora, &image, json!({})).await
    };
    let answers = join_all((0..3 * RATE).map(publish)).await;
    let calls = sandbox.openai.switches().total_calls();
    // Turns are given for now: a machine that needs minutes has more of them.
    let minutes = usize::try_from(started.elapsed().as_secs() / 60).unwrap() + 1;
    assert!(
        (RATE..=RATE * minutes + 1).contains(&calls),
        "{calls} in {minutes}"
    );
    let without = answers.iter().filter(|it| it.status != 200).count();
    assert!(without >= answers.len() - calls, "{answers:?}");
    drop(replicas);
    database.remove().await;
}

#[tokio::test]
async fn wrong_credentials_are_counted_at_all_replicas_together() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let replicas = replicas(&sandbox, &database, &settings()).await;
    for number in 0..5 {
        let wrong = log_in(&replicas[number % 3], &alice.host, "guess").await;
        wrong.assert_problem(401, "unauthorized");
        let wrong = list(&replicas[number % 3], &alice.host, "guess").await;
        wrong.assert_problem(401, "unauthorized");
    }
    for replica in &replicas {
        for password in ["guess", PASSWORD] {
            let refused = log_in(replica, &alice.host, password).await;
            refused.assert_problem(429, "rate-limited");
        }
        let refused = list(replica, &alice.host, "guess").await;
        refused.assert_problem(429, "rate-limited");
        let strong = list(replica, &alice.host, sandbox.web_token()).await;
        assert_eq!(strong.status, 200, "it cannot be guessed");
    }

    // A right password clears the count, at all replicas; other tenants have counts of their own.
    for _ in 0..2 {
        for number in 0..4 {
            let wrong = log_in(&replicas[number % 3], &bob.host, "guess").await;
            wrong.assert_problem(401, "unauthorized");
        }
        assert_eq!(log_in(&replicas[2], &bob.host, PASSWORD).await.status, 200);
    }
    let warned = join_all(
        replicas
            .iter()
            .map(|it| it.lines("too many wrong passwords: no more tries from there for a while")),
    );
    let warned = warned.await.into_iter().flatten().count();
    assert_eq!(warned, 1, "the fifth one is in the log");
    drop(replicas);
    database.remove().await;
}

#[tokio::test]
async fn uploads_are_counted_at_all_replicas_together() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let environment = || {
        vec![
            ("STORAGE_PROVIDER", "local".to_owned()),
            ("STORAGE_PATHS", json!({"root": folder.path()}).to_string()),
            ("PUBLISH_LEDGER_URL", database.url()),
            ("WEB_AUTH_TOKEN", TOKEN.to_owned()),
            ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ]
    };
    let replicas = join_all((0..3).map(|_| Service::start_with(environment(), &[]))).await;
    let upload = async |number: usize, address: &str| {
        let part = Part::bytes(JPEG.to_vec()).file_name(format!("{address} {number}.jpg"));
        let request =
            replicas[number % 3].request(Method::POST, "localhost", "/api/library/upload");
        let request = request
            .bearer_auth(TOKEN)
            .header("x-forwarded-for", address);
        Answer::to(request.multipart(Form::new().part("file", part))).await
    };
    let answers = join_all((0..30).map(|number| upload(number, "192.0.2.1"))).await;
    let with = |status| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((with(200), with(429)), (10, 20), "{answers:?}");
    for number in 0..3 {
        upload(number, "192.0.2.1")
            .await
            .assert_problem(429, "rate-limited");
    }
    assert_eq!(upload(0, "192.0.2.2").await.status, 200, "another admin");
    drop(replicas);
    database.remove().await;
}

#[tokio::test]
async fn a_replica_without_its_database_goes_by_its_own_count_and_says_so() {
    let Some(mut server) = OwnServer::create() else {
        return;
    };
    server.start(20).await;
    let sandbox = Sandbox::start().await.unwrap();
    let host = &sandbox.tenants()[0].host;
    let url = server.url("postgres", DATABASE_PASSWORD);
    let settings = [
        ("PUBLISH_LEDGER_URL", &*url),
        ("WEB_ADMIN_PASSWORD", PASSWORD),
        ("WEB_SESSION_SECRET", SESSION_SECRET),
    ];
    let replica = || Service::start_with(sandbox.environment(), &settings);
    let (one, other) = tokio::join!(replica(), replica());
    for replica in [&one, &other] {
        replica.becomes_ready().await;
    }
    for _ in 0..2 {
        let wrong = log_in(&one, host, "guess").await;
        wrong.assert_problem(401, "unauthorized");
    }
    server.stop(Stop::Immediate);
    // It goes on from what it has counted; the other one has counted nothing.
    for (replica, left) in [(&one, 3), (&other, 5)] {
        for _ in 0..left {
            let wrong = log_in(replica, host, "guess").await;
            wrong.assert_problem(401, "unauthorized");
        }
        let refused = log_in(replica, host, PASSWORD).await;
        refused.assert_problem(429, "rate-limited");
        assert_eq!(replica.whole_log().await.matches(AWAY).count(), 1);
        let metrics = replica.metrics().await.text;
        let count = metrics.lines().find_map(|line| {
            line.strip_prefix("publisher_shared_limits_fallbacks_total{limit=\"logins\"} ")
        });
        assert!(count.unwrap().parse::<u64>().unwrap() > 5, "{metrics}");
    }
    // Publications find out by themselves that the ledger is away.
    let alice = &sandbox.tenants()[0];
    let published = one.publish(&sandbox, alice, &alice.images[0], json!({}));
    published.await.assert_problem(503, "ledger-unavailable");
    server.start(20).await;
    one.becomes_ready().await;
    while !one.log().contains(BACK) {
        log_in(&one, host, PASSWORD).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let published = one.publish(&sandbox, alice, &alice.images[0], json!({}));
    assert_eq!(published.await.status, 200);
    one.kill().await;
    other.kill().await;
}
