//! What becomes of a config with time: refreshed ahead, served stale, replaced, ended.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::time::{advance, sleep};

use super::*;
use crate::{
    app::usecases::fixtures::unvalidated_version,
    domain::tenant_config::{TenantConfig, Unvalidated},
};

const SECOND: Duration = Duration::from_secs(1);

/// A source whose answers a test can change, and which counts and can be slow.
#[derive(Default)]
struct Orchestrator {
    answer: Mutex<Option<Answer>>,
    delay: Mutex<Duration>,
    calls: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Answer {
    Version(&'static str),
    Down,
    Gone,
}

#[async_trait::async_trait]
impl TenantConfigSource for Orchestrator {
    async fn fetch(
        &self,
        _: &Host,
        _: &RequestId,
    ) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let delay = *self.delay.lock().unwrap();
        sleep(delay).await;
        match *self.answer.lock().unwrap() {
            Some(Answer::Version(version)) => Ok(unvalidated_version(version, full_document())),
            Some(Answer::Gone) => Err(ConfigSourceError::NotFound),
            Some(Answer::Down) | None => Err(ConfigSourceError::Unavailable {
                retry_after: None,
                cause: "down".into(),
            }),
        }
    }

    async fn probe(&self, _: &Host, _: &RequestId) -> Result<(), ConfigSourceError> {
        Ok(())
    }
}

struct Stage {
    orchestrator: Arc<Orchestrator>,
    resolver: ResolveTenant,
}

impl Stage {
    /// A tenant whose config, version 1, has just been fetched. It lives for a minute.
    async fn new() -> Self {
        let orchestrator = Arc::new(Orchestrator::default());
        let source = Arc::clone(&orchestrator);
        let resolver = under(HostRules::TenantNames, source, generous_store());
        let stage = Self {
            orchestrator,
            resolver,
        };
        stage.answer(Answer::Version("1"));
        stage.version().await;
        stage
    }

    fn answer(&self, answer: Answer) {
        *self.orchestrator.answer.lock().unwrap() = Some(answer);
    }

    fn slow_down(&self, delay: Duration) {
        *self.orchestrator.delay.lock().unwrap() = delay;
    }

    fn calls(&self) -> usize {
        self.orchestrator.calls.load(Ordering::SeqCst)
    }

    async fn ask(&self) -> Result<Arc<Tenant>, ResolveTenantError> {
        self.resolver.by_host(alice(), &request_id()).await
    }

