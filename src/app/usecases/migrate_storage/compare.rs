//! Whether an image is the same at both storages. Their listings may carry hashes of different kinds: then the bytes
//! of the source decide.

use std::sync::Arc;

use bytes::Bytes;

use super::{FolderCopy, Outcome, ended::Ended};
use crate::domain::{
    content_hash::{ContentHash, ContentHashKind},
    content_hashes::ContentHashes,
    image::StoredImage,
    storage::HashKind,
};

/// The hashes of some bytes, one of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hashes {
    all: Vec<ContentHash>,
    size: u64,
}

impl Hashes {
    fn of(bytes: &[u8], kinds: &[ContentHashKind]) -> Self {
        Self {
            all: kinds.iter().map(|kind| (kind.of)(bytes)).collect(),
            size: bytes.len() as u64,
        }
    }

    /// The hashes by which the ledger can know an image, of its bytes and of what the storages say of it.
    pub(super) fn with_listed(&self, images: [&StoredImage; 2]) -> Option<ContentHashes> {
        let listed = images.map(|image| image.content_hash.clone());
        ContentHashes::new(listed.into_iter().chain(self.all.iter().cloned()))
    }

    /// Whether this hash may be of the same bytes: it is, or its kind says nothing.
    pub(super) fn may_be(&self, hash: &ContentHash) -> bool {
        self.is(hash) != Some(false)
    }

    /// Whether this hash is of the same bytes; `None` where it cannot be said. An `ETag` that is another one may be of
    /// several parts, or of encrypted bytes.
    fn is(&self, hash: &ContentHash) -> Option<bool> {
        let same_kind = self.all.iter().find(|it| it.kind() == hash.kind())?;
        if same_kind == hash {
            return Some(true);
        }
        (hash.kind() != HashKind::Etag).then_some(false)
    }

    /// Whether an image has these bytes, by what storage says of it; `None` where it has to be read.
    pub(super) fn compare(&self, image: &StoredImage) -> Option<bool> {
        if image.size != self.size {
            return Some(false);
        }
        self.is(&image.content_hash)
    }
}

impl FolderCopy<'_> {
    /// The hashes of bytes. 50 MB take a good part of a second: too long for an async thread.
    pub(super) async fn hashes(&self, bytes: Bytes) -> Hashes {
        let kinds = &self.run.migration.hash_kinds;
        let (copy, copied) = (bytes.clone(), Arc::clone(kinds));
        let hashes = tokio::task::spawn_blocking(move || Hashes::of(&copy, &copied)).await;
        // It does not panic, and is not aborted.
        hashes.unwrap_or_else(|_| Hashes::of(&bytes, kinds))
    }

    /// Compares an image with the one of its name at the target.
    pub(super) async fn compare(
        &self,
        image: &StoredImage,
        there: &StoredImage,
    ) -> Result<Outcome, Ended> {
        if image.size != there.size {
            return Ok(Outcome::Different);
        }
        let (ours, theirs) = (&image.content_hash, &there.content_hash);
        if ours == theirs {
            return Ok(Outcome::Present);
        }
        let is_decided = ours.kind() == theirs.kind() && ours.kind() != HashKind::Etag;
        if is_decided {
            return Ok(Outcome::Different);
        }
        if self.run.migration.dry_run {
            // By name and size: a dry run reads no image.
            return Ok(Outcome::Present);
        }
        let hashes = self.hashes_of(image).await?;
        let same = match hashes.compare(there) {
            Some(is_same) => is_same.then(|| there.clone()),
            None => self.find_at_target(&there.name, &hashes).await?,
        };
        let Some(there) = same else {
            return Ok(Outcome::Different);
        };
        self.tell_ledger(&hashes, image, &there).await?;
        Ok(Outcome::Present)
    }
}
