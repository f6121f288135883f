//! Captions that are written for an image: one model looks at it, another writes for each platform.
//! Publishing and analysing have them written in the same way.

use std::collections::BTreeMap;

use super::stages::{Stage, Stages};
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::tenant::{ClientUnavailable, Tenant},
    },
    domain::{
        analysis::Analysis,
        caption::WrittenCaptions,
        image::EncodedImage,
        platform::Platform,
        request_id::RequestId,
        sidecar::Sidecar,
        tenant_config::{AiSettings, TenantSettings, VisionDetail},
    },
    ports::{
        CaptionBrief, CaptionError, CaptionWriter, ImageProcessingError, ImageProcessor,
        VisionImage,
    },
};

/// Why no caption could be had.
#[derive(Debug, thiserror::Error)]
pub enum CaptionsUnavailable {
    /// There is no caption writer.
    #[error("the caption writer is not available")]
    NoWriter(#[from] ClientUnavailable),
    /// It failed.
    #[error(transparent)]
    Writer(#[from] CaptionError),
    /// The image could not be prepared for it.
    #[error(transparent)]
    Image(#[from] ImageProcessingError),
}

/// Where captions come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Author {
    /// The caller gave them.
    #[default]
    Caller,
    /// A model wrote them just now.
    Model,
    /// The sidecar has them of an earlier attempt, whoever wrote them.
    Sidecar,
}

/// All texts that go with one image.
#[derive(Debug, Clone, Default)]
pub(super) struct Captions {
    /// Who wrote them.
    pub(super) author: Author,
    /// For each platform, within its limits.
    pub(super) by_platform: BTreeMap<Platform, String>,
    /// The Stable-Diffusion caption.
    pub(super) sd_caption: Option<String>,
    /// What vision saw, unless the caption was given; of an earlier attempt, what the sidecar has of it.
    pub(super) analysis: Option<Analysis>,
    /// The model that wrote the captions.
    pub(super) model: Option<String>,
}

impl Captions {
    /// One caption for these platforms, made to fit each.
    pub(super) fn given(
        caption: &str,
        hashtags: &str,
        platforms: &[Platform],
        settings: &TenantSettings,
    ) -> Self {
        let fit = |platform: &Platform| {
            let rules = settings.platforms.caption_rules(*platform);
            (*platform, rules.fit(caption, hashtags))
        };
        Self {
            by_platform: platforms.iter().map(fit).collect(),
            ..Self::default()
        }
    }

    /// The captions of an earlier attempt, with the tags and the alt text; `None` where the sidecar lacks that of
    /// one of these platforms.
    pub(super) fn from_sidecar(
        sidecar: &Sidecar,
        platforms: &[Platform],
        settings: &TenantSettings,
    ) -> Option<Self> {
        let hashtags = &settings.content.hashtag_string;
        // What fitted once fits as it is; a person may have made it longer since.
        let fitted = |platform: &Platform| {
            let text = sidecar.caption_for(*platform)?;
            let text = settings
                .platforms
                .caption_rules(*platform)
                .fit(&text, hashtags);
            Some((*platform, text))
        };
        let by_platform = platforms.iter().map(fitted).collect::<Option<_>>()?;
        let analysis = Analysis {
            tags: sidecar.list("tags"),
            alt_text: sidecar.get("alt_text").map(str::to_owned),
            ..Analysis::default()
        };
        Some(Self {
            author: Author::Sidecar,
            by_platform,
            analysis: Some(analysis),
            ..Self::default()
        })
    }

    /// The caption of a platform; empty if there is none.
    pub(super) fn of(&self, platform: Platform) -> &str {
        self.by_platform.get(&platform).map_or("", String::as_str)
    }

    /// A caption to remember the image by: that of the first platform.
    pub(super) fn main(&self) -> &str {
        self.by_platform
            .values()
            .find(|text| !text.is_empty())
            .map_or("", String::as_str)
    }
}

/// Has captions written for a tenant's images.
pub(super) struct Captioning<'a> {
    pub(super) scaler: &'a dyn ImageProcessor,
    pub(super) tenant: &'a Tenant,
    pub(super) request_id: &'a RequestId,
    pub(super) stages: Stages<'a>,
}

impl Captioning<'_> {
    /// Captions for these platforms, by one vision call and one caption call; once more from the
    /// start when the credential turns out to be dead and another can be had. A failure is
    /// logged.
    pub(super) async fn write(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, CaptionsUnavailable> {
        let written = self.written(image, platforms).await;
        if let Err(error) = &written {
            tracing::warn!(
                tenant = %self.tenant.name(),
                error = %ErrorChain(error),
                "no caption could be written"
            );
        }
        written
    }

    async fn written(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, CaptionsUnavailable> {
        let writer = self.tenant.caption_writer(self.request_id).await?;
        let result = self.written_by(&*writer.client, image, platforms).await;
        let Err(CaptionsUnavailable::Writer(CaptionError::Unauthorized(_))) = &result else {
            return result;
        };
        self.tenant.forget(&writer);
        let renewed = self.tenant.caption_writer(self.request_id).await?;
        if renewed.has_same_credential(&writer) {
            return result;
        }
        self.written_by(&*renewed.client, image, platforms).await
    }

    async fn written_by(
        &self,
        writer: &dyn CaptionWriter,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, CaptionsUnavailable> {
        let settings = self.tenant.settings();
        let Some(ai) = &settings.ai else {
            return Ok(Captions::default());
        };
        let analysis = self.analysis(writer, ai, image);
        let analysis = self.stages.time(Stage::Vision, analysis).await?;
        let brief = CaptionBrief {
            analysis,
            platforms: platforms.to_vec(),
        };
        // What was seen has been paid for, and makes a caption of its own.
        let written = self.stages.time(Stage::Captions, writer.write(&brief));
        let written = match written.await {
            Ok(written) => written,
            // Somebody has to do something about these, and would never learn of it.
            Err(
                error @ (CaptionError::Unauthorized(_)
                | CaptionError::Misconfigured { .. }
                | CaptionError::QuotaExhausted),
            ) => return Err(error.into()),
            Err(
                error @ (CaptionError::Unusable(_)
                | CaptionError::ImageRefused { .. }
                | CaptionError::RateLimited { .. }
                | CaptionError::Timeout(_)
                | CaptionError::Unavailable(_)),
            ) => {
                tracing::warn!(
                    tenant = %self.tenant.name(),
                    error = %ErrorChain(&error),
                    "captions could not be written; the description takes their place"
                );
                WrittenCaptions::default()
            }
        };
        let analysis = brief.analysis;
        let hashtags = &settings.content.hashtag_string;
        let fit = |platform: &Platform| {
            let text = written
                .by_platform
                .get(platform)
                .unwrap_or(&analysis.description);
            (
                *platform,
                settings
                    .platforms
                    .caption_rules(*platform)
                    .fit_written(text, hashtags),
            )
        };
        Ok(Captions {
            author: Author::Model,
            by_platform: platforms.iter().map(fit).collect(),
            sd_caption: written.sd_caption,
            model: Some(ai.caption_model.clone()),
            analysis: Some(analysis),
        })
    }

    /// What vision sees; when the first look brings nothing usable, or the model does not take the image, a
    /// closer one is taken.
    async fn analysis(
        &self,
        writer: &dyn CaptionWriter,
        ai: &AiSettings,
        image: &EncodedImage,
    ) -> Result<Analysis, CaptionsUnavailable> {
        let look = async |max_dimension: Option<u32>, detail: VisionDetail| {
            let image = self.scaler.fit_within(image, max_dimension).await?;
            Ok(writer.analyse(&VisionImage { image, detail }).await?)
        };
        let first = look(ai.vision_max_dimension, ai.vision_detail).await;
        let Some(fallback) = ai.vision_fallback else {
            return first;
        };
        let Err(CaptionsUnavailable::Writer(
            error @ (CaptionError::Unusable(_) | CaptionError::ImageRefused { .. }),
        )) = first
        else {
            return first;
        };
        tracing::warn!(
            tenant = %self.tenant.name(),
            %error,
            "the first analysis failed; taking a closer look"
        );
        match look(fallback.max_dimension, fallback.detail).await {
            // Refused once and useless the second time, it is the image that is not taken.
            Err(CaptionsUnavailable::Writer(CaptionError::Unusable(_)))
                if error.is_about_the_image() =>
            {
                Err(error.into())
            }
            second => second,
        }
    }
}
