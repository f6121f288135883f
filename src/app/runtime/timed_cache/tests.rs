use proptest::prelude::*;
use tokio::time::advance;

use super::*;
use crate::app::usecases::fixtures::clock;

const SECOND: Duration = Duration::from_secs(1);

fn cache<K: Hash + Eq + Clone, V: Clone>(max_weight: usize) -> TimedCache<K, V> {
    TimedCache::new("test", max_weight, clock()).with_refreshes()
}

fn loaded<V>(value: V, seconds: u32) -> Loaded<V> {
    Loaded::new(value, seconds * SECOND)
}

#[tokio::test(start_paused = true)]
async fn an_entry_lives_as_long_as_it_was_given() {
    let cache = cache(1);
    cache.set("a", loaded(1, 10));
    advance(Duration::from_millis(9_999)).await;
    assert_eq!(cache.get("a"), Some(1));
    advance(Duration::from_millis(1)).await;
    assert_eq!(cache.get("a"), None);
    cache.set("a", loaded(1, 10));
    cache.set("a", loaded(2, 0));
    assert_eq!(cache.get("a"), None);
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_entry_makes_room() {
    let cache = cache(2);
    cache.set("a", loaded(1, 1));
    cache.set("b", loaded(2, 1));
    assert!(cache.get("a").is_some());
    cache.set("c", loaded(3, 1));
    assert_eq!(
        (cache.get("a"), cache.get("b"), cache.get("c")),
        (Some(1), None, Some(3))
    );
    cache.evict("a");
    assert_eq!(cache.get("a"), None);
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_entries_make_room_for_a_large_one() {
    let cache = cache(10);
    let weighing = |value, weight| loaded(value, 10).with_weight(weight);
    for key in 1..=3 {
        cache.set(key, weighing(0, 3));
    }
    assert_eq!(cache.get(&1), Some(0));
    cache.set(4, weighing(0, 5));
    assert_eq!((cache.get(&2), cache.get(&3)), (None, None));
    assert_eq!((cache.get(&1), cache.get(&4)), (Some(0), Some(0)));
    cache.set(5, weighing(0, 11));
    assert_eq!((cache.get(&5), cache.weight()), (None, 8));
    cache.set(1, weighing(9, 4));
    assert_eq!((cache.get(&1), cache.weight()), (Some(9), 9));
}

#[tokio::test(start_paused = true)]
async fn a_bound_of_nothing_keeps_nothing() {
    let cache = cache(0);
    cache.set("a", loaded(1, 10));
    assert_eq!(cache.get("a"), None);
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_due_in_the_last_tenth_of_its_life() {
    let cache = cache(1);
    cache.set("a", loaded(1, 100));
    advance(89 * SECOND).await;
    assert_eq!(cache.peek("a").unwrap().refresh, Refresh::NotDue);
    advance(SECOND).await;
    let found = cache.peek("a").unwrap();
    assert_eq!((found.is_expired, found.refresh), (false, Refresh::Due));
}

#[tokio::test(start_paused = true)]
async fn an_expired_entry_is_found_within_its_stale_ttl_and_no_longer() {
    let cache = cache(1);
    cache.set("a", loaded(1, 1).with_stale_ttl(10 * SECOND));
    advance(SECOND).await;
    assert!(cache.get_with_status("a").unwrap().is_expired);
    advance(10 * SECOND).await;
    assert_eq!(cache.get_with_status("a"), None);
}

#[tokio::test(start_paused = true)]
async fn failures_put_the_next_try_off_for_longer_and_longer() {
    let cache = cache(1);
    cache.set("a", loaded(1, 1).with_stale_ttl(1_000 * SECOND));
    advance(SECOND).await;
    for seconds in [5, 10, 20, 40, 60, 60] {
        cache.record_failure(&"a");
        advance(Duration::from_millis(seconds * 1_000 - 1)).await;
        let refresh = cache.peek("a").unwrap().refresh;
        assert_eq!(refresh, Refresh::NotDue, "{seconds}");
        advance(Duration::from_millis(1)).await;
        let refresh = cache.peek("a").unwrap().refresh;
        assert_eq!(refresh, Refresh::DueAgain, "{seconds}");
    }
    cache.record_failure(&"nobody");
}

#[tokio::test(start_paused = true)]
async fn what_many_see_fail_is_one_failure() {
    let cache = cache(1);
    cache.set("a", loaded(1, 1).with_stale_ttl(1_000 * SECOND));
    advance(SECOND).await;
    for _ in 0..100 {
        cache.record_failure(&"a");
    }
    advance(5 * SECOND).await;
    assert_eq!(cache.peek("a").unwrap().refresh, Refresh::DueAgain);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_is_swept_away() {
    let cache = cache(10);
    cache.set("a", loaded(1, 1).with_weight(3));
    cache.set("b", loaded(2, 3).with_weight(4));
    advance(SECOND).await;
    cache.sweep();
    assert_eq!(cache.weight(), 4);
    cache.retain(|_, value| *value != 2);
    assert_eq!(cache.weight(), 0);
}

proptest! {
    #[test]
    fn the_weight_is_that_of_the_entries_and_within_the_bound(
        steps in prop::collection::vec((0..6_u8, 0..12_usize, any::<bool>()), 0..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _guard = runtime.enter();
        let cache = cache(20);
        for (key, weight, is_set) in steps {
            if is_set {
                cache.set(key, loaded(weight, 10).with_weight(weight));
            } else if let Some(value) = cache.get(&key) {
                prop_assert!(value <= 20);
            }
            let kept = (0..6_u8).filter_map(|key| cache.get(&key));
            prop_assert_eq!(kept.sum::<usize>(), cache.weight());
            prop_assert!(cache.weight() <= 20);
        }
    }
}
