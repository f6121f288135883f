//! Images in the memory of this process: a kind of storage that needs no credential. Compiled only with
//! the feature `memory-storage`, which no shipped build enables: it measures what a kind takes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::registration::StorageRegistration;
use crate::{
    domain::{
        content_hash::ContentHashKind,
        image::{EncodedImage, ImageName, MAX_IMAGE_BYTES, StoredImage},
        sidecar::{MAX_SIDECAR_BYTES, SidecarName},
        tenant_config::{StoragePath, StoragePaths},
    },
    ports::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStore, ImageStoreError, Moved, PutMode,
        SidecarFile,
    },
};

/// Memory, as a kind of storage.
pub const REGISTRATION: StorageRegistration = StorageRegistration {
    content_hash: ContentHashKind::SHA256,
    takes_uploads: true,
    upstream: None,
};

/// The files of all tenants, by their paths. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryFiles {
    files: Arc<Mutex<BTreeMap<String, File>>>,
    writes: Arc<AtomicU64>,
}

/// A file, with the number of the write that made it: its id and its revision.
#[derive(Clone)]
struct File {
    number: u64,
    bytes: Bytes,
}

impl MemoryFiles {
    /// Writes a file at an absolute path.
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        let file = File {
            number: self.writes.fetch_add(1, Ordering::Relaxed),
            bytes: bytes.into(),
        };
        self.files.lock().insert(path.to_owned(), file);
    }

    /// The paths of all files.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.files.lock().keys().cloned().collect()
    }

    /// The content of a file.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Option<Bytes> {
        self.get(path).map(|file| file.bytes)
    }

    /// The store of one tenant.
    pub(super) fn open(&self, paths: StoragePaths) -> MemoryImageStore {
        MemoryImageStore {
            files: self.clone(),
            home: paths.root.clone(),
            paths,
        }
    }

    fn get(&self, path: &str) -> Option<File> {
        self.files.lock().get(path).cloned()
    }
}

/// The images of one tenant in one folder.
pub(super) struct MemoryImageStore {
    files: MemoryFiles,
    paths: StoragePaths,
    home: StoragePath,
}

impl MemoryImageStore {
    fn folder(&self, folder: Folder) -> &StoragePath {
        match folder {
            Folder::Root => &self.paths.root,
            Folder::Archive => &self.paths.archive,
            Folder::Keep => &self.paths.keep,
            Folder::Remove => &self.paths.remove,
        }
    }

    fn file(&self, name: &ImageName) -> Result<File, ImageStoreError> {
        let file = self.files.get(&self.home.entry(name.as_str()));
        file.ok_or(ImageStoreError::NotFound)
    }

    fn sidecars(&self, image: &ImageName, which: &[SidecarName]) -> Vec<String> {
        let names = which.iter().filter_map(|it| it.beside(image.as_str()));
        names.map(|name| self.home.entry(&name)).collect()
    }
}

/// A name in a folder that no file has: this one, or one with a number.
fn free_name(files: &BTreeMap<String, File>, folder: &StoragePath, name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let names = (1..).map(|number| format!("{stem} ({number}).{ending}"));
    let mut names = std::iter::once(name.to_owned()).chain(names);
    let is_free = |name: &String| !files.contains_key(&folder.entry(name));
    names.find(is_free).unwrap_or_default()
}

fn stored(name: ImageName, file: &File) -> StoredImage {
    StoredImage {
        name,
        file_id: file.number.to_string(),
        revision: file.number.to_string(),
        content_hash: (REGISTRATION.content_hash.of)(&file.bytes),
        size: file.bytes.len() as u64,
        last_modified: None,
    }
}

#[async_trait]
impl ImageStore for MemoryImageStore {
    async fn list(&self) -> Result<Vec<StoredImage>, ImageStoreError> {
        let files = self.files.files.lock();
        let beginning = self.home.entry("");
        let images = files.iter().filter_map(|(path, file)| {
            let name = ImageName::new(path.strip_prefix(&beginning)?).ok()?;
            Some(stored(name, file))
        });
        Ok(images.collect())
    }

