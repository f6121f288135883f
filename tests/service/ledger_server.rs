//! A server of PostgreSQL as operators have it: away, full, with passwords, with a certificate that a
//! private authority has signed.

use std::{fs, path::PathBuf};

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Sandbox};
use serde_json::json;
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use crate::{
    harness::{Answer, Service, command},
    own_postgres::{OwnServer, PASSWORD},
};

const USER: &str = "publisher_own";
const IMAGE: &str = "harbour-dawn.jpg";

async fn as_superuser(server: &OwnServer, statements: &[&str]) {
    let mut connection = server.connect().await;
    for statement in statements {
        let statement = sqlx::query(AssertSqlSafe((*statement).to_owned()));
        statement.execute(&mut connection).await.unwrap();
    }
}

/// A user as a deployment has one, who may make tables.
async fn create_user(server: &OwnServer, password: &str) {
    let create = format!("CREATE ROLE {USER} LOGIN PASSWORD '{password}'");
    let grant = format!("GRANT CREATE ON SCHEMA public TO {USER}");
    as_superuser(server, &[&create, &grant]).await;
}

async fn publish(service: &Service, sandbox: &Sandbox, who: &DemoTenant) -> Answer {
    service.publish(sandbox, who, IMAGE, json!({})).await
}

#[tokio::test]
async fn a_service_starts_while_its_server_is_away_and_serves_once_it_can() {
    let Some(mut server) = OwnServer::create() else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let url = server.url(USER, "right-s3cret");
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    let ready = service.becomes_unready().await;
    assert_eq!(ready.json()["reason"], "ledger_unavailable");
    assert_eq!(service.get("any", "/health/live").await.status, 200);
    let alice = &sandbox.tenants()[0];
    publish(&service, &sandbox, alice)
        .await
        .assert_problem(503, "ledger-unavailable");

    // There, but with another password.
    server.start(20).await;
    create_user(&server, "wrong-s3cret").await;
    service.logged("refuses the user or the password").await;
    publish(&service, &sandbox, alice)
        .await
        .assert_problem(503, "ledger-unavailable");
    assert_eq!(service.get("any", "/health/ready").await.status, 503);

    let mend = format!("ALTER ROLE {USER} PASSWORD 'right-s3cret'");
    as_superuser(&server, &[&mend]).await;
    service.becomes_ready().await;
    let published = publish(&service, &sandbox, alice).await.json();
    assert_eq!(published["results"]["telegram"]["outcome"], "published");

    let warnings = service
        .lines("the ledger cannot be opened yet: trying again")
        .await;
    let causes: Vec<_> = warnings.iter().map(|line| &line["error"]).collect();
    let is_repeated = causes.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(causes.len() >= 2 && !is_repeated, "{causes:?}");
    assert!(
        causes[0].as_str().unwrap().contains("refused"),
        "{causes:?}"
    );
    assert_eq!(service.lines("the ledger is open").await.len(), 1);
    assert!(!service.whole_log().await.contains("right-s3cret"));
    service.kill().await;
}

#[tokio::test]
async fn three_replicas_fit_into_twenty_connections_beside_others() {
    let Some(mut server) = OwnServer::create() else {
        return;
    };
    server.start(20).await;
    create_user(&server, PASSWORD).await;
    // What others take of the seventeen that are not the superuser's.
    let others = join_all((0..8).map(|_| server.connect())).await;
    let sandbox = Sandbox::start().await.unwrap();
    let url = server.url(USER, PASSWORD);
    let ledger = [
        ("PUBLISH_LEDGER_URL", &*url),
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "50"),
    ];
    let replica = || Service::start_with(sandbox.environment(), &ledger);
    let replicas = join_all((0..3).map(|_| replica())).await;
    for replica in &replicas {
        replica.becomes_ready().await;
    }
    let requests = (0..60).map(|number| {
        let who = &sandbox.tenants()[number % 2];
        let image = if number % 2 == 0 {
            IMAGE
        } else {
            "north-ridge.jpg"
        };
        replicas[number % 3].publish(&sandbox, who, image, json!({}))
    });
    let answers = join_all(requests).await;
    // 404: it is in the archive by then.
    for answer in &answers {
        assert!([200, 404, 409].contains(&answer.status), "{answer:?}");
    }
    let mut admin = server.connect().await;
    let taken: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'publisher'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert!((3..=9).contains(&taken), "{taken}");
    assert_eq!(sandbox.telegram.photos().len(), 2);

    // No room for another one: it starts, and says why it does not serve.
    let mut more = Vec::new();
    while let Ok(connection) = server.try_to_connect().await {
        more.push(connection);
    }
    let (said, code) = check(&sandbox, &ledger[..1]).await;
    assert!(said.contains("the server has no connection left"), "{said}");
    assert_eq!(code, 2);
    for replica in replicas {
        assert_eq!(replica.get("any", "/health/ready").await.status, 200);
        replica.kill().await;
    }
    drop((others, more));
}

