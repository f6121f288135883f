//! Requests to publish that come twice, and the next image when nobody names one.

use publisher_sandbox::{DemoTenant, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    database::Database,
    harness::{Answer, Service},
};

const IMAGE: &str = "/api/images/harbour-dawn.jpg/publish";

async fn post(
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    path: &str,
    key: &str,
    body: Value,
) -> Answer {
    let request = service
        .request(Method::POST, &tenant.host, path)
        .bearer_auth(sandbox.web_token())
        .json(&body);
    let request = match key {
        "" => request,
        key => request.header("Idempotency-Key", key),
    };
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn under_one_key_the_first_answer_comes_again_and_nothing_is_done() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let publish = |key, body| post(&service, &sandbox, alice, IMAGE, key, body);
    let first = publish("k-1", json!({})).await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (200, "")
    );
    let calls = sandbox.dropbox.switches().total_calls();
    // Written otherwise, it asks for the same.
    let again = publish("k-1", json!({"force": false, "caption": null})).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(sandbox.dropbox.switches().total_calls(), calls);
    assert_eq!(sandbox.telegram.photos().len(), 1);

    let other = publish("k-1", json!({"force": true})).await;
    other.assert_problem(422, "idempotency-mismatch");
    // The image is in the archive by now, which a request of its own finds out.
    let next = publish("k-2", json!({})).await.json();
    let outcome = &next["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "already_published", "{next}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
}

#[tokio::test]
async fn while_the_first_request_runs_the_second_is_a_conflict_and_a_restart_forgets_no_answer() {
    let sandbox = Sandbox::start().await.unwrap();
    let database = Database::sqlite().await.unwrap();
    let service = database.start(&sandbox).await;
    let bob = &sandbox.tenants()[1];
    let path = "/api/images/north-ridge.jpg/publish";
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let first = post(&service, &sandbox, bob, path, "k", json!({}));
    let second = async {
        held.arrived(1).await;
        let answer = post(&service, &sandbox, bob, path, "k", json!({})).await;
        held.release();
        answer
    };
    let (first, second) = tokio::join!(first, second);
    second.assert_problem(409, "conflict");
    assert_eq!(first.status, 200);
    service.kill().await;

    let service = database.start(&sandbox).await;
    let again = post(&service, &sandbox, bob, path, "k", json!({})).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, first.text);
    service.kill().await;
}

#[tokio::test]
async fn a_key_belongs_to_one_tenant() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let first = post(&service, &sandbox, alice, "/api/publish", "k", json!({})).await;
    let second = post(&service, &sandbox, bob, "/api/publish", "k", json!({})).await;
    assert_eq!(second.header("idempotency-replayed"), "");
    assert_ne!(first.json()["filename"], second.json()["filename"]);
}

/// Kills the service while it publishes the next image under a key, by force, and asks again.
async fn a_killed_request_is_resumed(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let service = database.start(&sandbox).await;
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let body = json!({"force": true});
    {
        let publish = post(&service, &sandbox, bob, "/api/publish", "k", body.clone());
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    service.kill().await;
    held.release();
    let sent = sandbox.telegram.photos().len();

    let service = database.start(&sandbox).await;
    let mut answer;
    loop {
        answer = post(&service, &sandbox, bob, "/api/publish", "k", body.clone()).await;
        // As long as the server has not noticed that the process is gone.
        if answer.status != 409 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let result = &answer.json()["results"]["telegram"];
    assert_eq!(result["outcome"], "unknown", "{answer:?}");
    assert_eq!(
        sandbox.telegram.photos().len(),
        sent,
        "neither it nor another"
    );
    let again = post(&service, &sandbox, bob, "/api/publish", "k", body).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, answer.text);
    service.kill().await;
    database.remove().await;
}

#[tokio::test]
async fn a_request_killed_half_way_is_resumed_with_its_image_on_sqlite() {
    a_killed_request_is_resumed(Database::sqlite().await).await;
}

#[tokio::test]
async fn a_request_killed_half_way_is_resumed_with_its_image_on_postgres() {
    a_killed_request_is_resumed(Database::postgres().await).await;
}

#[tokio::test]
async fn one_after_the_other_all_images_are_published_and_then_there_is_none() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let alice = &sandbox.tenants()[0];
    let mut published = Vec::new();
    loop {
        let body = json!({"caption": "Mine", "platforms": ["telegram"]});
        let answer = post(&service, &sandbox, alice, "/api/publish", "", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        let Some(name) = answer["filename"].as_str() else {
            assert_eq!(answer["results"], json!({}));
            break;
        };
        assert_eq!(answer["results"]["telegram"]["outcome"], "published");
        published.push(name.to_owned());
    }
    let mut expected: Vec<String> = alice.images.clone();
    expected.sort_unstable();
    assert_eq!(published, expected);
    assert_eq!(sandbox.telegram.photos().len(), expected.len());
}

/// The ids of a tenant's jobs.
async fn jobs(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant) -> Vec<Value> {
    let listed = service.get_as_admin(sandbox, &tenant.host, "/api/jobs");
    let listed = listed.await.json();
    let jobs = listed["jobs"].as_array().unwrap().iter();
    jobs.map(|job| job["id"].clone()).collect()
}

/// Adds a job under a key, again and again, and once after a kill.
async fn a_job_is_added_once(database: Option<Database>) {
    const PATH: &str = "/api/jobs";
    let Some(mut database) = database else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let body = || json!({"needs_approval": true});
    let service = database.start(&sandbox).await;
    let first = post(&service, &sandbox, alice, PATH, "k", body()).await;
    let location = first.header("location").to_owned();
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (201, "")
    );
    let again = post(&service, &sandbox, alice, PATH, "k", body()).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (201, "true")
    );
    assert_eq!(
        (again.header("location"), &again.text),
        (&*location, &first.text)
    );
    let other = post(
        &service,
        &sandbox,
        alice,
        PATH,
        "k",
        json!({"needs_approval": true, "caption": "x"}),
    )
    .await;
    other.assert_problem(422, "idempotency-mismatch");
    let publication = post(&service, &sandbox, alice, IMAGE, "k", json!({})).await;
    publication.assert_problem(422, "idempotency-mismatch");
    service.kill().await;

    // As if it had been killed after the job was added, and before the answer was recorded.
    let unanswered = "UPDATE ledger_requests SET answer = NULL, holder = 'gone'";
    database.run(unanswered).await;
    let service = database.start(&sandbox).await;
    let resumed = post(&service, &sandbox, alice, PATH, "k", body()).await;
    assert_eq!(
        (resumed.status, resumed.header("location")),
        (201, &*location)
    );
    let again = post(&service, &sandbox, alice, PATH, "k", body()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        jobs(&service, &sandbox, alice).await,
        [first.json()["id"].clone()]
    );
    service.kill().await;
    database.remove().await;
}

#[tokio::test]
async fn a_job_is_added_once_whenever_the_process_is_killed_on_sqlite() {
    a_job_is_added_once(Database::sqlite().await).await;
}

#[tokio::test]
async fn a_job_is_added_once_whenever_the_process_is_killed_on_postgres() {
    a_job_is_added_once(Database::postgres().await).await;
}
