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

/// How many counters there are for hosts. Hosts that share one share its limit, too: which do is
/// another chance in each process, and matters only while one of them has all that it may.
const COUNTERS: usize = 1024;

/// Limits the requests that are answered at a time. Clones share the limit.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    max: usize,
    max_of_host: usize,
    all: AtomicUsize,
    of_hosts: [AtomicUsize; COUNTERS],
    hashes: RandomState,
}

/// The permit of one request; given back on drop.
#[derive(Debug)]
pub struct Permit {
    taken: Arc<Taken>,
    counter: usize,
    is_held: AtomicBool,
}

/// All permits were taken when a request wanted its own back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many requests are being answered as may be at a time")]
pub struct LimitReached;

impl ConcurrencyLimit {
    /// `max` permits for one tenant, under whatever host.
    #[must_use]
    pub fn for_one_tenant(max: NonZeroUsize) -> Self {
        Self::new(max.get(), max.get())
    }

    /// `max` permits that tenants share: the requests of one host leave one in 64 to others (of fewer
    /// than 64, none), so that those are served while one tenant's storage hangs.
    #[must_use]
    pub fn for_many_tenants(max: NonZeroUsize) -> Self {
        Self::new(max.get(), max.get() - max.get() / 64)
    }

    /// Another limit, for one tenant or for many as this one is: `max` permits, and of those at most so many for one
    /// host where tenants share them.
    #[must_use]
    pub fn alike(&self, max: usize, max_of_host: usize) -> Self {
        let is_shared = self.0.max_of_host < self.0.max;
        Self::new(max, if is_shared { max_of_host } else { max })
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

    /// A permit for a request under this host, unless all are taken. Requests without a host share
    /// one limit. The host is what counts and not the tenant, because finding a tenant can hang, too.
    #[must_use]
    pub fn try_acquire(&self, host: Option<&Host>) -> Option<Permit> {
        let taken = &self.0;
        let counter = taken.counter_of(host);
        taken.try_acquire(counter).then(|| Permit {
            taken: Arc::clone(taken),
            counter,
            is_held: AtomicBool::new(true),
        })
    }
}

impl Permit {
    /// Waits for something that is bounded elsewhere, without the permit meanwhile.
    ///
    /// # Errors
    /// [`LimitReached`] if there is none when the wait is over.
    pub async fn released_during<T>(
        &self,
        wait: impl Future<Output = T>,
    ) -> Result<T, LimitReached> {
        self.give_back();
        let waited = wait.await;
        let is_held = self.taken.try_acquire(self.counter);
        self.is_held.store(is_held, Ordering::Relaxed);
        if is_held {
            Ok(waited)
        } else {
            Err(LimitReached)
        }
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

    fn try_acquire(&self, counter: usize) -> bool {
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

impl Drop for Permit {
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

    fn permits(max: usize) -> NonZeroUsize {
        NonZeroUsize::new(max).unwrap()
    }

    #[test]
    fn one_host_leaves_some_permits_to_others() {
        let host = |name: &str| Host::normalize(name).ok();
        let (alice, bob) = (host("alice.example.org"), host("bob.example.org"));
        let shared = loop {
            let shared = ConcurrencyLimit::for_many_tenants(permits(128));
            let counter = |host| shared.0.counter_of(host);
            let [one, other, none] = [alice.as_ref(), bob.as_ref(), None].map(counter);
            if one != other && one != none && other != none {
                break shared;
            }
        };
        let mut taken: Vec<_> = (0..126)
            .map(|_| shared.try_acquire(alice.as_ref()))
            .collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(
            shared.try_acquire(alice.as_ref()).is_none(),
            "its share is taken"
        );
        taken.extend([shared.try_acquire(bob.as_ref()), shared.try_acquire(None)]);
        assert!(taken.iter().all(Option::is_some));
        assert!(shared.try_acquire(bob.as_ref()).is_none(), "all are taken");
        drop(taken);
        assert!(shared.try_acquire(alice.as_ref()).is_some());
        assert_eq!(shared.0.all.load(Ordering::Relaxed), 0);
        let counters = shared.0.of_hosts.iter();
        assert!(
            counters
                .into_iter()
                .all(|it| it.load(Ordering::Relaxed) == 0)
        );
    }

    #[tokio::test]
    async fn a_permit_is_released_during_a_wait_and_acquired_again_if_there_is_one() {
        let limit = ConcurrencyLimit::for_one_tenant(permits(1));
        let permit = limit.try_acquire(None).unwrap();
        assert!(limit.try_acquire(None).is_none());
        let waited = permit.released_during(async { limit.try_acquire(None).is_some() });
        assert_eq!(waited.await, Ok(true), "and given back within the wait");
        assert!(limit.try_acquire(None).is_none(), "it has its own again");
        let mut other = None;
        let waited = permit.released_during(async { other = limit.try_acquire(None) });
        assert_eq!(waited.await, Err(LimitReached));
        drop(permit);
        assert!(limit.try_acquire(None).is_none(), "the other has it");
        drop(other);
        assert_eq!(limit.0.all.load(Ordering::Relaxed), 0);
        let gone = limit.try_acquire(None).unwrap();
        drop(Box::pin(gone.released_during(std::future::pending::<()>())));
        assert!(
            limit.try_acquire(None).is_none(),
            "it was not waited at all"
        );
        drop(gone);
        assert!(limit.try_acquire(None).is_some());
    }

    #[test]
    fn a_tenant_that_is_alone_has_all_permits() {
        let alone = ConcurrencyLimit::for_one_tenant(permits(8));
        let taken: Vec<_> = (0..8).map_while(|_| alone.try_acquire(None)).collect();
        assert_eq!((taken.len(), alone.try_acquire(None).is_none()), (8, true));
        let few = ConcurrencyLimit::for_many_tenants(permits(63));
        let taken: Vec<_> = (0..63).map_while(|_| few.try_acquire(None)).collect();
        assert_eq!(taken.len(), 63);
    }
}
