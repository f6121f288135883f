//! The port: what its calls mean in calls to Dropbox.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    connection::{Connection, or_absent},
    content_hash,
    failure::Failure,
    relocate::NAME_TAKEN,
    wire::Metadata,
};
use crate::{
    domain::{
        image::{EncodedImage, ImageName, MAX_IMAGE_BYTES, StoredImage},
        listing::LetterCase,
        sidecar::{MAX_SIDECAR_BYTES, SidecarName},
        tenant_config::{StoragePath, StoragePaths},
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStore, ImageStoreError, ListingCursor,
        ListingRules, Moved, PageResult, PutMode, RefreshCost, SidecarFile,
    },
};

/// What Dropbox says when there is no file at a path.
pub(super) const NO_FILE: [&str; 2] = ["path/not_found", "path/not_file"];
/// What Dropbox says of a path that has something that it does not hand out as a file.
const NO_TEXT: [&str; 3] = [
    "path/not_file",
    "path/restricted_content",
    "path/unsupported_file",
];
/// What Dropbox says of an upload to a name that is taken, or has another revision.
const TAKEN: &str = "path/conflict";

/// The images of one tenant in one folder of Dropbox.
pub struct DropboxImageStore {
    pub(super) connection: Arc<Connection>,
    pub(super) folder: Folder,
}

impl DropboxImageStore {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection: Arc::new(connection),
            folder: Folder::Root,
        }
    }

    fn paths(&self) -> &StoragePaths {
        &self.connection.paths
    }

    /// Where the images are.
    pub(super) fn home(&self) -> &StoragePath {
        self.folder(self.folder)
    }

    pub(super) fn entry(&self, name: &str) -> String {
        self.home().entry(name)
    }

    /// Writes a file. In doubt, a look shows whether it has been written.
    async fn upload(&self, path: &str, mode: &Value, content: Bytes) -> Result<(), Failure> {
        let argument = json!({
            "path": path, "mode": mode, "autorename": false, "mute": true,
        });
        let hash = content_hash::of(&content);
        let is_there = || async {
            let there = self.connection.look(path).await?;
            let written = there.is_some_and(|it| it.content_hash().as_ref() == Some(&hash));
            Ok(written.then_some(()))
        };
        let attempt = || self.connection.upload(&argument, content.clone());
        self.connection.write("upload", attempt, is_there).await
    }

    fn folder(&self, folder: Folder) -> &StoragePath {
        let paths = self.paths();
        match folder {
            Folder::Root => &paths.root,
            Folder::Archive => &paths.archive,
            Folder::Keep => &paths.keep,
            Folder::Remove => &paths.remove,
        }
    }
}

