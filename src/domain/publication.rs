//! The publication of one image to the platforms of one tenant: the request, the plan and the report.

mod stage;

use std::{collections::BTreeMap, time::Duration};

use derive_more::Display;
use url::Url;

pub use self::stage::PublishStage;

use crate::domain::{
    image::ImageName,
    platform::Platform,
    tenant_config::{Resolved, TenantConfig},
    words::words,
};

/// The image to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The image of this name.
    Image(ImageName),
    /// An image that the tenant has not published yet.
    Next,
}

/// The options of a request to publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicationRequest {
    /// The platforms; `None` is all that are on.
    pub platforms: Option<Vec<Platform>>,
    /// The caption to use on all platforms; `None` has one written.
    pub caption: Option<String>,
    /// The caption to use on each platform, exactly those of the request. They take precedence over `caption`.
    pub captions: Option<BTreeMap<Platform, String>>,
    /// Reports what would be done, without doing it.
    pub dry_run: bool,
    /// Publishes without a caption when none can be written.
    pub allow_empty_caption: bool,
    /// Sends the image also to platforms that have it, or may have it.
    pub force: bool,
}

impl PublicationRequest {
    /// Whether the caller gave captions.
    #[must_use]
    pub fn has_captions(&self) -> bool {
        self.caption.is_some() || self.captions.is_some()
    }

    /// The caller's caption for a platform of the request; `None` where one is to be written.
    #[must_use]
    pub fn caption_for(&self, platform: Platform) -> Option<&str> {
        match &self.captions {
            Some(captions) => captions.get(&platform).map(String::as_str),
            None => self.caption.as_deref(),
        }
    }
}

/// What will be done for a request, decided before anything is fetched or paid for. Planning needs a resolved config:
/// see [`tenant_config`](crate::domain::tenant_config).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationPlan {
    platforms: Vec<Platform>,
    dry_run: bool,
    archive: bool,
}

impl PublicationPlan {
    /// Plans a publication.
    ///
    /// # Errors
    /// [`PlanError`] when the tenant's config does not allow what is asked for.
    pub fn new(
        config: &TenantConfig<Resolved>,
        request: &PublicationRequest,
    ) -> Result<Self, PlanError> {
        let settings = config.settings();
        if !settings.features.publish_enabled {
            return Err(PlanError::PublishingOff);
        }
        let mut platforms = settings.platforms_on();
        if let Some(wanted) = &request.platforms {
            if let Some(off) = wanted.iter().find(|it| !platforms.contains(it)) {
                return Err(PlanError::PlatformOff(*off));
            }
            platforms.retain(|it| wanted.contains(it));
        }
        if platforms.is_empty() {
            return Err(PlanError::NoPlatform);
        }
        if let Some(captions) = &request.captions {
            // With a gap, a platform would get a text that was meant for another.
            if let Some(platform) = platforms.iter().find(|it| !captions.contains_key(it)) {
                return Err(PlanError::CaptionMissing(*platform));
            }
            if let Some(platform) = captions.keys().find(|it| !platforms.contains(it)) {
                return Err(PlanError::CaptionOfOther(*platform));
            }
        }
        Ok(Self {
            platforms,
            dry_run: request.dry_run || settings.content.debug,
            archive: settings.content.archive,
        })
    }

    /// The platforms that the image goes to, each once.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// Whether nothing is written or sent.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether the image moves to the archive once a platform has it.
    #[must_use]
    pub fn archives(&self) -> bool {
        self.archive
    }
}

/// Why a publication cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Publishing is off for the tenant.
    #[error("publishing is off for this tenant")]
    PublishingOff,
    /// No platform is on, or the request names none.
    #[error("no platform to publish to")]
    NoPlatform,
    /// The request names a platform that is not on.
    #[error("the platform {0} is not on for this tenant")]
    PlatformOff(Platform),
    /// The captions of the request leave out one of its platforms.
    #[error("there is no caption for {0}")]
    CaptionMissing(Platform),
    /// The captions of the request name a platform that it does not publish to.
    #[error("there is a caption for {0}, which the request does not publish to")]
    CaptionOfOther(Platform),
}

