//! A place that images are published to.
//!
//! To add a platform:
//! 1. name it in `domain::platform`, with its caption rules in `domain::caption`;
//! 2. give it settings in `domain::tenant_config` (a field of `TenantSettings`, its rules in
//!    `platforms.rs`);
//! 3. if nobody else takes its kind of credential, name the provider in `domain::credential`, and
//!    say in `adapters::orchestrator` which field of an answer holds its secret;
//! 4. implement [`Publisher`] and [`PublisherFactory`] in a new file of `adapters`;
//! 5. add the factory to the list in `main.rs`.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Cause;
use crate::domain::{
    credential::{Credential, Provider, WrongProvider},
    image::{EncodedImage, ImageName},
    platform::{ImageLimits, Platform},
    publication::PostId,
    secret::CredentialsRef,
    tenant_config::{Resolved, TenantConfig, TenantSettings},
};

/// One platform of one tenant.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes an image once. Repeats only what the platform has certainly not taken.
    ///
    /// # Errors
    /// [`PublishError`]; mind [`PublishError::Unknown`].
    async fn publish(&self, post: &Post) -> Result<Posted, PublishError>;

    /// Whether the platform would take a post, as far as it tells without one; what was seen, as a
    /// clause for people. Publishes nothing.
    ///
    /// # Errors
    /// [`PublishError`], as publishing would fail; never [`PublishError::Unknown`].
    async fn check(&self) -> Result<&'static str, PublishError>;

    /// The same platform, for one post, with the connection for it on its way: for whoever will
    /// publish in a moment, and may think better of it until then. Publishes nothing, and fails only
    /// when publishing does. `None` where there would be nothing to gain.
    fn connecting(&self) -> Option<Arc<dyn Publisher>>;
}

/// Opens one platform for tenants.
#[cfg_attr(test, mockall::automock)]
pub trait PublisherFactory: Send + Sync {
    /// Which platform.
    fn platform(&self) -> Platform;

    /// What it takes as an image; `None` is anything.
    fn image_limits(&self) -> Option<ImageLimits>;

    /// Whose credential it needs, and by which reference; `None` when it is off for the tenant.
    fn credential(&self, settings: &TenantSettings) -> Option<(Provider, CredentialsRef)>;

    /// The platform for one tenant; `None` when it is off. Contacts nobody.
    ///
    /// # Errors
    /// [`WrongProvider`] when the credential is not for this platform.
    fn open(
        &self,
        config: &TenantConfig<Resolved>,
        credential: Arc<Credential>,
    ) -> Result<Option<Arc<dyn Publisher>>, WrongProvider>;
}

/// What is published: within the platform's limits already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The name of the image.
    pub name: ImageName,
    /// The image.
    pub image: EncodedImage,
    /// The caption, possibly empty.
    pub caption: String,
    /// For those who do not see the image.
    pub alt_text: Option<String>,
    /// Words for the image, most telling first.
    pub tags: Vec<String>,
}

/// A post that a platform has taken.
#[derive(Debug)]
pub struct Posted {
    /// What the platform calls it.
    pub id: PostId,
    /// What is still to be done about it, if anything. May have the image with it.
    pub follow_up: Option<FollowUp>,
    /// What somebody should change, though the post was taken, as a sentence for the tenant's admins.
    pub warning: Option<String>,
}

impl From<PostId> for Posted {
    fn from(id: PostId) -> Self {
        Self {
            id,
            follow_up: None,
            warning: None,
        }
    }
}

/// What comes after a post that has been taken, such as a confirmation to the sender. To be awaited;
/// it ends within a time of its own, and nothing hangs on it: that it failed is only in the log.
pub struct FollowUp(Work);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl FollowUp {
    /// This work.
    pub fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }
}

impl IntoFuture for FollowUp {
    type Output = ();
    type IntoFuture = Work;

    fn into_future(self) -> Self::IntoFuture {
        self.0
    }
}

impl fmt::Debug for FollowUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowUp").finish_non_exhaustive()
    }
}

/// Why a platform has not certainly taken a post.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The platform looked at it and said no, for this reason. Final.
    #[error("{}{}", self.sentence(), Detail(_0))]
    Rejected(String),
    /// The platform cannot process this image, for this reason; another file of it may do.
    #[error("{}{}", self.sentence(), Detail(_0))]
    ImageUnsuitable(String),
    /// The credential is dead; nothing was published.
    #[error("{}{}", self.sentence(), Detail(detail))]
    Unauthorized {
        /// What the platform says, or what can be done, for people. May be empty; holds no secret and
        /// no host.
        detail: String,
        /// For the log.
        source: Cause,
    },
    /// The platform asks to be left alone for longer than a publish can wait.
    #[error("{}", self.sentence())]
    RateLimited {
        /// For how long.
        retry_after: Option<Duration>,
    },
    /// It failed before the platform could have taken the post.
    #[error("{}{}", self.sentence(), Detail(detail))]
    Unavailable {
        /// As for a refused credential.
        detail: String,
        /// For the log.
        source: Cause,
    },
    /// It failed after the platform may have taken the post. Never repeated by itself.
    #[error("{}", self.sentence())]
    Unknown(#[source] Cause),
}

impl PublishError {
    /// What has happened, in words of our own: without those of the platform, which may be anything.
    #[must_use]
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "the platform refused the post",
            Self::ImageUnsuitable(_) => "the platform cannot process the image",
            Self::Unauthorized { .. } => "the platform refused the credential",
            Self::RateLimited { .. } => "the platform is limiting our requests",
            Self::Unavailable { .. } => "the platform is not available at the moment",
            Self::Unknown(_) => "the platform may or may not have taken the post",
        }
    }

    /// A dead credential about which the platform says nothing.
    pub fn unauthorized(source: impl Into<Cause>) -> Self {
        Self::Unauthorized {
            detail: String::new(),
            source: source.into(),
        }
    }

    /// A failure before the post, about which the platform says nothing.
    pub fn unavailable(source: impl Into<Cause>) -> Self {
        Self::Unavailable {
            detail: String::new(),
            source: source.into(),
        }
    }
}

/// What follows a sentence, if there is anything.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_follows_the_sentence_and_an_empty_one_leaves_no_colon() {
        let shown = |error: PublishError| error.to_string();
        assert_eq!(
            shown(PublishError::unauthorized("401")),
            "the platform refused the credential"
        );
        let detail = || "ask for an app password".to_owned();
        assert_eq!(
            shown(PublishError::Unauthorized {
                detail: detail(),
                source: "535".into()
            }),
            "the platform refused the credential: ask for an app password"
        );
        assert_eq!(
            shown(PublishError::Unavailable {
                detail: detail(),
                source: "451".into()
            }),
            "the platform is not available at the moment: ask for an app password"
        );
        assert_eq!(
            shown(PublishError::Rejected("too square".to_owned())),
            "the platform refused the post: too square"
        );
        assert_eq!(
            shown(PublishError::Unknown("reset".into())),
            "the platform may or may not have taken the post"
        );
    }
}
