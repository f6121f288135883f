use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;

use super::{
    outage::{ANSWER_WITHIN, PAUSE},
    *,
};
use crate::{
    adapters::clock::SystemClock,
    domain::tenant::TenantName,
    ports::{
        Clock, LedgerError, MockPublishSlots, MockSharedRates, PublishSlot, PublishSlots, RateKey,
        RateLimit, RateLimits, TooLate,
    },
};

const WINDOW: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

/// So many turns a minute, each for now.
fn limit(turns: u32) -> RateLimit {
    RateLimit {
        name: "tests",
        turns,
        window: WINDOW,
        longest_wait: Duration::ZERO,
    }
}

fn tenant(name: &str) -> TenantName {
    TenantName::new(name).unwrap()
}

fn key(name: &str) -> RateKey {
    RateKey {
        tenant: tenant(name),
        who: None,
    }
}

fn own() -> OwnRates {
    OwnRates::new(Arc::new(SystemClock))
}

fn of_all(shared: MockSharedRates) -> RatesOfAll {
    let rates = RatesOfAll::new(Arc::new(SystemClock));
    rates.share(Some(Arc::new(shared)));
    rates
}

fn away<T>() -> Result<T, LedgerError> {
    Err(LedgerError::Unavailable("the server is gone".into()))
}

/// Runs a test with the log and the metrics at hand, and gives both back.
fn observed(test: impl Future<Output = ()>) -> (String, String) {
    let lines = Lines::default();
    let written = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || written.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || runtime.block_on(test));
    });
    let log = String::from_utf8(lines.0.lock().clone()).unwrap();
    (log, recorder.handle().render())
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_turn_is_free_once_the_oldest_is_a_window_old() {
    let rates = own();
    for _ in 0..2 {
        assert_eq!(
            rates.take(&limit(2), &key("alice")).await,
            Ok(Duration::ZERO)
        );
        tokio::time::sleep(SECOND * 10).await;
    }
    let too_late = Err(TooLate { wait: SECOND * 40 });
    assert_eq!(rates.look(&limit(2), &key("alice")).await, too_late);
    assert_eq!(
        rates.take(&limit(2), &key("alice")).await,
        Err(TooLate { wait: SECOND * 40 })
    );
    tokio::time::sleep(SECOND * 40).await;
    assert_eq!(rates.look(&limit(2), &key("alice")).await, Ok(()));
    assert!(rates.take(&limit(2), &key("alice")).await.is_ok());
    assert_eq!(
        rates.take(&limit(2), &key("alice")).await,
        Err(TooLate { wait: SECOND * 10 })
    );
}

