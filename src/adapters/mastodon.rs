//! Mastodon, and servers that speak its API: posts an image as a status with a description.
//!
//! The image is uploaded before the intent is recorded, and the upload is the key of the post: an instance attaches an
//! upload to one status only, and shows it for as long as none has it. So a lost answer is looked up, and a status is
//! sent again only when it is known not to be there. The idempotency key alone does not make a repeat safe: an instance
//! stores it at the end of a request, and two that overlap both post.
//!
//! | file | holds |
//! | --- | --- |
//! | `target.rs` | the config of an entry |
//! | `credential.rs` | the address of the instance, and the token |
//! | `instance.rs` | the limits of instances, and how long they are kept |
//! | `key.rs` | the key of a post |
//! | `account.rs` | the calls |
//! | `answer.rs` | how answers are read |
//! | `look_up.rs` | how a lost post is looked for |

mod account;
mod answer;
mod credential;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod instance;
mod key;
mod look_up;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Client;
use serde_json::json;
use unicode_segmentation::UnicodeSegmentation as _;

use self::{
    account::{Account, Pace, Upload},
    instance::{InstanceLimits, Instances},
    key::{PostKey, digest},
    look_up::{look_once, look_up},
};
pub use self::{credential::MastodonCredential, target::MastodonTarget};
use super::{
    http_client::{self, ExtraRoots, HttpSetupError},
    platform_call::CallFailure,
    registration::{HTTP_STATUSES, Registration},
};
use crate::{
    domain::{
        platform_spec::{PlatformSpec, Target as _},
        publication::LookupKey,
        service_url::ServiceUrl,
        tenant_config::TenantSettings,
    },
    ports::{Clock, LookUp, OpenPublisher, Post, PostLimits, Posted, PublishError, Publisher},
};

/// Mastodon, among the platforms.
pub(super) const REGISTRATION: Registration = Registration {
    spec: PlatformSpec::of::<MastodonTarget>(),
    upstream: ("mastodon", &["upload_media", "get_media", "post_status"]),
    statuses: HTTP_STATUSES,
    set_up: |setup| {
        let clock = Arc::clone(&setup.clock);
        Ok(Arc::new(MastodonPublisherFactory::new(
            &setup.roots,
            clock,
        )?))
    },
};

/// Opens Mastodon for tenants.
pub struct MastodonPublisherFactory {
    http: Client,
    clock: Arc<dyn Clock>,
    instances: Arc<Instances>,
    pace: Pace,
}

impl MastodonPublisherFactory {
    /// Sets up what all tenants share. Sends no request.
    ///
    /// # Errors
    /// The TLS set-up failed.
    pub fn new(roots: &ExtraRoots, clock: Arc<dyn Clock>) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: http_client::build(Pace::USUAL.upload, roots)?,
            clock,
            instances: Arc::default(),
            pace: Pace::USUAL,
        })
    }
}

impl OpenPublisher for MastodonPublisherFactory {
    type Target = MastodonTarget;

    fn open(
        &self,
        target: &MastodonTarget,
        credential: MastodonCredential,
        _settings: &TenantSettings,
    ) -> Arc<dyn Publisher> {
        Arc::new(MastodonPublisher {
            account: Account {
                http: self.http.clone(),
                clock: Arc::clone(&self.clock),
                pace: self.pace,
                instance: ServiceUrl::parse(credential.instance_url().expose()),
                credential,
            },
            instances: Arc::clone(&self.instances),
            target: target.clone(),
        })
    }
}

/// Mastodon for one tenant.
struct MastodonPublisher {
    account: Account,
    instances: Arc<Instances>,
    target: MastodonTarget,
}

#[async_trait]
impl Publisher for MastodonPublisher {
    async fn limits(&self) -> Option<PostLimits> {
        let limits = self.instance_limits().await;
        let caption = limits.caption(MastodonTarget::CAPTION);
        Some(PostLimits {
            caption: self.target.with_room_for_spoiler(caption),
            image: limits.image(),
        })
    }

