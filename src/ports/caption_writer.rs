//! Who looks at images and writes captions.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Cause;
use crate::domain::{
    analysis::Analysis,
    caption::{WrittenCaptions, WrittenLength},
    caption_brief::{OFFERED, PlatformBriefs, Sense},
    credential::AiCredential,
    image::EncodedImage,
    platform::Platform,
    tenant_config::{AiSettings, Resolved, TenantConfig, VisionDetail},
    voice::VoiceExamples,
};

/// Looks at images and writes captions for one tenant. Each call but the check is paid for.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait CaptionWriter: Send + Sync {
    /// Looks at an image.
    ///
    /// # Errors
    /// [`CaptionError`].
    async fn analyze(&self, image: &VisionImage) -> Result<Analysis, CaptionError>;

    /// Writes all captions of an image in one call.
    ///
    /// # Errors
    /// [`CaptionError`]. An answer that lacks some or all of the captions is not an error.
    async fn write(&self, brief: &CaptionBrief) -> Result<WrittenCaptions, CaptionError>;

    /// Shortens captions, all in one call. A caption that the answer lacks is not in the map; one that is there may still
    /// be too long.
    ///
    /// # Errors
    /// [`CaptionError`].
    async fn condense(
        &self,
        captions: &BTreeMap<Platform, OverlongCaption>,
    ) -> Result<BTreeMap<Platform, String>, CaptionError>;

    /// Checks whether the credential and the models would work, as far as that can be found out without paying. Returns
    /// what was seen, as a clause for people.
    ///
    /// # Errors
    /// [`CaptionError`].
    async fn check(&self) -> Result<&'static str, CaptionError>;
}

/// Engages caption writers for tenants.
#[cfg_attr(test, mockall::automock)]
pub trait CaptionWriterFactory: Send + Sync {
    /// The caption writer of the tenant that has these AI settings. Makes no network call.
    fn open(
        &self,
        config: &TenantConfig<Resolved>,
        ai: &AiSettings,
        credential: AiCredential,
    ) -> Arc<dyn CaptionWriter>;
}

/// An image as vision gets it: already scaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisionImage {
    /// The image.
    pub image: EncodedImage,
    /// How closely to look.
    pub detail: VisionDetail,
    /// The senses that notes of what could be felt may choose from.
    pub senses: [Sense; OFFERED],
}

/// What captions are written from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptionBrief {
    /// What the image shows.
    pub analysis: Analysis,
    /// The platforms that need a caption, and what each is written by.
    pub platforms: PlatformBriefs,
    /// Examples of the tenant's voice; none where captions do not follow it.
    pub voice: VoiceExamples,
    /// Whether hashtags of the model follow one of the captions.
    pub has_model_hashtags: bool,
}

/// A caption that does not fit.
#[derive(Clone, PartialEq, Eq)]
pub struct OverlongCaption {
    /// The text.
    pub text: String,
    /// How long it may be.
    pub length: WrittenLength,
}

impl fmt::Debug for OverlongCaption {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OverlongCaption({:?})", self.length)
    }
}

/// Why nothing was seen or written.
#[derive(Debug, thiserror::Error)]
pub enum CaptionError {
    /// The answer could not be used: cut short, or no analysis. Another try may do.
    #[error("the model's answer could not be used: {0}")]
    Unusable(&'static str),
    /// The model does not describe this image: it refuses to, or cannot read it. Others may be fine.
    #[error("the model does not take this image: {detail}")]
    ImageRefused {
        /// What is wrong with the image, as a clause for people; nothing that the model has said.
        detail: &'static str,
    },
    /// The tenant's model or key cannot be used for this, whatever the image, until it is changed.
    #[error("the caption writer cannot be used as it is set up: {detail}")]
    Misconfigured {
        /// What is wrong, as a clause for people; names the model, and holds nothing of the key.
        detail: String,
    },
    /// The credential is dead.
    #[error("the caption writer refused the credential")]
    Unauthorized(#[source] Cause),
    /// The tenant's account there has no credit left. Final.
    #[error("the caption writer's quota is used up")]
    QuotaExhausted,
    /// Asked to be left alone for a while, for longer than a publish can wait.
    #[error("the caption writer is limiting our requests")]
    RateLimited {
        /// For how long.
        retry_after: Option<Duration>,
    },
    /// Did not answer in time.
    #[error("the caption writer did not answer in time")]
    Timeout(#[source] Cause),
    /// Failed, or refused the request.
    #[error("the caption writer failed")]
    Unavailable(#[source] Cause),
}

impl CaptionError {
    /// Whether the fault lies with this one image, so that another image may be captioned all the same.
    #[must_use]
    pub fn is_about_the_image(&self) -> bool {
        match self {
            Self::ImageRefused { .. } => true,
            Self::Unusable(_)
            | Self::Misconfigured { .. }
            | Self::Unauthorized(_)
            | Self::QuotaExhausted
            | Self::RateLimited { .. }
            | Self::Timeout(_)
            | Self::Unavailable(_) => false,
        }
    }
}
