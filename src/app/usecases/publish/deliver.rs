//! Delivering: all platforms get the image at the same time.

use std::{error::Error, sync::Arc};

use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use super::{
    delivery::Ready,
    protocol::{Intended, Intent, Settled},
    publication::Publication,
};
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::access::Opened,
        usecases::steps::{captioning::Captions, stages::Stage},
    },
    domain::{
        image::{EncodedImage, ImageName},
        platform::Platform,
        publication::{Failure, FailureReason, Outcome, PlatformResult},
    },
    ports::{Post, Posted, PublishError, Publisher},
};

impl Publication {
    /// Posts the image to every platform that has an intent. `serving` is dropped when all platforms have answered,
    /// before their outcomes are recorded.
    pub(super) async fn deliver(
        &self,
        intended: Intended,
        name: &ImageName,
        captions: &Captions,
        serving: TaskTrackerToken,
    ) -> Settled {
        let delivered = intended.deliver(move |intent| {
            let serving = serving.clone();
            async move {
                let posted = self.post(intent, name, captions).await;
                drop(serving);
                posted
            }
        });
        self.stages().time(Stage::Send, delivered).await
    }

    async fn post(
        &self,
        intent: Intent,
        name: &ImageName,
        captions: &Captions,
    ) -> (PlatformResult, Option<String>) {
        let (platform, ready) = intent.into_parts();
        let caption = captions.of(platform).to_owned();
        let (outcome, warning) = match ready {
            Ok(Ready {
                image,
                publisher,
                connecting,
            }) => {
                let post = self.compose(name, image, caption.clone(), captions);
                let client = connecting.as_ref().unwrap_or(&publisher.client);
                self.send_to(platform, &publisher, client, &post).await
            }
            Err(failure) => (Outcome::Failed(failure), None),
        };
        let result = PlatformResult {
            platform,
            caption,
            outcome,
        };
        (result, warning)
    }

    fn compose(
        &self,
        name: &ImageName,
        image: EncodedImage,
        caption: String,
        captions: &Captions,
    ) -> Post {
        let analysis = captions.analysis.as_ref();
        let wants_alt_text = self.tenant.settings().features.alt_text_enabled;
        Post {
            name: name.clone(),
            image,
            caption,
            alt_text: analysis
                .filter(|_| wants_alt_text)
                .and_then(|it| it.alt_text.clone()),
            tags: analysis.map_or_else(Vec::new, |it| it.tags.clone()),
        }
    }

    /// Publishes to one platform, and returns the outcome with a warning for people. A platform that cannot process the
    /// image gets a copy that is encoded anew. Follow-ups are started.
    async fn send_to(
        &self,
        platform: Platform,
        opened: &Opened<dyn Publisher>,
        client: &Arc<dyn Publisher>,
        post: &Post,
    ) -> (Outcome, Option<String>) {
        let attempt = async {
            let result = self
                .with_live_credential(platform, opened, client, post)
                .await?;
            let Err(PublishError::ImageUnsuitable(_)) = &result else {
                return Ok(result);
            };
            let Some(post) = self.encoded_anew(platform, post).await else {
                return Ok(result);
            };
            let opened = self.publisher(platform).await?;
            self.with_live_credential(platform, &opened, &opened.client, &post)
                .await
        };
        match attempt.await {
            Ok(Ok(Posted {
                id,
                follow_up,
                warning,
            })) => {
                if let Some(work) = follow_up {
                    let work = work.into_future().in_current_span();
                    self.follow_ups.spawn(work);
                }
                (Outcome::Published(id), warning)
            }
            Ok(Err(error)) => (self.failure(platform, &error), None),
            Err(failure) => (Outcome::Skipped(failure), None),
        }
    }

    /// Publishes by `client`, which was opened as `opened`. Where the platform refuses the credential, nothing was
    /// published: the call is repeated if there is another credential.
    async fn with_live_credential(
        &self,
        platform: Platform,
        opened: &Opened<dyn Publisher>,
        client: &Arc<dyn Publisher>,
        post: &Post,
    ) -> Result<Result<Posted, PublishError>, Failure> {
        let result = client.publish(post).await;
        let Err(PublishError::Unauthorized { .. }) = &result else {
            return Ok(result);
        };
        self.tenant.forget(opened);
        let renewed = self.publisher(platform).await?;
        if renewed.has_same_credential(opened) {
            return Ok(result);
        }
        Ok(renewed.client.publish(post).await)
    }

    /// The post with its image encoded anew; `None` if that fails, or makes no difference.
    async fn encoded_anew(&self, platform: Platform, post: &Post) -> Option<Post> {
        let limits = self.tenant.image_limits(platform);
        let copy = self.usecase.work.scaler.reencode(&post.image, limits).await;
        let image = copy.ok().filter(|copy| *copy != post.image)?;
        tracing::info!(
            tenant = %self.tenant.name(),
            platform = platform.as_str(),
            "the platform cannot process the image; sending a copy that is encoded anew"
        );
        Some(Post {
            image,
            ..post.clone()
        })
    }

    fn failure(&self, platform: Platform, error: &PublishError) -> Outcome {
        // The text of a platform is for the tenant: it may hold anything, hosts for instance.
        let logged = match error {
            PublishError::Unauthorized { source, .. }
            | PublishError::Unavailable { source, .. }
            | PublishError::Unknown(source) => {
                let source: &(dyn Error + 'static) = &**source;
                format!("{}: {}", error.sentence(), ErrorChain(source))
            }
            PublishError::Rejected(_)
            | PublishError::ImageUnsuitable(_)
            | PublishError::RateLimited { .. } => error.sentence().to_owned(),
        };
        tracing::warn!(
            tenant = %self.tenant.name(),
            platform = platform.as_str(),
            error = logged,
            "platform did not confirm the post"
        );
        let reason = match error {
            PublishError::Unknown(_) => {
                return Outcome::Unknown(format!("{error}; look there before publishing it again"));
            }
            PublishError::RateLimited {
                retry_after: Some(wait),
            } => {
                return Outcome::Failed(Failure {
                    reason: FailureReason::RateLimited,
                    text: format!("{error}; try again in {} s", wait.as_secs()),
                    retry_after: Some(*wait),
                });
            }
            PublishError::RateLimited { retry_after: None } => FailureReason::RateLimited,
            PublishError::Rejected(_) => FailureReason::Rejected,
            PublishError::ImageUnsuitable(_) => FailureReason::ImageUnsuitable,
            PublishError::Unauthorized { .. } => FailureReason::Unauthorized,
            PublishError::Unavailable { .. } => FailureReason::Unavailable,
        };
        Outcome::Failed(Failure::new(reason, error.to_string()))
    }
}
