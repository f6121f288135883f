//! Moving an image and its sidecars to another folder. Nothing is overwritten.
//!
//! The image goes first: without its sidecar it is still an image, which a sidecar without its image is not. Where
//! a file cannot be renamed in one step (to another disk, or on a file system that cannot refuse to overwrite), a
//! crash leaves it in both folders, and the next attempt finds that and only removes the first one.

use rustix::{
    fs::{Timespec, Timestamps},
    io::Errno,
};

use super::{
    digests::digest_of,
    failure,
    folder::{FileState, OpenFile, OpenFolder},
    temporary::TemporaryFile,
};
use crate::{
    domain::{image::ImageName, sidecar::SidecarName},
    ports::{IfTaken, ImageStoreError, Moved},
};

/// The longest name of a file, in bytes, on almost every file system.
const MAX_NAME: usize = 255;

/// Moves an image, and those of these sidecars that exist.
pub(super) fn run(
    from: &OpenFolder,
    to: &OpenFolder,
    image: &ImageName,
    sidecars: &[SidecarName],
    if_taken: IfTaken,
) -> Result<Moved, ImageStoreError> {
    if from.is_same_as(to).map_err(failure::of_file)? {
        return match if_taken {
            IfTaken::Refuse => Err(ImageStoreError::NameTaken),
            IfTaken::Rename => Ok(Moved {
                name: image.to_string(),
                sidecar: Ok(()),
            }),
        };
    }
    let names = names(image.as_str());
    let names = names.take(match if_taken {
        IfTaken::Refuse => 1,
        IfTaken::Rename => usize::MAX,
    });
    let new_name = move_file(from, to, image.as_str(), names)?;
    let new_name = new_name.ok_or(ImageStoreError::NameTaken)?;
    let mut moved = Ok(());
    for sidecar in sidecars {
        let (Some(old), Some(new)) = (sidecar.beside(image.as_str()), sidecar.beside(&new_name))
        else {
            continue;
        };
        moved = moved.and(move_sidecar(from, to, &old, &new, &new_name));
    }
    Ok(Moved {
        name: new_name,
        sidecar: moved,
    })
}

/// Moves a sidecar, if there is one. Where its name is taken by that of another image, it takes the one that is its
/// image's alone; should that be taken, too, another, and is no sidecar any more. Nothing is lost.
fn move_sidecar(
    from: &OpenFolder,
    to: &OpenFolder,
    old: &str,
    new: &str,
    image: &str,
) -> Result<(), ImageStoreError> {
    let own = SidecarName::Full.beside(image);
    let own = own.unwrap_or_else(|| new.to_owned());
    let names = std::iter::once(new.to_owned()).chain(names(&own));
    match move_file(from, to, old, names) {
        Err(ImageStoreError::NotFound) => Ok(()),
        moved => moved.map(|_| ()),
    }
}

/// A name, and those that are taken in turn where it is taken: `a.jpg`, `a (1).jpg`, `a (2).jpg` …
fn names(name: &str) -> impl Iterator<Item = String> {
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    };
    let numbered = move |number: u32| {
        let ending = format!(" ({number}){ending}");
        let room = MAX_NAME.saturating_sub(ending.len());
        let cut = (0..=stem.len().min(room)).rev();
        let mut cut = cut.filter(|at| stem.is_char_boundary(*at));
        let stem = stem.get(..cut.next().unwrap_or(0)).unwrap_or_default();
        format!("{stem}{ending}")
    };
    std::iter::once(name.to_owned()).chain((1..).map(numbered))
}

/// Moves a file to the first of these names that is free, for good; `None` if none is.
fn move_file(
    from: &OpenFolder,
    to: &OpenFolder,
    old: &str,
    names: impl Iterator<Item = String>,
) -> Result<Option<String>, ImageStoreError> {
    let state = from.state(old).map_err(failure::of_file)?;
    let state = state.ok_or(ImageStoreError::NotFound)?;
    for new in names {
        let moved = match from.rename_new(old, to, &new) {
            Err(Errno::XDEV) => copy(from, to, old, &new),
            moved => moved.map_err(failure::of_write_or_taken),
        };
        match moved {
            Err(ImageStoreError::NameTaken) if is_second_name(to, &new, &state) => {
                from.unlink(old).map_err(failure::of_write)?;
            }
            Err(ImageStoreError::NameTaken) => continue,
            moved => moved?,
        }
        to.sync().map_err(failure::of_write)?;
        from.sync().map_err(failure::of_write)?;
        return Ok(Some(new));
    }
    Ok(None)
}

/// Whether the name that is taken is one of the file itself, which has another one in the other folder.
fn is_second_name(to: &OpenFolder, name: &str, state: &FileState) -> bool {
    let there = to.state(name).ok().flatten();
    there.is_some_and(|there| there.is_file_of(state))
}

/// Moves a file to another disk.
fn copy(from: &OpenFolder, to: &OpenFolder, old: &str, new: &str) -> Result<(), ImageStoreError> {
    let file = from.read(old).map_err(failure::of_file)?;
    let file = file.ok_or(ImageStoreError::NotFound)?;
    if is_copied(&file, to, new)? {
        return from.unlink(old).map_err(failure::of_write);
    }
    let modified = timespec(file.state.modified);
    let times = Timestamps {
        last_access: modified,
        last_modification: modified,
    };
    let copy = TemporaryFile::copy(to, file.content(), Some(&times));
    let copy = copy.map_err(failure::of_writing)?;
    if !file.is_unchanged().map_err(failure::of_file)? {
        return Err(failure::CHANGING);
    }
    copy.name_new(new).map_err(failure::of_write_or_taken)?;
    from.unlink(old).map_err(failure::of_write)
}

fn timespec(nanoseconds: i128) -> Timespec {
    const SECOND: i128 = 1_000_000_000;
    Timespec {
        tv_sec: i64::try_from(nanoseconds.div_euclid(SECOND)).unwrap_or_default(),
        tv_nsec: i64::try_from(nanoseconds.rem_euclid(SECOND)).unwrap_or_default(),
    }
}

/// Whether an earlier attempt has copied the file, and not removed the original any more.
fn is_copied(file: &OpenFile, to: &OpenFolder, new: &str) -> Result<bool, ImageStoreError> {
    let there = to.read(new).map_err(failure::of_file)?;
    let Some(there) = there.filter(|there| there.state.size == file.state.size) else {
        return Ok(false);
    };
    let same = digest_of(file).and_then(|digest| Ok(digest == digest_of(&there)?));
    same.map_err(failure::of_reading)
}
