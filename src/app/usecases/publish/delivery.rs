//! The platforms of a publication: a copy of the image that each can take, then all of them at
//! once.

use futures_util::future::join_all;

use super::{Captions, Publication};
use crate::{
    app::usecases::{
        error_chain::ErrorChain,
        held_lease::HeldLease,
        imaging::ScaleError,
        tenant::{ClientUnavailable, Opened},
    },
    domain::{
        image::EncodedImage,
        ledger::Settlement,
        platform::Platform,
        publication::{Outcome, PlatformResult},
    },
    ports::{Post, PublishError, Publisher, PublisherFactory},
};

/// A platform, and the image for it.
pub(super) type Prepared = (Platform, Result<EncodedImage, ScaleError>);

impl Publication {
    /// An image for each platform: the original, or a smaller copy where its limits ask for one.
    pub(super) async fn prepare(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Vec<Prepared> {
        let one = |platform: &Platform| {
            let platform = *platform;
            async move {
                let limits = self
                    .tenant
                    .platform_factory(platform)
                    .and_then(PublisherFactory::image_limits);
                let ready = match limits {
                    None => Ok(image.clone()),
                    Some(limits) => self.usecase.scaler.meet(image, limits).await,
                };
                (platform, ready)
            }
        };
        join_all(platforms.iter().map(one)).await
    }

    /// Publishes to all platforms side by side; one that fails stops no other. What came of each
    /// is in the ledger when this returns, or else a warning stands beside it.
    pub(super) async fn deliver(
        &self,
        lease: &HeldLease,
        prepared: Vec<Prepared>,
        captions: &Captions,
    ) -> Vec<(PlatformResult, Option<String>)> {
        let one = |(platform, ready): Prepared| async move {
            let caption = captions.of(platform).to_owned();
            let outcome = match ready {
                Ok(image) => {
                    let post = self.post(image, caption.clone(), captions);
                    self.publish(platform, &post).await
                }
                Err(error) => Outcome::Failed(error.to_string()),
            };
            let warning = self.record(lease, platform, &outcome).await;
            let result = PlatformResult {
                platform,
                caption,
                outcome,
            };
            (result, warning)
        };
        join_all(prepared.into_iter().map(one)).await
    }

    /// Tells the ledger; says so if it could not be told.
    async fn record(
        &self,
        lease: &HeldLease,
        platform: Platform,
        outcome: &Outcome,
    ) -> Option<String> {
        let settlement = match outcome {
            Outcome::Published(id) | Outcome::AlreadyPublished(id) => {
                Settlement::Published(id.clone())
            }
            Outcome::Failed(error) | Outcome::Skipped(error) => Settlement::Failed(error.clone()),
            Outcome::Unknown(error) => Settlement::Unknown(error.clone()),
        };
        let error = lease.settle(platform, &settlement).await.err()?;
        tracing::error!(
            tenant = %self.tenant.name(),
            platform = platform.as_str(),
            outcome = outcome.as_str(),
            error = %ErrorChain(&error),
            "the ledger could not be told what came of a post, and counts it as unknown"
        );
        Some(format!(
            "the ledger could not be told what came of {platform}, and counts it as unknown"
        ))
    }

    fn post(&self, image: EncodedImage, caption: String, captions: &Captions) -> Post {
        let analysis = captions.analysis.as_ref();
        let wants_alt_text = self.tenant.settings().features.alt_text_enabled;
        Post {
            name: self.name.clone(),
            image,
            caption,
            alt_text: analysis
                .filter(|_| wants_alt_text)
                .and_then(|a| a.alt_text.clone()),
            tags: analysis
                .map(|analysis| analysis.tags.clone())
                .unwrap_or_default(),
        }
    }

    /// Publishes to one platform; once more when the credential turns out to be dead, nothing
    /// was published, and another can be had.
    async fn publish(&self, platform: Platform, post: &Post) -> Outcome {
        let attempt = async {
            let opened = self.publisher(platform).await?;
            let result = opened.client.publish(post).await;
            let Err(PublishError::Unauthorized(_)) = &result else {
                return Ok(result);
            };
            self.tenant.forget(&opened);
            let renewed = self.publisher(platform).await?;
            if renewed.is_refused_like(&opened) {
                return Ok(result);
            }
            Ok(renewed.client.publish(post).await)
        };
        match attempt.await {
            Ok(Ok(post_id)) => Outcome::Published(post_id),
            Ok(Err(error)) => self.failure(platform, &error),
            Err(outcome) => outcome,
        }
    }

    async fn publisher(&self, platform: Platform) -> Result<Opened<dyn Publisher>, Outcome> {
        self.tenant
            .publisher(platform, &self.request_id)
            .await
            .map_err(|error| match error {
                ClientUnavailable::Off => Outcome::Skipped(format!("{platform} is off")),
                ClientUnavailable::Credential(error) => Outcome::Failed(error.to_string()),
            })
    }

    fn failure(&self, platform: Platform, error: &PublishError) -> Outcome {
        tracing::warn!(
            tenant = %self.tenant.name(),
            platform = platform.as_str(),
            error = %ErrorChain(error),
            "platform did not confirm the post"
        );
        match error {
            PublishError::Unknown(_) => {
                Outcome::Unknown(format!("{error}; look there before publishing it again"))
            }
            PublishError::RateLimited {
                retry_after: Some(wait),
            } => Outcome::Failed(format!("{error}; try again in {} s", wait.as_secs())),
            PublishError::Rejected(_)
            | PublishError::Unauthorized(_)
            | PublishError::RateLimited { retry_after: None }
            | PublishError::Unavailable(_) => Outcome::Failed(error.to_string()),
        }
    }
}
