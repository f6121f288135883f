//! New files before they have their name. A file that has its name is whole, and on the disk.

use std::{
    io::{self, Write as _},
    time::{Duration, SystemTime},
};

use rustix::{fs::Timestamps, io::Errno};
use uuid::Uuid;

use super::folder::OpenFolder;

/// What their names begin and end with: no image and no sidecar has such a name.
const BEGINNING: &str = ".publisher-";
const ENDING: &str = ".part";
/// The age after which one is left over from a process that was killed: no writing takes as long.
const LEFT_OVER_AFTER: Duration = Duration::from_hours(1);

/// A file without its name yet. Dropped without one, it is removed.
pub(super) struct TemporaryFile<'a> {
    folder: &'a OpenFolder,
    name: String,
    has_moved: bool,
}

impl<'a> TemporaryFile<'a> {
    /// Writes a file, and waits until it is on the disk.
    pub(super) fn write(folder: &'a OpenFolder, bytes: &[u8]) -> io::Result<Self> {
        Self::copy(folder, bytes, None)
    }

    /// Copies what is read, with the times of the original where they are given.
    pub(super) fn copy(
        folder: &'a OpenFolder,
        mut from: impl io::Read,
        times: Option<&Timestamps>,
    ) -> io::Result<Self> {
        let name = format!("{BEGINNING}{}{ENDING}", Uuid::new_v4().simple());
        let mut file = folder.create_file(&name)?;
        let temporary = Self {
            folder,
            name,
            has_moved: false,
        };
        io::copy(&mut from, &mut file)?;
        file.flush()?;
        if let Some(times) = times {
            rustix::fs::futimens(&file, times)?;
        }
        file.sync_all()?;
        Ok(temporary)
    }

    /// Gives it a name that is free, for good. [`Errno::EXIST`] if the name is not.
    pub(super) fn name_new(mut self, name: &str) -> Result<(), Errno> {
        self.folder.rename_new(&self.name, self.folder, name)?;
        self.has_moved = true;
        self.folder.sync()
    }

    /// Gives it a name, in the place of the file that has it, for good.
    pub(super) fn name_over(mut self, name: &str) -> Result<(), Errno> {
        self.folder.rename_over(&self.name, name)?;
        self.has_moved = true;
        self.folder.sync()
    }
}

impl Drop for TemporaryFile<'_> {
    fn drop(&mut self) {
        if !self.has_moved {
            // One that stays is removed when the folder is listed.
            let _ = self.folder.unlink(&self.name);
        }
    }
}

/// Removes a file that is left over, if the name is that of one.
pub(super) fn sweep(folder: &OpenFolder, name: &str, now: SystemTime) {
    let is_ours = name.starts_with(BEGINNING) && name.ends_with(ENDING);
    if !is_ours {
        return;
    }
    let written = folder.state(name).ok().flatten();
    let written = written.and_then(|state| state.last_modified());
    let age = written.and_then(|written| now.duration_since(written).ok());
    if age.is_some_and(|age| age > LEFT_OVER_AFTER) {
        match folder.unlink(name) {
            Ok(()) => tracing::info!("removed a file that an interrupted write had left"),
            Err(error) => {
                tracing::warn!(%error, "a file left by an interrupted write cannot be removed");
            }
        }
    }
}
