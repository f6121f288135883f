//! Jobs with a time of their own: carried out at it, once, as they were changed meanwhile.

use futures_util::future::join_all;
use publisher_sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Admin, RFC_3339, on_both, outcome, replica, time_in};
use crate::{database::Database, harness::Answer};

/// Bob's images.
const IMAGE: &str = "north-ridge.jpg";

#[tokio::test]
async fn a_job_with_a_time_is_carried_out_at_it_by_one_of_two_replicas() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let replicas = join_all((0..2).map(|_| replica(&database, &sandbox, &[]))).await;
    let admin = Admin::of(&replicas[1], &sandbox, bob);
    let at = time_in(&mut database, 3, RFC_3339).await;
    let id = admin
        .add(json!({"filename": IMAGE, "publish_at": at}))
        .await;
    let job = admin.becomes(&id, "done").await;
    assert_eq!(outcome(&job, "telegram"), "published", "{job}");
    assert_eq!(job["attempts"], 1, "{job}");
    assert_eq!(sandbox.telegram.photos().len(), 1);
    let lateness = "SELECT CAST(begun_at - publish_at AS TEXT) FROM ledger_jobs";
    let lateness: i64 = database.texts(lateness).await[0].parse().unwrap();
    assert!(lateness >= 0, "it began before its time: {lateness} ms");
    for replica in replicas {
        replica.kill().await;
    }
    database.remove().await;
}

async fn what_is_changed_is_published_as_changed(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, alice);
    let tomorrow = time_in(&mut database, 86_400, RFC_3339).await;
    let soon = time_in(&mut database, 1, RFC_3339).await;
    let order =
        json!({"filename": "harbour-dawn.jpg", "publish_at": tomorrow, "caption": "before"});
    let id = admin.add(order).await;
    let path = format!("/api/jobs/{id}");
    let change = json!({"publish_at": soon, "caption": "after", "platforms": ["telegram"]});
    let request = admin.request(Method::PATCH, &path).json(&change);
    let changed = Answer::to(request).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json()["platforms"], json!(["telegram"]));
    let job = admin.becomes(&id, "done").await;
    assert_eq!(outcome(&job, "telegram"), "published", "{job}");
    assert_eq!(job["results"].as_object().unwrap().len(), 1, "{job}");
    let photos = sandbox.telegram.photos();
    let caption = photos[0].caption.as_deref().unwrap();
    assert!(caption.contains("after"), "{caption}");
    assert!(sandbox.smtp.mails().is_empty());
    let request = admin.request(Method::PATCH, &path).json(&change);
    let refused = Answer::to(request).await;
    assert_eq!(refused.status, 409, "it has begun: {refused:?}");
    service.kill().await;
    database.remove().await;
}

/// A job that runs cannot be cancelled or changed; one that waits is not carried out once it is cancelled.
async fn what_is_cancelled_is_not_carried_out(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let [alice, bob, ..] = sandbox.tenants() else {
        panic!("two tenants")
    };
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let running = admin.add(json!({"filename": IMAGE})).await;
    held.arrived(1).await;
    let refused = admin.ask(&running, "cancel").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let soon = time_in(&mut database, 2, RFC_3339).await;
    let order = json!({"filename": bob.images[1], "publish_at": soon});
    let waiting = admin.add(order).await;
    let cancelled = admin.ask(&waiting, "cancel").await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.json()["reason"], "by_request");
    held.release();
    admin.becomes(&running, "done").await;
    // Another tenant's job of the same time is carried out.
    let other = Admin::of(&service, &sandbox, alice);
    let order = json!({"publish_at": soon, "caption": "a caption", "platforms": ["telegram"]});
    let id = other.add(order).await;
    other.becomes(&id, "done").await;
    assert_eq!(admin.job(&waiting).await["status"], "cancelled");
    assert_eq!(sandbox.telegram.photos_of(&bob.bot_token).len(), 1);
    service.kill().await;
    database.remove().await;
}

/// What cannot be published is refused at once, by the name of its field, and adds no job.
async fn bad_orders_add_nothing(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let bob = &sandbox.tenants()[1];
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, bob);
    for (order, field) in [
        (json!({"publish_at": "tomorrow"}), "publish_at"),
        (json!({"publish_at": "2030-01-01T10:00:00"}), "publish_at"),
        (json!({"filename": "../x.jpg"}), "filename"),
        (json!({"caption": 7}), "caption"),
        (json!({"needs_approval": "yes"}), "needs_approval"),
        (json!({"unheard_of": 1}), "unheard_of"),
    ] {
        let request = admin.request(Method::POST, "/api/jobs").json(&order);
        let refused = Answer::to(request).await;
        assert!(matches!(refused.status, 400 | 422), "{order}: {refused:?}");
        let named = refused.json()["errors"].to_string();
        assert!(named.contains(field), "{order}: {refused:?}");
    }
    let path = format!("/api/images/{IMAGE}/publish");
    let request = admin.request(Method::POST, &path);
    let request = request.header("prefer", "respond-async");
    let refused = Answer::to(request.json(&json!({"dry_run": true}))).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.text.contains("dry_run"), "{refused:?}");
    assert_eq!(
        admin.get("/api/jobs").await["jobs"],
        Value::Array(Vec::new())
    );
    service.kill().await;
    database.remove().await;
}

on_both! {
    a_job_that_is_changed_is_carried_out_as_it_is_then => what_is_changed_is_published_as_changed;
    a_job_that_is_cancelled_is_not_carried_out => what_is_cancelled_is_not_carried_out;
    an_order_that_is_bad_names_its_fields_and_adds_no_job => bad_orders_add_nothing;
}
