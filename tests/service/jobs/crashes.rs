//! `kill -9` at every step of a publish that a job makes: after the restart, the job ends, and nobody has received the
//! image twice.

use publisher_sandbox::{Network, Sandbox};
use serde_json::{Value, json};

use super::{Admin, CLAIM_ENDS, added, on_both, outcome, pass, replica};
use crate::{
    crashes::{Point, point},
    database::Database,
    harness::now,
    network_crashes::{self, assert_one_post, posting, with_account},
};

/// An image of Alice's.
const IMAGE: &str = "harbour-dawn.jpg";
/// The first one by its name.
const FIRST: &str = "café-夜.jpg";

/// One test for each database and each point of `crashes`.
macro_rules! points {
    ($($name:ident)+) => {
        mod killed_on_sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                kill_at_point(Database::sqlite().await, stringify!($name), by_name()).await;
            })+
        }

        mod killed_on_postgres {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                kill_at_point(Database::postgres().await, stringify!($name), by_name()).await;
            })+
        }
    };
}

points! {
    // It has been claimed, and nothing else.
    while_the_tenant_is_looked_up
    while_the_storage_credential_is_resolved
    while_an_access_token_is_granted
    while_the_image_is_found
    while_the_image_is_fetched
    while_the_bot_token_is_resolved
    before_vision
    after_vision
    after_the_captions
    before_telegram_has_the_photo
    after_telegram_has_the_photo
    before_the_mail_server_greets
    after_the_login
    after_the_envelope
    before_the_mail_is_taken
    after_the_mail_is_taken
    while_the_caption_file_is_read
    before_the_caption_file_is_written
    after_the_caption_file_is_written
    before_the_image_is_moved
    after_the_image_is_moved
    after_the_caption_file_is_moved
}

fn by_name() -> Value {
    json!({"filename": IMAGE})
}

/// Takes a job up, ends the process at the point, and looks at what the next process makes of the job.
async fn kill_at_point(database: Option<Database>, name: &str, order: Value) {
    let Some(mut database) = database else { return };
    let point: Point = point(name);
    let image = order["filename"].as_str().unwrap_or(FIRST).to_owned();
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let [id] = added(&database, &sandbox, alice, [order]).await;
    let begin = async || replica(&database, &sandbox, &[]).await;
    point.kill(&sandbox, alice, begin).await;
    let claimed = "SELECT status FROM ledger_jobs";
    assert_eq!(database.texts(claimed).await, ["running"]);
    pass(&mut database, CLAIM_ENDS).await;

    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let job = admin.becomes(&id, "done").await;
    assert_eq!(job["filename"], *image, "no other image is sent: {job}");
    assert_eq!(job["attempts"], 2, "{job}");
    point
        .check(&service, &sandbox, alice, &job["results"])
        .await;
    let entries = service.publications(&sandbox, alice).await;
    let is_of_image = |entry: &Value| entry["filename"] == *image;
    assert!(entries.iter().all(is_of_image), "{entries:?}");
    assert_eq!(admin.jobs("running").await, Vec::<Value>::new());
    service.kill().await;
    database.remove().await;
}

/// A job for the next image goes on with the image that it has chosen, and leaves the others alone.
async fn the_next_image_is_one_image(database: Option<Database>) {
    kill_at_point(database, "after_telegram_has_the_photo", json!({})).await;
}

async fn the_next_image_is_one_image_in_the_archive(database: Option<Database>) {
    kill_at_point(database, "after_the_image_is_moved", json!({})).await;
}

/// Forced twice, it would be sent twice.
async fn what_is_forced_is_forced_once(database: Option<Database>) {
    let order = json!({"filename": IMAGE, "force": true});
    kill_at_point(database, "after_telegram_has_the_photo", order).await;
}

/// A network is asked what it has: the post is found, and not made again.
async fn a_post_is_found(database: Option<Database>, network: Network) {
    let Some(mut database) = database else { return };
    let (sandbox, nora) = with_account(network).await;
    let order = json!({"filename": network_crashes::IMAGE});
    let [id] = added(&database, &sandbox, &nora, [order]).await;
    let held = network_crashes::switches(&sandbox, network).hold(posting(network));
    let service = replica(&database, &sandbox, &[]).await;
    held.arrived(1).await;
    service.kill().await;
    held.release();
    pass(&mut database, CLAIM_ENDS).await;
    let service = replica(&database, &sandbox, &[]).await;
    let job = Admin::of(&service, &sandbox, &nora)
        .becomes(&id, "done")
        .await;
    assert_eq!(outcome(&job, network.id()), "already_published", "{job}");
    assert_one_post(&service, &sandbox, &nora, network).await;
    service.kill().await;
    database.remove().await;
}

async fn a_status_is_found(database: Option<Database>) {
    a_post_is_found(database, Network::Mastodon).await;
}

async fn a_record_is_found(database: Option<Database>) {
    a_post_is_found(database, Network::Bluesky).await;
}

on_both! {
    a_job_for_the_next_image_never_goes_on_to_another => the_next_image_is_one_image;
    nor_once_its_image_is_in_the_archive => the_next_image_is_one_image_in_the_archive;
    a_forced_job_is_forced_once => what_is_forced_is_forced_once;
    a_status_that_was_posted_is_found => a_status_is_found;
    a_record_that_was_made_is_found => a_record_is_found;
}

/// How long it takes in real time, from the restart to the end of the job.
///
/// `cargo test --test service -- --ignored --nocapture in_real_time`
#[tokio::test]
#[ignore = "takes a minute: it measures, and waits for the end of a claim"]
async fn a_job_of_a_killed_process_ends_within_a_minute_of_the_restart_in_real_time() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let Some(database) = database else { continue };
        let sandbox = Sandbox::start().await.unwrap();
        let alice = &sandbox.tenants()[0];
        let [id] = added(&database, &sandbox, alice, [by_name()]).await;
        let point = point("after_the_captions");
        let begin = async || replica(&database, &sandbox, &[]).await;
        point.kill(&sandbox, alice, begin).await;
        let restarted = now();
        let service = replica(&database, &sandbox, &[]).await;
        let admin = Admin::of(&service, &sandbox, alice);
        let job = admin.becomes(&id, "done").await;
        let took = restarted.elapsed();
        point
            .check(&service, &sandbox, alice, &job["results"])
            .await;
        let which = database.url();
        let which = which.split(':').next().unwrap();
        println!("{which}: done {took:.1?} after the restart");
        assert!(took.as_secs() < 60, "{took:?}");
        service.kill().await;
        database.remove().await;
    }
}
