//! What jobs come to whose tenant, or whose time, is gone; and a replica that only serves.

use std::time::Duration;

use publisher_sandbox::{Fault, Sandbox};
use serde_json::{Value, json};

use super::{
    Admin, SERVES_ONLY, TIME_OF_DAY, added, on_both, outcome, pass, replica, time_in, until,
};
use crate::database::Database;

/// Bob's images.
const IMAGE: &str = "north-ridge.jpg";

async fn the_end_of_a_tenant_ends_its_jobs(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = replica(&database, &sandbox, &[SERVES_ONLY]).await;
    let tomorrow = time_in(&mut database, 86_400, super::RFC_3339).await;
    let at = time_in(&mut database, 7_200, TIME_OF_DAY).await;
    let admin = Admin::of(&service, &sandbox, bob);
    for order in [
        json!({"filename": IMAGE}),
        json!({"filename": IMAGE, "publish_at": tomorrow}),
        json!({"filename": IMAGE, "needs_approval": true}),
    ] {
        admin.add(order).await;
    }
    let schedule = json!({"timezone": "UTC", "times": [format!("daily {at}")], "enabled": true});
    admin.put_schedule(schedule).await;
    let other = Admin::of(&service, &sandbox, alice);
    let others = other.add(json!({"publish_at": tomorrow})).await;
    service.kill().await;
    assert!(sandbox.orchestrator.remove_tenant(&bob.host));

    let service = replica(&database, &sandbox, &[]).await;
    let gone = "SELECT reason FROM ledger_jobs WHERE tenant = 'bob' AND status = 'cancelled'";
    while database.texts(gone).await.len() < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(database.texts(gone).await, ["tenant_gone"; 4]);
    let schedule = "SELECT schedule FROM ledger_job_queues WHERE tenant = 'bob'";
    let schedule: Value = serde_json::from_str(&database.texts(schedule).await[0]).unwrap();
    assert_eq!(schedule["enabled"], false, "{schedule}");
    assert!(sandbox.telegram.photos().is_empty());
    let other = Admin::of(&service, &sandbox, alice);
    assert_eq!(other.job(&others).await["status"], "scheduled");
    service.kill().await;
    database.remove().await;
}

async fn a_tenant_that_cannot_be_had_is_waited_for(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let [id] = added(&database, &sandbox, bob, [json!({"filename": IMAGE})]).await;
    let orchestrator = sandbox.orchestrator.switches();
    orchestrator.always("by_host", Fault::status(503));
    let service = replica(&database, &sandbox, &[]).await;
    let waits = "SELECT reason FROM ledger_jobs WHERE status = 'scheduled'
        AND reason IS NOT NULL AND attempts = 0 AND begun_at IS NULL";
    while database.texts(waits).await != ["tenant_unavailable"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(sandbox.telegram.photos().is_empty());
    orchestrator.clear("by_host");
    pass(&mut database, Duration::from_mins(2)).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let job = admin.becomes(&id, "done").await;
    assert_eq!(outcome(&job, "telegram"), "published", "{job}");
    assert_eq!(
        job["attempts"], 1,
        "what was not tried is no attempt: {job}"
    );
    assert_eq!(sandbox.telegram.photos().len(), 1);
    service.kill().await;
    database.remove().await;
}

async fn what_is_too_late_is_missed(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let late = json!({"filename": IMAGE});
    let [missed] = added(&database, &sandbox, bob, [late]).await;
    pass(&mut database, Duration::from_mins(2)).await;
    let in_time = json!({"filename": bob.images[1]});
    let [carried_out] = added(&database, &sandbox, bob, [in_time]).await;
    pass(&mut database, Duration::from_mins(59)).await;

    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let job = admin.becomes(&missed, "missed").await;
    assert_eq!(job["reason"], "too_late", "{job}");
    assert_eq!(job["attempts"], 0, "{job}");
    let job = admin.becomes(&carried_out, "done").await;
    assert_eq!(outcome(&job, "telegram"), "published", "{job}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    let retried = admin.ask(&missed, "retry").await;
    assert_eq!(retried.status, 409, "{retried:?}");
    service.kill().await;
    database.remove().await;
}

/// A replica that only serves takes jobs, shows them, lets people act on them, and leaves them to others.
async fn a_replica_that_only_serves(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let service = replica(&database, &sandbox, &[SERVES_ONLY]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let id = admin.add(json!({"filename": IMAGE})).await;
    let cancelled = admin.add(json!({"filename": bob.images[1]})).await;
    assert_eq!(admin.ask(&cancelled, "cancel").await.status, 200);
    // Several polls of one that carries jobs out.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(admin.job(&id).await["status"], "scheduled");
    assert_eq!(admin.jobs("cancelled").await.len(), 1);
    let published = service.publish(&sandbox, bob, &bob.images[2], json!({}));
    assert_eq!(published.await.status, 200, "requests are carried out");
    assert_eq!(service.lines("a job begins").await, Vec::<Value>::new());
    service.kill().await;

    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let job = admin.becomes(&id, "done").await;
    assert_eq!(outcome(&job, "telegram"), "published", "{job}");
    until(async || !service.lines("a job begins").await.is_empty()).await;
    assert_eq!(admin.job(&cancelled).await["status"], "cancelled");
    assert_eq!(sandbox.telegram.photos().len(), 2);
    service.kill().await;
    database.remove().await;
}

on_both! {
    jobs_of_a_tenant_that_is_gone_are_cancelled_with_its_schedule => the_end_of_a_tenant_ends_its_jobs;
    jobs_of_a_tenant_that_cannot_be_had_wait_for_it => a_tenant_that_cannot_be_had_is_waited_for;
    a_job_that_is_an_hour_late_is_missed_and_one_less_late_is_not => what_is_too_late_is_missed;
    a_replica_without_jobs_takes_and_shows_them_and_leaves_them_to_others => a_replica_that_only_serves;
}