#[tokio::test(start_paused = true)]
async fn turns_are_taken_ahead_as_far_as_the_limit_lets_wait() {
    let rates = own();
    let limit = RateLimit {
        longest_wait: WINDOW * 2,
        ..limit(2)
    };
    let mut waits = Vec::new();
    for _ in 0..6 {
        waits.push(rates.take(&limit, &key("alice")).await.unwrap().as_secs());
    }
    assert_eq!(waits, [0, 0, 60, 60, 120, 120]);
    let refused = rates.take(&limit, &key("alice")).await;
    assert_eq!(refused, Err(TooLate { wait: WINDOW * 3 }));
    assert_eq!(rates.take(&limit, &key("bob")).await, Ok(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_no_turns_gives_none() {
    let too_late = TooLate { wait: WINDOW };
    assert_eq!(own().take(&limit(0), &key("alice")).await, Err(too_late));
    assert_eq!(own().look(&limit(0), &key("alice")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn limits_are_counted_apart_and_forgotten_by_key() {
    let rates = own();
    let other = RateLimit {
        name: "other",
        ..limit(1)
    };
    for limit in [limit(1), other] {
        rates.take(&limit, &key("alice")).await.unwrap();
    }
    rates.forget(&other, &key("alice")).await;
    assert!(rates.look(&limit(1), &key("alice")).await.is_err());
    assert!(rates.look(&other, &key("alice")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_so_many_keys_are_kept_and_the_oldest_goes_first() {
    let rates = own().with_room_for(2);
    for name in ["alice", "bob"] {
        rates.take(&limit(1), &key(name)).await.unwrap();
        tokio::time::sleep(SECOND).await;
    }
    // Whoever is refused needs no room.
    assert!(rates.take(&limit(1), &key("alice")).await.is_err());
    rates.take(&limit(1), &key("carol")).await.unwrap();
    assert!(rates.look(&limit(1), &key("bob")).await.is_err());
    assert!(rates.look(&limit(1), &key("alice")).await.is_ok());
    tokio::time::sleep(WINDOW).await;
    rates.take(&limit(1), &key("dora")).await.unwrap();
    let kept = rates.keys(&limit(1));
    assert_eq!(kept, [key("dora")], "those that are idle are forgotten");
}

#[tokio::test(start_paused = true)]
async fn the_count_of_all_decides_and_the_own_one_goes_along() {
    let mut shared = MockSharedRates::new();
    let mut answers = [
        Ok(Duration::ZERO),
        Ok(SECOND),
        Err(TooLate { wait: WINDOW }),
    ]
    .into_iter();
    shared
        .expect_take()
        .times(3)
        .returning(move |_, _| Ok(answers.next().unwrap()));
    let looked = Err(TooLate { wait: SECOND * 9 });
    shared
        .expect_look()
        .times(1)
        .returning(move |_, _| Ok(looked));
    shared.expect_forget().times(1).returning(|_, _| Ok(()));
    let (rates, alice) = (of_all(shared), key("alice"));
    assert_eq!(rates.take(&limit(2), &alice).await, Ok(Duration::ZERO));
    assert_eq!(rates.take(&limit(2), &alice).await, Ok(SECOND));
    let refused = rates.take(&limit(2), &alice).await;
    assert_eq!(refused, Err(TooLate { wait: WINDOW }));
    assert_eq!(rates.look(&limit(2), &alice).await, looked);
    rates.forget(&limit(2), &alice).await;
}

#[test]
fn where_the_count_of_all_is_away_the_own_one_goes_on_from_what_it_knows() {
    let (log, metrics) = observed(async {
        let mut shared = MockSharedRates::new();
        let mut is_there = true;
        shared.expect_take().times(2).returning(move |_, _| {
            if std::mem::take(&mut is_there) {
                Ok(Ok(Duration::ZERO))
            } else {
                away()
            }
        });
        shared.expect_look().never();
        let (rates, alice) = (of_all(shared), key("alice"));
        for _ in 0..3 {
            assert_eq!(rates.take(&limit(3), &alice).await, Ok(Duration::ZERO));
        }
        assert!(rates.take(&limit(3), &alice).await.is_err());
        assert!(rates.look(&limit(3), &alice).await.is_err());
    });
    let warned = log.lines().filter(|line| line.contains("WARN")).count();
    assert_eq!(warned, 1, "{log}");
    assert!(log.contains("the server is gone"), "{log}");
    let fallbacks = r#"publisher_shared_limits_fallbacks_total{limit="tests"} 4"#;
    assert!(metrics.contains(fallbacks), "{metrics}");
}

#[test]
fn after_each_pause_one_call_finds_out_whether_it_is_back_and_the_log_says_so_once() {
    let (log, _) = observed(async {
        let mut shared = MockSharedRates::new();
        let mut failures = 2;
        shared.expect_look().times(4).returning(move |_, _| {
            if failures > 0 {
                failures -= 1;
                return away();
            }
            Ok(Ok(()))
        });
        let rates = of_all(shared);
        for _ in 0..3 {
            // The first is asked, in the first two rounds; all are in the last.
            for _ in 0..2 {
                rates.look(&limit(1), &key("alice")).await.unwrap();
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let about = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!((about("WARN"), about("INFO")), (1, 1), "{log}");
}

/// A count that never answers.
struct Frozen;

#[async_trait::async_trait]
impl crate::ports::SharedRates for Frozen {
    async fn take(
        &self,
        _: &RateLimit,
        _: &RateKey,
    ) -> Result<Result<Duration, TooLate>, LedgerError> {
        std::future::pending().await
    }

    async fn look(&self, _: &RateLimit, _: &RateKey) -> Result<Result<(), TooLate>, LedgerError> {
        std::future::pending().await
    }

    async fn forget(&self, _: &RateLimit, _: &RateKey) -> Result<(), LedgerError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_that_does_not_answer_delays_one_call_and_no_other() {
    let rates = RatesOfAll::new(Arc::new(SystemClock));
    rates.share(Some(Arc::new(Frozen)));
    let started = SystemClock.now();
    for _ in 0..10 {
        rates.take(&limit(10), &key("alice")).await.unwrap();
    }
    rates.forget(&limit(10), &key("alice")).await;
    assert_eq!(SystemClock.now() - started, ANSWER_WITHIN);
    assert!(rates.look(&limit(1), &key("alice")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn of_calls_at_the_same_time_after_a_pause_one_waits() {
    let rates = RatesOfAll::new(Arc::new(SystemClock));
    rates.share(Some(Arc::new(Frozen)));
    rates.look(&limit(1), &key("alice")).await.unwrap();
    tokio::time::sleep(PAUSE).await;
    let started = SystemClock.now();
    let (limit, alice) = (limit(1), key("alice"));
    let waits = (0..5).map(async |_| {
        rates.look(&limit, &alice).await.unwrap();
        SystemClock.now() - started
    });
    let mut waits = futures_util::future::join_all(waits).await;
    waits.sort();
    assert_eq!(waits[..4], [Duration::ZERO; 4]);
    assert_eq!(waits[4], ANSWER_WITHIN);
}

#[test]
fn slots_are_not_asked_for_during_an_outage_but_renewed_and_released() {
    let slot = || PublishSlot {
        tenant: tenant("alice"),
        token: "token".to_owned(),
    };
    let (log, metrics) = observed(async {
        let mut shared = MockPublishSlots::new();
        shared.expect_take_slot().times(1).returning(|_, _| away());
        shared.expect_renew_slot().times(2).returning(|_| away());
        shared.expect_release_slot().times(1).returning(|_| Ok(()));
        let slots = SlotsOfAll::new(Arc::new(shared), Arc::new(SystemClock));
        for _ in 0..3 {
            assert!(slots.take_slot(&tenant("alice"), 4).await.is_err());
        }
        for _ in 0..2 {
            assert!(slots.renew_slot(&slot()).await.is_err());
        }
        slots.release_slot(&slot()).await.unwrap();
    });
    let about = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    assert_eq!((about("WARN"), about("INFO")), (1, 1), "{log}");
    let fallbacks = r#"publisher_shared_limits_fallbacks_total{limit="publishes"} 3"#;
    assert!(metrics.contains(fallbacks), "{metrics}");
}
