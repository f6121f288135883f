//! No tenant's jobs keep another's from beginning, and a tenant's limit holds for jobs and requests together.

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;

use super::{Admin, CLAIM_ENDS, on_both, pass, replica};
use crate::database::Database;

/// More than a process carries out at a time, and more than a tenant's limit.
const BACKLOG: usize = 200;
/// The default of `MAX_CONCURRENT_PUBLISHES_PER_TENANT`.
const LIMIT: usize = 4;

/// A tenant with so many images, which are named by their numbers.
fn tenant(sandbox: &Sandbox, name: &str, images: u8) -> DemoTenant {
    let image = |number| Sample::jpeg(&format!("{number}.jpg"), 64, 48, number).unwrap();
    let spec = TenantSpec::new(name).ai(false);
    sandbox.add_tenant(spec.images((0..images).map(image)))
}

async fn a_backlog_is_nobody_elses(database: Option<Database>) {
    let Some(database) = database else { return };
    let sandbox = Sandbox::start_empty().await.unwrap();
    let [many, one] = [("many", 8), ("one", 1)].map(|(name, count)| tenant(&sandbox, name, count));
    let service = replica(&database, &sandbox, &[]).await;
    let telegram = sandbox.telegram.switches();
    let held = telegram.hold_matching("sendPhoto", &many.bot_token);
    let busy = Admin::of(&service, &sandbox, &many);
    let add = |number: usize| {
        let image = format!("{}.jpg", number % 8);
        busy.add(json!({"filename": image, "caption": "a caption"}))
    };
    join_all((0..LIMIT).map(add)).await;
    held.arrived(LIMIT).await;
    for _ in 0..BACKLOG / 20 {
        join_all((0..20).map(add)).await;
    }
    // It is due after all of them.
    let other = Admin::of(&service, &sandbox, &one);
    other.has_a_job_done("0.jpg").await;
    assert_eq!(held.waiting(), LIMIT);
    assert_eq!(busy.jobs("running").await.len(), LIMIT);
    assert_eq!(busy.jobs("scheduled").await.len(), BACKLOG);
    service.kill().await;
    held.release();
    database.remove().await;
}

/// The jobs that a killed process had begun are carried out before those of a backlog that have not begun.
async fn what_was_begun_comes_first(database: Option<Database>) {
    let Some(mut database) = database else { return };
    let sandbox = Sandbox::start_empty().await.unwrap();
    let many = tenant(&sandbox, "many", 12);
    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, &many);
    let telegram = sandbox.telegram.switches();
    let held = telegram.hold_matching("sendPhoto", &many.bot_token);
    let add = |number: usize| {
        let image = format!("{number}.jpg");
        admin.add(json!({"filename": image, "caption": "a caption"}))
    };
    join_all((0..LIMIT).map(add)).await;
    held.arrived(LIMIT).await;
    let waiting = join_all((LIMIT..12).map(add)).await;
    service.kill().await;
    held.release();
    pass(&mut database, CLAIM_ENDS).await;

    let service = replica(&database, &sandbox, &[]).await;
    let admin = Admin::of(&service, &sandbox, &many);
    for id in &waiting {
        admin.becomes(id, "done").await;
    }
    assert_eq!(admin.jobs("done").await.len(), 12);
    // As many as may be carried out at a time were begun: no other could before one of those had ended.
    let times = "SELECT CAST(min(CASE attempts WHEN 2 THEN ended_at END) AS TEXT) FROM ledger_jobs
        UNION ALL SELECT CAST(min(CASE attempts WHEN 1 THEN begun_at END) AS TEXT) FROM ledger_jobs";
    let times = database.texts(times).await;
    let [ended, begun] = [&times[0], &times[1]].map(|time| time.parse::<i64>().unwrap());
    assert!(ended <= begun, "{ended} {begun}");
    service.kill().await;
    database.remove().await;
}

on_both! {
    what_a_killed_process_had_begun_comes_before_a_backlog => what_was_begun_comes_first;
    two_hundred_due_jobs_of_a_tenant_do_not_keep_anothers_from_being_carried_out => a_backlog_is_nobody_elses;
}

#[tokio::test]
async fn jobs_and_requests_of_a_tenant_are_counted_together_over_two_replicas() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start_empty().await.unwrap();
    let [nora, other] = [("nora", 6), ("other", 2)].map(|(name, it)| tenant(&sandbox, name, it));
    let limit = [("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "2")];
    let (one, two) = tokio::join!(
        replica(&database, &sandbox, &limit),
        replica(&database, &sandbox, &limit)
    );
    let telegram = sandbox.telegram.switches();
    let held = telegram.hold_matching("sendPhoto", &nora.bot_token);
    let caption = || json!({"caption": "a caption"});
    let order = |image: &str| json!({"filename": image, "caption": "a caption"});
    let admin = Admin::of(&one, &sandbox, &nora);
    let first = admin.add(order("0.jpg")).await;
    held.arrived(1).await;
    let request = two.publish(&sandbox, &nora, "1.jpg", caption());
    let beside = async {
        held.arrived(2).await;
        for replica in [&one, &two] {
            let refused = replica.publish(&sandbox, &nora, "2.jpg", caption()).await;
            refused.assert_problem(429, "rate-limited");
        }
        let waiting = [
            admin.add(order("3.jpg")).await,
            admin.add(order("4.jpg")).await,
        ];
        // Others' jobs are carried out meanwhile.
        for (replica, image) in [(&one, "0.jpg"), (&two, "1.jpg")] {
            let admin = Admin::of(replica, &sandbox, &other);
            admin.has_a_job_done(image).await;
        }
        for id in &waiting {
            assert_eq!(admin.job(id).await["status"], "scheduled");
        }
        assert_eq!(held.waiting(), 2);
        held.release();
        waiting
    };
    let (answer, waiting) = tokio::join!(request, beside);
    assert_eq!(answer.status, 200, "{answer:?}");
    for id in [&first, &waiting[0], &waiting[1]] {
        admin.becomes(id, "done").await;
    }
    assert_eq!(sandbox.telegram.photos_of(&nora.bot_token).len(), 4);
    one.kill().await;
    two.kill().await;
    database.remove().await;
}
