//! One call at a time for each key: whoever asks meanwhile gets the answer of the call that is
//! under way, be it a success or a failure.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::Instrument as _;

/// The flights that are under way. The map's lock is held to join and to leave, never while
/// waiting.
pub(in crate::app) struct SingleFlight<K, V> {
    flights: Flights<K, V>,
    limit: Duration,
}

type Flights<K, V> = Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>;

/// A flight ended without an answer: it took too long, or panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call ended without an answer")]
pub(in crate::app) struct FlightAborted;

impl<K, V> SingleFlight<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Flights that end after `limit` at the latest.
    pub(in crate::app) fn new(limit: Duration) -> Self {
        Self {
            flights: Arc::default(),
            limit,
        }
    }

    /// Joins the flight for `key`, or starts one with `work`, and waits for it.
    pub(in crate::app) async fn run<F, Fut>(&self, key: K, work: F) -> Result<V, FlightAborted>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        self.launch(key, work).landed().await
    }

    /// Joins the flight for `key`, or starts one with `work`. The flight runs on a task of its
    /// own, so a caller that goes away, or does not wait, ends it for nobody.
    ///
    /// Between a look into a cache and this call another flight may have landed: `work` should
    /// look again first.
    pub(in crate::app) fn launch<F, Fut>(&self, key: K, work: F) -> Flight<V>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V> + Send + 'static,
    {
        let mut flights = self.flights.lock();
        if let Some(landing) = flights.get(&key) {
            return Flight(landing.clone());
        }
        let (announce, landing) = watch::channel(None);
        flights.insert(key.clone(), landing.clone());
        drop(flights);
        let departure = Departure {
            key,
            flights: Arc::clone(&self.flights),
        };
        let flight = tokio::time::timeout(self.limit, work());
        tokio::spawn(
            async move {
                let result = flight.await;
                // Off the board before the answer is told: who comes now starts afresh.
                drop(departure);
                if let Ok(value) = result {
                    announce.send_replace(Some(value));
                }
            }
            .in_current_span(),
        );
        Flight(landing)
    }
}

/// A call that is under way.
pub(in crate::app) struct Flight<V>(watch::Receiver<Option<V>>);

impl<V: Clone> Flight<V> {
    /// Waits for its answer.
    pub(in crate::app) async fn landed(mut self) -> Result<V, FlightAborted> {
        let landed = self
            .0
            .wait_for(Option::is_some)
            .await
            .map_err(|_| FlightAborted)?;
        (*landed).clone().ok_or(FlightAborted)
    }
}

/// Takes a flight off the board, even if it panics.
struct Departure<K: Eq + Hash, V> {
    key: K,
    flights: Flights<K, V>,
}

impl<K: Eq + Hash, V> Drop for Departure<K, V> {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LIMIT: Duration = Duration::from_secs(10);

    fn flights() -> Arc<SingleFlight<u8, Result<usize, &'static str>>> {
        Arc::new(SingleFlight::new(LIMIT))
    }

    #[tokio::test(start_paused = true)]
    async fn callers_at_the_same_time_share_one_call_even_if_it_fails() {
        let (flights, calls) = (flights(), Arc::new(AtomicUsize::new(0)));
        let callers = (0..100).map(|_| {
            let calls = Arc::clone(&calls);
            flights.run(1, || async move {
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
        let flights = flights();
        assert_eq!(
            flights.run(1, || async { Err("down") }).await,
            Ok(Err("down"))
        );
        assert_eq!(flights.run(1, || async { Ok(7) }).await, Ok(Ok(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_does_not_end_the_flight() {
        let flights = flights();
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(7)
        };
        let impatient = tokio::time::timeout(Duration::from_secs(1), flights.run(1, slow)).await;
        assert!(impatient.is_err());
        assert_eq!(
            flights.run(1, || async { Err("a second call") }).await,
            Ok(Ok(7))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_key_does_not_wait_for_another() {
        let flights = flights();
        let stuck = flights.run(1, || async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok(1)
        });
        let quick = flights.run(2, || async { Ok(2) });
        tokio::pin!(stuck);
        tokio::select! {
            _ = &mut stuck => panic!("the slow key came first"),
            answer = quick => assert_eq!(answer, Ok(Ok(2))),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_that_hangs_or_panics_is_lost_and_leaves_the_board() {
        let flights = flights();
        assert_eq!(
            flights.run(1, std::future::pending).await,
            Err(FlightAborted)
        );
        assert_eq!(
            flights
                .run(1, || async { panic!("as the test wants") })
                .await,
            Err(FlightAborted)
        );
        assert_eq!(flights.run(1, || async { Ok(1) }).await, Ok(Ok(1)));
    }
}
