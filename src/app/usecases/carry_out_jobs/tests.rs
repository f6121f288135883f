//! Jobs on mocked ports, with every call counted, and a paused clock.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::SystemTime,
};

use serde_json::json;

use super::*;
use crate::{
    app::{
        tenancy::{
            credentials::{CredentialCacheSettings, Credentials},
            listing_cache::ListingCache,
            resolve_tenant::{HostRules, TenancySettings},
        },
        usecases::fixtures::{
            clock, empty_ledger, full_document, generous_store, image_work, providers, unvalidated,
        },
    },
    domain::{
        host::Host,
        idempotency::ChosenImage,
        job::{JobId, JobReason, NewJob},
        tenant::TenantName,
    },
    ports::{
        ConfigSourceError, LedgerError, MockJobEvents, MockJobQueue, MockLedgerReader,
        MockTenantConfigSource,
    },
};

const SETTINGS: JobSettings = JobSettings {
    per_tenant: 4,
    max_late: Duration::from_hours(1),
};

fn job(tenant: &str) -> ClaimedJob {
    let tenant = TenantName::new(tenant).unwrap();
    let now = SystemTime::UNIX_EPOCH;
    let job = NewJob::default().into_job(JobId(7), tenant.clone(), now);
    ClaimedJob {
        job: job.claim(now, now).unwrap(),
        host: Host::normalize_any("alice.example.org").ok(),
        claim: JobClaim {
            tenant,
            id: JobId(7),
            token: "token".to_owned(),
        },
    }
}

/// A tenant whose publishing is off.
fn publishing_off() -> MockTenantConfigSource {
    let mut document = full_document();
    document["features"]["publish_enabled"] = json!(false);
    let mut source = MockTenantConfigSource::new();
    source
        .expect_fetch()
        .times(1)
        .returning(move |_, _| Ok(unvalidated(document.clone())));
    source
}

fn failing(error: fn() -> ConfigSourceError) -> MockTenantConfigSource {
    let mut source = MockTenantConfigSource::new();
    source
        .expect_fetch()
        .times(1)
        .returning(move |_, _| Err(error()));
    source
}

/// A queue that gives `claimed` once.
fn queue_of(claimed: Vec<ClaimedJob>) -> MockJobQueue {
    let claimed = Mutex::new(Some(claimed));
    let mut queue = MockJobQueue::new();
    queue
        .expect_claim_jobs()
        .returning(move |_| Ok(claimed.lock().unwrap().take().unwrap_or_default()));
    queue
}

/// Expects the end of one attempt.
fn expect_end(queue: &mut MockJobQueue, end: AttemptEnd) {
    queue
        .expect_finish_job()
        .times(1)
        .withf(move |claim, given| claim.token == "token" && *given == end)
        .returning(|claim, end| {
            let job = job(claim.tenant.as_str()).job;
            Ok(job.finish(end.clone(), SystemTime::UNIX_EPOCH).unwrap())
        });
}

fn usecase(queue: impl JobQueue + 'static, source: MockTenantConfigSource) -> CarryOutJobs {
    let credentials = CredentialCacheSettings::default();
    let credentials = Credentials::new(Arc::new(generous_store()), clock(), credentials);
    let resolve_tenant = ResolveTenant::new(
        HostRules::TenantNames,
        Arc::new(source),
        Arc::new(credentials),
        providers(),
        &clock(),
        TenancySettings::default(),
    );
    let listings = Arc::new(ListingCache::new(clock()));
    let reader = Arc::new(MockLedgerReader::new());
    let work = image_work(Arc::new(empty_ledger()));
    let tasks = work.leases.tasks.clone();
    CarryOutJobs::new(
        Arc::new(queue),
        Arc::new(resolve_tenant),
        PublishImage::new(work, reader, listings),
        tasks,
        EventHub::new(Arc::new(MockJobEvents::new())),
        SETTINGS,
    )
}

/// The end of an attempt for a tenant whose publishing is off.
fn refused() -> AttemptEnd {
    AttemptEnd::Failed {
        reason: JobReason::PublishingOff,
        error: "publishing is off for this tenant".to_owned(),
        retry_after: None,
    }
}

