//! Moving files: a sidecar moves with its image, and nothing is overwritten. In doubt, a look shows
//! whether a file has moved.

use serde_json::json;

use super::{
    connection::{Connection, or_absent},
    failure::Failure,
    wire::{Metadata, Moved},
};
use crate::{
    adapters::upstream::Answer,
    domain::{image::StoredImage, tenant_config::StoragePath},
    ports::IfTaken,
};

/// What Dropbox says when there is no file to be moved.
const NOTHING_TO_MOVE: &str = "from_lookup/not_found";
/// What it says when there is a file already where one is to be moved.
pub(super) const NAME_TAKEN: &str = "to/conflict";

impl Connection {
    /// Moves the image with this id and content, and returns its new name, which can differ if the old one was
    /// taken; `None` if it is not there any more. Where another image has its name by then, that one is moved back.
    ///
    /// The id stays the same wherever the file goes, so that in doubt a look at the old place and one
    /// for the id tell whether this file has moved, and to which name.
    pub(super) async fn move_image(
        &self,
        image: &StoredImage,
        (from_folder, to_folder): (&StoragePath, &StoragePath),
        if_taken: IfTaken,
    ) -> Result<Option<String>, Failure> {
        let name = image.name.as_str();
        let (from, to) = (from_folder.entry(name), to_folder.entry(name));
        let Some(moved) = self.move_file(&image.file_id, &from, &to, if_taken).await? else {
            return Ok(None);
        };
        // Moves are by path, and only their answers say what was there.
        if moved
            .content_hash()
            .is_none_or(|hash| hash == image.content_hash)
        {
            return Ok(Some(moved.name));
        }
        let there = to_folder.entry(&moved.name);
        let back = async {
            let found = self.look(&there).await?;
            if found.is_some_and(|found| found.id == moved.id) {
                let back = self.move_file(&moved.id, &there, &from, IfTaken::Rename);
                back.await?;
            }
            Ok(())
        };
        if let Err(error) = back.await {
            tracing::error!(
                "an image that had taken the name of another was moved in its place, and could not be moved back: \
                 look for it in the folder that images are moved to"
            );
            return Err(error);
        }
        Ok(None)
    }

    async fn move_file(
        &self,
        id: &str,
        from: &str,
        to: &str,
        if_taken: IfTaken,
    ) -> Result<Option<Metadata>, Failure> {
        if id.is_empty() {
            return Err(Failure::Malformed("a file without an id"));
        }
        let autorename = if_taken == IfTaken::Rename;
        let moved = self
            .write(
                "move_v2",
                || async {
                    let Answer { status, value } = self.rename(from, to, autorename).await?;
                    let value = named(value)?;
                    Ok(Answer { status, value })
                },
                || async {
                    let there = self.look(from).await?;
                    if there.is_some_and(|there| there.id == id) {
                        return Ok(None);
                    }
                    self.look(id).await?.map(named).transpose()
                },
            )
            .await;
        match moved {
            Ok(moved) => Ok(Some(moved)),
            // Gone since it was found, and not by one of the attempts: `write` has looked.
            Err(failure) if failure.is_refusal(NOTHING_TO_MOVE) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Moves a sidecar, if there is one. Where its new name is taken, it goes to the other one, if there is
    /// one; should both be taken, by texts of images that are gone, it gets another and is no sidecar any
    /// more; nothing is lost.
    pub(super) async fn move_sidecar(
        &self,
        from: &str,
        to: &str,
        other: Option<&str>,
    ) -> Result<(), Failure> {
        let moved = self.move_text(from, to, other.is_none()).await;
        match (moved, other) {
            (Err(failure), Some(other)) if failure.is_refusal(NAME_TAKEN) => {
                self.move_text(from, other, true).await
            }
            (moved, _) => moved,
        }
    }

    async fn move_text(&self, from: &str, to: &str, autorename: bool) -> Result<(), Failure> {
        self.write(
            "move_v2",
            || async {
                let moved = self.rename(from, to, autorename).await;
                let status = or_absent(moved, &[NOTHING_TO_MOVE])?.status;
                Ok(Answer { status, value: () })
            },
            // It is enough that it is gone: its new name is not needed.
            || async {
                let still_there = self.look(from).await?.is_some();
                Ok((!still_there).then_some(()))
            },
        )
        .await
    }

    /// One attempt to move a file. Dropbox makes the folders above the new place by itself (its
    /// errors for the destination have no word for a missing one), so that no call of ours has
    /// to.
    async fn rename(
        &self,
        from: &str,
        to: &str,
        autorename: bool,
    ) -> Result<Answer<Metadata>, Failure> {
        let argument = json!({ "from_path": from, "to_path": to, "autorename": autorename });
        let Answer { status, value } = self.rpc("move_v2", &argument).await?;
        let Moved { metadata: value } = value;
        Ok(Answer { status, value })
    }
}

/// A move's outcome, which has a name.
fn named(metadata: Metadata) -> Result<Metadata, Failure> {
    if metadata.name.is_empty() {
        return Err(Failure::Malformed("a moved file without a name"));
    }
    Ok(metadata)
}