    async fn find(&self, name: &ImageName) -> Result<StoredImage, ImageStoreError> {
        Ok(stored(name.clone(), &self.file(name)?))
    }

    async fn fetch(&self, name: &ImageName) -> Result<FetchedImage, ImageStoreError> {
        let file = self.file(name)?;
        if file.bytes.len() as u64 > MAX_IMAGE_BYTES {
            return Err(ImageStoreError::TooLarge);
        }
        Ok(FetchedImage {
            stored: stored(name.clone(), &file),
            bytes: file.bytes,
        })
    }

    async fn read_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<SidecarFile, ImageStoreError> {
        let paths = self.sidecars(image, &[which]);
        let file = paths.first().and_then(|path| self.files.get(path));
        Ok(match file {
            None => SidecarFile::Missing,
            Some(file) if file.bytes.len() > MAX_SIDECAR_BYTES => SidecarFile::Unreadable,
            Some(file) => SidecarFile::Found {
                bytes: file.bytes,
                revision: file.number.to_string(),
            },
        })
    }

    async fn write_sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
        content: &[u8],
        found: &FoundFile,
    ) -> Result<(), ImageStoreError> {
        for path in self.sidecars(image, &[which]) {
            let there = self.files.get(&path).map(|file| file.number.to_string());
            let is_unchanged = match found {
                FoundFile::Nothing => there.is_none(),
                FoundFile::Revision(revision) => there.as_ref() == Some(revision),
            };
            if !is_unchanged {
                return Err(ImageStoreError::SidecarChanged);
            }
            self.files.put(&path, content.to_vec());
        }
        Ok(())
    }

    async fn put(
        &self,
        name: &ImageName,
        image: &EncodedImage,
        mode: PutMode,
    ) -> Result<(), ImageStoreError> {
        if mode == PutMode::New && self.file(name).is_ok() {
            return Err(ImageStoreError::NameTaken);
        }
        let path = self.home.entry(name.as_str());
        self.files.put(&path, image.bytes().clone());
        Ok(())
    }

    async fn move_to(
        &self,
        image: &StoredImage,
        sidecars: &[SidecarName],
        folder: Folder,
        if_taken: IfTaken,
    ) -> Result<Moved, ImageStoreError> {
        let (name, folder) = (&image.name, self.folder(folder));
        let mut files = self.files.files.lock();
        if if_taken == IfTaken::Refuse && files.contains_key(&folder.entry(name.as_str())) {
            return Err(ImageStoreError::NameTaken);
        }
        let path = self.home.entry(name.as_str());
        let file = files.get(&path).cloned();
        // Another image may have its name now.
        let file = file.filter(|file| file.number.to_string() == image.revision);
        let file = file.ok_or(ImageStoreError::NotFound)?;
        files.remove(&path);
        let new_name = free_name(&files, folder, name.as_str());
        files.insert(folder.entry(&new_name), file);
        for which in sidecars {
            let (from, to) = (which.beside(name.as_str()), which.beside(&new_name));
            if let (Some(from), Some(to)) = (from, to)
                && let Some(text) = files.remove(&self.home.entry(&from))
            {
                let to = free_name(&files, folder, &to);
                files.insert(folder.entry(&to), text);
            }
        }
        Ok(Moved {
            name: new_name,
            sidecar: Ok(()),
        })
    }

    fn in_folder(&self, folder: Folder) -> Arc<dyn ImageStore> {
        Arc::new(Self {
            files: self.files.clone(),
            home: self.folder(folder).clone(),
            paths: self.paths.clone(),
        })
    }

    async fn delete(
        &self,
        name: &ImageName,
        sidecars: &[SidecarName],
    ) -> Result<(), ImageStoreError> {
        self.file(name)?;
        let image = self.home.entry(name.as_str());
        let mut files = self.files.files.lock();
        for path in self.sidecars(name, sidecars).into_iter().chain([image]) {
            files.remove(&path);
        }
        Ok(())
    }
}
