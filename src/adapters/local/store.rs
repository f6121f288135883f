//! The port: what its calls mean in a folder of the machine. All of them run off the threads that serve requests.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::{
    digests::{Digest, MAX_HASHED},
    failure,
    folder::{Entry, FileState, OpenFolder},
    places::Places,
    relocate,
    shared::Shared,
    temporary::TemporaryFile,
};
use crate::{
    domain::{
        content_hash::ContentHash,
        image::{EncodedImage, ImageName, MAX_IMAGE_BYTES, StoredImage},
        sidecar::{MAX_SIDECAR_BYTES, SidecarName},
        storage::HashKind,
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStore, ImageStoreError, Moved, PutMode,
        SidecarFile,
    },
};

/// The images of one tenant in one folder of the machine.
#[derive(Clone)]
pub struct LocalImageStore {
    pub(super) shared: Arc<Shared>,
    pub(super) places: Arc<Places>,
    pub(super) folder: Folder,
}

/// A file as storage lists it.
pub(super) fn stored(name: ImageName, state: &FileState, digest: Digest) -> StoredImage {
    StoredImage {
        name,
        file_id: format!("{:x}", state.inode),
        revision: state.revision(),
        content_hash: ContentHash::from_digest(HashKind::Sha256, digest),
        size: state.size,
        last_modified: state.last_modified(),
    }
}

impl LocalImageStore {
    /// Works on the folders, off the threads that serve requests. Once begun, the work is done to its end, also when
    /// no caller waits any more.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ImageStoreError> + Send + 'static,
    ) -> Result<T, ImageStoreError> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.map_err(failure::of_task)?
    }

    /// Works on the folder with the images; there may be none.
    pub(super) async fn with_folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, Option<OpenFolder>) -> Result<T, ImageStoreError> + Send + 'static,
    ) -> Result<T, ImageStoreError> {
        let work = |store: &Self| work(&store.shared, store.places.open(store.folder)?);
        self.work(work).await
    }

    /// The state of an image and the digest of its content.
    pub(super) async fn find_now(
        &self,
        name: &ImageName,
    ) -> Result<(FileState, Digest), ImageStoreError> {
        let name = name.clone();
        self.work(move |store| {
            let folder = store.open_folder()?;
            let state = folder.state(name.as_str()).map_err(failure::of_file)?;
            if state.ok_or(ImageStoreError::NotFound)?.size > MAX_HASHED {
                return Err(ImageStoreError::TooLarge);
            }
            let now = store.shared.clock.utc();
            let hashed = store.shared.digests.of_file(&folder, name.as_str(), now);
            hashed
                .map_err(failure::of_reading)?
                .ok_or(failure::CHANGING)
        })
        .await
    }

    /// The folder, for one file in it.
    pub(super) fn open_folder(&self) -> Result<OpenFolder, ImageStoreError> {
        let opened = self.places.open(self.folder)?;
        opened.ok_or(ImageStoreError::NotFound)
    }
}

/// The bytes of a file with their state and digest, at most as many as an image may have.
fn fetch(shared: &Shared, folder: &OpenFolder, name: &str) -> Result<Fetched, ImageStoreError> {
    let file = folder.read(name).map_err(failure::of_file)?;
    let file = file.ok_or(ImageStoreError::NotFound)?;
    let bytes = file.read_all(MAX_IMAGE_BYTES);
    let bytes = bytes.map_err(failure::of_reading)?;
    let bytes = bytes.ok_or(ImageStoreError::TooLarge)?;
    let is_whole = bytes.len() as u64 == file.state.size;
    if !is_whole || !file.is_unchanged().map_err(failure::of_file)? {
        return Err(failure::CHANGING);
    }
    let digest = Sha256::digest(&bytes).into();
    shared.digests.keep(file.state, digest, shared.clock.utc());
    Ok(Fetched {
        state: file.state,
        digest,
        bytes: bytes.into(),
    })
}

struct Fetched {
    state: FileState,
    digest: Digest,
    bytes: Bytes,
}

/// A sidecar's name of its revision: the SHA-256 of the text, which is short.
fn revision(bytes: &[u8]) -> String {
    ContentHash::from_digest(HashKind::Sha256, Sha256::digest(bytes).into()).to_string()
}

fn read_sidecar(folder: &OpenFolder, name: &str) -> Result<SidecarFile, ImageStoreError> {
    match folder.look(name).map_err(failure::of_file)? {
        None => return Ok(SidecarFile::Missing),
        Some(Entry::NoFile) => return Ok(SidecarFile::Unreadable),
        Some(Entry::File(_)) => {}
    }
    let file = match folder.read(name) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(SidecarFile::Missing),
        Err(Errno::ACCESS | Errno::PERM) => return Ok(SidecarFile::Unreadable),
        Err(errno) => return Err(failure::of_file(errno)),
    };
    let bytes = file.read_all(MAX_SIDECAR_BYTES as u64);
    let bytes = bytes.map_err(failure::of_reading)?;
    Ok(
        bytes.map_or(SidecarFile::Unreadable, |bytes| SidecarFile::Found {
            revision: revision(&bytes),
            bytes: bytes.into(),
        }),
    )
}