    /// The version of the config that a request is served with.
    async fn version(&self) -> String {
        let tenant = self.ask().await.unwrap_or_else(|error| panic!("{error}"));
        tenant.config().version().to_string()
    }
}

fn now() -> Instant {
    clock().now()
}

/// Lets what runs in the background run, while the clock stands still.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_config_is_asked_for_once_in_its_life() {
    let stage = Stage::new().await;
    for raw in [
        "alice.example.org",
        "ALICE.example.org:8080",
        "alice.example.org.",
    ] {
        let host = host(raw);
        let answer = stage.resolver.by_host(host.as_ref(), &request_id()).await;
        assert!(answer.is_ok());
    }
    advance(53 * SECOND).await;
    stage.version().await;
    settle().await;
    assert_eq!(stage.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn in_the_last_tenth_of_its_life_a_config_is_refreshed_in_the_background() {
    let stage = Stage::new().await;
    stage.answer(Answer::Version("2"));
    advance(54 * SECOND).await;
    assert_eq!(stage.version().await, "1", "nobody waits for the refresh");
    settle().await;
    assert_eq!((stage.version().await.as_str(), stage.calls()), ("2", 2));
}

#[tokio::test(start_paused = true)]
async fn after_its_life_a_config_is_fetched_again() {
    let stage = Stage::new().await;
    stage.answer(Answer::Version("2"));
    advance(60 * SECOND).await;
    assert_eq!((stage.version().await.as_str(), stage.calls()), ("2", 2));
}

#[tokio::test(start_paused = true)]
async fn an_expired_config_is_served_at_once_while_no_other_can_be_had() {
    let stage = Stage::new().await;
    stage.answer(Answer::Down);
    advance(60 * SECOND).await;
    // The cool-down grows from 5 s to 60 s: 5, 10, 20, 40, 60.
    for (wait, calls) in [
        (0, 2),
        (4, 2),
        (1, 3),
        (9, 3),
        (1, 4),
        (19, 4),
        (1, 5),
        (39, 5),
        (1, 6),
    ] {
        advance(wait * SECOND).await;
        let asked = now();
        for _ in 0..10 {
            assert_eq!(stage.version().await, "1");
        }
        settle().await;
        assert_eq!(stage.calls(), calls, "after {wait} s more");
        assert_eq!(now(), asked, "nobody waited");
    }
    stage.answer(Answer::Version("2"));
    advance(60 * SECOND).await;
    assert_eq!(
        stage.version().await,
        "1",
        "the next try is in the background too"
    );
    settle().await;
    assert_eq!(stage.version().await, "2", "recovery is picked up");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_long_for_an_orchestrator_that_hangs() {
    let stage = Stage::new().await;
    stage.answer(Answer::Down);
    stage.slow_down(8 * SECOND);
    advance(60 * SECOND).await;
    let asked = now();
    assert_eq!(stage.version().await, "1");
    assert_eq!(
        now() - asked,
        Duration::from_millis(100),
        "the first one waits briefly"
    );
    for _ in 0..10 {
        assert_eq!(stage.version().await, "1");
    }
    assert_eq!(now() - asked, Duration::from_millis(100), "and then nobody");
    assert_eq!(stage.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_config_is_served_stale_for_a_day_and_no_longer() {
    let stage = Stage::new().await;
    stage.answer(Answer::Down);
    advance(Duration::from_hours(24)).await;
    assert_eq!(stage.version().await, "1");
    advance(60 * SECOND).await;
    let answer = stage.ask().await;
    assert_eq!(
        answer.err(),
        Some(ResolveTenantError::Unavailable { retry_after: None })
    );
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_has_ended_is_unknown_at_once() {
    for (age, first) in [(54, Ok("1")), (60, Err(ResolveTenantError::Unknown))] {
        let stage = Stage::new().await;
        stage.answer(Answer::Gone);
        advance(age * SECOND).await;
        let answer = stage
            .ask()
            .await
            .map(|tenant| tenant.config().version().to_string());
        assert_eq!(
            answer.as_deref().map_err(|error| *error),
            first,
            "{age} s old"
        );
        settle().await;
        assert_eq!(
            stage.ask().await.err(),
            Some(ResolveTenantError::Unknown),
            "{age} s old"
        );
        assert_eq!(stage.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_made_up_hosts_evicts_no_tenant() {
    let stage = Stage::new().await;
    stage.answer(Answer::Gone);
    for number in 0..3_000 {
        let host = host(&format!("made-up-{number}.example.org"));
        for _ in 0..2 {
            let answer = stage.resolver.by_host(host.as_ref(), &request_id()).await;
            assert_eq!(answer.err(), Some(ResolveTenantError::Unknown));
        }
    }
    assert_eq!(stage.calls(), 1 + 3_000, "one call each");
    assert_eq!(stage.version().await, "1");
    assert_eq!(stage.calls(), 1 + 3_000, "the tenant is still there");
}

#[tokio::test(start_paused = true)]
async fn made_up_hosts_that_hang_are_bounded_and_known_tenants_need_none_of_it() {
    let stage = Stage::new().await;
    stage.slow_down(5 * SECOND);
    let hosts: Vec<_> = (0..1_025)
        .map(|number| host(&format!("made-up-{number}.example.org")))
        .collect();
    let (id, begun) = (request_id(), now());
    let made_up = hosts.iter().map(async |host| {
        let answer = stage.resolver.by_host(host.as_ref(), &id).await;
        (answer.err(), now() - begun)
    });
    let known = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
            assert_eq!(stage.version().await, "1");
        }
        assert_eq!(now(), begun, "nobody waited");
    };
    let (answers, ()) = tokio::join!(join_all(made_up), known);
    let shed = ResolveTenantError::Unavailable {
        retry_after: Some(SECOND),
    };
    let at_once = (Some(shed), Duration::ZERO);
    let refused = answers.iter().filter(|answer| **answer == at_once);
    assert_eq!(refused.count(), 1_025 - 256);
    assert_eq!(stage.calls(), 1 + 256);
    let later = stage.resolver.by_host(hosts.last().unwrap().as_ref(), &id);
    assert!(later.await.is_ok(), "the next one is looked up again");
}

#[tokio::test(start_paused = true)]
async fn so_many_requests_wait_for_one_made_up_host_and_no_more() {
    let stage = Stage::new().await;
    stage.slow_down(5 * SECOND);
    let (host, id) = (host("made-up.example.org"), request_id());
    let asked = (0..1_500).map(|_| stage.resolver.by_host(host.as_ref(), &id));
    let answers = join_all(asked).await;
    let waited = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((waited, stage.calls()), (1_024, 2));
}

#[tokio::test(start_paused = true)]
async fn thirty_cold_tenants_take_the_time_of_one() {
    let stage = Stage::new().await;
    stage.slow_down(2 * SECOND);
    let asked = now();
    let hosts: Vec<_> = (0..30)
        .map(|number| host(&format!("cold-{number}.example.org")))
        .collect();
    let id = request_id();
    let answers = join_all(
        hosts
            .iter()
            .map(|host| stage.resolver.by_host(host.as_ref(), &id)),
    )
    .await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(now() - asked, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_at_hand_while_nothing_has_to_be_done_about_it() {
    let stage = Stage::new().await;
    let id = request_id();
    let cached = |host: &str| {
        let host = Host::normalize_any(host).unwrap();
        stage.resolver.cached(&host, &id).is_some()
    };
    assert!(cached("alice.example.org"), "it has been asked for");
    assert!(!cached("bob.example.org"), "nobody knows it");
    assert!(!cached("127.0.0.1"), "it can be no tenant's");
    let calls = stage.calls();
    advance(53 * SECOND).await;
    assert!(cached("alice.example.org"));
    advance(SECOND).await;
    assert!(
        !cached("alice.example.org"),
        "the config is to be refreshed"
    );
    assert_eq!(stage.calls(), calls, "and nobody was asked meanwhile");
    stage.ask().await.unwrap();
    settle().await;
    assert!(cached("alice.example.org"));
    stage.answer(Answer::Gone);
    advance(60 * SECOND).await;
    assert!(!cached("alice.example.org"), "its life is over");
}
