//! One call at a time for each key: callers that ask meanwhile get the answer of the call that is
//! under way, be it a success or a failure.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::Instrument as _;

/// The calls that are under way.
pub(in crate::app) struct SingleFlight<K, V> {
    in_flight: InFlight<K, V>,
    limit: Duration,
}

/// The lock is held to join and to leave, never while waiting.
type InFlight<K, V> = Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>;

/// A call ended without an answer: it took too long, or panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call ended without an answer")]
pub(in crate::app) struct Aborted;

impl<K, V> SingleFlight<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Calls that end after `limit` at the latest.
    pub(in crate::app) fn new(limit: Duration) -> Self {
        Self {
            in_flight: Arc::default(),
            limit,
        }
    }

    /// Joins the call for `key`, or starts one with `work`, and waits for it.
    pub(in crate::app) async fn run<F, Fut>(&self, key: K, work: F) -> Result<V, Aborted>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        self.start(key, work).join().await
    }

    /// The call for `key`, started with `work` unless it is under way. It runs on a task of its
    /// own, so that a caller that disconnects, or does not wait, does not end it for the others.
    ///
    /// Between a look into a cache and this call another one may have ended: `work` should
    /// look again first.
    pub(in crate::app) fn start<F, Fut>(&self, key: K, work: F) -> Call<V>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        let mut in_flight = self.in_flight.lock();
        if let Some(answer) = in_flight.get(&key) {
            return Call(answer.clone());
        }
        let (sender, answer) = watch::channel(None);
        in_flight.insert(key.clone(), answer.clone());
        drop(in_flight);
        let guard = Guard {
            key,
            in_flight: Arc::clone(&self.in_flight),
        };
        let call = tokio::time::timeout(self.limit, work());
        tokio::spawn(
            async move {
                let result = call.await;
                // Out of the map before the answer is sent: later callers start afresh.
                drop(guard);
                if let Ok(value) = result {
                    sender.send_replace(Some(value));
                }
            }
            .in_current_span(),
        );
        Call(answer)
    }
}

/// A call that is under way.
pub(in crate::app) struct Call<V>(watch::Receiver<Option<V>>);

impl<V: Clone> Call<V> {
    /// Waits for its answer.
    pub(in crate::app) async fn join(mut self) -> Result<V, Aborted> {
        let answer = self.0.wait_for(Option::is_some).await;
        let answer = answer.map_err(|_| Aborted)?;
        (*answer).clone().ok_or(Aborted)
    }
}

/// Takes a call out of the map, even if it panics.
struct Guard<K: Eq + Hash, V> {
    key: K,
    in_flight: InFlight<K, V>,
}

impl<K: Eq + Hash, V> Drop for Guard<K, V> {
    fn drop(&mut self) {
        self.in_flight.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LIMIT: Duration = Duration::from_secs(10);

    fn single_flight() -> Arc<SingleFlight<u8, Result<usize, &'static str>>> {
        Arc::new(SingleFlight::new(LIMIT))
    }

    #[tokio::test(start_paused = true)]
    async fn callers_at_the_same_time_share_one_call_even_if_it_fails() {
        let (flight, calls) = (single_flight(), Arc::new(AtomicUsize::new(0)));
        let callers = (0..100).map(|_| {
            let calls = Arc::clone(&calls);
            flight.run(1, || async move {
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err("down")
            })
        });
        let answers = join_all(callers).await;
        assert!(answers.iter().all(|answer| *answer == Ok(Err("down"))));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_forgotten_at_once() {
        let flight = single_flight();
        assert_eq!(
            flight.run(1, || async { Err("down") }).await,
            Ok(Err("down"))
        );
        assert_eq!(flight.run(1, || async { Ok(7) }).await, Ok(Ok(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_disconnects_does_not_end_the_call() {
        let flight = single_flight();
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(7)
        };
        let impatient = tokio::time::timeout(Duration::from_secs(1), flight.run(1, slow)).await;
        assert!(impatient.is_err());
        assert_eq!(
            flight.run(1, || async { Err("a second call") }).await,
            Ok(Ok(7))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_key_does_not_wait_for_another() {
        let flight = single_flight();
        let stuck = flight.run(1, || async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(1)
        });
        let quick = flight.run(2, || async { Ok(2) });
        tokio::pin!(stuck);
        tokio::select! {
            _ = &mut stuck => panic!("the slow key came first"),
            answer = quick => assert_eq!(answer, Ok(Ok(2))),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_or_panics_is_aborted_and_leaves_the_map() {
        let flight = single_flight();
        assert_eq!(flight.run(1, std::future::pending).await, Err(Aborted));
        assert_eq!(
            flight
                .run(1, || async { panic!("as the test wants") })
                .await,
            Err(Aborted)
        );
        assert_eq!(flight.run(1, || async { Ok(1) }).await, Ok(Ok(1)));
    }
}