/// Writes a sidecar in the place of what was found, or of nothing.
fn write_sidecar(
    shared: &Shared,
    folder: &OpenFolder,
    name: &str,
    content: &[u8],
    found: &FoundFile,
) -> Result<(), ImageStoreError> {
    let new = TemporaryFile::write(folder, content);
    let new = new.map_err(failure::of_writing)?;
    let named = match found {
        FoundFile::Nothing => new.name_new(name),
        FoundFile::Revision(expected) => {
            let _replacing = shared.replacing.lock();
            match read_sidecar(folder, name)? {
                SidecarFile::Found { revision, .. } if revision == *expected => {}
                _ => return Err(ImageStoreError::SidecarChanged),
            }
            new.name_over(name)
        }
    };
    named.map_err(|errno| match errno {
        Errno::EXIST => ImageStoreError::SidecarChanged,
        other => failure::of_write(other),
    })
}

/// Deletes an image and its sidecars: those first, so that an image which could not be deleted can be asked for again.
fn delete(folder: &OpenFolder, image: &str, sidecars: &[String]) -> Result<(), ImageStoreError> {
    let is_there = |name| folder.state(name).map_err(failure::of_file);
    if is_there(image)?.is_none() {
        return Err(ImageStoreError::NotFound);
    }
    let mut deleted = false;
    for sidecar in sidecars {
        if is_there(sidecar)?.is_some() {
            folder.unlink(sidecar).map_err(failure::of_write)?;
            deleted = true;
        }
    }
    if deleted {
        folder.sync().map_err(failure::of_write)?;
    }
    folder.unlink(image).map_err(failure::of_write)?;
    folder.sync().map_err(failure::of_write)
}

#[async_trait]
impl ImageStore for LocalImageStore {
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        self.list_all().await
    }

    async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError> {
        let (state, digest) = self.find_now(name).await?;
        Ok(stored(name.clone(), &state, digest))
    }

    async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        let name = name.clone();
        self.work(move |store| {
            let fetched = fetch(&store.shared, &store.open_folder()?, name.as_str())?;
            Ok(FetchedImage {
                stored: stored(name, &fetched.state, fetched.digest),
                bytes: fetched.bytes,
            })
        })
        .await
    }

    async fn read_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        let Some(name) = which.beside(image.as_str()) else {
            return Ok(SidecarFile::Missing);
        };
        self.with_folder(move |_, folder| {
            folder.map_or(Ok(SidecarFile::Missing), |folder| {
                read_sidecar(&folder, &name)
            })
        })
        .await
    }

    async fn write_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
        content: &[u8],
        found: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        let name = which.beside(image.as_str());
        let name = name.ok_or_else(|| failure::of_file(Errno::NAMETOOLONG))?;
        let (content, found) = (content.to_owned(), found.clone());
        self.work(move |store| {
            write_sidecar(
                &store.shared,
                &store.places.create(store.folder)?,
                &name,
                &content,
                &found,
            )
        })
        .await
    }

    async fn put(
        &self,
        name: &ImageName,
        image: &EncodedImage,
        mode: PutMode,
    ) -> Result<(), ImageStoreError> {
        let (name, bytes) = (name.clone(), image.bytes().clone());
        self.work(move |store| {
            let (folder, name) = (store.places.create(store.folder)?, name.as_str());
            let there = folder.look(name).map_err(failure::of_file)?;
            match (there, mode) {
                (None, _) | (Some(Entry::File(_)), PutMode::Replace) => {}
                // No folder and no link is replaced in either mode.
                (Some(_), _) => return Err(ImageStoreError::NameTaken),
            }
            let new = TemporaryFile::write(&folder, &bytes);
            let new = new.map_err(failure::of_writing)?;
            let named = match mode {
                PutMode::New => new.name_new(name),
                PutMode::Replace => new.name_over(name),
            };
            named.map_err(|errno| match errno {
                Errno::EXIST | Errno::ISDIR => ImageStoreError::NameTaken,
                other => failure::of_write(other),
            })
        })
        .await
    }

    async fn move_to(
        &self,
        image: &StoredImage,
        sidecars: &[SidecarName],
        folder: Folder,
        if_taken: IfTaken,
    ) -> Result<Moved, ImageStoreError> {
        let (image, sidecars) = (image.clone(), sidecars.to_vec());
        self.work(move |store| {
            let from = store.open_folder()?;
            let state = from.state(image.name.as_str()).map_err(failure::of_file)?;
            let state = state.ok_or(ImageStoreError::NotFound)?;
            if state.revision() != image.revision {
                // Another image has its name now.
                return Err(ImageStoreError::NotFound);
            }
            let to = store.places.create(folder)?;
            relocate::run(&from, &to, &image.name, &sidecars, if_taken)
        })
        .await
    }

    fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore> {
        Arc::new(Self {
            folder,
            ..self.clone()
        })
    }

    async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError> {
        let names = sidecars.iter().filter_map(|it| it.beside(name.as_str()));
        let (image, sidecars) = (name.clone(), names.collect::<Vec<_>>());
        self.work(move |store| delete(&store.open_folder()?, image.as_str(), &sidecars))
            .await
    }
}