#[async_trait]
impl ImageStore for DropboxImageStore {
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        self.list_all().await
    }

    async fn list_page(&self, cursor: Option<ListingCursor>) -> PageResult {
        self.page(cursor.as_ref()).await
    }

    fn listing_rules(&self) -> ListingRules {
        ListingRules {
            letter_case: LetterCase::Ignored,
            refresh: RefreshCost::Low,
        }
    }

    async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError> {
        let path = self.entry(name.as_str());
        let found = self
            .connection
            .read("get_metadata", || self.connection.metadata(&path))
            .await
            .map_err(Failure::of_one_file)?
            .filter(Metadata::is_file)
            .ok_or(ImageStoreError::NotFound)?;
        let image = found
            .into_image()
            .ok_or(Failure::Malformed("a file without what every file has"))?;
        Ok(image)
    }

    async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        let path = self.entry(name.as_str());
        let limit = usize::try_from(MAX_IMAGE_BYTES).unwrap_or(usize::MAX);
        let file = self
            .connection
            .read("download", || async {
                // A folder in its place is reported as an error: the file was there when it was
                // listed.
                let file = self.connection.download(&path, limit).await;
                or_absent(file, &["path/not_found"])
            })
            .await
            .map_err(Failure::of_one_file)?
            .ok_or(ImageStoreError::NotFound)?;
        let size = file.bytes.len() as u64;
        let name = file.metadata.shown_name(name);
        Ok(FetchedImage {
            stored: file.metadata.into_stored(name, file.content_hash, size),
            bytes: file.bytes,
        })
    }

    async fn read_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        let Some(name) = which.beside(image.as_str()) else {
            return Ok(SidecarFile::Missing);
        };
        let path = self.entry(&name);
        let file = self
            .connection
            .read("download", || async {
                or_absent(
                    self.connection.download(&path, MAX_SIDECAR_BYTES).await,
                    &["path/not_found"],
                )
            })
            .await;
        match file {
            Ok(Some(file)) => Ok(SidecarFile::Found {
                bytes: file.bytes,
                revision: file.metadata.rev,
            }),
            Ok(None) => Ok(SidecarFile::Missing),
            Err(Failure::TooLarge) => Ok(SidecarFile::Unreadable),
            Err(failure) if NO_TEXT.iter().any(|tags| failure.is_refusal(tags)) => {
                Ok(SidecarFile::Unreadable)
            }
            // What a person has written there is not to be overlooked.
            Err(failure) => Err(failure.of_one_file()),
        }
    }

    async fn write_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
        content: &[u8],
        found: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        let name = which.beside(image.as_str());
        let name = name.ok_or(Failure::Internal("no name for a sidecar"))?;
        let path = self.entry(&name);
        // Both fail where something else is: a person may have written while the image was sent.
        let mode = match found {
            FoundFile::Nothing => json!("add"),
            FoundFile::Revision(revision) => json!({ ".tag": "update", "update": revision }),
        };
        let content = Bytes::copy_from_slice(content);
        match self.upload(&path, &mode, content).await {
            Err(failure) if failure.is_refusal(TAKEN) => Err(ImageStoreError::SidecarChanged),
            written => Ok(written?),
        }
    }

    async fn put(
        &self,
        name: &ImageName,
        image: &EncodedImage,
        mode: PutMode,
    ) -> Result<(), ImageStoreError> {
        let mode = match mode {
            PutMode::New => json!("add"),
            PutMode::Replace => json!("overwrite"),
        };
        let path = self.entry(name.as_str());
        match self.upload(&path, &mode, image.bytes().clone()).await {
            Err(failure) if failure.is_refusal(TAKEN) => Err(ImageStoreError::NameTaken),
            written => Ok(written?),
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
        let (name, folder) = (&image.name, self.folder(folder));
        let new_name = self
            .connection
            .move_image(image, (self.home(), folder), if_taken)
            .await
            .map_err(|failure| match if_taken {
                IfTaken::Refuse if failure.is_refusal(NAME_TAKEN) => ImageStoreError::NameTaken,
                _ => failure.into(),
            })?
            .ok_or(ImageStoreError::NotFound)?;
        let mut moved = Ok(());
        for sidecar in sidecars {
            // It belongs to the image by its name, so it takes on the image's new one.
            let (Some(from), Some(to)) = (sidecar.beside(name.as_str()), sidecar.beside(&new_name))
            else {
                continue;
            };
            let (from, to) = (self.entry(&from), folder.entry(&to));
            // Where it is taken by the sidecar of another image, there is one that is this image's alone.
            let other = SidecarName::Full
                .beside(&new_name)
                .map(|name| folder.entry(&name));
            let other = other.filter(|other| *other != to);
            let result = self.connection.move_sidecar(&from, &to, other.as_deref());
            moved = moved.and(result.await);
        }
        Ok(Moved {
            name: new_name,
            sidecar: moved.map_err(ImageStoreError::from),
        })
    }

    fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore> {
        Arc::new(Self {
            connection: Arc::clone(&self.connection),
            folder,
        })
    }

    async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError> {
        let names = sidecars.iter().filter_map(|it| it.beside(name.as_str()));
        let sidecars: Vec<String> = names.map(|name| self.entry(&name)).collect();
        let image = self.entry(name.as_str());
        if self.connection.delete_image(&image, &sidecars).await? {
            Ok(())
        } else {
            Err(ImageStoreError::NotFound)
        }
    }
}
