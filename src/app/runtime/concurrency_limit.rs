//! How many requests are answered at a time. Each request passes here, so nothing is locked and
//! nothing allocated.

use std::{
    hash::{BuildHasher as _, RandomState},
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::domain::host::Host;

/// How many counters there are for hosts. Hosts that share one share its places, too: which do is
/// another chance in each process, and matters only while one of them has all that it may.
const COUNTERS: usize = 1024;

/// How many requests are answered at a time. Clones share the places.
#[derive(Debug, Clone)]
pub struct RequestPlaces(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    max: usize,
    max_of_host: usize,
    all: AtomicUsize,
    of_hosts: [AtomicUsize; COUNTERS],
    hashes: RandomState,
}

/// The place of one request; given back on drop.
#[derive(Debug)]
pub struct RequestPlace {
    taken: Arc<Taken>,
    counter: usize,
    is_held: AtomicBool,
}

/// All places were taken when a request wanted its own back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many requests are being answered as may be at a time")]
pub struct NoPlace;

impl RequestPlaces {
    /// `max` places for one tenant, under whatever host.
    #[must_use]
    pub fn for_one_tenant(max: NonZeroUsize) -> Self {
        Self::new(max.get(), max.get())
    }

    /// `max` places that tenants share: the requests of one host leave one in 64 to others (of fewer
    /// than 64, none), so that those are served while one tenant's storage hangs.
    #[must_use]
    pub fn for_many_tenants(max: NonZeroUsize) -> Self {
        Self::new(max.get(), max.get() - max.get() / 64)
    }

    fn new(max: usize, max_of_host: usize) -> Self {
        Self(Arc::new(Taken {
            max,
            max_of_host,
            all: AtomicUsize::new(0),
            of_hosts: [const { AtomicUsize::new(0) }; COUNTERS],
            hashes: RandomState::new(),
        }))
    }

    /// A place for a request under this host, unless all are taken. All that name none share
    /// theirs. The host is what counts and not the tenant, because finding a tenant can hang, too.
    #[must_use]
    pub fn take(&self, host: Option<&Host>) -> Option<RequestPlace> {
        let taken = &self.0;
        let counter = taken.counter_of(host);
        taken.take(counter).then(|| RequestPlace {
            taken: Arc::clone(taken),
            counter,
            is_held: AtomicBool::new(true),
        })
    }
}

impl RequestPlace {
    /// Waits for something that is bounded elsewhere, and leaves the place to others meanwhile.
    ///
    /// # Errors
    /// [`NoPlace`] if there is none when the wait is over.
    pub async fn lent_during<T>(&self, wait: impl Future<Output = T>) -> Result<T, NoPlace> {
        self.give_back();
        let waited = wait.await;
        let is_held = self.taken.take(self.counter);
        self.is_held.store(is_held, Ordering::Relaxed);
        if is_held { Ok(waited) } else { Err(NoPlace) }
    }

    fn give_back(&self) {
        if self.is_held.swap(false, Ordering::Relaxed) {
            self.taken.give_back(self.counter);
        }
    }
}

impl Taken {
    fn counter_of(&self, host: Option<&Host>) -> usize {
        let hash = self.hashes.hash_one(host);
        usize::try_from(hash % COUNTERS as u64).unwrap_or_default()
    }

    fn take(&self, counter: usize) -> bool {
        let Some(of_host) = self.of_hosts.get(counter) else {
            return false;
        };
        if !add_one(of_host, self.max_of_host) {
            return false;
        }
        let is_taken = add_one(&self.all, self.max);
        if !is_taken {
            of_host.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    fn give_back(&self, counter: usize) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        if let Some(of_host) = self.of_hosts.get(counter) {
            of_host.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for RequestPlace {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Counts one more, unless there are `max`. The counters guard nothing else, so no order is kept.
fn add_one(count: &AtomicUsize, max: usize) -> bool {
    let more = |count: usize| (count < max).then_some(count + 1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(max: usize) -> NonZeroUsize {
        NonZeroUsize::new(max).unwrap()
    }

    #[test]
    fn one_host_leaves_some_places_to_others() {
        let host = |name: &str| Host::normalise(name).ok();
        let (alice, bob) = (host("alice.example.org"), host("bob.example.org"));
        let shared = loop {
            let shared = RequestPlaces::for_many_tenants(places(128));
            let counter = |host| shared.0.counter_of(host);
            let [one, other, none] = [alice.as_ref(), bob.as_ref(), None].map(counter);
            if one != other && one != none && other != none {
                break shared;
            }
        };
        let mut taken: Vec<_> = (0..126).map(|_| shared.take(alice.as_ref())).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(shared.take(alice.as_ref()).is_none(), "its share is taken");
        taken.extend([shared.take(bob.as_ref()), shared.take(None)]);
        assert!(taken.iter().all(Option::is_some));
        assert!(shared.take(bob.as_ref()).is_none(), "all are taken");
        drop(taken);
        assert!(shared.take(alice.as_ref()).is_some());
        assert_eq!(shared.0.all.load(Ordering::Relaxed), 0);
        let counters = shared.0.of_hosts.iter();
        assert!(
            counters
                .into_iter()
                .all(|it| it.load(Ordering::Relaxed) == 0)
        );
    }

    #[tokio::test]
    async fn a_place_is_lent_during_a_wait_and_taken_back_if_there_is_one() {
        let places = RequestPlaces::for_one_tenant(places(1));
        let lent = places.take(None).unwrap();
        assert!(places.take(None).is_none());
        let waited = lent.lent_during(async { places.take(None).is_some() });
        assert_eq!(waited.await, Ok(true), "and given back within the wait");
        assert!(places.take(None).is_none(), "it has its own again");
        let mut other = None;
        let waited = lent.lent_during(async { other = places.take(None) });
        assert_eq!(waited.await, Err(NoPlace));
        drop(lent);
        assert!(places.take(None).is_none(), "the other has it");
        drop(other);
        assert_eq!(places.0.all.load(Ordering::Relaxed), 0);
        let gone = places.take(None).unwrap();
        drop(Box::pin(gone.lent_during(std::future::pending::<()>())));
        assert!(places.take(None).is_none(), "it was not waited at all");
        drop(gone);
        assert!(places.take(None).is_some());
    }

    #[test]
    fn a_tenant_that_is_alone_has_all_places() {
        let alone = RequestPlaces::for_one_tenant(places(8));
        let taken: Vec<_> = (0..8).map_while(|_| alone.take(None)).collect();
        assert_eq!((taken.len(), alone.take(None).is_none()), (8, true));
        let few = RequestPlaces::for_many_tenants(places(63));
        let taken: Vec<_> = (0..63).map_while(|_| few.take(None)).collect();
        assert_eq!(taken.len(), 63);
    }
}
