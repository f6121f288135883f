//! What adapters get anew when it is spent, such as an access token or a session. One renewal at a time: all who wait
//! for it share its outcome, a failure too. Used by the adapters that log in.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

/// A value that is renewed.
#[derive(Debug)]
pub(super) struct Renewed<T, E> {
    slot: Mutex<Slot<T, E>>,
    /// How many renewals have ended; changed only under the lock.
    ended: AtomicU64,
}

#[derive(Debug)]
struct Slot<T, E> {
    value: Option<Arc<T>>,
    /// Whether a caller has found the value spent.
    is_spent: bool,
    /// The last renewal, if it failed: which one it was, and why.
    failed: Option<(u64, Arc<E>)>,
}

impl<T, E> Default for Renewed<T, E> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(Slot {
                value: None,
                is_spent: false,
                failed: None,
            }),
            ended: AtomicU64::new(0),
        }
    }
}

impl<T, E> Renewed<T, E> {
    /// The value if it is good, or else what `renew` makes of it. When the leader of a renewal is dropped, the next in
    /// line renews.
    ///
    /// # Errors
    /// The failure of the renewal, be it one's own or the one that was waited for.
    pub(super) async fn get<F, Fut>(
        &self,
        is_good: impl FnOnce(&Arc<T>) -> bool,
        renew: F,
    ) -> Result<Arc<T>, Arc<E>>
    where
        F: FnOnce(Option<Arc<T>>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let ended_before = self.ended.load(Ordering::Acquire);
        let mut slot = self.slot.lock().await;
        if let Some(value) = slot.value.as_ref().filter(|_| !slot.is_spent) {
            if is_good(value) {
                return Ok(Arc::clone(value));
            }
            slot.is_spent = true;
        }
        if let Some((number, failure)) = &slot.failed
            && *number > ended_before
        {
            return Err(Arc::clone(failure));
        }
        let renewed = renew(slot.value.clone()).await;
        let renewed = renewed.map(Arc::new).map_err(Arc::new);
        let number = self.ended.fetch_add(1, Ordering::AcqRel) + 1;
        match &renewed {
            Ok(value) => {
                *slot = Slot {
                    value: Some(Arc::clone(value)),
                    is_spent: false,
                    failed: None,
                };
            }
            Err(failure) => slot.failed = Some((number, Arc::clone(failure))),
        }
        renewed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the renewal, dropbox's tokens test the rest.
    #[tokio::test]
    async fn a_value_that_one_caller_has_found_spent_is_spent_for_all_until_it_is_renewed() {
        let renewed = Renewed::<u8, &str>::default();
        let first = renewed.get(|_| false, async |old| Ok(u8::from(old.is_some())));
        assert_eq!(*first.await.unwrap(), 0);
        let failed = renewed.get(|_| false, async |_| Err("away")).await;
        assert_eq!(*failed.unwrap_err(), "away");
        let next = renewed.get(|_| true, async |old| Ok(*old.unwrap() + 1));
        assert_eq!(*next.await.unwrap(), 1);
        let kept = renewed.get(|_| true, async |_| Err("not asked")).await;
        assert_eq!(*kept.unwrap(), 1);
    }
}
