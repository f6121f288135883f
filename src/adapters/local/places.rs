//! Where the folders of a tenant are, and opening them.
//!
//! The root is where its path leads, as the operator has set it up. A folder below the root is opened from the
//! root's handle, and not through a link: whoever can write to the root must not decide where images go.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::{failure, folder::OpenFolder};
use crate::{
    domain::tenant_config::{StoragePath, StoragePaths},
    ports::{Folder, ImageStoreError},
};

/// The folders of a tenant.
pub(super) struct Places {
    root: PathBuf,
    archive: Place,
    keep: Place,
    remove: Place,
}

/// One of the folders beside the root.
enum Place {
    /// Below the root, by the names of the folders on the way.
    Below(Vec<String>),
    Elsewhere(PathBuf),
}

impl Place {
    fn new(root: &StoragePath, path: &StoragePath) -> Self {
        let below = path.as_str().strip_prefix(&root.entry(""));
        below.map_or_else(
            || Self::Elsewhere(path.as_str().into()),
            |below| Self::Below(below.split('/').map(str::to_owned).collect()),
        )
    }
}

impl Places {
    pub(super) fn new(paths: &StoragePaths) -> Self {
        let StoragePaths {
            root,
            archive,
            keep,
            remove,
        } = paths;
        let [archive, keep, remove] = [archive, keep, remove].map(|path| Place::new(root, path));
        Self {
            root: root.as_str().into(),
            archive,
            keep,
            remove,
        }
    }

    fn place(&self, folder: Folder) -> Option<&Place> {
        match folder {
            Folder::Root => None,
            Folder::Archive => Some(&self.archive),
            Folder::Keep => Some(&self.keep),
            Folder::Remove => Some(&self.remove),
        }
    }

    /// Opens a folder; `None` where it does not exist. A root that does not exist is an error: it is not set up, or a
    /// disk is not mounted.
    pub(super) fn open(&self, folder: Folder) -> Result<Option<OpenFolder>, ImageStoreError> {
        let root = self.open_root()?;
        let Some(place) = self.place(folder) else {
            return Ok(Some(root));
        };
        let opened = match place {
            Place::Below(names) => names.iter().try_fold(root, |at, name| at.folder(name)),
            Place::Elsewhere(path) => OpenFolder::at_path(path),
        };
        match opened {
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failure::of_folder(errno, &self.shown(place))),
            Ok(opened) => Ok(Some(opened)),
        }
    }

    /// Opens a folder, which is created if it does not exist, unless it is the root.
    pub(super) fn create(&self, folder: Folder) -> Result<OpenFolder, ImageStoreError> {
        let root = self.open_root()?;
        let Some(place) = self.place(folder) else {
            return Ok(root);
        };
        let opened = match place {
            Place::Below(names) => names
                .iter()
                .try_fold(root, |at, name| at.create_folder(name)),
            Place::Elsewhere(path) => create_all(path),
        };
        opened.map_err(|errno| failure::of_folder(errno, &self.shown(place)))
    }

    fn open_root(&self) -> Result<OpenFolder, ImageStoreError> {
        OpenFolder::at_path(&self.root).map_err(|errno| failure::of_folder(errno, &self.root))
    }

    fn shown(&self, place: &Place) -> PathBuf {
        match place {
            Place::Below(names) => names
                .iter()
                .fold(self.root.clone(), |path, name| path.join(name)),
            Place::Elsewhere(path) => path.clone(),
        }
    }
}

/// Opens a folder by its path; those on the way that do not exist are created, and are on the disk then.
fn create_all(path: &Path) -> Result<OpenFolder, Errno> {
    if let Ok(opened) = OpenFolder::at_path(path) {
        return Ok(opened);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return OpenFolder::at_path(path);
    };
    let parent = create_all(parent)?;
    match rustix::fs::mkdirat(&parent, name, super::folder::NEW_FOLDER) {
        Ok(()) => parent.sync()?,
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    OpenFolder::at_path(path)
}
