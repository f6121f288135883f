use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use tokio::time::{advance, sleep};

use super::*;
use crate::app::usecases::fixtures::clock;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Down,
    Gone,
    Lost,
}

impl From<Aborted> for Failure {
    fn from(_: Aborted) -> Self {
        Self::Lost
    }
}

type Answer = Result<u32, LoadError<Failure>>;

/// A cache whose values live for 10 s, and are stale for 100 s after that; with the number of loads.
struct Stage {
    cache: RefreshingCache<&'static str, u32, Failure>,
    loads: Arc<AtomicU32>,
}

impl Stage {
    fn new() -> Self {
        let entries = TimedCache::uncounted(1, clock()).with_refreshes();
        Self {
            cache: RefreshingCache::new(entries, 5 * SECOND),
            loads: Arc::default(),
        }
    }

    /// Gets the value from a source that answers after `delay`.
    async fn get(&self, delay: Duration, answer: Answer) -> Result<u32, Failure> {
        let load = |_| {
            self.loads.fetch_add(1, Ordering::SeqCst);
            async move {
                sleep(delay).await;
                answer.map(|value| Loaded::new(value, 10 * SECOND).with_stale_ttl(100 * SECOND))
            }
        };
        self.cache.get(&"key", load).await
    }

    fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn callers_at_the_same_time_share_one_load_and_a_failure_is_not_kept() {
    let stage = Stage::new();
    let down = || stage.get(SECOND, Err(Failure::Down.into()));
    let answers = join_all((0..100).map(|_| down())).await;
    assert!(answers.iter().all(|it| *it == Err(Failure::Down)));
    assert_eq!(stage.loads(), 1);
    assert_eq!(stage.get(SECOND, Ok(1)).await, Ok(1));
    assert_eq!(stage.get(SECOND, Ok(2)).await, Ok(1));
    assert_eq!(stage.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_value_is_refreshed_in_the_background_before_it_expires() {
    let stage = Stage::new();
    assert_eq!(stage.get(SECOND, Ok(1)).await, Ok(1));
    advance(9 * SECOND).await;
    assert_eq!(stage.get(SECOND / 2, Ok(2)).await, Ok(1));
    sleep(SECOND).await;
    assert_eq!(stage.get(SECOND, Ok(3)).await, Ok(2));
    assert_eq!(stage.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_expired_value_is_served_after_a_brief_wait_and_then_at_once() {
    let stage = Stage::new();
    assert_eq!(stage.get(SECOND, Ok(1)).await, Ok(1));
    advance(10 * SECOND).await;
    let (clock, asked) = (clock(), clock().now());
    let down = || stage.get(SECOND, Err(Failure::Down.into()));
    assert_eq!(down().await, Ok(1));
    assert_eq!(clock.now() - asked, BRIEF_WAIT);
    assert_eq!(down().await, Ok(1));
    assert_eq!((clock.now() - asked, stage.loads()), (BRIEF_WAIT, 2));
}

#[tokio::test(start_paused = true)]
async fn an_outdated_value_is_not_served_any_more() {
    let stage = Stage::new();
    assert_eq!(stage.get(SECOND, Ok(1)).await, Ok(1));
    advance(10 * SECOND).await;
    let gone = || stage.get(Duration::ZERO, Err(LoadError::Outdated(Failure::Gone)));
    assert_eq!(gone().await, Err(Failure::Gone));
    assert!(stage.cache.entries().peek(&"key").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_too_long_is_aborted() {
    let stage = Stage::new();
    assert_eq!(stage.get(6 * SECOND, Ok(1)).await, Err(Failure::Lost));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_a_replacement_is_not_kept() {
    let stage = Stage::new();
    let replace = async {
        sleep(SECOND / 2).await;
        let loaded = Loaded::new(7, 10 * SECOND);
        stage.cache.replace("key", loaded);
    };
    let (loaded, ()) = tokio::join!(stage.get(SECOND, Ok(1)), replace);
    assert_eq!(loaded, Ok(1), "it was true when it was asked for");
    assert_eq!(stage.get(SECOND, Ok(2)).await, Ok(7));
    assert_eq!(stage.loads(), 1);
}
