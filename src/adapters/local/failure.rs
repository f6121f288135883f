//! What errors of the system mean to callers.

use std::{io, path::Path};

use rustix::io::Errno;
use tokio::task::JoinError;

use crate::ports::ImageStoreError;

/// A failure with one of the folders. Its path is shown to admins, and not logged.
pub(super) fn of_folder(errno: Errno, path: &Path) -> ImageStoreError {
    let path = path.display();
    let (problem, detail) = match errno {
        Errno::NOENT => (
            "the folder with the images does not exist",
            format!(
                "The folder \"{path}\" does not exist: create it, or mount the disk that has it, or correct the \
                 root in the tenant's storage paths."
            ),
        ),
        Errno::NOTDIR | Errno::LOOP => (
            "one of the folders is a link or no folder",
            format!(
                "The folder \"{path}\" is a link or no folder. Below the root, links are not followed: put a \
                 folder there, or give its own path in the tenant's storage paths."
            ),
        ),
        Errno::ACCESS | Errno::PERM => (
            "the service may not use one of the folders",
            format!(
                "The folder \"{path}\" cannot be read or written: give the user that the service runs as the \
                 rights to do so."
            ),
        ),
        other => return of_system(other),
    };
    ImageStoreError::Misconfigured {
        problem: problem.into(),
        detail,
    }
}

/// A failure with one file.
pub(super) fn of_file(errno: Errno) -> ImageStoreError {
    match errno {
        Errno::NOENT | Errno::LOOP => ImageStoreError::NotFound,
        Errno::ACCESS | Errno::PERM => ImageStoreError::Restricted {
            detail: "the service may not read it",
        },
        Errno::NAMETOOLONG => ImageStoreError::Restricted {
            detail: "its name is too long for the disk",
        },
        other => of_system(other),
    }
}

/// A failure to write, move or delete a file.
pub(super) fn of_write(errno: Errno) -> ImageStoreError {
    match errno {
        Errno::ACCESS | Errno::PERM => ImageStoreError::Misconfigured {
            problem: "the service may not write to the folder".into(),
            detail: "The service may read the images, and not write, move or delete files beside them. Give \
                     the user that it runs as the rights to write to the folders in the tenant's storage paths."
                .to_owned(),
        },
        other => of_file(other),
    }
}

/// A failure to read an opened file.
pub(super) fn of_reading(error: io::Error) -> ImageStoreError {
    Errno::from_io_error(&error).map_or_else(|| ImageStoreError::Unavailable(error.into()), of_file)
}

/// A file that changes each time it is read.
pub(super) const CHANGING: ImageStoreError = ImageStoreError::Restricted {
    detail: "it is being written to",
};

/// A task that has ended without a result.
pub(super) fn of_task(error: JoinError) -> ImageStoreError {
    ImageStoreError::Unavailable(error.into())
}

fn of_system(errno: Errno) -> ImageStoreError {
    let (problem, detail) = match errno {
        Errno::NOSPC | Errno::DQUOT => (
            "the disk is full",
            "There is no space left on the disk for the tenant's images. Free some.",
        ),
        Errno::ROFS => (
            "the disk cannot be written to",
            "The disk with the tenant's images is mounted read-only.",
        ),
        other => return ImageStoreError::Unavailable(other.into()),
    };
    ImageStoreError::Misconfigured {
        problem: problem.into(),
        detail: detail.to_owned(),
    }
}

/// A failure to write a new file.
pub(super) fn of_writing(error: io::Error) -> ImageStoreError {
    Errno::from_io_error(&error)
        .map_or_else(|| ImageStoreError::Unavailable(error.into()), of_write)
}

/// A failure to give a file a name that must be free.
pub(super) fn of_write_or_taken(errno: Errno) -> ImageStoreError {
    match errno {
        Errno::EXIST => ImageStoreError::NameTaken,
        other => of_write(other),
    }
}
