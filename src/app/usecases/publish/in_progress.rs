//! Which images are being published right now, so that no image is published twice at once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::domain::{image::ImageName, tenant::TenantName};

/// The publications that are under way in this process.
#[derive(Clone, Default)]
pub(super) struct InProgress(Arc<Mutex<HashSet<Key>>>);

type Key = (TenantName, ImageName);

impl InProgress {
    /// Begins a publication; `None` when the same image is being published already.
    pub(super) fn begin(&self, tenant: &TenantName, name: &ImageName) -> Option<Turn> {
        let key = (tenant.clone(), name.clone());
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(key.clone()).then(|| Turn {
            key,
            all: self.clone(),
        })
    }
}

/// Ends a publication when it is dropped.
pub(super) struct Turn {
    key: Key,
    all: InProgress,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_published_by_one_request_at_a_time() {
        let all = InProgress::default();
        let (alice, bob) = (
            TenantName::new("alice").unwrap(),
            TenantName::new("bob").unwrap(),
        );
        let name = ImageName::new("a.jpg").unwrap();
        let turn = all.begin(&alice, &name);
        assert!(turn.is_some());
        assert!(all.begin(&alice, &name).is_none());
        assert!(
            all.begin(&bob, &name).is_some(),
            "another tenant's image is another image"
        );
        drop(turn);
        assert!(all.begin(&alice, &name).is_some());
    }
}
