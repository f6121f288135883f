//! Sending again: only to the platforms that failed, after a while or when somebody asks for it, and one job for all
//! requests under a key.

use std::time::Duration;

use publisher_sandbox::{DemoTenant, Fault, Sandbox, Telegram};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Admin, id_of, on_both, outcome, pass, replica};
use crate::{
    database::Database,
    harness::{Answer, Service},
};

/// Alice's first image.
const IMAGE: &str = "harbour-dawn.jpg";

/// How many photos and mails alice's platforms have received.
fn received(sandbox: &Sandbox, alice: &DemoTenant) -> (usize, usize) {
    let mails = sandbox.smtp.mails_to(alice.recipient.as_ref().unwrap());
    (sandbox.telegram.photos().len(), mails.len())
}

async fn a_retry_is_for_what_failed(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let telegram = sandbox.telegram.switches();
    let no_member = Telegram::refusal(403, "Forbidden: bot is not a member of the channel chat");
    telegram.always("sendPhoto", no_member);
    let id = admin.add(json!({"filename": IMAGE})).await;
    let job = admin.becomes(&id, "done").await;
    assert_eq!(
        [outcome(&job, "telegram"), outcome(&job, "email")],
        ["failed", "published"],
        "{job}"
    );
    assert_eq!(received(&sandbox, alice), (0, 1));
    let conversations = sandbox.smtp.switches().calls("connect");

    telegram.clear("sendPhoto");
    let retried = admin.ask(&id, "retry").await;
    assert_eq!(retried.status, 200, "{retried:?}");
    let is_out = |job: &Value| outcome(job, "telegram") == "published";
    let job = admin.becomes_so(&id, is_out).await;
    assert_eq!(outcome(&job, "email"), "published", "{job}");
    assert_eq!(admin.becomes(&id, "done").await["attempts"], 2);
    assert_eq!(received(&sandbox, alice), (1, 1));
    let after = sandbox.smtp.switches().calls("connect");
    assert_eq!(after, conversations, "the mail server is left alone");
    let again = admin.ask(&id, "retry").await;
    assert_eq!(again.status, 409, "nothing has failed: {again:?}");
    service.kill().await;
    database.remove().await;
}

async fn what_passes_is_tried_again(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let telegram = sandbox.telegram.switches();
    telegram.always("sendPhoto", Telegram::rate_limited(40));
    let id = admin.add(json!({"filename": IMAGE})).await;
    let is_tried = |job: &Value| job["status"] == "scheduled" && job["attempts"] == 1;
    let job = admin.becomes_so(&id, is_tried).await;
    assert_eq!(outcome(&job, "telegram"), "failed", "{job}");
    assert_eq!(outcome(&job, "email"), "published", "{job}");
    let pause = "SELECT CAST(due_at - begun_at AS TEXT) FROM ledger_jobs";
    let pause: u64 = database.texts(pause).await[0].parse().unwrap();
    assert!(pause >= 60_000, "the first pause is a minute: {pause}");
    assert_eq!(received(&sandbox, alice), (0, 1));

    telegram.clear("sendPhoto");
    pass(&mut database, Duration::from_millis(pause)).await;
    let job = admin.becomes(&id, "done").await;
    for platform in ["telegram", "email"] {
        assert_eq!(outcome(&job, platform), "published", "{job}");
    }
    assert_eq!(job["attempts"], 2, "{job}");
    assert_eq!(received(&sandbox, alice), (1, 1));
    service.kill().await;
    database.remove().await;
}

/// What Telegram refuses for a while was certainly not sent: the attempts after it are forced as well.
async fn a_forced_job_stays_forced(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let id = admin.add(json!({"filename": IMAGE})).await;
    admin.becomes(&id, "done").await;
    assert_eq!(received(&sandbox, alice), (1, 1));

    let telegram = sandbox.telegram.switches();
    telegram.always("sendPhoto", Telegram::rate_limited(40));
    let order = json!({"filename": IMAGE, "platforms": ["telegram"], "force": true});
    let id = admin.add(order).await;
    let mut captioned = None;
    for attempt in 1..=3 {
        let is_tried = |job: &Value| job["status"] == "scheduled" && job["attempts"] == attempt;
        let job = admin.becomes_so(&id, is_tried).await;
        assert_eq!(outcome(&job, "telegram"), "failed", "{job}");
        let calls = sandbox.openai.switches().total_calls();
        assert_eq!(*captioned.get_or_insert(calls), calls, "captioned once");
        pass(&mut database, Duration::from_mins(16)).await;
    }
    let job = admin.becomes(&id, "failed").await;
    assert_eq!(outcome(&job, "telegram"), "failed", "{job}");

    telegram.clear("sendPhoto");
    assert_eq!(admin.ask(&id, "retry").await.status, 200);
    let job = admin.becomes(&id, "done").await;
    assert_eq!(outcome(&job, "telegram"), "published", "{job}");
    assert_eq!(received(&sandbox, alice), (2, 1));
    service.kill().await;
    database.remove().await;
}

