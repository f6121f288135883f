//! The captions of a publication: the caller's, those of an earlier attempt, or new ones.

use super::{error::PublishImageError, prepare::Prepared, publication::Publication};
use crate::{
    app::usecases::steps::{
        captioning::{Captioning, Captions},
        loaded_image::LoadedImage,
        sidecar::OpenSidecar,
    },
    domain::{image::EncodedImage, platform::Platform},
};

impl Publication {
    /// The caption for each platform, and the sidecar, if it was read for them. Nothing is paid for if no platform can
    /// take the image, or if the image `was_tried` before and the sidecar has the captions of that attempt.
    pub(super) async fn captions_for(
        &self,
        image: &LoadedImage,
        prepared: &Prepared,
        platforms: &[Platform],
        was_tried: bool,
    ) -> Result<(Captions, Option<OpenSidecar>), PublishImageError> {
        if prepared.sent_to().is_empty() {
            return Ok((Captions::default(), None));
        }
        let mut opened = None;
        if was_tried && self.request.caption.is_none() && !self.force {
            // Where it cannot be read, new captions are written; writing the sidecar logs the reason.
            opened = self.sidecar(&image.stored).open(image).await.ok();
            let sidecar = opened.as_ref().and_then(OpenSidecar::sidecar);
            let settings = self.tenant.settings();
            let earlier = sidecar.and_then(|it| Captions::from_sidecar(it, platforms, settings));
            if let Some(captions) = earlier {
                return Ok((captions, opened));
            }
        }
        let captions = self.captions(&image.encoded, platforms).await?;
        Ok((captions, opened))
    }

    /// The caller's caption, or new captions, within the limits of these platforms.
    async fn captions(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, PublishImageError> {
        let settings = self.tenant.settings();
        if let Some(caption) = &self.request.caption {
            return Ok(Captions::given(caption, platforms, settings));
        }
        let captioning = Captioning {
            scaler: &*self.usecase.work.scaler,
            tenant: &self.tenant,
            request_id: &self.request_id,
            stages: self.stages(),
        };
        match captioning.write(image, platforms).await {
            Err(_) if self.request.allow_empty_caption => Ok(Captions::default()),
            result => result.map_err(PublishImageError::Captions),
        }
    }
}
