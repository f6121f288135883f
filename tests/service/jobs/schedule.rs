//! Posting times: each is carried out once, by one replica; people approve, change and cancel what comes next.

use std::time::Duration;

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{Admin, TIME_OF_DAY, id_of, on_both, outcome, pass, replica, time_in};
use crate::database::Database;

const HOUR: u32 = 3_600;

/// The job of the next posting time.
async fn next(admin: &Admin<'_>, status: &str) -> Value {
    let mut jobs = admin.jobs(status).await;
    jobs.retain(|job| job["schedule"] == true);
    assert_eq!(jobs.len(), 1, "there is one: {jobs:?}");
    jobs.remove(0)
}

/// A schedule with one posting time a day, an hour from now or more.
async fn daily_in_hours(database: &mut Database, hours: u32) -> Value {
    let at = time_in(database, hours * HOUR, TIME_OF_DAY).await;
    json!({"timezone": "UTC", "times": [format!("daily {at}")], "enabled": true})
}

/// As if the posting time of this job had just come.
async fn comes(database: &mut Database) {
    let ahead = match database {
        Database::Sqlite(_) => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        Database::Postgres(_) => "CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)",
    };
    let ahead =
        format!("SELECT CAST(publish_at - {ahead} AS TEXT) FROM ledger_jobs WHERE is_next = 1");
    let ahead: u64 = database.texts(&ahead).await[0].parse().unwrap();
    pass(database, Duration::from_millis(ahead)).await;
}

#[tokio::test]
async fn a_posting_time_is_carried_out_once_by_one_of_two_replicas() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let replicas = join_all((0..2).map(|_| replica(&database, &sandbox, &[]))).await;
    let admin = Admin::of(&replicas[0], &sandbox, bob);
    let schedule = daily_in_hours(&mut database, 1).await;
    let put = admin.put_schedule(schedule).await;
    assert_eq!(put["next"].as_array().unwrap().len(), 5, "{put}");
    for (number, image) in bob.images.iter().enumerate() {
        let job = next(&admin, "scheduled").await;
        assert_eq!(job["filename"], Value::Null, "{job}");
        comes(&mut database).await;
        let done = admin.becomes(&id_of(&job), "done").await;
        assert_eq!(done["filename"], **image, "the next one: {done}");
        assert_eq!(outcome(&done, "telegram"), "published", "{done}");
        assert_eq!(sandbox.telegram.photos().len(), number + 1);
        let following = next(&admin, "scheduled").await;
        assert!(following["publish_at"].as_str() > done["publish_at"].as_str());
        let begun = replicas.iter().map(|it| it.lines("a job begins"));
        let begun = join_all(begun).await.concat();
        let of_job = begun.iter().filter(|it| it["job"] == job["id"]).count();
        assert_eq!(of_job, 1, "one replica has carried it out: {begun:?}");
    }
    for replica in replicas {
        replica.kill().await;
    }
    database.remove().await;
}

async fn what_nobody_approves_waits(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let mut schedule = daily_in_hours(&mut database, 1).await;
    schedule["needs_approval"] = true.into();
    admin.put_schedule(schedule).await;
    let job = next(&admin, "awaiting_approval").await;
    let asked = admin
        .add(json!({"needs_approval": true, "caption": "Yes?"}))
        .await;
    comes(&mut database).await;
    // Whoever looks for due jobs has passed over it by then.
    Admin::of(&service, &sandbox, alice)
        .has_a_job_done("harbour-dawn.jpg")
        .await;
    let waiting = admin.jobs("awaiting_approval").await;
    let ids: Vec<_> = waiting.iter().map(id_of).collect();
    assert!(
        ids.contains(&id_of(&job)) && ids.contains(&asked),
        "{waiting:?}"
    );
    assert!(sandbox.telegram.photos_of(&bob.bot_token).is_empty());

    let approved = admin.ask(&id_of(&job), "approve").await;
    assert_eq!(approved.status, 200, "{approved:?}");
    let done = admin.becomes(&id_of(&job), "done").await;
    assert_eq!(outcome(&done, "telegram"), "published", "{done}");
    assert_eq!(admin.job(&asked).await["status"], "awaiting_approval");
    assert_eq!(admin.ask(&asked, "approve").await.status, 200);
    let done = admin.becomes(&asked, "done").await;
    assert_eq!(done["filename"], *bob.images[1], "{done}");
    assert_eq!(sandbox.telegram.photos_of(&bob.bot_token).len(), 2);
    let again = admin.ask(&asked, "approve").await;
    assert_eq!(again.status, 409, "{again:?}");
    service.kill().await;
    database.remove().await;
}

