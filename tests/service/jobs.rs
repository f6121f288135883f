//! Jobs, as the whole service carries them out: over crashes, over replicas, in time, and to the right platforms.

mod crashes;
mod fairness;
mod large;
mod last_step;
mod postings;
mod repeats;
mod replicas;
mod schedule;
mod secrets;
mod tenants;

use std::time::Duration;

use publisher_sandbox::{DemoTenant, Sandbox};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    database::Database,
    harness::{Answer, Service, now},
};

/// Long enough for a slow machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_mins(3);
/// As long as a claim and a lease hold, and more.
const CLAIM_ENDS: Duration = Duration::from_mins(1);

/// A replica that takes jobs and shows them, and carries none out.
const SERVES_ONLY: (&str, &str) = ("JOBS_ENABLED", "false");

/// An admin of a tenant, at one replica.
#[derive(Clone, Copy)]
struct Admin<'a> {
    service: &'a Service,
    sandbox: &'a Sandbox,
    tenant: &'a DemoTenant,
}

impl<'a> Admin<'a> {
    fn of(service: &'a Service, sandbox: &'a Sandbox, tenant: &'a DemoTenant) -> Self {
        Self {
            service,
            sandbox,
            tenant,
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.service.request(method, &self.tenant.host, path);
        request.bearer_auth(self.sandbox.web_token())
    }

    async fn get(&self, path: &str) -> Value {
        let answer = Answer::to(self.request(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Adds a job; its id.
    async fn add(&self, order: Value) -> String {
        let request = self.request(Method::POST, "/api/jobs").json(&order);
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        id_of(&answer.json())
    }

    async fn job(&self, id: &str) -> Value {
        self.get(&format!("/api/jobs/{id}")).await
    }

    /// The jobs in a state.
    async fn jobs(&self, status: &str) -> Vec<Value> {
        let page = self
            .get(&format!("/api/jobs?limit=200&status={status}"))
            .await;
        page["jobs"].as_array().unwrap().clone()
    }

    /// Does something to a job: `approve`, `cancel`, `retry`.
    async fn ask(&self, id: &str, what: &str) -> Answer {
        let path = format!("/api/jobs/{id}/{what}");
        Answer::to(self.request(Method::POST, &path)).await
    }

    async fn put_schedule(&self, schedule: Value) -> Value {
        let request = self.request(Method::PUT, "/api/schedule").json(&schedule);
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Waits until a job is in a state.
    async fn becomes(&self, id: &str, status: &str) -> Value {
        self.becomes_so(id, |job| job["status"] == status).await
    }

    /// Waits until a job is so.
    async fn becomes_so(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = now();
        loop {
            let job = self.job(id).await;
            if is_so(&job) {
                return job;
            }
            assert!(begun.elapsed() < PATIENCE, "it stays like this: {job}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Has a job of this tenant carried out that is due after all that have been added: what is due before, and can be
    /// claimed, has been claimed then.
    async fn has_a_job_done(&self, image: &str) -> Value {
        let order = json!({"filename": image, "caption": "a caption"});
        let id = self.add(order).await;
        self.becomes(&id, "done").await
    }
}

fn id_of(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

/// The outcome of a job on a platform.
fn outcome<'a>(job: &'a Value, platform: &str) -> &'a str {
    job["results"][platform]["outcome"].as_str().unwrap_or("")
}

/// A replica on this ledger, with more settings.
async fn replica(database: &Database, sandbox: &Sandbox, more: &[(&str, &str)]) -> Service {
    let url = database.url();
    let settings = [&[("PUBLISH_LEDGER_URL", &*url)], more].concat();
    Service::start_with(sandbox.environment(), &settings).await
}

/// Adds jobs at a replica that does not carry them out, and is then ended as `kill -9` does; their ids.
async fn added<const N: usize>(
    database: &Database,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    orders: [Value; N],
) -> [String; N] {
    let service = replica(database, sandbox, &[SERVES_ONLY]).await;
    let mut ids = Vec::new();
    for order in orders {
        ids.push(Admin::of(&service, sandbox, tenant).add(order).await);
    }
    service.kill().await;
    ids.try_into().unwrap()
}

/// As if this time had passed: for jobs, claims, leases and turns.
async fn pass(database: &mut Database, time: Duration) {
    let millis = time.as_millis();
    // A tenant's row is locked before its jobs, as the service does it.
    let statements = format!(
        "UPDATE ledger_job_queues SET turn_at = turn_at - {millis};
         UPDATE ledger_jobs SET publish_at = publish_at - {millis}, due_at = due_at - {millis},
            posting_time = posting_time - {millis} WHERE ended_at IS NULL"
    );
    database.run(&statements).await;
    let leases = format!("UPDATE ledger_leases SET expires_at = expires_at - {millis}");
    database.run(&leases).await;
}

/// The time of the database's clock so many seconds from now, in one of its formats.
async fn time_in(database: &mut Database, seconds: u32, [sqlite, postgres]: [&str; 2]) -> String {
    let query = match database {
        Database::Sqlite(_) => format!("SELECT strftime('{sqlite}', 'now', '+{seconds} seconds')"),
        Database::Postgres(_) => format!(
            "SELECT to_char((now() + interval '{seconds} seconds') AT TIME ZONE 'UTC', '{postgres}')"
        ),
    };
    database.texts(&query).await.remove(0)
}

/// The formats of RFC 3339.
const RFC_3339: [&str; 2] = ["%Y-%m-%dT%H:%M:%fZ", "YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\""];
/// The formats of a posting time.
const TIME_OF_DAY: [&str; 2] = ["%H:%M", "HH24:MI"];

/// Waits until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let begun = now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "it does not become so");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A test on each database.
macro_rules! on_both {
    ($($name:ident => $check:ident;)+) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$check(crate::database::Database::sqlite().await).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$check(crate::database::Database::postgres().await).await;
            })+
        }
    };
}
use on_both;
