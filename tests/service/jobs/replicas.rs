//! Three replicas on one PostgreSQL share the jobs of many tenants; one of them is killed, and one frozen, with all that they
//! can carry out at a time in their hands.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Hold, Network, Sample, Sandbox, TenantSpec};
use serde_json::json;

use super::{Admin, PATIENCE, SERVES_ONLY, replica};
use crate::{
    database::Database,
    harness::{Service, now},
};

/// The most jobs that one process carries out at a time.
const AT_A_TIME: usize = 64;

/// Many tenants, each with the same number of images.
pub(super) struct Crowd {
    pub(super) sandbox: Sandbox,
    pub(super) tenants: Vec<DemoTenant>,
    images: u8,
}

impl Crowd {
    /// So many tenants with so many images. Those of odd numbers have an account at Mastodon, which can be asked what it
    /// has, if `networks`; all others a bot.
    pub(super) async fn new(tenants: usize, images: u8, networks: bool) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let image = |number| Sample::jpeg(&name(number), 64, 48, number).unwrap();
        let samples: Vec<_> = (0..images).map(image).collect();
        let tenant = |number: usize| {
            let spec = TenantSpec::new(&format!("tenant-{number}")).ai(false);
            let spec = spec.archive(false).images(samples.clone());
            sandbox.add_tenant(if networks && number % 2 == 1 {
                spec.telegram(false).network(Network::Mastodon)
            } else {
                spec
            })
        };
        let tenants = (0..tenants).map(tenant).collect();
        Self {
            sandbox,
            tenants,
            images,
        }
    }

    pub(super) fn jobs(&self) -> usize {
        self.tenants.len() * usize::from(self.images)
    }

    /// Adds a job for each image, each tenant's one after the other, for this time or for now.
    pub(super) async fn add_jobs(&self, service: &Service, publish_at: Option<&str>) {
        let tenants: Vec<_> = self.tenants.iter().collect();
        for some in tenants.chunks(16) {
            join_all(some.iter().map(async |tenant| {
                let admin = Admin::of(service, &self.sandbox, tenant);
                for number in 0..self.images {
                    let mut order = json!({"filename": name(number), "caption": caption(number)});
                    if let Some(publish_at) = publish_at {
                        order["publish_at"] = publish_at.into();
                    }
                    admin.add(order).await;
                }
            }))
            .await;
        }
    }

    /// What a tenant's platform has received, by the captions.
    fn received(&self, tenant: &DemoTenant) -> Vec<String> {
        let texts = if let Some(account) = tenant.account(Network::Mastodon) {
            let statuses = self.sandbox.mastodon.statuses_of(&account.name).into_iter();
            statuses.map(|it| it.text).collect::<Vec<_>>()
        } else {
            let photos = self.sandbox.telegram.photos_of(&tenant.bot_token);
            photos.into_iter().filter_map(|it| it.caption).collect()
        };
        let word = |text: String| text.split_whitespace().next().map(str::to_owned);
        texts.into_iter().filter_map(word).collect()
    }

    /// Checks that each job was done, that nobody has received an image twice, and that all who were told that it is
    /// published have received it. Returns how many results are unknown.
    pub(super) async fn check(&self, service: &Service) -> usize {
        let mut unknown = 0;
        for tenant in &self.tenants {
            let received = self.received(tenant);
            let once: BTreeSet<_> = received.iter().cloned().collect();
            assert_eq!(once.len(), received.len(), "{}: {received:?}", tenant.name);
            let admin = Admin::of(service, &self.sandbox, tenant);
            let done = admin.jobs("done").await;
            assert_eq!(done.len(), usize::from(self.images), "{}", tenant.name);
            for job in done {
                let platform = tenant.platforms()[0];
                let caption = job["caption"].as_str().unwrap();
                match super::outcome(&job, platform) {
                    "published" | "already_published" => {
                        assert!(once.contains(caption), "it was not received: {job}");
                    }
                    "unknown" if platform == "telegram" => unknown += 1,
                    _ => panic!("{}: {job}", tenant.name),
                }
            }
        }
        unknown
    }
}

