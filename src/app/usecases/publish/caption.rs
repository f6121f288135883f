//! The captions of a publication: the caller's, those of an earlier attempt, or new ones. All fit what the platforms
//! take at the moment.
//!
//! Those of an earlier attempt are in the ledger, where they are written with the intent, and in the sidecar, which a
//! person may have edited since. Only platforms of which neither has one get a new caption.

use super::{error::PublishImageError, prepare::Prepared, publication::Publication};
use crate::{
    app::usecases::steps::{
        captioning::{Captioning, Captions},
        earlier_captions::EarlierCaptions,
        loaded_image::LoadedImage,
        sidecar::OpenSidecar,
    },
    domain::{caption::PlatformRules, content_hashes::ContentHashes, platform::Platform},
};

impl Publication {
    /// The caption for each platform, and the sidecar, if it was read for them. Nothing is paid for if no platform can
    /// take the image, if the caller gave captions, or if there are those of an earlier attempt, of which the ledger knows
    /// by one of the hashes in `tried`.
    pub(super) async fn captions_for(
        &self,
        image: &LoadedImage,
        prepared: &Prepared,
        tried: Option<&ContentHashes>,
    ) -> Result<(Captions, Option<OpenSidecar>), PublishImageError> {
        let sent_to = prepared.sent_to();
        if sent_to.is_empty() {
            return Ok((Captions::default(), None));
        }
        let (settings, rules) = (self.tenant.settings(), &prepared.rules);
        // Forced, an image is captioned anew, but once, however many attempts its job has.
        let tried = tried.filter(|_| !self.force || self.attempt.resumes().is_some());
        let are_given = self.request.has_captions();
        // A dry run reports captions alone, and a sidecar adds nothing to those of the caller.
        let is_of_use = if are_given {
            !self.plan.is_dry_run()
        } else {
            tried.is_some()
        };
        // Where it cannot be read, what it has is missing; writing the sidecar logs the reason.
        let opened = if is_of_use {
            self.sidecar(&image.stored).open(image).await.ok()
        } else {
            None
        };
        let sidecar = opened.as_ref().and_then(OpenSidecar::sidecar);
        let captions = if are_given {
            let given = |platform| self.request.caption_for(platform).unwrap_or_default();
            Captions::given(given, rules, settings, sidecar)
        } else if let Some(hashes) = tried {
            let kept = self
                .usecase
                .work
                .captions
                .kept(self.tenant.name(), hashes, &sent_to);
            let earlier = EarlierCaptions {
                kept: kept.await?,
                sidecar,
                settings,
            };
            self.completed(
                image,
                &sent_to,
                rules,
                earlier.for_platforms(&sent_to, rules),
            )
            .await?
        } else {
            self.new_captions(image, rules).await?
        };
        let mut sent_to = sent_to.into_iter();
        if are_given
            && !self.request.allow_empty_caption
            && let Some(platform) = sent_to.find(|platform| captions.of(*platform).is_empty())
        {
            return Err(PublishImageError::NothingLeft(platform));
        }
        Ok((captions, opened))
    }

    /// The captions of an earlier attempt, and new ones, by one call, where one of these platforms has none.
    async fn completed(
        &self,
        image: &LoadedImage,
        sent_to: &[Platform],
        rules: &PlatformRules,
        earlier: Captions,
    ) -> Result<Captions, PublishImageError> {
        let has_one = |platform: &Platform| earlier.by_platform.contains_key(platform);
        if sent_to.iter().all(has_one) {
            return Ok(earlier);
        }
        let mut missing = rules.clone();
        missing.retain(|platform, _| !has_one(platform));
        let new = self.new_captions(image, &missing).await?;
        Ok(new.with_earlier(earlier))
    }

    /// New captions within these rules.
    async fn new_captions(
        &self,
        image: &LoadedImage,
        rules: &PlatformRules,
    ) -> Result<Captions, PublishImageError> {
        let captioning = Captioning {
            scaler: &*self.usecase.work.scaler,
            tenant: &self.tenant,
            request_id: &self.request_id,
            stages: self.stages(),
            voices: &self.usecase.work.voices,
            history: &*self.usecase.work.captions,
        };
        match captioning.write(image, rules).await {
            Err(_) if self.request.allow_empty_caption => Ok(Captions::default()),
            result => result.map_err(PublishImageError::Captions),
        }
    }
}
