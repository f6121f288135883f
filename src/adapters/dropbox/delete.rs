//! Deleting files: exactly the ones that were looked at. In doubt, another look shows whether a
//! file is gone.

use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    connection::{Connection, or_absent},
    failure::Failure,
    wire::Metadata,
};
use crate::adapters::upstream::Answer;

/// What Dropbox says when there is no file to be deleted.
const NOTHING_TO_DELETE: &str = "path_lookup/not_found";

impl Connection {
    /// Deletes an image and these sidecars; false if there is no such image, and then nothing is
    /// deleted.
    ///
    /// The sidecars are deleted first. An image without a sidecar is still an image, which can be
    /// asked for and deleted again. A sidecar without its image would never be found, and would be
    /// taken for that of the next image of this name.
    pub(super) async fn delete_image(
        &self,
        image: &str,
        sidecars: &[String],
    ) -> Result<bool, Failure> {
        let Some(image) = self.file_at(image).await? else {
            return Ok(false);
        };
        for sidecar in sidecars {
            if let Some(sidecar) = self.file_at(sidecar).await? {
                self.delete_file(&sidecar).await?;
            }
        }
        self.delete_file(&image).await
    }

    /// The file at a path, if one is there: deleting a folder would take everything in it along.
    async fn file_at(&self, path: &str) -> Result<Option<Metadata>, Failure> {
        let found = self.read("get_metadata", || self.metadata(path)).await?;
        Ok(found.filter(Metadata::is_file))
    }

    /// Deletes a file by its id, so that an attempt never meets another that has taken its place;
    /// false if it was gone already.
    async fn delete_file(&self, file: &Metadata) -> Result<bool, Failure> {
        if file.id.is_empty() {
            return Err(Failure::Malformed("a file without an id"));
        }
        let argument = json!({ "path": file.id });
        self.write(
            "delete_v2",
            || async {
                let deleted = self.rpc::<IgnoredAny>("delete_v2", &argument).await;
                let Answer { status, value } = or_absent(deleted, &[NOTHING_TO_DELETE])?;
                let value = value.is_some();
                Ok(Answer { status, value })
            },
            // Gone is enough: an attempt before this look may have done it.
            || async {
                let still_there = self.look(&file.id).await?.is_some();
                Ok((!still_there).then_some(true))
            },
        )
        .await
    }
}
