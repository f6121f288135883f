//! The images of a folder. A listing hashes only what has changed since the last one, a few files at a time.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rustix::io::Errno;

use super::{
    digests::{Digest, MAX_HASHED},
    failure,
    folder::{FileState, OpenFolder},
    shared::{HASHED_AT_A_TIME, Shared},
    store::{LocalImageStore, stored},
    temporary,
};
use crate::{
    domain::image::{ImageName, StoredImage},
    ports::ImageStoreError,
};

/// The images that a folder has, of which some are still to be hashed.
#[derive(Default)]
struct Found {
    images: Vec<StoredImage>,
    unknown: Vec<ImageName>,
    /// Files that cannot be listed.
    passed_over: usize,
}

impl LocalImageStore {
    /// All images of the folder, sorted by name.
    pub(super) async fn list_all(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        let look = self.with_folder(|shared, folder| match folder {
            Some(folder) => {
                let found = look_into(shared, &folder).map_err(failure::of_file)?;
                Ok(Some((Arc::new(folder), found)))
            }
            None => Ok(None),
        });
        let Some((folder, found)) = look.await? else {
            return Ok(Vec::new());
        };
        let Found {
            mut images,
            unknown,
            mut passed_over,
        } = found;
        let hashed = stream::iter(unknown).map(|name| {
            let folder = Arc::clone(&folder);
            async move {
                let hashed = self.hash(folder, name.clone()).await;
                Ok::<_, ImageStoreError>((name, hashed?))
            }
        });
        let mut hashed = hashed.buffer_unordered(HASHED_AT_A_TIME);
        while let Some((name, outcome)) = hashed.try_next().await? {
            match outcome {
                Ok(Some((state, digest))) => images.push(stored(name, &state, digest)),
                // Gone meanwhile, or still being written.
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, "a file cannot be read");
                    passed_over += 1;
                }
            }
        }
        if passed_over > 0 {
            tracing::warn!(
                files = passed_over,
                "files with names of images are not listed: they are too large, or cannot be read"
            );
        }
        images.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(images)
    }

    /// The digest of a file, off the threads that serve requests. The outer error is of this service.
    async fn hash(
        &self,
        folder: Arc<OpenFolder>,
        name: ImageName,
    ) -> Result<std::io::Result<Option<(FileState, Digest)>>, ImageStoreError> {
        let permit = self.shared.hashing.acquire().await;
        let shared = Arc::clone(&self.shared);
        let hash = move || {
            let now = shared.clock.utc();
            shared.digests.of_file(&folder, name.as_str(), now)
        };
        let hashed = tokio::task::spawn_blocking(hash).await;
        drop(permit);
        hashed.map_err(failure::of_task)
    }
}

/// Reads the names in a folder, and what is known of the images among them.
fn look_into(shared: &Shared, folder: &OpenFolder) -> Result<Found, Errno> {
    let now = shared.clock.utc();
    let mut found = Found::default();
    for name in folder.names()? {
        let name = name?;
        let Ok(name) = ImageName::new(&name) else {
            temporary::sweep(folder, &name, now);
            continue;
        };
        match folder.state(name.as_str()) {
            Ok(Some(state)) if state.size > MAX_HASHED => found.passed_over += 1,
            Ok(Some(state)) => match shared.digests.get(&state) {
                Some(digest) => found.images.push(stored(name, &state, digest)),
                None => found.unknown.push(name),
            },
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "a file cannot be looked at");
                found.passed_over += 1;
            }
        }
    }
    Ok(found)
}
