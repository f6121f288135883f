//! What we show the orchestrator, and how it changes while the service runs.
//!
//! While tokens are rotated the orchestrator accepts an old and a new one. So it is enough to
//! notice a new one some time before the old one ends, and to look once more when a token is
//! refused. The file is looked at, not watched: that works alike for a file that is written
//! over, renamed into place, or reached through a link that is turned (as Kubernetes mounts its
//! secrets), on any file system, and costs one `stat` a second at most.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};

use crate::{adapters::secret_file, domain::secret::Secret};

/// How often the file is looked at, at most. A rotation leaves both tokens valid for far longer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The service token of now.
pub struct ServiceToken {
    current: RwLock<Arc<Secret>>,
    file: Option<TokenFile>,
}

struct TokenFile {
    path: PathBuf,
    next_look: Mutex<Option<Instant>>,
    /// How many looks have begun; changed only under the lock of `known`.
    begun: AtomicU64,
    /// Held during a look. A call waits for it only when its token has been refused.
    known: tokio::sync::Mutex<KnownToken>,
}

#[derive(Default)]
struct KnownToken {
    /// The file as it was read last; `None` until then, and while it cannot be found.
    stamp: Option<Stamp>,
    /// The number of the last look that has ended.
    looked: u64,
    /// The file's content is unusable, and this has been logged.
    in_trouble: bool,
}

impl ServiceToken {
    /// A token for the life of the process.
    #[must_use]
    pub fn fixed(token: Secret) -> Self {
        Self {
            current: RwLock::new(Arc::new(token)),
            file: None,
        }
    }

    /// A token that was read from a file, which is read again when it changes or when the token
    /// is refused.
    #[must_use]
    pub fn in_file(token: Secret, path: PathBuf) -> Self {
        let file = TokenFile {
            path,
            next_look: Mutex::default(),
            begun: AtomicU64::new(0),
            known: tokio::sync::Mutex::default(),
        };
        Self {
            file: Some(file),
            ..Self::fixed(token)
        }
    }

    /// Whether a header can carry it.
    #[must_use]
    pub fn can_travel(&self) -> bool {
        can_travel(&self.held())
    }

    /// The token for a request that is made `now`. One call a second looks whether the file has
    /// changed; the others go on with what there is.
    pub(super) async fn current(&self, now: Instant) -> Arc<Secret> {
        if let Some(file) = &self.file
            && file.is_due(now)
            && let Ok(mut known) = file.known.try_lock()
        {
            let last = known.stamp;
            self.look(file, &mut known, last).await;
        }
        self.held()
    }

    /// Another token than the one that was refused just now, if there is one. All callers that ask
    /// while the file is being looked at share the next look.
    pub(super) async fn instead_of(&self, refused: &Secret) -> Option<Arc<Secret>> {
        let file = self.file.as_ref()?;
        let begun = file.begun.load(Ordering::Acquire);
        if let Some(other) = self.other_than(refused) {
            return Some(other);
        }
        let mut known = file.known.lock().await;
        // A look that began after the refusal has seen what this one would see.
        if known.looked <= begun {
            self.look(file, &mut known, None).await;
        }
        self.other_than(refused)
    }

    /// Reads the file unless it is still the one of `last`, and takes over what it holds.
    async fn look(&self, file: &TokenFile, known: &mut KnownToken, last: Option<Stamp>) {
        let number = file.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let path = file.path.clone();
        let found = tokio::task::spawn_blocking(move || read_unless(&path, last)).await;
        let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
        known.looked = number;
        match found {
            Ok(Found::Same) => {}
            Ok(Found::Token(stamp, token)) => {
                known.stamp = Some(stamp);
                known.in_trouble = false;
                self.take_over(token);
            }
            Ok(Found::Unusable(stamp, why)) => {
                known.stamp = Some(stamp);
                known.tell(why);
            }
            Err(error) => {
                known.stamp = None;
                known.tell(&error.kind().to_string());
            }
        }
    }

    fn take_over(&self, token: Secret) {
        if self.held().expose() != token.expose() {
            *self.current.write() = Arc::new(token);
            tracing::info!("the service token has changed; the new one is used from now on");
        }
    }

    fn other_than(&self, refused: &Secret) -> Option<Arc<Secret>> {
        Some(self.held()).filter(|held| held.expose() != refused.expose())
    }

    fn held(&self) -> Arc<Secret> {
        Arc::clone(&self.current.read())
    }
}

impl fmt::Debug for ServiceToken {
    /// Shows neither the token nor the path: a secret in the wrong variable would be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_in_file = self.file.is_some();
        f.debug_struct("ServiceToken")
            .field("is_in_file", &is_in_file)
            .finish_non_exhaustive()
    }
}

impl TokenFile {
    /// True for one call a second.
    fn is_due(&self, now: Instant) -> bool {
        let mut next = self.next_look.lock();
        let is_due = next.is_none_or(|next| next <= now);
        if is_due {
            *next = Some(now + LOOK_EVERY);
        }
        is_due
    }
}

impl KnownToken {
    /// Once for each time of trouble.
    fn tell(&mut self, why: &str) {
        if !self.in_trouble {
            tracing::warn!(
                setting = "ORCHESTRATOR_SERVICE_TOKEN_FILE",
                why,
                "the service token's file is of no use now; the last token stays"
            );
        }
        self.in_trouble = true;
    }
}

/// What distinguishes one state of a file from another, links followed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

enum Found {
    Same,
    Token(Stamp, Secret),
    Unusable(Stamp, &'static str),
}

/// The stamp is taken first: when the file changes in between, the next look finds it changed.
fn read_unless(path: &Path, last: Option<Stamp>) -> io::Result<Found> {
    let metadata = fs::metadata(path)?;
    let stamp = Stamp {
        file: (metadata.dev(), metadata.ino()),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    };
    if last == Some(stamp) {
        return Ok(Found::Same);
    }
    Ok(
        match secret_file::read(path, "ORCHESTRATOR_SERVICE_TOKEN")? {
            None => Found::Unusable(stamp, "it is empty"),
            Some(token) if !can_travel(&token) => {
                Found::Unusable(stamp, "no header can carry what it holds")
            }
            Some(token) => Found::Token(stamp, token),
        },
    )
}

fn can_travel(token: &Secret) -> bool {
    token
        .expose()
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
