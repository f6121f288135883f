//! Copying one image: its sidecars first, so that a service at the target never sees the image without them.

use bytes::Bytes;

use super::{
    FileKind, FolderCopy, Outcome, Stopped,
    compare::Hashes,
    ended::{Ended, at_source, at_target},
    patiently,
};
use crate::{
    app::runtime::memory_budget::MemoryPermit,
    domain::image::{EncodedImage, ImageName, MAX_IMAGE_BYTES, StoredImage},
    ports::{ImageStoreError, PutMode},
};

/// An image that was read, with its part of the memory budget.
struct Loaded {
    bytes: Bytes,
    hashes: Hashes,
    permit: MemoryPermit,
}

impl FolderCopy<'_> {
    /// Copies an image with its sidecars, unless they are at the target.
    pub(super) async fn image(&self, image: StoredImage) -> Result<(), Stopped> {
        let outcome = match self.outcome(&image).await {
            Ok(outcome) | Err(Ended::With(outcome)) => outcome,
            Err(Ended::All(stopped)) => return Err(stopped),
        };
        self.note(FileKind::Image, image.name.as_str(), outcome);
        Ok(())
    }

    async fn outcome(&self, image: &StoredImage) -> Result<Outcome, Ended> {
        if let Some(there) = self.there.get(&image.name) {
            let outcome = self.compare(image, there).await?;
            if outcome == Outcome::Present {
                self.sidecars(&image.name).await?;
            }
            return Ok(outcome);
        }
        let dry_run = self.run.migration.dry_run;
        self.check_size(image)?;
        if !self.run.may_copy() {
            return Ok(Outcome::Left);
        }
        let bytes = image.size;
        if dry_run {
            self.sidecars(&image.name).await?;
            return Ok(Outcome::Copied { bytes });
        }
        self.copy(image).await
    }

    fn check_size(&self, image: &StoredImage) -> Result<(), Ended> {
        let most = self.run.migration.memory.largest_file();
        let most = most.min(MAX_IMAGE_BYTES);
        if image.size <= most {
            return Ok(());
        }
        let mib = most / (1024 * 1024);
        let why = format!("it is larger than {mib} MiB, the most that is copied");
        Err(Ended::With(Outcome::Failed(why)))
    }

    async fn copy(&self, image: &StoredImage) -> Result<Outcome, Ended> {
        let Loaded {
            bytes,
            hashes,
            permit,
        } = self.load(image).await?;
        let size = bytes.len() as u64;
        let encoded = EncodedImage::new(bytes).map_err(|error| {
            let why = format!("it is no image that can be published: {error}");
            Ended::With(Outcome::Failed(why))
        })?;
        self.sidecars(&image.name).await?;
        let put = patiently(|| {
            let images = &self.target.images;
            images.put(&image.name, &encoded, PutMode::New)
        });
        let is_new = match put.await {
            Ok(()) => true,
            // Another run, or a person, was faster; or the kind does not tell twins apart.
            Err(ImageStoreError::NameTaken) => false,
            Err(error) => return Err(at_target(error)),
        };
        drop(encoded);
        let there = self.find_at_target(&image.name, &hashes).await?;
        drop(permit);
        if let Some(there) = &there {
            self.tell_ledger(&hashes, image, there).await?;
        }
        Ok(match (there, is_new) {
            (Some(_), true) => Outcome::Copied { bytes: size },
            (Some(_), false) => Outcome::Present,
            (None, false) => Outcome::Different,
            (None, true) => Outcome::Failed(
                "what is at the target now is not what was copied: somebody else writes there, or the storage has \
                 damaged it"
                    .to_owned(),
            ),
        })
    }

    /// Reads an image, and checks that its bytes are those that storage says.
    async fn load(&self, image: &StoredImage) -> Result<Loaded, Ended> {
        let permit = self.run.memory(image.size).await;
        let fetched = patiently(|| self.source.images.fetch(&image.name)).await;
        let fetched = fetched.map_err(at_source)?;
        let hashes = self.hashes(fetched.bytes.clone()).await;
        if !hashes.may_be(&fetched.stored.content_hash) {
            let why = "its bytes are not those that the storage says: it is damaged".to_owned();
            return Err(Ended::With(Outcome::Failed(why)));
        }
        Ok(Loaded {
            bytes: fetched.bytes,
            hashes,
            permit,
        })
    }

    /// The hashes of an image of the source, whose bytes are not kept.
    pub(super) async fn hashes_of(&self, image: &StoredImage) -> Result<Hashes, Ended> {
        self.check_size(image)?;
        Ok(self.load(image).await?.hashes)
    }

    /// The image of this name at the target; `None` if it does not have these hashes. Only where that does not follow
    /// from what storage says of it, its bytes are read.
    pub(super) async fn find_at_target(
        &self,
        name: &ImageName,
        hashes: &Hashes,
    ) -> Result<Option<StoredImage>, Ended> {
        let images = &self.target.images;
        let found = match patiently(|| images.find(name)).await {
            Ok(found) => found,
            Err(ImageStoreError::NotFound) => return Ok(None),
            Err(error) => return Err(at_target(error)),
        };
        if let Some(is_same) = hashes.compare(&found) {
            return Ok(is_same.then_some(found));
        }
        let fetched = patiently(|| images.fetch(name)).await.map_err(at_target)?;
        let is_same = self.hashes(fetched.bytes).await == *hashes;
        Ok(is_same.then_some(fetched.stored))
    }
}
