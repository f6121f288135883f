//! Links to images.

use async_trait::async_trait;
use serde_json::json;

use super::{
    connection::or_absent,
    failure::Failure,
    store::{DropboxImageStore, NO_FILE},
    wire::Linked,
};
use crate::{
    domain::image::ImageName,
    ports::{ImageLinks, ImageStoreError, LinkedImage},
};

#[async_trait]
impl ImageLinks for DropboxImageStore {
    async fn temporary_link(&self, name: &ImageName) -> Result<LinkedImage, ImageStoreError> {
        let endpoint = "get_temporary_link";
        let argument = json!({ "path": self.entry(name.as_str()) });
        let linked: Linked = self
            .connection
            .read(endpoint, || async {
                or_absent(self.connection.rpc(endpoint, &argument).await, &NO_FILE)
            })
            .await
            .map_err(Failure::of_one_file)?
            .ok_or(ImageStoreError::NotFound)?;
        let (metadata, link) = linked
            .into_parts()
            .ok_or(Failure::Malformed("a link that is no web address"))?;
        let stored = metadata
            .into_asked(name)
            .ok_or(Failure::Malformed("a link without what every file has"))?;
        Ok(LinkedImage { stored, link })
    }
}
