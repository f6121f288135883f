//! The port: what its calls mean in calls to a bucket.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    bucket::{Body, Bucket},
    failure::Failure,
    keys::{Key, Prefix},
    objects::{Condition, Upload, Written},
    wire::Stat,
};
use crate::{
    domain::{
        image::{EncodedImage, ImageName, MAX_IMAGE_BYTES, StoredImage},
        listing::LetterCase,
        sidecar::{MAX_SIDECAR_BYTES, SidecarName},
        tenant_config::StoragePaths,
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageLinks, ImageStore, ImageStoreError,
        LinkedImage, ListingCursor, ListingRules, Moved, PageResult, PutMode, RefreshCost,
        SidecarFile,
    },
};

/// The life of a link.
const LINK_LIFE: Duration = Duration::from_hours(1);
/// The content type of sidecars.
const TEXT: &str = "text/plain; charset=utf-8";

/// The images of one tenant in one folder of a bucket.
pub struct ManagedImageStore {
    bucket: Arc<Bucket>,
    folders: Arc<Folders>,
    home: Folder,
}

/// The folders of the tenant.
struct Folders {
    root: Prefix,
    archive: Prefix,
    keep: Prefix,
    remove: Prefix,
}

impl ManagedImageStore {
    pub(super) fn new(bucket: Bucket, paths: &StoragePaths) -> Self {
        let StoragePaths {
            root,
            archive,
            keep,
            remove,
        } = paths;
        Self {
            bucket: Arc::new(bucket),
            folders: Arc::new(Folders {
                root: Prefix::of(root),
                archive: Prefix::of(archive),
                keep: Prefix::of(keep),
                remove: Prefix::of(remove),
            }),
            home: Folder::Root,
        }
    }

    fn folder(&self, folder: Folder) -> &Prefix {
        match folder {
            Folder::Root => &self.folders.root,
            Folder::Archive => &self.folders.archive,
            Folder::Keep => &self.folders.keep,
            Folder::Remove => &self.folders.remove,
        }
    }

    fn home(&self) -> &Prefix {
        self.folder(self.home)
    }

    /// Writes where nothing is, or only this revision; [`Written::Refused`] if something else is there. It looks
    /// first: some stores do not know the condition.
    async fn replace(
        &self,
        key: &Key,
        upload: &Upload,
        revision: Option<&str>,
    ) -> Result<Written, ImageStoreError> {
        let there = self.bucket.head(key).await.map_err(Failure::undecided)?;
        if there.as_ref().map(Stat::revision) != revision {
            return Ok(Written::Refused);
        }
        let condition = revision.map_or(Condition::Absent, Condition::Unchanged);
        match self.bucket.put(key, upload, condition).await {
            // What was to be replaced is gone.
            Err(failure) if failure.is_absence() => Ok(Written::Refused),
            written => Ok(written?),
        }
    }
}

async fn upload(bytes: Bytes, content_type: &'static str) -> Result<Upload, Failure> {
    Ok(Upload {
        body: Body::new(bytes).await?,
        content_type,
    })
}

