//! One image sent to the platforms of one tenant: what is asked for, what is planned, what came
//! of it.

use std::{fmt, time::Duration};

use crate::domain::{
    image::ImageName,
    platform::Platform,
    tenant_config::{Resolved, TenantConfig},
    words::words,
};

/// Which image is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one of this name.
    Image(ImageName),
    /// One that the tenant has not published yet.
    Next,
}

/// What a caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicationRequest {
    /// Only these platforms; `None` is all that are on.
    pub platforms: Option<Vec<Platform>>,
    /// The caption to use; `None` has one written.
    pub caption: Option<String>,
    /// Says what would be done, and does nothing of it.
    pub dry_run: bool,
    /// Publishes without a caption when none can be written.
    pub allow_empty_caption: bool,
    /// Sends the image also where it has been published, or may have been.
    pub force: bool,
}

/// What will be done for a request, decided before anything is fetched or spent. Only a resolved
/// config can be planned with: see [`tenant_config`](crate::domain::tenant_config).
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
        let on: Vec<Platform> = Platform::ALL
            .into_iter()
            .filter(|platform| settings.has(*platform))
            .collect();
        let platforms = match &request.platforms {
            None => on,
            Some(wanted) => {
                if let Some(off) = wanted.iter().find(|platform| !on.contains(platform)) {
                    return Err(PlanError::PlatformOff(*off));
                }
                on.into_iter()
                    .filter(|platform| wanted.contains(platform))
                    .collect()
            }
        };
        if platforms.is_empty() {
            return Err(PlanError::NoPlatform);
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

    /// Nothing is written or sent.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The image moves to the archive once a platform has it.
    #[must_use]
    pub fn archives(&self) -> bool {
        self.archive
    }
}

/// Why a publication cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The tenant may not publish.
    #[error("publishing is off for this tenant")]
    PublishingOff,
    /// No platform is on, or none was asked for.
    #[error("no platform to publish to")]
    NoPlatform,
    /// A platform was asked for that is not on.
    #[error("the platform {0} is not on for this tenant")]
    PlatformOff(Platform),
}

/// The name that a platform gave to what was published there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostId(String);

impl PostId {
    /// Wraps an id.
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

impl fmt::Display for PostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

impl FailureReason {
    /// The reason of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Why a platform does not have an image: for programs, and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub reason: FailureReason,
    /// For people, with what they can do about it. Holds no secret.
    pub text: String,
    /// When it may be tried again, if the platform said so.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure after which nobody said when to try again.
    #[must_use]
    pub fn new(reason: FailureReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
            retry_after: None,
        }
    }
}

/// What became of a publication on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform has taken it now.
    Published(PostId),
    /// The platform had taken it before; nothing was sent.
    AlreadyPublished(PostId),
    /// The platform has not taken it. A later publish tries again.
    Failed(Failure),
    /// The platform may have taken it, for all that is known. It is never sent again by itself.
    Unknown(String),
    /// It was not sent.
    Skipped(Failure),
}

impl Outcome {
    /// Does the platform have the image?
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Published(_) | Self::AlreadyPublished(_))
    }

    /// Why the platform does not certainly have the image; `None` when it has.
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

/// What became of a whole publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationReport {
    /// The image; `None` when there was none to publish.
    pub image: Option<ImageName>,
    /// One result for each platform that was planned, in the order of [`Platform::ALL`].
    pub results: Vec<PlatformResult>,
    /// Nothing was written or sent.
    pub dry_run: bool,
    /// The image is in the archive folder now.
    pub archived: bool,
    /// What went wrong beside the platforms (images passed over, sidecar, archive), for people.
    pub warnings: Vec<String>,
}

impl PublicationReport {
    /// Does any platform have the image?
    #[must_use]
    pub fn any_success(&self) -> bool {
        self.results
            .iter()
            .any(|result| result.outcome.is_success())
    }
}

/// What became of a publication on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformResult {
    /// The platform.
    pub platform: Platform,
    /// The caption as it was, or would be, sent there.
    pub caption: String,
    /// What came of it.
    pub outcome: Outcome,
}
