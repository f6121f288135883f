//! Captions for one image: a vision model describes it, and a caption model writes for each platform.

use std::collections::BTreeMap;

use super::{caption_choice, loaded_image::LoadedImage, stages::Stages};
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::{access::ClientUnavailable, tenant::Tenant, voice_profiles::VoiceProfiles},
    },
    domain::{
        analysis::Analysis,
        caption::{CaptionRules, PlatformRules, WrittenCaptions},
        caption_brief::Sense,
        caption_history::{Angle, KeptCaption, PastCaptions},
        image::StoredImage,
        platform::Platform,
        publication::PublishStage,
        request_id::RequestId,
        sidecar::{self, Sidecar},
        tenant_config::{AiSettings, TenantSettings, VisionDetail},
        voice::VoiceExamples,
    },
    ports::{
        CaptionBrief, CaptionError, CaptionHistory, CaptionWriter, ImageProcessingError,
        ImageProcessor, VisionImage,
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
    /// They are those of an earlier attempt.
    Earlier,
}

/// The texts for one image.
#[derive(Debug, Clone, Default)]
pub(in crate::app::usecases) struct Captions {
    /// The source of the captions.
    pub(in crate::app::usecases) author: Author,
    /// The caption for each platform, within its limits.
    pub(in crate::app::usecases) by_platform: BTreeMap<Platform, String>,
    /// The captions among them that are those of an earlier attempt, as they were kept then.
    pub(in crate::app::usecases) earlier: BTreeMap<Platform, KeptCaption>,
    /// What the model wrote for each platform, before it was made to fit.
    pub(in crate::app::usecases) written: BTreeMap<Platform, String>,
    /// The angle that the model was given for each platform.
    pub(in crate::app::usecases) angles: BTreeMap<Platform, Angle>,
    /// The Stable-Diffusion caption.
    pub(in crate::app::usecases) sd_caption: Option<String>,
    /// The analysis of the image; where no model was asked, the part of it that the sidecar has, if there is one.
    pub(in crate::app::usecases) analysis: Option<Analysis>,
    /// A warning for people: not all of them are captions.
    pub(in crate::app::usecases) warning: Option<String>,
    /// The model that wrote the captions.
    pub(in crate::app::usecases) model: Option<String>,
}

impl Captions {
    /// A person's caption for each of these platforms, made to fit, with the tags and the alt text of the image's
    /// sidecar. None of those tags becomes a hashtag, and the person's hashtags stay where the platform has others than
    /// the tenant's: the person wrote the whole caption.
    pub(in crate::app::usecases) fn given<'a>(
        caption: impl Fn(Platform) -> &'a str,
        rules: &PlatformRules,
        settings: &TenantSettings,
        sidecar: Option<&Sidecar>,
    ) -> Self {
        let hashtags = &settings.content.hashtag_string;
        let fit = |(platform, rules): (&Platform, &CaptionRules)| {
            let caption = caption(*platform);
            (*platform, rules.fit_with_own_hashtags(caption, hashtags))
        };
        Self {
            by_platform: rules.iter().map(fit).collect(),
            analysis: sidecar.map(|it| analysis_in(it, settings)),
            ..Self::default()
        }
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

/// The warning that these platforms get the description.
fn described_instead(platforms: &[&str]) -> String {
    let platforms = platforms.join(", ");
    format!("no caption was written for {platforms}: the description of the image takes its place")
}

/// The part of an analysis that is published without a caption of its model: the tags and the alt text.
pub(super) fn analysis_in(sidecar: &Sidecar, settings: &TenantSettings) -> Analysis {
    Analysis {
        tags: sidecar.list("tags"),
        alt_text: alt_text_in(sidecar, settings),
        ..Analysis::default()
    }
}

/// The alt text in a sidecar; none where the tenant's is off.
pub(in crate::app::usecases) fn alt_text_in(
    sidecar: &Sidecar,
    settings: &TenantSettings,
) -> Option<String> {
    let alt_text = sidecar.get(sidecar::ALT_TEXT);
    let alt_text = alt_text.filter(|_| settings.features.alt_text_enabled);
    alt_text.map(str::to_owned)
}

/// Writes captions for a tenant's images.
pub(in crate::app::usecases) struct Captioning<'a> {
    pub(in crate::app::usecases) scaler: &'a dyn ImageProcessor,
    pub(in crate::app::usecases) tenant: &'a Tenant,
    pub(in crate::app::usecases) request_id: &'a RequestId,
    pub(in crate::app::usecases) stages: Stages<'a>,
    pub(in crate::app::usecases) voices: &'a VoiceProfiles,
    pub(in crate::app::usecases) history: &'a dyn CaptionHistory,
}

