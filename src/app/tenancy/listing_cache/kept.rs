//! A listing, as it is kept: with the changes of ours that it has, and where it goes on.

use std::{sync::Arc, time::Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use parking_lot::Mutex;

use crate::{
    app::tenancy::{storage::Storage, write_log::OwnChange},
    domain::listing::{Listing, ListingChange},
    ports::{Folder, ImageStoreError, ListingCursor, RefreshCost},
};

/// How many images that we have written are looked up at a time.
const LOOKUPS: usize = 8;

/// A listing, as it is kept.
pub(super) struct Kept {
    pub(super) state: Mutex<State>,
    pub(super) cursor: Option<ListingCursor>,
    /// When it had been read.
    pub(super) read_at: Instant,
}

pub(super) struct State {
    pub(super) listing: Arc<Listing>,
    /// How many changes of ours it has.
    pub(super) position: u64,
    /// When it was last read again behind the listing that is shown.
    pub(super) tried_at: Option<Instant>,
}

/// What has changed since a listing.
pub(super) struct Pending {
    pub(super) base: Arc<Listing>,
    pub(super) position: u64,
    pub(super) changes: Vec<OwnChange>,
    pub(super) next: u64,
}

impl Kept {
    pub(super) fn pending(&self, storage: &Storage, folder: Folder) -> Option<Pending> {
        let state = self.state.lock();
        let (base, position) = (Arc::clone(&state.listing), state.position);
        drop(state);
        let (changes, next) = storage.writes().since(position, folder)?;
        Some(Pending {
            base,
            position,
            changes,
            next,
        })
    }

    /// The listing with all changes of ours; `None` where it must be read for them.
    pub(super) async fn with_our_changes(
        &self,
        storage: &Storage,
        folder: Folder,
    ) -> Option<Arc<Listing>> {
        let Pending {
            base,
            position,
            changes,
            next,
        } = self.pending(storage, folder)?;
        if changes.is_empty() {
            return Some(self.apply(&base, position, Vec::new(), next));
        }
        let store = storage.store(folder);
        let is_costly = store.listing_rules().refresh == RefreshCost::High;
        let known = stream::iter(changes).map(|change| {
            let store = &store;
            async move {
                match change {
                    OwnChange::Gone(name) => Some(ListingChange::Gone(name.as_str().to_owned())),
                    OwnChange::Written(name) if is_costly => match store.find(&name).await {
                        Ok(found) => Some(ListingChange::Found(found)),
                        Err(ImageStoreError::NotFound) => {
                            Some(ListingChange::Gone(name.as_str().to_owned()))
                        }
                        Err(_) => None,
                    },
                    OwnChange::Written(_) | OwnChange::Unknown => None,
                }
            }
        });
        let known = known.buffered(LOOKUPS).map(|change| change.ok_or(()));
        let known: Result<Vec<_>, ()> = known.try_collect().await;
        Some(self.apply(&base, position, known.ok()?, next))
    }

    /// The listing with these changes, which is kept unless another caller has applied them meanwhile.
    pub(super) fn apply(
        &self,
        base: &Arc<Listing>,
        position: u64,
        changes: Vec<ListingChange>,
        next: u64,
    ) -> Arc<Listing> {
        let listing = if changes.is_empty() {
            Arc::clone(base)
        } else {
            Arc::new(base.with(changes))
        };
        let mut state = self.state.lock();
        if state.position == position {
            state.listing = Arc::clone(&listing);
            state.position = next;
        }
        listing
    }

    /// What changes are read on top of; `None` where storage tells none. What we know to be gone is: storage might tell
    /// it late.
    pub(super) fn continued(
        &self,
        storage: &Storage,
        folder: Folder,
    ) -> Option<(Listing, ListingCursor)> {
        let cursor = self.cursor.clone()?;
        let Pending { base, changes, .. } = self.pending(storage, folder)?;
        let gone = changes.into_iter().filter_map(|change| match change {
            OwnChange::Gone(name) => Some(ListingChange::Gone(name.as_str().to_owned())),
            OwnChange::Written(_) | OwnChange::Unknown => None,
        });
        let gone: Vec<_> = gone.collect();
        let listing = if gone.is_empty() {
            (*base).clone()
        } else {
            base.with(gone)
        };
        Some((listing, cursor))
    }
}
