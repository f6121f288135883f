//! Copying the files where the sidecars of an image can be: byte for byte, also those that are a person's.

use bytes::Bytes;

use super::{
    FileKind, FolderCopy, Outcome,
    ended::{Ended, at_source, at_target},
    patiently,
};
use crate::{
    domain::{image::ImageName, sidecar::SidecarName},
    ports::{FoundFile, ImageStoreError, SidecarFile},
};

impl FolderCopy<'_> {
    /// Copies what is under both names of a sidecar of an image, unless it is at the target.
    pub(super) async fn sidecars(&self, image: &ImageName) -> Result<(), Ended> {
        for which in SidecarName::ALL {
            let Some(name) = which.beside(image.as_str()) else {
                continue;
            };
            if !self.sidecars.lock().insert(name.clone()) {
                continue;
            }
            match self.sidecar(image, which).await {
                Ok(None) => {}
                Ok(Some(outcome)) | Err(Ended::With(outcome)) => {
                    self.note(FileKind::Sidecar, &name, outcome);
                }
                Err(all @ Ended::All(_)) => return Err(all),
            }
        }
        Ok(())
    }

    /// The outcome; `None` if there is nothing to copy.
    async fn sidecar(
        &self,
        image: &ImageName,
        which: SidecarName,
    ) -> Result<Option<Outcome>, Ended> {
        let read = patiently(|| self.source.images.read_sidecar(image, which)).await;
        let bytes = match read.map_err(at_source)? {
            SidecarFile::Missing => return Ok(None),
            SidecarFile::Unreadable => {
                let why = "it is too large for a sidecar, or no file".to_owned();
                return Ok(Some(Outcome::Failed(why)));
            }
            SidecarFile::Found { bytes, .. } => bytes,
        };
        if let Some(outcome) = self.sidecar_there(image, which, &bytes).await? {
            return Ok(Some(outcome));
        }
        let size = bytes.len() as u64;
        if self.run.migration.dry_run {
            return Ok(Some(Outcome::Copied { bytes: size }));
        }
        let images = &self.target.images;
        let nothing = FoundFile::Nothing;
        let written = patiently(|| images.write_sidecar(image, which, &bytes, &nothing));
        match written.await {
            Ok(()) | Err(ImageStoreError::SidecarChanged) => {}
            Err(error) => return Err(at_target(error)),
        }
        // Read back: it may have been written by somebody else meanwhile.
        let there = self.sidecar_there(image, which, &bytes).await?;
        Ok(Some(match there {
            Some(Outcome::Present) => Outcome::Copied { bytes: size },
            Some(other) => other,
            None => Outcome::Failed("it is not there though it was written".to_owned()),
        }))
    }

    /// How what is at the target compares with this; `None` if nothing is there.
    async fn sidecar_there(
        &self,
        image: &ImageName,
        which: SidecarName,
        bytes: &Bytes,
    ) -> Result<Option<Outcome>, Ended> {
        let read = patiently(|| self.target.images.read_sidecar(image, which)).await;
        Ok(match read.map_err(at_target)? {
            SidecarFile::Missing => None,
            SidecarFile::Found { bytes: there, .. } if there == bytes => Some(Outcome::Present),
            SidecarFile::Found { .. } | SidecarFile::Unreadable => Some(Outcome::Different),
        })
    }
}