async fn a_late_yes_is_too_late(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let settings = [("JOBS_MAX_LATE_MINUTES", "10")];
    let service = replica(&database, &sandbox, &settings).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let order = json!({"needs_approval": true, "caption": "Yes?"});
    let [in_time, late] = [admin.add(order.clone()).await, admin.add(order).await];
    pass(&mut database, Duration::from_mins(9)).await;
    assert_eq!(admin.ask(&in_time, "approve").await.status, 200);
    admin.becomes(&in_time, "done").await;
    pass(&mut database, Duration::from_mins(2)).await;
    let missed = admin.becomes(&late, "missed").await;
    assert_eq!(missed["reason"], "too_late", "{missed}");
    let told = service.lines("a job is missed").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["job"], &told[0]["reason"]),
        (&missed["id"], &missed["reason"])
    );
    let refused = admin.ask(&late, "approve").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(sandbox.telegram.photos_of(&bob.bot_token).len(), 1);
    service.kill().await;
    database.remove().await;
}

async fn a_change_takes_the_place(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let schedule = daily_in_hours(&mut database, 1).await;
    admin.put_schedule(schedule.clone()).await;
    let first = next(&admin, "scheduled").await;
    admin.put_schedule(schedule).await;
    assert_eq!(next(&admin, "scheduled").await["id"], first["id"]);

    let later = daily_in_hours(&mut database, 2).await;
    admin.put_schedule(later).await;
    let second = next(&admin, "scheduled").await;
    let replaced = admin.job(&id_of(&first)).await;
    assert_eq!(replaced["status"], "cancelled", "{replaced}");
    assert_eq!(replaced["reason"], "schedule_changed", "{replaced}");

    // A job that somebody cancels is not carried out; the one after it is there.
    assert_eq!(admin.ask(&id_of(&second), "cancel").await.status, 200);
    let third = next(&admin, "scheduled").await;
    assert!(third["publish_at"].as_str() > second["publish_at"].as_str());
    comes(&mut database).await;
    let done = admin.becomes(&id_of(&third), "done").await;
    assert_eq!(done["filename"], *bob.images[0], "{done}");
    assert_eq!(admin.job(&id_of(&second)).await["status"], "cancelled");

    let mut off = daily_in_hours(&mut database, 1).await;
    off["enabled"] = false.into();
    assert_eq!(admin.put_schedule(off).await["next"], json!([]));
    assert_eq!(admin.jobs("scheduled").await, Vec::<Value>::new());
    assert_eq!(sandbox.telegram.photos().len(), 1);
    service.kill().await;
    database.remove().await;
}

/// Of posting times that passed while nobody ran, the last is caught up with, if that is not too late.
async fn the_last_one_is_caught_up_with(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let mut times = Vec::new();
    for minutes in [10, 20, 30] {
        let at = time_in(&mut database, 3 * HOUR + minutes * 60, TIME_OF_DAY).await;
        times.push(format!("daily {at}"));
    }
    admin
        .put_schedule(json!({"timezone": "UTC", "times": times, "enabled": true}))
        .await;
    let first = next(&admin, "scheduled").await;
    service.kill().await;
    // A day later: the first of them was missed, and so were those after it.
    pass(&mut database, Duration::from_hours(24)).await;

    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let missed = admin.becomes(&id_of(&first), "missed").await;
    assert_eq!(missed["attempts"], 0, "{missed}");
    next(&admin, "scheduled").await;
    assert!(sandbox.telegram.photos().is_empty(), "all are hours late");
    service.kill().await;
    database.remove().await;
}

on_both! {
    a_posting_time_that_nobody_approves_waits_and_begins_with_the_yes => what_nobody_approves_waits;
    a_yes_that_comes_too_late_begins_nothing => a_late_yes_is_too_late;
    a_change_of_the_schedule_takes_the_place_of_what_was_to_come => a_change_takes_the_place;
    posting_times_that_passed_long_ago_are_missed => the_last_one_is_caught_up_with;
}
