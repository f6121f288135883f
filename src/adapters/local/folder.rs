//! One opened folder, and the files in it. Every name is one component, and none is followed if it is a link.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileExt as _,
    },
    path::Path,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use rustix::{
    fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat},
    io::Errno,
};

/// The mode of new folders, before the process's mask.
pub(super) const NEW_FOLDER: Mode = Mode::from_raw_mode(0o777);
/// The mode of new files, before the process's mask.
const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

/// A folder that is open.
pub(super) struct OpenFolder(OwnedFd);

/// A state of a file: another content has another state, as far as the file system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileState {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    /// When the content was last written, in nanoseconds since 1970.
    pub(super) modified: i128,
    /// When the file was last changed in any way, likewise. No program can set it.
    pub(super) changed: i128,
}

/// What is under a name.
pub(super) enum Entry {
    File(FileState),
    /// A folder, a link, a FIFO, a device.
    NoFile,
}

impl AsFd for OpenFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl OpenFolder {
    const FLAGS: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);

    /// Opens the folder at a path, through links, too.
    pub(super) fn at_path(path: &Path) -> Result<Self, Errno> {
        fs::open(path, Self::FLAGS, Mode::empty()).map(Self)
    }

    /// Opens a folder in this one.
    pub(super) fn folder(&self, name: &str) -> Result<Self, Errno> {
        let flags = Self::FLAGS | OFlags::NOFOLLOW;
        fs::openat(self, name, flags, Mode::empty()).map(Self)
    }

    /// Opens a folder in this one, which is created if it does not exist.
    pub(super) fn create_folder(&self, name: &str) -> Result<Self, Errno> {
        match fs::mkdirat(self, name, NEW_FOLDER) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        self.folder(name)
    }

    /// Whether both are one folder, by whatever paths.
    pub(super) fn is_same_as(&self, other: &Self) -> Result<bool, Errno> {
        let (one, other) = (fs::fstat(self)?, fs::fstat(other)?);
        Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
    }

    /// The names in it that are text, with what the folder says of their kind.
    pub(super) fn names(&self) -> Result<impl Iterator<Item = Result<String, Errno>>, Errno> {
        // A handle of its own: the position of reading is part of the handle.
        let entries = Dir::read_from(self)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) if is_no_file(entry.file_type()) => None,
            Ok(entry) => entry
                .file_name()
                .to_str()
                .ok()
                .map(|name| Ok(name.to_owned())),
            Err(errno) => Some(Err(errno)),
        }))
    }

    /// What is under a name; `None` where nothing is.
    pub(super) fn look(&self, name: &str) -> Result<Option<Entry>, Errno> {
        match fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(
                FileState::of(&stat).map_or(Entry::NoFile, Entry::File),
            )),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The state of a file; `None` where there is none of that name.
    pub(super) fn state(&self, name: &str) -> Result<Option<FileState>, Errno> {
        Ok(match self.look(name)? {
            Some(Entry::File(state)) => Some(state),
            Some(Entry::NoFile) | None => None,
        })
    }

    /// Opens a file for reading; `None` where there is none of that name.
    pub(super) fn read(&self, name: &str) -> Result<Option<OpenFile>, Errno> {
        // Some devices do something when they are opened, so what is no file is not even tried.
        if self.state(name)?.is_none() {
            return Ok(None);
        }
        // Without blocking: a FIFO may have taken its place.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match fs::openat(self, name, flags, Mode::empty()) {
            Ok(file) => OpenFile::new(file.into()),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Creates a file under a name that is free.
    pub(super) fn create_file(&self, name: &str) -> Result<File, Errno> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fs::openat(self, name, flags, NEW_FILE).map(File::from)
    }

    /// Renames a file into another folder. [`Errno::EXIST`] where something has that name already.
    pub(super) fn rename_new(&self, from: &str, folder: &Self, to: &str) -> Result<(), Errno> {
        match fs::renameat_with(self, from, folder, to, RenameFlags::NOREPLACE) {
            // The file system, or the system, knows no such renaming.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link_new(from, folder, to),
            renamed => renamed,
        }
    }

    /// The same by a second name. Should it end between, the file has both, and another attempt finds that.
    fn link_new(&self, from: &str, folder: &Self, to: &str) -> Result<(), Errno> {
        fs::linkat(self, from, folder, to, AtFlags::empty())?;
        folder.sync()?;
        self.unlink(from)
    }

    /// Renames a file in this folder, over the file that has the name.
    pub(super) fn rename_over(&self, from: &str, to: &str) -> Result<(), Errno> {
        fs::renameat(self, from, self, to)
    }

    /// Removes a file.
    pub(super) fn unlink(&self, name: &str) -> Result<(), Errno> {
        fs::unlinkat(self, name, AtFlags::empty())
    }

    /// Waits until the names in it are on the disk.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        match fs::fsync(self) {
            // Some file systems have nothing to wait for.
            Err(Errno::INVAL) => Ok(()),
            synced => synced,
        }
    }
}

/// Whether a folder says already that an entry is no file.
fn is_no_file(kind: FileType) -> bool {
    !matches!(kind, FileType::RegularFile | FileType::Unknown)
}

/// A file that is open for reading.
pub(super) struct OpenFile {
    pub(super) file: File,
    /// Its state when it was opened.
    pub(super) state: FileState,
}

impl OpenFile {
    fn new(file: File) -> Result<Option<Self>, Errno> {
        let state = FileState::of(&fs::fstat(&file)?);
        Ok(state.map(|state| Self { file, state }))
    }

    /// Whether it is as it was when it was opened.
    pub(super) fn is_unchanged(&self) -> Result<bool, Errno> {
        let now = FileState::of(&fs::fstat(&self.file)?);
        Ok(now.is_some_and(|now| now.has_content_of(&self.state)))
    }

    /// Its content from the beginning, and no more than it had when it was opened: a file that grows must not be
    /// read without end.
    pub(super) fn content(&self) -> impl Read + '_ {
        let content = Content {
            file: &self.file,
            position: 0,
        };
        content.take(self.state.size)
    }

    /// All of it; `None` if it is longer than that.
    pub(super) fn read_all(&self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        if self.state.size > limit {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(self.state.size).unwrap_or(0));
        self.content().read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

impl OpenFile {
    /// These bytes of it; an error where it has fewer.
    pub(super) fn read_at(&self, range: Range<u64>) -> io::Result<Bytes> {
        let size = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }
}

/// Reads a file from a position of its own, so that it can be read more than once.
struct Content<'a> {
    file: &'a File,
    position: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl FileState {
    /// `None` for what is no file.
    fn of(stat: &Stat) -> Option<Self> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let nanoseconds = |seconds: i64, rest: i128| i128::from(seconds) * 1_000_000_000 + rest;
        Some(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).ok()?,
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec.into()),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec.into()),
        })
    }

    /// Whether both are of the same content: a new name or mode changes neither.
    pub(super) fn has_content_of(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.modified)
            == (other.device, other.inode, other.size, other.modified)
    }

    /// Whether both are of one file.
    pub(super) fn is_file_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// The name of this revision of the file.
    pub(super) fn revision(&self) -> String {
        format!("{:x}-{:x}", self.modified, self.size)
    }

    /// When the content was last written.
    pub(super) fn last_modified(&self) -> Option<SystemTime> {
        let nanoseconds = u64::try_from(self.modified).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
    }
}