/// Runs for some time, and waits for the jobs that have begun by then.
async fn run_for(usecase: CarryOutJobs, time: Duration) {
    let end = CancellationToken::new();
    let tasks = usecase.tasks.clone();
    let running = tokio::spawn(usecase.run(end.clone()));
    tokio::time::sleep(time).await;
    end.cancel();
    running.await.unwrap();
    tasks.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_is_published_by_the_use_case_and_its_end_is_written_down() {
    let mut queue = queue_of(vec![job("alice")]);
    expect_end(&mut queue, refused());
    run_for(usecase(queue, publishing_off()), Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn jobs_are_looked_for_twice_a_second_and_less_often_while_the_ledger_is_away() {
    for (is_away, polls) in [(false, 20), (true, 2)] {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let mut queue = MockJobQueue::new();
        queue
            .expect_claim_jobs()
            .withf(|terms| {
                terms.per_tenant == SETTINGS.per_tenant && terms.max_late == SETTINGS.max_late
            })
            .returning(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                if is_away {
                    Err(LedgerError::Unavailable("down".into()))
                } else {
                    Ok(Vec::new())
                }
            });
        let usecase = usecase(queue, MockTenantConfigSource::new());
        run_for(usecase, Duration::from_millis(9_900)).await;
        assert_eq!(calls.load(Ordering::SeqCst), polls, "away: {is_away}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_gone_and_one_that_is_away_are_told_apart() {
    let away = || ConfigSourceError::Unavailable {
        retry_after: Some(Duration::from_secs(7)),
        cause: "down".into(),
    };
    let wait = Some(Duration::from_secs(7));
    for (error, end) in [
        (
            (|| ConfigSourceError::NotFound) as fn() -> _,
            AttemptEnd::TenantGone,
        ),
        (away, AttemptEnd::TenantAway { retry_after: wait }),
    ] {
        let mut queue = queue_of(vec![job("alice")]);
        expect_end(&mut queue, end);
        run_for(usecase(queue, failing(error)), Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_never_published_for_the_tenant_that_has_its_host_now() {
    let mut queue = queue_of(vec![job("bob")]);
    expect_end(&mut queue, AttemptEnd::TenantAway { retry_after: None });
    run_for(usecase(queue, publishing_off()), Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_without_a_host_waits_and_keeps_no_other_from_being_carried_out() {
    let homeless = ClaimedJob {
        host: None,
        ..job("alice")
    };
    let mut queue = queue_of(vec![homeless]);
    expect_end(&mut queue, AttemptEnd::TenantAway { retry_after: None });
    let source = MockTenantConfigSource::new();
    run_for(usecase(queue, source), Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_the_ledger_does_not_take_is_written_again() {
    let mut queue = queue_of(vec![job("alice")]);
    let mut calls = 0;
    queue
        .expect_finish_job()
        .times(3)
        .returning(move |claim, end| {
            calls += 1;
            if calls < 3 {
                return Err(JobClaimError::Unavailable("down".into()));
            }
            let job = job(claim.tenant.as_str()).job;
            Ok(job.finish(end.clone(), SystemTime::UNIX_EPOCH).unwrap())
        });
    run_for(usecase(queue, publishing_off()), Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_never_taken_leaves_the_job_to_the_end_of_its_claim() {
    let mut queue = queue_of(vec![job("alice")]);
    let attempts = 1 + END_PAUSES.len();
    queue
        .expect_finish_job()
        .times(attempts)
        .returning(|_, _| Err(JobClaimError::Unavailable("down".into())));
    run_for(usecase(queue, publishing_off()), Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_renewed_until_it_is_lost() {
    let mut queue = MockJobQueue::new();
    let mut renewals = 0;
    queue
        .expect_renew_claim()
        .times(3)
        .withf(|claim, stage| claim.token == "token" && stage.is_none())
        .returning(move |_, _| {
            renewals += 1;
            match renewals {
                1 => Ok(()),
                2 => Err(JobClaimError::Unavailable("down".into())),
                _ => Err(JobClaimError::Lost),
            }
        });
    let usecase = usecase(queue, MockTenantConfigSource::new());
    let (_stage, stages) = watch::channel(None);
    let (clock, started) = (clock(), clock().now());
    usecase.hold(&job("alice").claim, stages).await;
    assert_eq!(clock.now() - started, JOB_CLAIM_RENEWED_EVERY * 3);
}

#[tokio::test(start_paused = true)]
async fn a_stage_is_noted_once_it_has_lasted() {
    let mut queue = MockJobQueue::new();
    queue
        .expect_renew_claim()
        .times(1)
        .withf(|_, stage| *stage == Some(PublishStage::Send))
        .returning(|_, _| Err(JobClaimError::Lost));
    let usecase = usecase(queue, MockTenantConfigSource::new());
    let (stage, stages) = watch::channel(None);
    stage.send_replace(Some(PublishStage::Find));
    stage.send_replace(Some(PublishStage::Send));
    let (clock, started) = (clock(), clock().now());
    usecase.hold(&job("alice").claim, stages).await;
    assert_eq!(clock.now() - started, STAGE_SETTLES);
}

/// A queue whose claims take their time.
struct Slow(MockJobQueue);

#[async_trait::async_trait]
impl JobQueue for Slow {
    async fn claim_jobs(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedJob>, LedgerError> {
        let claimed = self.0.claim_jobs(terms).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        claimed
    }

    async fn renew_claim(
        &self,
        claim: &JobClaim,
        stage: Option<PublishStage>,
    ) -> Result<(), JobClaimError> {
        self.0.renew_claim(claim, stage).await
    }

    async fn choose_image(
        &self,
        claim: &JobClaim,
        chosen: &ChosenImage,
    ) -> Result<(), JobClaimError> {
        self.0.choose_image(claim, chosen).await
    }

    async fn finish_job(&self, claim: &JobClaim, end: &AttemptEnd) -> Result<Job, JobClaimError> {
        self.0.finish_job(claim, end).await
    }

    async fn sweep_jobs(&self, kept_for: Duration) -> Result<u64, LedgerError> {
        self.0.sweep_jobs(kept_for).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_claimed_when_the_end_comes_is_carried_out_and_nothing_more_is_claimed() {
    let claims = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&claims);
    let mut queue = MockJobQueue::new();
    queue.expect_claim_jobs().returning(move |_| {
        let claim = counted.fetch_add(1, Ordering::SeqCst);
        Ok(if claim == 0 {
            vec![job("alice")]
        } else {
            Vec::new()
        })
    });
    expect_end(&mut queue, refused());
    run_for(
        usecase(Slow(queue), publishing_off()),
        Duration::from_secs(1),
    )
    .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(claims.load(Ordering::SeqCst), 1);
}
