//! What becomes of an image once the platforms have been served: its caption file is written,
//! and both go to the archive.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::publication::Publication;
use crate::{
    app::usecases::captioning::Captions,
    domain::{
        image::{EncodedImage, ImageName},
        sidecar::{SD_CAPTION_VERSION, Sidecar},
    },
    ports::{FetchedImage, Folder, ImageStoreError},
};

impl Publication {
    /// Writes the caption file, or updates it: keys that are there and not ours stay.
    pub(super) async fn write_sidecar(
        &self,
        fetched: &FetchedImage,
        image: &EncodedImage,
        captions: &Captions,
    ) -> Result<(), ImageStoreError> {
        let existing = self
            .tenant
            .images(&self.request_id)
            .read_sidecar(&fetched.stored.name)
            .await?;
        let mut sidecar = existing
            .and_then(|bytes| Sidecar::parse(&bytes))
            .unwrap_or_default();
        self.fill(&mut sidecar, fetched, image, captions);
        self.tenant
            .images(&self.request_id)
            .write_sidecar(&fetched.stored.name, &sidecar.render())
            .await
    }

    fn fill(
        &self,
        sidecar: &mut Sidecar,
        fetched: &FetchedImage,
        image: &EncodedImage,
        captions: &Captions,
    ) {
        let settings = &self.tenant.settings().caption_file;
        let first_line = captions.sd_caption.as_deref().unwrap_or(captions.main());
        if !first_line.is_empty() {
            sidecar.set_caption(first_line);
        }
        sidecar.set("image_file", fetched.stored.name.as_str());
        sidecar.set("dropbox_file_id", &fetched.stored.file_id);
        sidecar.set("dropbox_rev", &fetched.stored.revision);
        sidecar.set("sha256", &image.sha256());
        if sidecar.get("created").is_none() {
            let now = OffsetDateTime::from(self.usecase.clock.utc());
            sidecar.set("created", &now.format(&Rfc3339).unwrap_or_default());
        }
        if captions.sd_caption.is_some() {
            sidecar.set("sd_caption_version", SD_CAPTION_VERSION);
        }
        sidecar.set(
            "model_version",
            captions.model.as_deref().unwrap_or_default(),
        );
        sidecar.set(
            "artist_alias",
            settings.artist_alias.as_deref().unwrap_or_default(),
        );
        sidecar.set("caption", captions.main());
        if let Some(analysis) = captions
            .analysis
            .as_ref()
            .filter(|_| settings.extended_metadata_enabled)
        {
            sidecar.set_analysis(analysis);
        }
    }

    /// Moves the image and its caption file to the archive.
    pub(super) async fn archive(&self, image: &ImageName) -> Result<(), ImageStoreError> {
        self.tenant
            .images(&self.request_id)
            .move_to(image, Folder::Archive)
            .await
    }
}