impl Captioning<'_> {
    /// Captions within these rules, by one vision call and one caption call. Both are repeated where the provider
    /// refuses the credential and there is another. A failure is logged.
    pub(in crate::app::usecases) async fn write(
        &self,
        image: &LoadedImage,
        rules: &PlatformRules,
    ) -> Result<Captions, CaptionsUnavailable> {
        let written = self.written(image, rules).await;
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
        image: &LoadedImage,
        rules: &PlatformRules,
    ) -> Result<Captions, CaptionsUnavailable> {
        let ai = self.tenant.ai().ok_or(ClientUnavailable::Off)?;
        let writer = self.tenant.caption_writer(ai, self.request_id).await?;
        let ai_settings = ai.settings();
        let result = self.written_by(&*writer.client, ai_settings, image, rules);
        let result = result.await;
        let Err(CaptionsUnavailable::Writer(CaptionError::Unauthorized(_))) = &result else {
            return result;
        };
        self.tenant.forget(&writer);
        let renewed = self.tenant.caption_writer(ai, self.request_id).await?;
        if renewed.has_same_credential(&writer) {
            return result;
        }
        self.written_by(&*renewed.client, ai_settings, image, rules)
            .await
    }

    async fn written_by(
        &self,
        writer: &dyn CaptionWriter,
        ai: &AiSettings,
        image: &LoadedImage,
        rules: &PlatformRules,
    ) -> Result<Captions, CaptionsUnavailable> {
        let settings = self.tenant.settings();
        let analysis = self.analysis(writer, ai, image);
        let mut analysis = self.stages.time(PublishStage::Vision, analysis).await?;
        if !settings.features.alt_text_enabled {
            // A model may write one although it was not asked.
            analysis.alt_text = None;
        }
        let past = self.past(rules).await;
        let brief = CaptionBrief {
            analysis,
            platforms: settings.caption_briefs(rules, &past),
            voice: self.voice(&image.stored, rules).await,
            has_model_hashtags: settings.has_model_hashtags(rules),
        };
        let texts = self.texts(writer, &brief, &past);
        let (mut texts, sd_caption) = self.stages.time(PublishStage::Captions, texts).await?;
        let CaptionBrief {
            analysis,
            platforms: briefs,
            ..
        } = brief;
        let hashtags = &settings.content.hashtag_string;
        let tags = if settings.features.smart_hashtags_enabled {
            &*analysis.tags
        } else {
            &[]
        };
        let angle = |platform: &Platform| Some((*platform, briefs.get(platform)?.angle));
        let angles = texts.keys().filter_map(angle).collect();
        let mut described = Vec::new();
        for platform in rules.keys() {
            // It has been paid for, and can serve as the caption.
            texts.entry(*platform).or_insert_with(|| {
                described.push(platform.as_str());
                analysis.description.clone()
            });
        }
        if !described.is_empty() {
            tracing::warn!(
                tenant = %self.tenant.name(),
                platforms = described.join(","),
                "no caption was written; the description takes its place"
            );
        }
        let fit = |(platform, rules): (&Platform, &CaptionRules)| {
            (
                *platform,
                rules.fit_written(&texts[platform], hashtags, tags),
            )
        };
        Ok(Captions {
            author: Author::Model,
            by_platform: rules.iter().map(fit).collect(),
            written: texts,
            angles,
            sd_caption: analysis.sd_caption.clone().or(sd_caption),
            model: Some(ai.caption_model.clone()),
            analysis: Some(analysis),
            warning: (!described.is_empty()).then(|| described_instead(&described)),
            ..Captions::default()
        })
    }

    /// The text of the model for each platform that it has written one for: the best of the candidates, shortened where it
    /// does not fit. And the Stable-Diffusion caption.
    async fn texts(
        &self,
        writer: &dyn CaptionWriter,
        brief: &CaptionBrief,
        past: &PastCaptions,
    ) -> Result<(BTreeMap<Platform, String>, Option<String>), CaptionError> {
        let written = match writer.write(brief).await {
            Ok(written) => written,
            // These need an operator or the tenant, who would not hear of them.
            Err(
                error @ (CaptionError::Unauthorized(_)
                | CaptionError::Misconfigured { .. }
                | CaptionError::QuotaExhausted),
            ) => return Err(error),
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
                    "captions could not be written"
                );
                WrittenCaptions {
                    sd_caption: brief.analysis.sd_caption.clone(),
                    ..WrittenCaptions::default()
                }
            }
        };
        let mut candidates = written.by_platform;
        candidates.retain(|platform, _| brief.platforms.contains_key(platform));
        let mut texts = caption_choice::best_of(candidates, past);
        let (hashtags, tenant) = (
            &self.tenant.settings().content.hashtag_string,
            self.tenant.name(),
        );
        caption_choice::condense(&mut texts, writer, &brief.platforms, hashtags, tenant).await;
        Ok((texts, written.sd_caption))
    }

    /// What these platforms have published last. Without it captions are written all the same.
    async fn past(&self, rules: &PlatformRules) -> PastCaptions {
        let platforms: Vec<Platform> = rules.keys().copied().collect();
        let past = self.history.recent(self.tenant.name(), &platforms).await;
        past.unwrap_or_else(|error| {
            tracing::warn!(
                tenant = %self.tenant.name(),
                error = %ErrorChain(&error),
                "earlier captions could not be read; the new ones may be like them"
            );
            BTreeMap::new()
        })
    }

    /// The examples of the tenant's voice for this image.
    async fn voice(&self, image: &StoredImage, rules: &PlatformRules) -> VoiceExamples {
        let settings = self.tenant.settings();
        let stored = self.voices.known(self.tenant.name()).await;
        let profile = settings.voice_profile(stored.as_deref());
        if !settings.matches_voice(profile) {
            return VoiceExamples::default();
        }
        let tags = &settings.content.voice_profile_tags;
        let platforms = rules.keys().copied();
        profile.sample(tags, platforms, &image.content_hash.to_string())
    }

    /// The analysis of the image. Where the answer is unusable, or the model refuses the image, a second call is made
    /// with the settings of the fallback.
    async fn analysis(
        &self,
        writer: &dyn CaptionWriter,
        ai: &AiSettings,
        image: &LoadedImage,
    ) -> Result<Analysis, CaptionsUnavailable> {
        let senses = Sense::offered(&image.stored.content_hash.to_string());
        let analyze = async |max_dimension: Option<u32>, detail: VisionDetail| {
            let image = self
                .scaler
                .fit_within(&image.encoded, max_dimension)
                .await?;
            let image = VisionImage {
                image,
                detail,
                senses,
            };
            Ok(writer.analyze(&image).await?)
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
