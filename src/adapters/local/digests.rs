//! The SHA-256 of files, computed once for each state of a file.

use std::{
    io::{self, BufRead as _, BufReader},
    time::{Duration, SystemTime},
};

use cached::{Cached as _, LruCache};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::folder::{FileState, OpenFile, OpenFolder};

/// The number of files whose digest is kept, those last asked for: some 25 MB.
const MAX_KEPT: usize = 200_000;
/// How long after its last change the digest of a file is not kept. Two changes within one tick of a file system's
/// clock leave the same state, and the coarsest clock (FAT's) has ticks of two seconds.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
/// The largest file that is hashed, in bytes (1 GiB): far larger than an image may be, so that one that is too large is
/// listed and reported, and small enough to be read at once.
pub(super) const MAX_HASHED: u64 = 1024 * 1024 * 1024;
/// The size of the buffer that files are read through, in bytes.
const BUFFER: usize = 128 * 1024;

pub(super) type Digest = [u8; 32];

/// The digests that are kept.
pub(super) struct Digests(Mutex<LruCache<FileState, Digest>>);

impl Default for Digests {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_KEPT)))
    }
}

impl Digests {
    /// The digest of a file in this state, if it is kept.
    pub(super) fn get(&self, state: &FileState) -> Option<Digest> {
        self.0.lock().cache_get(state).copied()
    }

    /// Keeps a digest, unless the file has changed a moment ago.
    pub(super) fn keep(&self, state: FileState, digest: Digest, now: SystemTime) {
        if is_settled(&state, now) {
            self.0.lock().cache_set(state, digest);
        }
    }

    /// The digest of a file and the state that it is of; `None` where there is no such file, or where it changes each
    /// time it is read. Reads it if need be.
    pub(super) fn of_file(
        &self,
        folder: &OpenFolder,
        name: &str,
        now: SystemTime,
    ) -> io::Result<Option<(FileState, Digest)>> {
        const ATTEMPTS: usize = 3;
        for _ in 0..ATTEMPTS {
            let Some(file) = folder.read(name)? else {
                return Ok(None);
            };
            if let Some(digest) = self.get(&file.state) {
                return Ok(Some((file.state, digest)));
            }
            let digest = digest_of(&file)?;
            if file.is_unchanged()? {
                self.keep(file.state, digest, now);
                return Ok(Some((file.state, digest)));
            }
        }
        Ok(None)
    }
}

fn is_settled(state: &FileState, now: SystemTime) -> bool {
    let Ok(changed) = u64::try_from(state.changed) else {
        return true;
    };
    let changed = SystemTime::UNIX_EPOCH + Duration::from_nanos(changed);
    now.duration_since(changed)
        .is_ok_and(|age| age >= SETTLED_AFTER)
}

/// The digest of what a file had when it was opened.
pub(super) fn digest_of(file: &OpenFile) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut content = BufReader::with_capacity(BUFFER, file.content());
    loop {
        let bytes = content.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hash.finalize().into());
        }
        hash.update(bytes);
        let count = bytes.len();
        content.consume(count);
    }
}
