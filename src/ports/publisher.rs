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
}

impl From<PostId> for Posted {
    fn from(id: PostId) -> Self {
        Self {
            id,
            follow_up: None,
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
    #[error("the platform refused the post: {0}")]
    Rejected(String),
    /// The platform cannot process this image, for this reason; another file of it may do.
    #[error("the platform cannot process the image: {0}")]
    ImageUnsuitable(String),
    /// The credential is dead; nothing was published.
    #[error("the platform refused the credential")]
    Unauthorized(#[source] Cause),
    /// The platform asks to be left alone for longer than a publish can wait.
    #[error("the platform is limiting our requests")]
    RateLimited {
        /// For how long.
        retry_after: Option<Duration>,
    },
    /// It failed before the platform could have taken the post.
    #[error("the platform could not be reached")]
    Unavailable(#[source] Cause),
    /// It failed after the platform may have taken the post. Never repeated by itself.
    #[error("the platform may or may not have taken the post")]
    Unknown(#[source] Cause),
}
