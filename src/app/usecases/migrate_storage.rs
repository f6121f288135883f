//! Copying a tenant's images and sidecars from one storage to another, on ports alone. Used by `publisher migrate`.
//!
//! What is at the target already is compared and left as it is, so that a run that was cut off is completed by
//! another one. Nothing is overwritten, and nothing is deleted or changed at the source. What the ledger knows of an image
//! it knows by the hashes of the target from then on, too.

mod compare;
mod copy;
mod ended;
mod ledger;
mod opening;
mod sidecars;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use parking_lot::Mutex;

use crate::{
    app::runtime::{
        held_lease::Leases,
        memory_budget::{MemoryBudget, MemoryPermit},
    },
    domain::{
        content_hash::ContentHashKind,
        image::{ImageName, StoredImage},
        tenant::TenantName,
    },
    ports::{Folder, ImageStoreError, LedgerError, LedgerReader, OpenedStorage},
};

pub use self::opening::{NotOpened, OpenedTenant, Side, TenantSource, open_named, paths_of};

/// How many images are copied at a time.
const AT_A_TIME: usize = 4;
/// How often a call is made again because storage limits requests.
const LIMITED_RETRIES: usize = 5;
/// The wait where storage limits requests and does not say for how long.
const LIMITED_WAIT: Duration = Duration::from_secs(10);

/// The folders, in the order in which they are copied: an image that the service archives meanwhile is found in the
/// archive.
pub const FOLDERS: [Folder; 4] = [Folder::Root, Folder::Archive, Folder::Keep, Folder::Remove];

/// Copies the images and sidecars of one tenant.
pub struct MigrateStorage {
    /// The tenant.
    pub tenant: TenantName,
    /// The storage that is read.
    pub source: Side,
    /// The storage that is written.
    pub target: Side,
    /// The hashes of every kind.
    pub hash_kinds: Arc<[ContentHashKind]>,
    /// The ledger; `None` if there is none, and in a dry run.
    pub ledger: Option<PublishedBefore>,
    /// The memory that images may take.
    pub memory: MemoryBudget,
    /// Only says what would be copied.
    pub dry_run: bool,
    /// The most images that are copied; `None` for all.
    pub limit: Option<usize>,
}

/// The ledger of what was published before.
pub struct PublishedBefore {
    /// Where images are looked for.
    pub reader: Arc<dyn LedgerReader>,
    /// Takes the leases under which hashes are written.
    pub leases: Leases,
}

/// How many images that are at the target the ledger knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerCounts {
    /// Hashes were written beside their entries.
    pub written: usize,
    /// They were known by all hashes already.
    pub known: usize,
    /// Not written, as a service has the image; another run can write them.
    pub in_use: usize,
}

/// What is said of a migration while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A folder of the source has so many images.
    Listed(Folder, usize),
    /// The outcome for a file.
    File {
        /// Its folder.
        folder: Folder,
        /// Its name.
        name: String,
        /// Whether it is an image, or a sidecar.
        kind: FileKind,
        /// The outcome.
        outcome: Outcome,
    },
}

/// An image or a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// An image.
    Image,
    /// A file where a sidecar can be.
    Sidecar,
}

/// The outcome for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was copied and checked, or would be copied.
    Copied {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The same file is at the target.
    Present,
    /// Another file has its name at the target, and stays.
    Different,
    /// It was not copied; this says why.
    Failed(String),
    /// It is left for another run: the limit is reached.
    Left,
}

/// How many files came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Copied and checked, or to be copied.
    pub copied: usize,
    /// At the target already.
    pub present: usize,
    /// Not copied, as another file has the name.
    pub different: usize,
    /// Not copied for another reason.
    pub failed: usize,
    /// Left for another run.
    pub left: usize,
}

/// The result of a migration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Images.
    pub images: Counts,
    /// Sidecars.
    pub sidecars: Counts,
    /// The size of all that was copied, in bytes.
    pub bytes: u64,
    /// What the ledger was told.
    pub ledger: LedgerCounts,
}

