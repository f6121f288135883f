//! What jobs must not tell: captions and secrets to the log and the metrics, secrets to anybody, and a tenant's affairs to
//! another's events.

use std::time::Duration;

use publisher_sandbox::{DemoTenant, Sandbox, Telegram};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{Admin, PATIENCE, RFC_3339, id_of, on_both, pass, replica, time_in};
use crate::{canaries::Canaries, database::Database, harness::Answer};

/// Texts of people, which belong to the platforms alone.
const CAPTIONS: [&str; 4] = [
    "c4nary-caption-for-all",
    "c4nary-caption-of-one-platform",
    "c4nary-caption-of-a-change",
    "c4nary-caption-that-fails",
];
const KEY: &str = "c4nary-idempotency-key";

/// A stream of events, as far as it has been read.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(admin: &Admin<'_>, last: Option<&str>) -> Self {
        let mut request = admin.request(Method::GET, "/api/jobs/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let text = String::new();
        Self { response, text }
    }

    /// Reads on until there are an event of this job in this state, and one of a stage that it has reached.
    async fn read_until(&mut self, id: &str, status: &str) {
        let is_so = |it: &Value| it["id"] == id && it["status"] == status;
        let reading = async {
            while !self.data_of("job").iter().any(is_so)
                || !self.data_of("stage").iter().any(|it| it["job_id"] == id)
            {
                let chunk = self.response.chunk().await.unwrap().unwrap();
                self.text.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
    }

    /// What its events of a kind say.
    fn data_of(&self, kind: &str) -> Vec<Value> {
        let kind = format!("event: {kind}");
        let events = self.text.split("\n\n");
        let events = events.filter(|it| it.lines().any(|line| line == kind));
        let data = events.filter_map(|it| it.lines().find_map(|line| line.strip_prefix("data: ")));
        // The last one may not have been read to its end.
        data.filter_map(|it| serde_json::from_str(it).ok())
            .collect()
    }

    /// The number of its last event.
    fn last(&self) -> String {
        let mut ids = self.text.lines().rev();
        ids.find_map(|line| line.strip_prefix("id: "))
            .unwrap()
            .to_owned()
    }
}

/// What happens to jobs: one that is done, one that fails with a text of the platform's that quotes the bot's token, one
/// that is tried again, one that is changed and cancelled, one that is asked for twice.
async fn everything(database: &mut Database, admin: Admin<'_>, images: &[String]) -> Vec<String> {
    let telegram = admin.sandbox.telegram.switches();
    let tomorrow = time_in(database, 86_400, RFC_3339).await;
    let mut ids = Vec::new();
    let order = json!({"filename": images[0], "captions": {"telegram": CAPTIONS[1]}});
    ids.push(admin.add(order).await);
    admin.becomes(&ids[0], "done").await;

    let quoted = format!("Bad Request: no chat for bot{}", admin.tenant.bot_token);
    telegram.inject("sendPhoto", Telegram::refusal(400, &quoted));
    let order = json!({"filename": images[1], "caption": CAPTIONS[3]});
    ids.push(admin.add(order).await);
    admin.becomes(&ids[1], "failed").await;

    telegram.always("sendPhoto", Telegram::rate_limited(40));
    let order = json!({"filename": images[2], "caption": CAPTIONS[0]});
    ids.push(admin.add(order).await);
    let is_tried = |job: &Value| job["status"] == "scheduled" && job["attempts"] == 1;
    admin.becomes_so(&ids[2], is_tried).await;
    telegram.clear("sendPhoto");
    pass(database, Duration::from_mins(2)).await;
    admin.becomes(&ids[2], "done").await;

    let order = json!({"publish_at": tomorrow, "caption": CAPTIONS[0]});
    ids.push(admin.add(order).await);
    let change = json!({"caption": CAPTIONS[2]});
    let request = admin.request(Method::PATCH, &format!("/api/jobs/{}", ids[3]));
    assert_eq!(Answer::to(request.json(&change)).await.status, 200);
    assert_eq!(admin.ask(&ids[3], "cancel").await.status, 200);

    let path = format!("/api/images/{}/publish", images[0]);
    for status in [202, 202] {
        let request = admin.request(Method::POST, &path);
        let request = request
            .header("prefer", "respond-async")
            .header("idempotency-key", KEY)
            .json(&json!({"caption": CAPTIONS[0]}));
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        ids.push(id_of(&answer.json()));
    }
    admin.becomes(&ids[4], "done").await;
    ids
}

/// Nothing of a tenant is in what another is told.
fn assert_nothing_of(other: &DemoTenant, text: &str) {
    for name in other.images.iter().chain([&other.name, &other.host]) {
        assert!(!text.contains(name), "{name} of {}:\n{text}", other.name);
    }
}

async fn nothing_is_told(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = replica(&database, &sandbox, &[]).await;
    let [of_alice, of_bob] = [alice, bob].map(|tenant| Admin::of(&service, &sandbox, tenant));
    let mut watched = Stream::open(&of_alice, None).await;
    let mut bobs = Stream::open(&of_bob, None).await;
    let ids = everything(&mut database, of_bob, &bob.images).await;
    let own = json!({"filename": alice.images[0], "platforms": ["telegram"], "caption": "Mine."});
    let own = of_alice.add(own).await;
    watched.read_until(&own, "done").await;
    bobs.read_until(&ids[4], "done").await;

    // What each is told is of its own jobs, also where it is asked for all that there is.
    let mut all = Stream::open(&of_alice, Some("0")).await;
    all.read_until(&own, "done").await;
    for stream in [&watched, &all] {
        assert_nothing_of(bob, &stream.text);
        let jobs = stream.data_of("job");
        assert!(jobs.iter().all(|job| job["id"] == *own), "{jobs:?}");
        let stages = stream.data_of("stage");
        assert!(stages.iter().all(|it| it["job_id"] == *own), "{stages:?}");
    }
    assert_nothing_of(alice, &bobs.text);
    assert!(bobs.text.contains(&bob.images[0]), "{}", bobs.text);
    let mut again = Stream::open(&of_alice, Some(&bobs.last())).await;
    let other = json!({"filename": alice.images[1], "platforms": ["telegram"], "caption": "Mine."});
    let other = of_alice.add(other).await;
    again.read_until(&other, "done").await;
    assert_nothing_of(bob, &again.text);
    for id in &ids {
        for what in ["cancel", "retry", "approve"] {
            let answer = of_alice.ask(id, what).await;
            assert_eq!(answer.status, 404, "another's job: {answer:?}");
        }
        let request = of_alice.request(Method::GET, &format!("/api/jobs/{id}"));
        assert_eq!(Answer::to(request).await.status, 404);
    }
    let list = of_alice.get("/api/jobs").await.to_string();
    assert_nothing_of(bob, &list);

    let mut secrets = Canaries::default();
    secrets.add(sandbox.secrets());
    let told = of_bob.get("/api/jobs").await.to_string();
    assert!(told.contains("Bad Request"), "{told}");
    secrets.assert_not_in("jobs", told.as_bytes());
    secrets.assert_not_in("events", bobs.text.as_bytes());
    for column in ["results", "what", "COALESCE(error, '')"] {
        let query = format!("SELECT {column} FROM ledger_jobs");
        let stored = database.texts(&query).await.concat();
        secrets.assert_not_in("the ledger", stored.as_bytes());
    }
    secrets.add(CAPTIONS.iter().chain([&KEY]).copied());
    secrets.add([&alice.host, &bob.host].map(String::as_str));
    let metrics = service.metrics().await.text;
    assert!(metrics.contains("publisher_job_lateness_seconds"));
    secrets.assert_not_in("the metrics", metrics.as_bytes());
    let log = service.whole_log().await;
    for line in [
        "a job begins",
        "a job has ended",
        "a job waits for its next attempt",
    ] {
        assert!(log.contains(line), "{line}: too short to prove anything");
    }
    secrets.assert_not_in("the log", log.as_bytes());
    drop((watched, bobs, all, again));
    service.kill().await;
    database.remove().await;
}

on_both! {
    jobs_tell_neither_secrets_nor_captions_nor_what_is_anothers => nothing_is_told;
}