#[tokio::test]
async fn a_user_with_fewer_connections_than_are_taken_publishes_all_the_same() {
    let Some(mut server) = OwnServer::create() else {
        return;
    };
    server.start(20).await;
    create_user(&server, PASSWORD).await;
    as_superuser(&server, &[&format!("ALTER ROLE {USER} CONNECTION LIMIT 2")]).await;
    let sandbox = Sandbox::start().await.unwrap();
    let url = server.url(USER, PASSWORD);
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    let service = Service::start_with(sandbox.environment(), &ledger).await;
    service.becomes_ready().await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("there are two");
    };
    let answers = tokio::join!(
        publish(&service, &sandbox, alice),
        service.publish(&sandbox, bob, "north-ridge.jpg", json!({})),
    );
    for answer in [answers.0, answers.1] {
        let answer = answer.json();
        assert_eq!(
            answer["results"]["telegram"]["outcome"], "published",
            "{answer}"
        );
    }
    service.kill().await;
    let (said, code) = check(&sandbox, &ledger).await;
    let line = "only 2 of the 3 connections that this process takes can be had now";
    assert!(said.contains(line), "{said}");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn a_user_who_cannot_make_the_tables_is_told_by_the_check() {
    let Some(mut server) = OwnServer::create() else {
        return;
    };
    server.start(20).await;
    create_user(&server, PASSWORD).await;
    let sandbox = Sandbox::start().await.unwrap();
    let url = server.url(USER, PASSWORD);
    let ledger = [("PUBLISH_LEDGER_URL", &*url)];
    for (change, line) in [
        (
            format!("REVOKE CREATE ON SCHEMA public FROM {USER}"),
            "the user may not create tables: run `publisher check --migrate --ledger-only` as a user who may",
        ),
        (
            format!("ALTER ROLE {USER} SET search_path = nowhere"),
            "there is no schema to make the tables in",
        ),
    ] {
        as_superuser(&server, &[&change]).await;
        let (said, code) = check(&sandbox, &ledger).await;
        assert!(said.contains(line) && !said.contains("at line"), "{said}");
        assert_eq!(code, 2);
        let service = Service::start_with(sandbox.environment(), &ledger).await;
        let ready = service.becomes_unready().await;
        assert_eq!(ready.json()["reason"], "ledger_unavailable");
        service.logged(&line[..30]).await;
        service.kill().await;
    }
}

#[tokio::test]
async fn a_certificate_of_a_private_authority_is_trusted_where_that_is_named() {
    let Some(mut server) = OwnServer::create() else {
        return;
    };
    server.start(20).await;
    create_user(&server, PASSWORD).await;
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("{}?sslmode=verify-full", server.url(USER, PASSWORD));
    let strange = [("PUBLISH_LEDGER_URL", &*url)];
    let (said, code) = check(&sandbox, &strange).await;
    assert!(
        said.contains("signed by nobody that is trusted") && said.contains("EXTRA_CA_CERTS_FILE"),
        "{said}"
    );
    assert_eq!(code, 2);
    let mut serve = command("serve");
    serve.envs(sandbox.environment()).envs(strange);
    serve.env("LISTEN_ADDRESS", "127.0.0.1:0");
    serve.env("METRICS_LISTEN_ADDRESS", "127.0.0.1:0");
    let output = serve.output().await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("EXTRA_CA_CERTS_FILE"), "{told}");
    assert_eq!(output.status.code(), Some(1));

    let folder = tempfile::tempdir().unwrap();
    // Beside what the sandbox needs; or in the URL.
    let both = roots(&folder, &sandbox, &server);
    let named = [
        ("PUBLISH_LEDGER_URL", &*url),
        ("EXTRA_CA_CERTS_FILE", both.to_str().unwrap()),
    ];
    let service = Service::start_with(sandbox.environment(), &named).await;
    service.becomes_ready().await;
    let mut admin = server.connect().await;
    let secured: bool = sqlx::query_scalar(
        "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
            WHERE a.application_name = 'publisher'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert!(secured);
    service.kill().await;

    let alone = folder.path().join("alone.pem");
    fs::write(&alone, &server.authority).unwrap();
    let in_url = format!("{url}&sslrootcert={}", alone.display());
    let (said, code) = check(&sandbox, &[("PUBLISH_LEDGER_URL", &in_url)]).await;
    assert_eq!(code, 0, "{said}");
    let other_host = url.replace("@localhost", "@127.0.0.1");
    let other_host = format!("{other_host}&sslrootcert={}", alone.display());
    let (said, _) = check(&sandbox, &[("PUBLISH_LEDGER_URL", &other_host)]).await;
    assert!(
        said.contains("for another host than the URL names"),
        "{said}"
    );
    let no_file = format!("{url}&sslrootcert=/nowhere/ca.pem");
    let (said, code) = check(&sandbox, &[("PUBLISH_LEDGER_URL", &no_file)]).await;
    assert!(
        said.contains("that sslrootcert names cannot be read"),
        "{said}"
    );
    assert_eq!(code, 2);
}

/// The sandbox's roots and the server's, in one file.
fn roots(folder: &TempDir, sandbox: &Sandbox, server: &OwnServer) -> PathBuf {
    let environment = sandbox.environment();
    let of_sandbox = environment
        .iter()
        .find(|(name, _)| *name == "EXTRA_CA_CERTS_FILE");
    let of_sandbox = fs::read_to_string(&of_sandbox.unwrap().1).unwrap();
    let file = folder.path().join("both.pem");
    fs::write(&file, format!("{of_sandbox}\n{}", server.authority)).unwrap();
    file
}

async fn check(sandbox: &Sandbox, more: &[(&str, &str)]) -> (String, i32) {
    let mut check = command("check");
    check.envs(sandbox.environment()).envs(more.iter().copied());
    let output = check.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains(PASSWORD), "{said}");
    (said, output.status.code().unwrap())
}