impl Summary {
    /// Whether everything that was asked for is at the target.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [self.images, self.sidecars]
            .iter()
            .all(|counts| counts.different == 0 && counts.failed == 0)
            && self.ledger.in_use == 0
    }

    fn count(&mut self, kind: FileKind, outcome: &Outcome) {
        let counts = match kind {
            FileKind::Image => &mut self.images,
            FileKind::Sidecar => &mut self.sidecars,
        };
        let count = match outcome {
            Outcome::Copied { bytes } => {
                self.bytes += bytes;
                &mut counts.copied
            }
            Outcome::Present => &mut counts.present,
            Outcome::Different => &mut counts.different,
            Outcome::Failed(_) => &mut counts.failed,
            Outcome::Left => &mut counts.left,
        };
        *count += 1;
    }
}

/// Why a migration stopped before its end. Another run goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The storage that is read.
    #[error("the storage that is copied from cannot be read")]
    Source(#[source] ImageStoreError),
    /// The storage that is written.
    #[error("the storage that is copied to cannot be used")]
    Target(#[source] ImageStoreError),
    /// The ledger.
    #[error("the ledger cannot be read or written")]
    Ledger(#[source] LedgerError),
}

/// One run: what it has counted so far, and what it says.
struct Run<'a> {
    migration: &'a MigrateStorage,
    say: &'a (dyn Fn(&Event) + Send + Sync),
    summary: Mutex<Summary>,
    /// Images that may still be copied.
    allowed: AtomicUsize,
}

/// One folder at both storages.
struct FolderCopy<'a> {
    run: &'a Run<'a>,
    folder: Folder,
    source: OpenedStorage,
    target: OpenedStorage,
    there: HashMap<ImageName, StoredImage>,
    /// The names of sidecars that have been taken care of: images can share one.
    sidecars: Mutex<HashSet<String>>,
}

impl MigrateStorage {
    /// Copies what is missing, and says so while it does. What could not be copied for a reason of its own is counted.
    ///
    /// # Errors
    /// [`Stopped`] where a storage cannot be used at all; what was copied until then stays.
    pub async fn run(&self, say: &(dyn Fn(&Event) + Send + Sync)) -> Result<Summary, Stopped> {
        let run = Run {
            migration: self,
            say,
            summary: Mutex::default(),
            allowed: AtomicUsize::new(self.limit.unwrap_or(usize::MAX)),
        };
        for folder in FOLDERS {
            run.folder(folder).await?;
        }
        Ok(run.summary.into_inner())
    }
}

impl Run<'_> {
    async fn folder(&self, folder: Folder) -> Result<(), Stopped> {
        let source = self.migration.source.storage.in_folder(folder);
        let target = self.migration.target.storage.in_folder(folder);
        let images = patiently(|| source.images.list())
            .await
            .map_err(Stopped::Source)?;
        (self.say)(&Event::Listed(folder, images.len()));
        if images.is_empty() {
            return Ok(());
        }
        let there = patiently(|| target.images.list())
            .await
            .map_err(Stopped::Target)?;
        let copy = FolderCopy {
            run: self,
            folder,
            source,
            target,
            there: there.into_iter().map(|it| (it.name.clone(), it)).collect(),
            sidecars: Mutex::default(),
        };
        stream::iter(images)
            .map(Ok)
            .try_for_each_concurrent(AT_A_TIME, |image| copy.image(image))
            .await
    }

    /// Whether one more image may be copied.
    fn may_copy(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.allowed.fetch_update(order, order, less).is_ok()
    }

    /// Memory for so many bytes, however long that takes.
    async fn memory(&self, bytes: u64) -> MemoryPermit {
        let migration = self.migration;
        loop {
            if let Ok(permit) = migration.memory.acquire(&migration.tenant, bytes).await {
                return permit;
            }
        }
    }
}

impl FolderCopy<'_> {
    fn note(&self, kind: FileKind, name: &str, outcome: Outcome) {
        self.run.summary.lock().count(kind, &outcome);
        (self.run.say)(&Event::File {
            folder: self.folder,
            name: name.to_owned(),
            kind,
            outcome,
        });
    }
}

/// Makes a call again where storage limits requests, after the wait that it asks for.
async fn patiently<T, F, Fut>(call: F) -> Result<T, ImageStoreError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, ImageStoreError>>,
{
    for _ in 0..LIMITED_RETRIES {
        match call().await {
            Err(ImageStoreError::RateLimited { retry_after }) => {
                tokio::time::sleep(retry_after.unwrap_or(LIMITED_WAIT)).await;
            }
            result => return result,
        }
    }
    call().await
}

#[cfg(test)]
mod tests;
