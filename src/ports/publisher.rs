//! A platform that images are published to.
//!
//! To add a platform:
//! 1. name it in the table of [`domain::platform`](crate::domain::platform): a line of documentation,
//!    its name in code, its id;
//! 2. write its adapter, one file: the typed credential (`provider_credential!`), the target
//!    ([`Target`]: its config types and fields, caption rules and image limits, and how its entry of
//!    `publishers[]` is read), the [`Publisher`], what opens it ([`OpenPublisher`]), and the
//!    `Registration` of all this;
//! 3. in `adapters.rs` name the module, and in `adapters/platforms.rs` its registration.
//!
//! All else follows: reading of configs and credentials, standalone mode, `check`, the API and its
//! document, the ledger, and the series of metrics. A forgotten step does not compile.
//! `adapters/webhook.rs` is an example, behind the feature `webhook-platform`.

#![cfg_attr(
    test,
    expect(clippy::ref_option_ref, reason = "the mock shows its arguments so")
)]

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Cause;
use crate::domain::{
    caption::CaptionRules,
    credential::{Credential, WrongProvider},
    image::{EncodedImage, ImageName},
    platform::{ImageLimits, Platform},
    platform_spec::{PlatformSpec, Target, TenantTarget},
    publication::{LookupKey, PublishedPost},
    tenant_config::TenantSettings,
};

/// One platform of one tenant.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait Publisher: Send + Sync {
    /// The limits of the platform as it tells them itself; `None` where those of the tenant's target hold. May ask the
    /// platform, and then keeps the answer.
    async fn limits(&self) -> Option<PostLimits> {
        None
    }

    /// Prepares a post up to the step that makes it visible, and returns the key by which it is found if the answer to
    /// that step is lost; `None` for a platform that cannot be asked. The caller writes the key into the ledger before
    /// it posts.
    ///
    /// `earlier` is the key of an attempt that was not posted. It is used again where that is possible: then a request
    /// of that attempt that is still on its way makes no second post.
    ///
    /// # Errors
    /// [`PublishError`]; never [`PublishError::Unknown`], since nothing is visible yet.
    async fn stage<'a>(
        &self,
        post: &Post,
        earlier: Option<&'a LookupKey>,
    ) -> Result<Option<LookupKey>, PublishError> {
        let _ = (post, earlier);
        Ok(None)
    }

    /// Publishes an image once, under the key that it was staged with. Repeats only what the platform has certainly not
    /// taken. A platform that can be asked is asked where an answer is lost.
    ///
    /// # Errors
    /// [`PublishError`]; mind [`PublishError::Unknown`].
    async fn publish<'a>(
        &self,
        post: &Post,
        key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError>;

    /// Asks whether the post of this key is there. Sends nothing. Waits, within a minute, for a request that may still be
    /// on its way.
    ///
    /// # Errors
    /// [`PublishError`]: the platform did not answer the question; never [`PublishError::Unknown`].
    async fn look_up(&self, key: &LookupKey) -> Result<LookUp, PublishError> {
        let _ = key;
        Ok(LookUp::Undetermined)
    }

    /// Checks whether the platform would take a post, as far as it shows without one. Returns what
    /// was seen, as a clause for people. Publishes nothing.
    ///
    /// # Errors
    /// [`PublishError`], as publishing would fail; never [`PublishError::Unknown`].
    async fn check(&self) -> Result<&'static str, PublishError>;

    /// The same platform, for one post, with its connection already being opened: for a caller that will publish in a
    /// moment, and may still decide against it. Publishes nothing. A failure to connect appears only when publishing.
    /// `None` if there would be nothing to gain.
    fn connecting(&self) -> Option<Arc<dyn Publisher>>;
}

/// Opens one platform for tenants, with its own types.
pub trait OpenPublisher: Send + Sync {
    /// The part of a tenant's config that it opens.
    type Target: Target;

    /// The platform for one tenant. Makes no network call.
    fn open(
        &self,
        target: &Self::Target,
        credential: <Self::Target as Target>::Credential,
        settings: &TenantSettings,
    ) -> Arc<dyn Publisher>;
}

/// An [`OpenPublisher`] of any platform.
#[cfg_attr(test, mockall::automock)]
pub trait PublisherFactory: Send + Sync {
    /// What is known of the platform.
    fn spec(&self) -> PlatformSpec;

    /// The platform for one tenant. Makes no network call.
    ///
    /// # Errors
    /// [`OpenError`]: the target or the credential was read for another platform.
    fn open(
        &self,
        target: &TenantTarget,
        credential: Arc<Credential>,
        settings: &TenantSettings,
    ) -> Result<Arc<dyn Publisher>, OpenError>;
}

/// The one place where the types of a platform are found again.
impl<T: OpenPublisher> PublisherFactory for T {
    fn spec(&self) -> PlatformSpec {
        PlatformSpec::of::<T::Target>()
    }

    fn open(
        &self,
        target: &TenantTarget,
        credential: Arc<Credential>,
        settings: &TenantSettings,
    ) -> Result<Arc<dyn Publisher>, OpenError> {
        let platform = T::Target::PLATFORM;
        let target = target.typed().ok_or(OpenError::OtherTarget(platform))?;
        Ok(OpenPublisher::open(
            self,
            target,
            credential.try_into()?,
            settings,
        ))
    }
}

/// What was passed to a factory is of another platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The target.
    #[error("the target is none of {0}")]
    OtherTarget(Platform),
    /// The credential.
    #[error(transparent)]
    OtherCredential(#[from] WrongProvider),
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

/// The limits of a platform, as it tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostLimits {
    /// What it takes as a caption from this tenant.
    pub caption: CaptionRules,
    /// What it takes as an image.
    pub image: ImageLimits,
}

/// What a platform says of a post whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// It is there.
    Posted(PublishedPost),
    /// It is not there, and no request that would put it there is on its way.
    NotPosted,
    /// The platform cannot tell.
    Undetermined,
}

/// A post that a platform has taken.
#[derive(Debug)]
pub struct Posted {
    /// The post.
    pub post: PublishedPost,
    /// What is still to be done about it, if anything. May have the image with it.
    pub follow_up: Option<FollowUp>,
    /// What should be changed although the post was taken, as a sentence for the tenant's admins.
    pub warning: Option<String>,
}

impl<T: Into<PublishedPost>> From<T> for Posted {
    fn from(post: T) -> Self {
        Self {
            post: post.into(),
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