/// The id of a post on its platform.
#[derive(Debug, Clone, PartialEq, Eq, Display)]
pub struct PostId(String);

impl PostId {
    /// An id as the platform returned it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of a post, for people to open. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Display)]
pub struct PostUrl(Url);

impl PostUrl {
    /// The address, if it is one of the web.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        (matches!(url.scheme(), "http" | "https") && is_plain).then_some(Self(url))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A post that a platform has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPost {
    /// The platform's id of it.
    pub id: PostId,
    /// Its address; `None` where the platform has none, or none that everybody can open.
    pub url: Option<PostUrl>,
}

impl PublishedPost {
    /// A post without an address.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        PostId::new(id).into()
    }
}

impl From<PostId> for PublishedPost {
    fn from(id: PostId) -> Self {
        Self { id, url: None }
    }
}

/// The key by which a platform finds a post whose answer was lost. The platform's adapter makes it before it posts, and
/// alone reads it; it is in the ledger with the intent. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupKey(String);

impl LookupKey {
    /// A key as an adapter wrote it.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key, as the adapter wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

words! {
    /// Why a platform does not certainly have an image, by its name in answers, metrics and the ledger.
    pub enum FailureReason {
        /// The platform refused the post.
        Rejected = "rejected",
        /// The platform refused the credential.
        Unauthorized = "unauthorized",
        /// The platform limits requests.
        RateLimited = "rate_limited",
        /// The platform, or the credential for it, is unavailable at the moment.
        Unavailable = "unavailable",
        /// The platform cannot take this image, with any credential.
        ImageUnsuitable = "image_unsuitable",
        /// The platform may have taken the post: its answer was lost.
        LostAnswer = "lost_answer",
        /// The platform is off for the tenant.
        Off = "off",
        /// The request was a dry run.
        DryRun = "dry_run",
    }
}

/// Why a platform does not have an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason, for programs.
    pub reason: FailureReason,
    /// The text for people, with what they can do about it. Holds no secret.
    pub text: String,
    /// The wait before the next attempt, if the platform named one.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a wait before the next attempt.
    #[must_use]
    pub fn new(reason: FailureReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
            retry_after: None,
        }
    }
}

/// The outcome of a publication on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform has taken the image now.
    Published(PublishedPost),
    /// The platform had the image before; nothing was sent.
    AlreadyPublished(PublishedPost),
    /// The platform has not taken the image. A later request tries again.
    Failed(Failure),
    /// The platform may have taken the image. It is not sent again unless forced.
    Unknown(String),
    /// The image was not sent.
    Skipped(Failure),
}

impl Outcome {
    /// Whether the platform has the image.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Published(_) | Self::AlreadyPublished(_))
    }

    /// Why the platform does not certainly have the image; `None` if it has.
    #[must_use]
    pub const fn reason(&self) -> Option<FailureReason> {
        match self {
            Self::Published(_) | Self::AlreadyPublished(_) => None,
            Self::Failed(failure) | Self::Skipped(failure) => Some(failure.reason),
            Self::Unknown(_) => Some(FailureReason::LostAnswer),
        }
    }

    /// The word that answers and logs use.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Published(_) => "published",
            Self::AlreadyPublished(_) => "already_published",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
            Self::Skipped(_) => "skipped",
        }
    }
}

/// The report of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationReport {
    /// The image; `None` when there was none to publish.
    pub image: Option<ImageName>,
    /// One result for each planned platform, in the order of [`Platform::ALL`].
    pub results: Vec<PlatformResult>,
    /// Whether nothing was written or sent.
    pub dry_run: bool,
    /// Whether the image is in the archive folder now.
    pub archived: bool,
    /// Warnings for people: images passed over, failures of the sidecar or the archive.
    pub warnings: Vec<String>,
}

impl PublicationReport {
    /// Whether any platform has the image.
    #[must_use]
    pub fn any_success(&self) -> bool {
        self.results
            .iter()
            .any(|result| result.outcome.is_success())
    }
}

/// The result of a publication on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformResult {
    /// The platform.
    pub platform: Platform,
    /// The caption that was, or would be, sent.
    pub caption: String,
    /// The outcome.
    pub outcome: Outcome,
}
