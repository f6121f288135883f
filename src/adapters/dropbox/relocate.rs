//! Moving files: a sidecar moves with its image, and nothing is overwritten. In doubt, a look shows
//! whether a file has moved.

use serde_json::json;

use super::{
    connection::{Connection, or_absent},
    failure::Failure,
    wire::{Metadata, Moved},
};
use crate::{adapters::upstream::Answer, ports::IfTaken};

/// What Dropbox says when there is no file to be moved.
const NOTHING_TO_MOVE: &str = "from_lookup/not_found";
/// What it says when there is a file already where one is to be moved.
pub(super) const NAME_TAKEN: &str = "to/conflict";

impl Connection {
    /// Moves an image with this id and returns its new name, which can differ if the old one was
    /// taken; `None` if it is not there any more.
    ///
    /// The id stays the same wherever the file goes, so that in doubt a look at the old place and one
    /// for the id tell whether this file has moved, and to which name.
    pub(super) async fn move_image(
        &self,
        id: &str,
        from: &str,
        to: &str,
        if_taken: IfTaken,
    ) -> Result<Option<String>, Failure> {
        if id.is_empty() {
            return Err(Failure::Malformed("a file without an id"));
        }
        let autorename = if_taken == IfTaken::Rename;
        let moved = self
            .write(
                "move_v2",
                || async {
                    let Answer { status, value } = self.rename(from, to, autorename).await?;
                    let value = new_name(value)?;
                    Ok(Answer { status, value })
                },
                || async {
                    let there = self.look(from).await?;
                    if there.is_some_and(|there| there.id == id) {
                        return Ok(None);
                    }
                    self.look(id).await?.map(new_name).transpose()
                },
            )
            .await;
        match moved {
            Ok(name) => Ok(Some(name)),
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

/// The name in a move's outcome.
fn new_name(metadata: Metadata) -> Result<String, Failure> {
    if metadata.name.is_empty() {
        return Err(Failure::Malformed("a moved file without a name"));
    }
    Ok(metadata.name)
}
