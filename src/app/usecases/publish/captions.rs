//! The captions of a publication: the caller's, those of an earlier attempt, or those that are written for the
//! image.

use super::{error::PublishImageError, prepare::Prepared, publication::Publication};
use crate::{
    app::usecases::{
        captioning::{Captioning, Captions},
        loaded_image::LoadedImage,
        sidecar::OpenSidecar,
    },
    domain::{image::EncodedImage, platform::Platform},
};

impl Publication {
    /// The caption for each platform, and the sidecar, if that was looked into for them. Nothing is paid
    /// for if no platform can take the image, nor, where the image `was_tried` before, for captions that the
    /// sidecar has of that attempt.
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
            // Where it cannot be read, captions are written; why, is said when it is to be written.
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

    /// Captions for these platforms. A caller's caption makes no call, and is made to fit like all others.
    async fn captions(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, PublishImageError> {
        let settings = self.tenant.settings();
        if let Some(caption) = &self.request.caption {
            let hashtags = &settings.content.hashtag_string;
            return Ok(Captions::given(caption, hashtags, platforms, settings));
        }
        let captioning = Captioning {
            scaler: &*self.usecase.scaler,
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
