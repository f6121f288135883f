//! Files that are kept on disk while they arrive, so that many can arrive at a time in little memory.
//!
//! A file is in the system's folder for temporary files (`TMPDIR`), readable by this process alone, and has no name:
//! the system frees it when it is dropped, also when the process is killed.

use std::{
    fs::{File, Permissions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use crate::domain::content_hash::hex;

/// How much is collected before it is written, in bytes (64 KiB).
const PIECE: usize = 64 * 1024;

/// A file that is being written.
pub struct Spool {
    file: File,
    hash: Sha256,
    length: u64,
    unwritten: BytesMut,
}

/// A file that has been written as a whole.
#[derive(Debug)]
pub struct Spooled {
    file: File,
    length: u64,
    sha256: String,
}

impl Spool {
    /// An empty file.
    ///
    /// # Errors
    /// The folder for temporary files is missing, full, or not writable.
    pub async fn create() -> io::Result<Self> {
        let create = || {
            let file = tempfile::tempfile()?;
            // By itself it is as the umask says.
            file.set_permissions(Permissions::from_mode(0o600))?;
            Ok(file)
        };
        Ok(Self::in_file(off_thread(create).await?))
    }

    fn in_file(file: File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            length: 0,
            unwritten: BytesMut::new(),
        }
    }

    /// How many bytes have been appended.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub async fn append(mut self, bytes: &[u8]) -> io::Result<Self> {
        self.unwritten.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.unwritten.len() < PIECE {
            return Ok(self);
        }
        self.flush().await
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub async fn finish(self) -> io::Result<Spooled> {
        let Self {
            file, hash, length, ..
        } = self.flush().await?;
        Ok(Spooled {
            file,
            length,
            sha256: hex(&hash.finalize()),
        })
    }

    /// Writes and hashes what was collected, off the async threads.
    async fn flush(mut self) -> io::Result<Self> {
        off_thread(move || {
            self.hash.update(&self.unwritten);
            self.file.write_all(&self.unwritten)?;
            self.unwritten.clear();
            Ok(self)
        })
        .await
    }
}

impl Spooled {
    /// The number of bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of the bytes, in hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Reads the whole file into memory.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn read(mut self) -> io::Result<Bytes> {
        let length = usize::try_from(self.length).map_err(io::Error::other)?;
        off_thread(move || {
            let mut bytes = vec![0; length];
            self.file.rewind()?;
            self.file.read_exact(&mut bytes)?;
            Ok(bytes.into())
        })
        .await
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_appended_is_read_back_with_its_hash() {
        for pieces in [vec![], vec![1], vec![PIECE - 1, 1, 2], vec![3 * PIECE, 7]] {
            let mut spool = Spool::create().await.unwrap();
            let mut expected = Vec::new();
            for (number, length) in pieces.into_iter().enumerate() {
                let piece = vec![u8::try_from(number).unwrap(); length];
                spool = spool.append(&piece).await.unwrap();
                expected.extend(piece);
                assert_eq!(spool.length(), expected.len() as u64);
                assert!(spool.unwritten.len() < PIECE);
            }
            let spooled = spool.finish().await.unwrap();
            assert_eq!(spooled.length(), expected.len() as u64);
            assert_eq!(spooled.sha256(), hex(&Sha256::digest(&expected)));
            assert_eq!(spooled.read().await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn no_folder_has_the_file_and_nobody_else_may_read_it() {
        let spool = Spool::create().await.unwrap();
        let metadata = spool.file.metadata().unwrap();
        assert_eq!(metadata.nlink(), 0);
        assert_eq!(metadata.mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error() {
        let full = || Spool::in_file(File::options().write(true).open("/dev/full").unwrap());
        let storage_full = |error: Option<io::Error>| {
            assert_eq!(error.unwrap().kind(), io::ErrorKind::StorageFull);
        };
        storage_full(full().append(&vec![0; PIECE]).await.err());
        let begun = full().append(b"a few bytes").await.unwrap();
        storage_full(begun.finish().await.err());
    }
}
