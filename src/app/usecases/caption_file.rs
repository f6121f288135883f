//! The caption file beside an image: what is known of the image is written there by whoever has
//! found it out.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{captioning::Captions, loaded_image::LoadedImage, tenant::Tenant};
use crate::{
    domain::{
        image::{ImageName, StoredImage},
        request_id::RequestId,
        sidecar::{SD_CAPTION_VERSION, Sidecar},
    },
    ports::{Clock, ImageStoreError},
};

/// The caption file of an image.
pub(super) struct CaptionFile<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) request_id: &'a RequestId,
    pub(super) name: &'a ImageName,
}

/// What a caption file is written from, beside the captions.
pub(super) struct OpenFile {
    sidecar: Sidecar,
    sha256: String,
}

impl CaptionFile<'_> {
    /// What it says; `None` if there is none that can be read.
    pub(super) async fn read(&self) -> Result<Option<Sidecar>, ImageStoreError> {
        let bytes = self
            .tenant
            .images(self.request_id)
            .read_sidecar(self.name)
            .await?;
        Ok(bytes.and_then(|bytes| Sidecar::parse(&bytes)))
    }

    /// Gets ready to write it: learns what is there, and what the image's hash is.
    pub(super) async fn open(&self, image: &LoadedImage) -> Result<OpenFile, ImageStoreError> {
        let encoded = image.encoded.clone();
        // 50 MB take a good part of a second: too long for an async thread.
        let hash = tokio::task::spawn_blocking(move || encoded.sha256());
        let sidecar = self.read().await?.unwrap_or_default();
        let sha256 = hash
            .await
            .map_err(|error| ImageStoreError::Unavailable(error.into()))?;
        Ok(OpenFile { sidecar, sha256 })
    }

    /// Writes it, or updates it: keys that are there and not ours stay.
    pub(super) async fn write(
        &self,
        OpenFile {
            mut sidecar,
            sha256,
        }: OpenFile,
        clock: &dyn Clock,
        image: &LoadedImage,
        captions: &Captions,
    ) -> Result<(), ImageStoreError> {
        self.fill(&mut sidecar, clock, &image.stored, &sha256, captions);
        self.tenant
            .images(self.request_id)
            .write_sidecar(self.name, &sidecar.render())
            .await
    }

    fn fill(
        &self,
        sidecar: &mut Sidecar,
        clock: &dyn Clock,
        stored: &StoredImage,
        sha256: &str,
        captions: &Captions,
    ) {
        let settings = &self.tenant.settings().caption_file;
        let first_line = captions.sd_caption.as_deref().unwrap_or(captions.main());
        if !first_line.is_empty() {
            sidecar.set_caption(first_line);
        }
        sidecar.set("image_file", self.name.as_str());
        sidecar.set("dropbox_file_id", &stored.file_id);
        sidecar.set("dropbox_rev", &stored.revision);
        sidecar.set("sha256", sha256);
        if sidecar.get("created").is_none() {
            let now = OffsetDateTime::from(clock.utc());
            sidecar.set("created", &now.format(&Rfc3339).unwrap_or_default());
        }
        if captions.sd_caption.is_some() {
            sidecar.set("sd_caption_version", SD_CAPTION_VERSION);
        } else if !first_line.is_empty() {
            // What stood there before was one, and this is none.
            sidecar.remove("sd_caption_version");
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
}
