//! Delivering: all platforms publish the image at the same time.

use std::sync::Arc;

use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use super::{
    delivery::Staged,
    protocol::{Intended, Intent, Settled},
    publication::Publication,
};
use crate::{
    app::{
        tenancy::access::Opened,
        usecases::steps::{captioning::Captions, platform_failure},
    },
    domain::{
        platform::Platform,
        publication::{Failure, LookupKey, Outcome, PlatformResult, PublishStage},
    },
    ports::{Post, Posted, PublishError, Publisher},
};

impl Publication {
    /// Posts the image to every platform that has an intent. `serving` is dropped when all platforms have answered,
    /// before their outcomes are recorded.
    pub(super) async fn deliver(
        &self,
        intended: Intended,
        captions: &Captions,
        serving: TaskTrackerToken,
    ) -> Settled {
        let delivered = intended.deliver(move |intent| {
            let serving = serving.clone();
            async move {
                let posted = self.post(intent, captions).await;
                drop(serving);
                posted
            }
        });
        self.stages().time(PublishStage::Send, delivered).await
    }

    async fn post(&self, intent: Intent, captions: &Captions) -> (PlatformResult, Option<String>) {
        let (platform, key, staged) = intent.into_parts();
        self.platform_reached(platform, PublishStage::Send);
        let (outcome, warning) = match staged {
            Ok(staged) => self.send_to(platform, &staged, key.as_ref()).await,
            Err(outcome) => (outcome, None),
        };
        let result = PlatformResult {
            platform,
            caption: captions.of(platform).to_owned(),
            outcome,
        };
        (result, warning)
    }

    /// Publishes to one platform, and returns the outcome with a warning for people. A platform that cannot process the
    /// image gets a copy that is encoded anew, unless the post was staged with its image. Follow-ups are started.
    async fn send_to(
        &self,
        platform: Platform,
        staged: &Staged,
        key: Option<&LookupKey>,
    ) -> (Outcome, Option<String>) {
        let Staged {
            post,
            publisher,
            client,
        } = staged;
        let attempt = async {
            let result = self
                .with_live_credential(platform, publisher, client, (post, key))
                .await?;
            let Err(PublishError::ImageUnsuitable(_)) = &result else {
                return Ok(result);
            };
            // What has a key was staged, and the image with it.
            if key.is_some() {
                return Ok(result);
            }
            let Some(post) = self.encoded_anew(platform, &**client, post).await else {
                return Ok(result);
            };
            let opened = self.publisher(platform).await?;
            self.with_live_credential(platform, &opened, &opened.client, (&post, key))
                .await
        };
        match attempt.await {
            Ok(Ok(Posted {
                post,
                follow_up,
                warning,
            })) => {
                if let Some(work) = follow_up {
                    let work = work.into_future().in_current_span();
                    self.follow_ups.spawn(work);
                }
                (Outcome::Published(post), warning)
            }
            Ok(Err(error)) => {
                self.log_failure(platform, &error, "platform did not confirm the post");
                let failure = platform_failure::failure(&error);
                let outcome = match error {
                    PublishError::Unknown(_) => Outcome::Unknown(failure.text),
                    _ => Outcome::Failed(failure),
                };
                (outcome, None)
            }
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
        (post, key): (&Post, Option<&LookupKey>),
    ) -> Result<Result<Posted, PublishError>, Failure> {
        let result = client.publish(post, key).await;
        let Err(PublishError::Unauthorized { .. }) = &result else {
            return Ok(result);
        };
        Ok(match self.renewed(platform, opened).await? {
            Some(renewed) => renewed.client.publish(post, key).await,
            None => result,
        })
    }

    /// The client with another credential than the refused one; `None` if there is no other.
    pub(super) async fn renewed(
        &self,
        platform: Platform,
        refused: &Opened<dyn Publisher>,
    ) -> Result<Option<Opened<dyn Publisher>>, Failure> {
        self.tenant.forget(refused);
        let renewed = self.publisher(platform).await?;
        Ok((!renewed.has_same_credential(refused)).then_some(renewed))
    }

    /// The post with its image encoded anew; `None` if that fails, or makes no difference.
    pub(super) async fn encoded_anew(
        &self,
        platform: Platform,
        client: &dyn Publisher,
        post: &Post,
    ) -> Option<Post> {
        let (limits, _) = self.limits(platform, client).await;
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

    pub(super) fn log_failure(
        &self,
        platform: Platform,
        error: &PublishError,
        event: &'static str,
    ) {
        tracing::warn!(
            tenant = %self.tenant.name(),
            platform = platform.as_str(),
            error = platform_failure::logged(error),
            "{event}"
        );
    }
}