    async fn stage<'a>(
        &self,
        post: &Post,
        earlier: Option<&'a LookupKey>,
    ) -> Result<Option<LookupKey>, PublishError> {
        let key = self.upload(post, earlier.and_then(PostKey::read)).await?;
        Ok(Some(key.write()))
    }

    async fn publish<'a>(
        &self,
        post: &Post,
        key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError> {
        let key = match key {
            Some(key) => {
                let source = "the key of the post is none of Mastodon's";
                PostKey::read(key).ok_or_else(|| PublishError::unavailable(source))?
            }
            None => self.upload(post, None).await?,
        };
        self.post(post, &key).await
    }

    async fn look_up(&self, key: &LookupKey) -> Result<LookUp, PublishError> {
        match PostKey::read(key) {
            Some(key) => Ok(look_up(&self.account, &key).await?),
            None => Ok(LookUp::Undetermined),
        }
    }

    async fn check(&self) -> Result<&'static str, PublishError> {
        let id = match self.account.id().await {
            Ok(id) => Some(id),
            Err(CallFailure::Rejected { code: 403, .. }) => None,
            Err(failure) => return Err(failure.into()),
        };
        // An id that no upload has: what is asked for is whether the token may ask.
        self.account.find_upload("0").await?;
        let may_read = match id {
            Some(id) => match self.account.statuses(&id, None).await {
                Ok(_) => true,
                Err(CallFailure::Rejected { code: 403, .. }) => false,
                Err(failure) => return Err(failure.into()),
            },
            None => false,
        };
        Ok(if may_read {
            "the account is known, and its token may upload images and read statuses"
        } else {
            "the token may upload images, but lacks `read:accounts` or `read:statuses`: a post whose \
             answer is lost will stay unknown"
        })
    }

    /// Connections are kept, and shared by all tenants.
    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        None
    }
}

impl MastodonPublisher {
    async fn instance_limits(&self) -> InstanceLimits {
        let ask = async || self.account.limits().await.ok();
        let address = self.account.address();
        let clock = &*self.account.clock;
        self.instances.limits(&address, clock, ask).await
    }

    /// The key of a post with its image uploaded: that of an earlier attempt, if its upload is the same and still there.
    async fn upload(&self, post: &Post, earlier: Option<PostKey>) -> Result<PostKey, CallFailure> {
        let limit = self.instance_limits().await.description;
        let description = post.alt_text.as_deref().map(|text| cut(text.trim(), limit));
        let description = description.filter(|text| !text.is_empty());
        let digest = digest(&post.image, description.as_deref());
        if let Some(earlier) = earlier.filter(|key| key.digest == digest)
            && self.account.find_upload(&earlier.media).await? == Upload::Ready
        {
            return Ok(earlier);
        }
        let media = self.account.upload(&post.image, description.as_deref());
        Ok(PostKey::new(media.await?, digest))
    }

    /// Posts a status. Where its answer is lost it is looked for, and sent once more if it is not there. One that is not
    /// there in the end has failed: the next attempt has the same upload, which goes into one status only.
    async fn post(&self, post: &Post, key: &PostKey) -> Result<Posted, PublishError> {
        let status = self.status(post, key);
        let mut may_repeat = true;
        loop {
            let why = match self.account.post(&status, key).await {
                Ok(post) => return Ok(post.into()),
                Err(CallFailure::Rejected { code: 422, reason }) => {
                    return self.after_refusal(key, reason).await;
                }
                Err(CallFailure::Lost { why, .. }) => why,
                Err(other) => return Err(other.into()),
            };
            match look_up(&self.account, key).await {
                Ok(LookUp::Posted(post)) => return Ok(post.into()),
                Ok(LookUp::NotPosted) if may_repeat => may_repeat = false,
                Ok(LookUp::NotPosted) => return Err(CallFailure::NotTaken.into()),
                Ok(_) | Err(_) => return Err(CallFailure::Undecided(why).into()),
            }
        }
    }

    /// An instance refuses a status whose upload another one has, in the language of the account: an earlier request may
    /// have posted it.
    async fn after_refusal(&self, key: &PostKey, reason: String) -> Result<Posted, PublishError> {
        let is_free = match look_once(&self.account, key).await {
            Ok(LookUp::Posted(post)) => return Ok(post.into()),
            Ok(LookUp::NotPosted) => true,
            Ok(LookUp::Undetermined) | Err(_) => false,
        };
        let failure = if is_free || !is_about_upload(&reason) {
            CallFailure::Rejected { code: 422, reason }
        } else {
            CallFailure::Undecided("the upload is gone, and no status has it".to_owned())
        };
        Err(failure.into())
    }

    /// The body of the request.
    fn status(&self, post: &Post, key: &PostKey) -> String {
        let mut status = json!({
            "status": post.caption,
            "media_ids": [key.media],
            "visibility": self.target.visibility.as_str(),
            "sensitive": self.target.sensitive,
        });
        if !self.target.spoiler_text.is_empty() {
            status["spoiler_text"] = self.target.spoiler_text.as_str().into();
        }
        if let Some(language) = &self.target.language {
            status["language"] = language.as_str().into();
        }
        status.to_string()
    }
}

/// Whether a refusal says that the upload is attached already, or gone.
fn is_about_upload(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("already attached")
        || (reason.contains("media") && reason.contains("not found"))
}

/// The start of a text that an instance takes as a description: it counts characters, and no grapheme is cut.
fn cut(text: &str, limit: usize) -> String {
    let mut left = limit;
    text.graphemes(true)
        .take_while(|grapheme| {
            let length = grapheme.chars().count();
            let fits = length <= left;
            left = left.saturating_sub(length);
            fits
        })
        .collect()
}