fn name(number: u8) -> String {
    format!("{number}.jpg")
}

fn caption(number: u8) -> String {
    format!("caption-{number}")
}

/// How many jobs are in each state.
pub(super) async fn counted(database: &mut Database) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for status in database.texts("SELECT status FROM ledger_jobs").await {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

/// Ends the claims of jobs that none of the living has begun, and the leases on their images, as 45 seconds would.
async fn end_claims_of_others(database: &mut Database, living: &Service) {
    let begun = living.lines("a job begins").await;
    let begun: Vec<_> = begun.iter().map(|it| it["job"].as_str().unwrap()).collect();
    let begun = if begun.is_empty() {
        "0".to_owned()
    } else {
        begun.join(", ")
    };
    // What is younger than two seconds may be of a job whose line is not written yet.
    let before = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT + 43000";
    // A tenant's row is locked before its jobs, as the service does it.
    let statements = format!(
        "UPDATE ledger_job_queues SET turn_at = turn_at - 45000;
         UPDATE ledger_jobs SET due_at = due_at - 45000
            WHERE status = 'running' AND id NOT IN ({begun}) AND due_at < {before}"
    );
    database.run(&statements).await;
    let leases = format!(
        "UPDATE ledger_leases SET expires_at = expires_at - 45000 WHERE ctid IN
            (SELECT ctid FROM ledger_leases WHERE expires_at < {before} FOR UPDATE SKIP LOCKED)"
    );
    database.run(&leases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_and_a_frozen_replica_lose_no_job_and_send_nothing_twice() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let crowd = Crowd::new(20, 11, false).await;
    let settings = [("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "10")];
    let taker = replica(&database, &crowd.sandbox, &[SERVES_ONLY]).await;
    crowd.add_jobs(&taker, None).await;
    taker.kill().await;
    // Half of what is under way waits for its image, half for Telegram.
    let photos = crowd.sandbox.telegram.switches().hold("sendPhoto");
    let dropbox = crowd.sandbox.dropbox.switches();
    let odd = crowd.tenants.iter().skip(1).step_by(2);
    let images: Vec<_> = odd
        .map(|tenant| dropbox.hold_matching("download", &format!("{}/", tenant.root)))
        .collect();
    let replicas = (0..3).map(|_| replica(&database, &crowd.sandbox, &settings));
    let mut replicas = join_all(replicas).await;
    let begun = now();
    let waiting = || photos.waiting() + images.iter().map(Hold::waiting).sum::<usize>();
    while waiting() < 3 * AT_A_TIME {
        assert!(begun.elapsed() < PATIENCE, "{} wait", waiting());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (killed, frozen) = (replicas.remove(0), replicas.remove(0));
    let living = replicas.remove(0);
    killed.kill().await;
    frozen.signal("STOP").await;
    photos.release();
    drop(images);
    loop {
        let counts = counted(&mut database).await;
        if counts.get("done") == Some(&crowd.jobs()) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{counts:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        end_claims_of_others(&mut database, &living).await;
    }
    let unknown = crowd.check(&living).await;
    // Of each of the two, half of its jobs at most had been sent.
    assert!(unknown <= 2 * AT_A_TIME, "{unknown}");
    let odd = crowd.tenants.iter().skip(1).step_by(2);
    for tenant in odd {
        let received = crowd.received(tenant).len();
        assert_eq!(received, 11, "nothing of {} had been sent", tenant.name);
    }

    // The frozen one goes on where it was, and finds its claims and leases lost.
    let sent = crowd.sandbox.telegram.switches().calls("sendPhoto");
    frozen.signal("CONT").await;
    frozen.terminate().await;
    let (status, log) = frozen.ended().await;
    assert!(status.success(), "{status}");
    assert!(log.contains("the claim on a job"), "it has noticed that");
    assert_eq!(crowd.sandbox.telegram.switches().calls("sendPhoto"), sent);
    assert_eq!(crowd.check(&living).await, unknown);
    let all = counted(&mut database).await;
    assert_eq!(all, BTreeMap::from([("done".to_owned(), crowd.jobs())]));
    living.kill().await;
    database.remove().await;
}