/// A storage that is away fails the attempt as a whole; after the fourth, the job has failed.
async fn four_attempts_are_enough(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let dropbox = sandbox.dropbox.switches();
    dropbox.always_matching("download", ".jpg", Fault::status(503));
    let id = admin.add(json!({"filename": IMAGE})).await;
    let mut pauses = Vec::new();
    for attempt in 1..=3 {
        let is_tried = |job: &Value| job["status"] == "scheduled" && job["attempts"] == attempt;
        let job = admin.becomes_so(&id, is_tried).await;
        assert_eq!(job["reason"], "storage_unavailable", "{job}");
        let ahead = "SELECT CAST(due_at - publish_at AS TEXT) FROM ledger_jobs";
        let ahead: u64 = database.texts(ahead).await[0].parse().unwrap();
        pauses.push(ahead / 60_000);
        pass(&mut database, Duration::from_millis(ahead)).await;
    }
    let job = admin.becomes(&id, "failed").await;
    assert_eq!(job["attempts"], 4, "{job}");
    assert_eq!(received(&sandbox, alice), (0, 0));

    dropbox.clear("download");
    assert_eq!(admin.ask(&id, "retry").await.status, 200);
    let job = admin.becomes(&id, "done").await;
    assert_eq!(job["results"]["telegram"]["outcome"], "published", "{job}");
    assert_eq!(received(&sandbox, alice), (1, 1));
    service.kill().await;
    database.remove().await;
    // After 1, 5 and 15 minutes, beside what had passed by then.
    let least = [1, 6, 22];
    assert!(
        pauses
            .iter()
            .zip(least)
            .all(|(pause, least)| *pause >= least),
        "{pauses:?}"
    );
}

async fn publish_later(
    service: &Service,
    sandbox: &Sandbox,
    who: &DemoTenant,
    key: &str,
) -> Answer {
    let path = format!("/api/images/{IMAGE}/publish");
    let admin = Admin::of(service, sandbox, who);
    let request = admin.request(Method::POST, &path).json(&json!({}));
    let request = request
        .header("prefer", "respond-async")
        .header("idempotency-key", key);
    Answer::to(request).await
}

async fn a_key_has_one_job(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = replica(&database, &sandbox, &[]).await;
    let first = publish_later(&service, &sandbox, alice, "key-1").await;
    assert_eq!(first.status, 202, "{first:?}");
    let id = id_of(&first.json());
    assert_eq!(first.header("location"), format!("/api/jobs/{id}"));
    assert_eq!(first.header("preference-applied"), "respond-async");
    let admin = Admin::of(&service, &sandbox, alice);
    admin.becomes(&id, "done").await;
    service.kill().await;
    // Also after a restart.
    let service = replica(&database, &sandbox, &[]).await;
    let again = publish_later(&service, &sandbox, alice, "key-1").await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, first.text, "the first answer");
    let admin = Admin::of(&service, &sandbox, alice);
    let all = admin.get("/api/jobs").await;
    assert_eq!(all["jobs"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(received(&sandbox, alice), (1, 1));

    let other = publish_later(&service, &sandbox, alice, "key-2").await;
    let job = admin.becomes(&id_of(&other.json()), "done").await;
    assert_eq!(outcome(&job, "telegram"), "already_published", "{job}");
    assert_eq!(received(&sandbox, alice), (1, 1), "the ledger knows it");
    service.kill().await;
    database.remove().await;
}

on_both! {
    a_retry_sends_only_to_the_platform_that_failed => a_retry_is_for_what_failed;
    a_platform_that_is_busy_is_tried_again_after_a_minute_alone => what_passes_is_tried_again;
    what_is_forced_is_forced_by_each_attempt => a_forced_job_stays_forced;
    a_storage_that_is_away_is_tried_four_times_and_then_on_request => four_attempts_are_enough;
    requests_with_one_key_add_one_job => a_key_has_one_job;
}
