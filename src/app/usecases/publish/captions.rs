//! The captions of a publication: the caller's, or those that are written for the image.

use super::{PublishImageError, publication::Publication};
use crate::{
    app::usecases::captioning::{Captioning, Captions},
    domain::{image::EncodedImage, platform::Platform},
};

impl Publication {
    /// Captions for these platforms. A caller's caption makes no call and is only
    /// made to fit: the tenant's hashtags go with written captions.
    pub(super) async fn captions(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, PublishImageError> {
        if let Some(caption) = &self.request.caption {
            return Ok(Captions::given(
                caption,
                "",
                platforms,
                self.tenant.settings(),
            ));
        }
        let captioning = Captioning {
            scaler: &self.usecase.scaler,
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