#[async_trait]
impl ImageStore for ManagedImageStore {
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        self.bucket.list(self.home()).await
    }

    async fn list_page(&self, cursor: Option<ListingCursor>) -> PageResult {
        let page = self.bucket.list_page(self.home(), cursor.as_ref());
        Ok(Some(page.await?))
    }

    /// A store does not tell what has changed: a refresh lists the folder anew, a thousand keys a call.
    fn listing_rules(&self) -> ListingRules {
        ListingRules {
            letter_case: LetterCase::Counts,
            refresh: RefreshCost::High,
        }
    }

    async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError> {
        let found = self.bucket.head(&self.home().image(name)).await;
        let found = found.map_err(Failure::of_one_object)?;
        let found = found.ok_or(ImageStoreError::NotFound)?;
        Ok(found.into_image(name.clone()))
    }

    async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        let limit = usize::try_from(MAX_IMAGE_BYTES).unwrap_or(usize::MAX);
        let timeout = self.bucket.limits.content_timeout;
        let got = self
            .bucket
            .get(&self.home().image(name), limit, timeout)
            .await;
        let got = got.map_err(Failure::of_one_object)?;
        let (stat, bytes) = got.ok_or(ImageStoreError::NotFound)?;
        Ok(FetchedImage {
            stored: stat.into_image(name.clone()),
            bytes,
        })
    }

    async fn read_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        let Some(key) = self.home().sidecar(image, which) else {
            return Ok(SidecarFile::Missing);
        };
        let timeout = self.bucket.limits.timeout;
        match self.bucket.get(&key, MAX_SIDECAR_BYTES, timeout).await {
            Ok(Some((stat, bytes))) => Ok(SidecarFile::Found {
                bytes,
                revision: stat.revision().to_owned(),
            }),
            Ok(None) => Ok(SidecarFile::Missing),
            Err(Failure::TooLarge) => Ok(SidecarFile::Unreadable),
            Err(failure) => match failure.of_one_object() {
                ImageStoreError::Restricted { .. } => Ok(SidecarFile::Unreadable),
                // What a person has written there is not to be overlooked.
                error => Err(error),
            },
        }
    }

    async fn write_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
        content: &[u8],
        found: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        let key = self.home().sidecar(image, which);
        let key = key.ok_or(Failure::Internal("no name for a sidecar"))?;
        let upload = upload(Bytes::copy_from_slice(content), TEXT).await?;
        let revision = match found {
            FoundFile::Nothing => None,
            FoundFile::Revision(revision) => Some(revision.as_str()),
        };
        match self.replace(&key, &upload, revision).await? {
            Written::Done => Ok(()),
            Written::Refused => Err(ImageStoreError::SidecarChanged),
        }
    }

    async fn put(
        &self,
        name: &ImageName,
        image: &EncodedImage,
        mode: PutMode,
    ) -> Result<(), ImageStoreError> {
        let key = self.home().image(name);
        let upload = upload(image.bytes().clone(), image.format().media_type()).await?;
        let written = match mode {
            PutMode::New => self.replace(&key, &upload, None).await?,
            PutMode::Replace => self.bucket.put(&key, &upload, Condition::Always).await?,
        };
        match written {
            Written::Done => Ok(()),
            Written::Refused => Err(ImageStoreError::NameTaken),
        }
    }

    /// The image goes first: without its sidecar it is still an image, which a sidecar without its
    /// image is not.
    async fn move_to(
        &self,
        image: &StoredImage,
        sidecars: &[SidecarName],
        folder: Folder,
        if_taken: IfTaken,
    ) -> Result<Moved, ImageStoreError> {
        let (from, to) = (self.home(), self.folder(folder));
        let moved = self.bucket.move_image(image, from, to, if_taken);
        let new_name = moved.await?;
        let mut moved = Ok(());
        for sidecar in sidecars {
            // It belongs to the image by its name, so it takes on the image's new one.
            let (old, new) = ((from, &image.name), (to, &new_name));
            let result = self.bucket.move_sidecar(old, new, *sidecar).await;
            moved = moved.and(result);
        }
        Ok(Moved {
            name: new_name.as_str().to_owned(),
            sidecar: moved,
        })
    }

    fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore> {
        Arc::new(Self {
            bucket: Arc::clone(&self.bucket),
            folders: Arc::clone(&self.folders),
            home: folder,
        })
    }

    /// The sidecars go first: an image without one can be asked for and deleted again. A sidecar without its
    /// image would be taken for that of the next image of this name.
    async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError> {
        let image = self.home().image(name);
        if self.bucket.head(&image).await?.is_none() {
            return Err(ImageStoreError::NotFound);
        }
        for which in sidecars {
            if let Some(sidecar) = self.home().sidecar(name, *which) {
                self.bucket.delete(&sidecar).await?;
            }
        }
        Ok(self.bucket.delete(&image).await?)
    }
}

#[async_trait]
impl ImageLinks for ManagedImageStore {
    async fn temporary_link(&self, name: &ImageName) -> Result<LinkedImage, ImageStoreError> {
        let key = self.home().image(name);
        let stored = self.find(name).await?;
        let link = self.bucket.link(&key, LINK_LIFE).await?;
        Ok(LinkedImage { stored, link })
    }
}
