//! Captions for one image: a vision model describes it, and a caption model writes for each platform.

use std::collections::BTreeMap;

use super::stages::{Stage, Stages};
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::{access::ClientUnavailable, tenant::Tenant},
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

/// Why no caption could be written.
#[derive(Debug, thiserror::Error)]
pub enum CaptionsUnavailable {
    /// There is no caption writer.
    #[error("the caption writer is not available")]
    NoWriter(#[from] ClientUnavailable),
    /// The caption writer failed.
    #[error(transparent)]
    Writer(#[from] CaptionError),
    /// The image could not be prepared for the caption writer.
    #[error(transparent)]
    Image(#[from] ImageProcessingError),
}

/// The source of captions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::app::usecases) enum Author {
    /// The caller gave them.
    #[default]
    Caller,
    /// A model wrote them just now.
    Model,
    /// The sidecar has them from an earlier attempt.
    Sidecar,
}

/// The texts for one image.
#[derive(Debug, Clone, Default)]
pub(in crate::app::usecases) struct Captions {
    /// The source of the captions.
    pub(in crate::app::usecases) author: Author,
    /// The caption for each platform, within its limits.
    pub(in crate::app::usecases) by_platform: BTreeMap<Platform, String>,
    /// The Stable-Diffusion caption.
    pub(in crate::app::usecases) sd_caption: Option<String>,
    /// The analysis of the image; for captions from the sidecar, the part of it that the sidecar has. `None` where
    /// the caller gave the caption.
    pub(in crate::app::usecases) analysis: Option<Analysis>,
    /// The model that wrote the captions.
    pub(in crate::app::usecases) model: Option<String>,
}

impl Captions {
    /// One caption for these platforms, made to fit each.
    pub(in crate::app::usecases) fn given(
        caption: &str,
        platforms: &[Platform],
        settings: &TenantSettings,
    ) -> Self {
        let hashtags = &settings.content.hashtag_string;
        let fit = |platform: &Platform| {
            let rules = settings.platforms.caption_rules(*platform);
            (*platform, rules.fit(caption, hashtags))
        };
        Self {
            by_platform: platforms.iter().map(fit).collect(),
            ..Self::default()
        }
    }

    /// The captions of an earlier attempt, with the tags and the alt text; `None` where the sidecar lacks the
    /// caption for one of these platforms.
    pub(in crate::app::usecases) fn from_sidecar(
        sidecar: &Sidecar,
        platforms: &[Platform],
        settings: &TenantSettings,
    ) -> Option<Self> {
        let hashtags = &settings.content.hashtag_string;
        // The caption did fit, but a person may have made it longer since.
        let fitted = |platform: &Platform| {
            let rules = settings.platforms.caption_rules(*platform);
            let text = sidecar.caption_for(*platform)?;
            Some((*platform, rules.fit(&text, hashtags)))
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

    /// The caption for a platform; empty if there is none.
    pub(in crate::app::usecases) fn of(&self, platform: Platform) -> &str {
        self.by_platform.get(&platform).map_or("", String::as_str)
    }

    /// The caption by which the sidecar remembers the image: that of the first platform.
    pub(in crate::app::usecases) fn main(&self) -> &str {
        self.by_platform
            .values()
            .find(|text| !text.is_empty())
            .map_or("", String::as_str)
    }
}

/// Writes captions for a tenant's images.
pub(in crate::app::usecases) struct Captioning<'a> {
    pub(in crate::app::usecases) scaler: &'a dyn ImageProcessor,
    pub(in crate::app::usecases) tenant: &'a Tenant,
    pub(in crate::app::usecases) request_id: &'a RequestId,
    pub(in crate::app::usecases) stages: Stages<'a>,
}

impl Captioning<'_> {
    /// Captions for these platforms, by one vision call and one caption call. Both are repeated where the provider
    /// refuses the credential and there is another. A failure is logged.
    pub(in crate::app::usecases) async fn write(
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
        let ai = self.tenant.ai().ok_or(ClientUnavailable::Off)?;
        let writer = self.tenant.caption_writer(ai, self.request_id).await?;
        let ai_settings = ai.settings();
        let result = self.written_by(&*writer.client, ai_settings, image, platforms);
        let result = result.await;
        let Err(CaptionsUnavailable::Writer(CaptionError::Unauthorized(_))) = &result else {
            return result;
        };
        self.tenant.forget(&writer);
        let renewed = self.tenant.caption_writer(ai, self.request_id).await?;
        if renewed.has_same_credential(&writer) {
            return result;
        }
        self.written_by(&*renewed.client, ai_settings, image, platforms)
            .await
    }

    async fn written_by(
        &self,
        writer: &dyn CaptionWriter,
        ai: &AiSettings,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Result<Captions, CaptionsUnavailable> {
        let settings = self.tenant.settings();
        let analysis = self.analysis(writer, ai, image);
        let analysis = self.stages.time(Stage::Vision, analysis).await?;
        let brief = CaptionBrief {
            analysis,
            platforms: platforms.to_vec(),
        };
        // The description has been paid for, and can serve as the caption.
        let written = self.stages.time(Stage::Captions, writer.write(&brief));
        let written = match written.await {
            Ok(written) => written,
            // These need an operator or the tenant, who would not hear of them.
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
            let rules = settings.platforms.caption_rules(*platform);
            let text = written.by_platform.get(platform);
            let text = text.unwrap_or(&analysis.description);
            (*platform, rules.fit_written(text, hashtags))
        };
        Ok(Captions {
            author: Author::Model,
            by_platform: platforms.iter().map(fit).collect(),
            sd_caption: written.sd_caption,
            model: Some(ai.caption_model.clone()),
            analysis: Some(analysis),
        })
    }

    /// The analysis of the image. Where the answer is unusable, or the model refuses the image, a second call is made
    /// with the settings of the fallback.
    async fn analysis(
        &self,
        writer: &dyn CaptionWriter,
        ai: &AiSettings,
        image: &EncodedImage,
    ) -> Result<Analysis, CaptionsUnavailable> {
        let analyze = async |max_dimension: Option<u32>, detail: VisionDetail| {
            let image = self.scaler.fit_within(image, max_dimension).await?;
            Ok(writer.analyze(&VisionImage { image, detail }).await?)
        };
        let first = analyze(ai.vision_max_dimension, ai.vision_detail).await;
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
        match analyze(fallback.max_dimension, fallback.detail).await {
            // Refused the first time and unusable the second: the model does not take the image.
            Err(CaptionsUnavailable::Writer(CaptionError::Unusable(_)))
                if error.is_about_the_image() =>
            {
                Err(error.into())
            }
            second => second,
        }
    }
}
