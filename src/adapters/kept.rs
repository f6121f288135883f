//! What adapters keep longer than a client, which ends with its tenant's config: sessions, for instance. Used by the
//! adapters of platforms whose server a tenant names.

use std::sync::Arc;

use cached::{Cached as _, LruCache};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

/// Values by what they depend on, of which only a hash is kept; those last asked for.
pub struct Kept<T>(Mutex<LruCache<[u8; 32], Arc<T>>>);

impl<T> Kept<T> {
    /// At most so many values.
    #[must_use]
    pub fn at_most(count: usize) -> Self {
        Self(Mutex::new(LruCache::new(count)))
    }

    /// The value that depends on all these parts, secrets among them; made if there is none.
    pub fn get(&self, parts: &[&str], make: impl FnOnce() -> T) -> Arc<T> {
        let mut hash = Sha256::new();
        for part in parts {
            // With its length, so that no other parts make the same whole.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let key = hash.finalize().into();
        let mut kept = self.0.lock();
        if let Some(value) = kept.cache_get(&key) {
            return Arc::clone(value);
        }
        let value = Arc::new(make());
        kept.cache_set(key, Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_all_its_parts_and_those_last_asked_for_are_kept() {
        let kept = Kept::at_most(2);
        let get = |parts: &[&str], new: u8| *kept.get(parts, || new);
        assert_eq!((get(&["a", "bc"], 1), get(&["ab", "c"], 2)), (1, 2));
        assert_eq!(get(&["a", "bc"], 3), 1);
        assert_eq!((get(&["a"], 4), get(&["a", "bc"], 5)), (4, 1));
        assert_eq!(
            get(&["ab", "c"], 6),
            6,
            "it was asked for before the others"
        );
    }
}
