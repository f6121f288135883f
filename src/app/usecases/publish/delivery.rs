//! The platforms of a publication: a copy of the image that each can take, then all of them at
//! once.

use std::{error::Error, sync::Arc};

use futures_util::future::join_all;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::publication::Publication;
use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::tenant::{ClientUnavailable, Opened},
        usecases::{
            captioning::Captions,
            held_lease::{HeldLease, Recorded},
            stages::Stage,
        },
    },
    domain::{
        image::{EncodedImage, ImageName},
        ledger::Settlement,
        platform::Platform,
        publication::{Failure, FailureReason, Outcome, PlatformResult},
    },
    ports::{Post, Posted, PublishError, Publisher},
};

/// A platform, and what is needed to send to it: or what came of it already.
pub(super) type Prepared = (Platform, Result<Ready, Outcome>);

/// What is sent to a platform, and by whom.
pub(super) struct Ready {
    image: EncodedImage,
    publisher: Opened<dyn Publisher>,
    /// The same with its connection on the way.
    connecting: Option<Arc<dyn Publisher>>,
}

impl Ready {
    /// Has the connection made while captions are written.
    pub(super) fn connect(&mut self) {
        self.connecting = self.publisher.client.connecting();
    }
}

impl Publication {
    /// What each platform needs: its credential, and an image, which is the original, or a smaller
    /// copy where its limits ask for one. Nothing has been paid for or written down by then.
    pub(super) async fn prepare(
        &self,
        image: &EncodedImage,
        platforms: &[Platform],
    ) -> Vec<Prepared> {
        let one = |platform: &Platform| {
            let platform = *platform;
            async move { (platform, self.make_ready(platform, image).await) }
        };
        let all = join_all(platforms.iter().map(one));
        self.stages().time(Stage::Prepare, all).await
    }

    async fn make_ready(&self, platform: Platform, image: &EncodedImage) -> Result<Ready, Outcome> {
        let publisher = self.publisher(platform).await?;
        let scaler = &self.usecase.scaler;
        let image = match self.tenant.image_limits(platform) {
            None => scaler.fit_within(image, None).await,
            Some(limits) => scaler.meet(image, limits).await,
        };
        let image = image.map_err(|error| {
            let reason = FailureReason::ImageUnsuitable;
            Outcome::Failed(Failure::new(reason, error.to_string()))
        })?;
        Ok(Ready {
            image,
            publisher,
            connecting: None,
        })
    }

    /// Publishes to all platforms side by side; one that fails stops no other. When all have answered,
    /// `served` ends. What came of each is in the ledger when this returns, or else a warning stands
    /// beside it.
    pub(super) async fn deliver(
        &self,
        lease: &HeldLease,
        name: &ImageName,
        prepared: Vec<Prepared>,
        captions: &Captions,
        served: &TaskTracker,
    ) -> Vec<(PlatformResult, Vec<String>)> {
        let one = |(platform, ready): Prepared| {
            let serving = served.token();
            async move {
                let caption = captions.of(platform).to_owned();
                let (outcome, said) = match ready {
                    Ok(Ready {
                        image,
                        publisher,
                        connecting,
                    }) => {
                        let post = self.post(name, image, caption.clone(), captions);
                        self.publish(platform, publisher, connecting, &post).await
                    }
                    Err(outcome) => (outcome, None),
                };
                drop(serving);
                let unrecorded = self.record(lease, platform, &outcome).await;
                let result = PlatformResult {
                    platform,
                    caption,
                    outcome,
                };
                (result, said.into_iter().chain(unrecorded).collect())
            }
        };
        let all = join_all(prepared.into_iter().map(one));
        served.close();
        all.await
    }

    /// Tells the ledger; says so if it could not be told yet.
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
            Outcome::Failed(failure) => Settlement::Failed(failure.clone()),
            // No intent was written down either.
            Outcome::Skipped(_) => return None,
            Outcome::Unknown(error) => Settlement::Unknown(error.clone()),
        };
        let consequence = match lease.record_outcome(platform, &settlement).await {
            Recorded::Now => return None,
            Recorded::Later => "counts it as unknown until it can be told",
            Recorded::Never => "counts it as unknown",
        };
        Some(format!(
            "the ledger could not be told the outcome of {platform}, and {consequence}"
        ))
    }

    fn post(
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
                .and_then(|a| a.alt_text.clone()),
            tags: analysis
                .map(|analysis| analysis.tags.clone())
                .unwrap_or_default(),
        }
    }

    /// Publishes to one platform, and gives what came of it, with a warning perhaps; once more when it cannot process the image, with a copy that is encoded
    /// anew. What follows of it is begun.
    async fn publish(
        &self,
        platform: Platform,
        opened: Opened<dyn Publisher>,
        connecting: Option<Arc<dyn Publisher>>,
        post: &Post,
    ) -> (Outcome, Option<String>) {
        let attempt = async {
            let client = connecting.as_ref().unwrap_or(&opened.client);
            let result = self
                .with_live_credential(platform, &opened, client, post)
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
            Err(outcome) => (outcome, None),
        }
    }

    /// Publishes by `client`, which was opened as `opened`; once more when the credential turns out to be
    /// dead, nothing was published, and another can be had.
    async fn with_live_credential(
        &self,
        platform: Platform,
        opened: &Opened<dyn Publisher>,
        client: &Arc<dyn Publisher>,
        post: &Post,
    ) -> Result<Result<Posted, PublishError>, Outcome> {
        let result = client.publish(post).await;
        let Err(PublishError::Unauthorized { .. }) = &result else {
            return Ok(result);
        };
        self.tenant.forget(opened);
        let renewed = self.publisher(platform).await?;
        if renewed.is_refused_like(opened) {
            return Ok(result);
        }
        Ok(renewed.client.publish(post).await)
    }

    /// The post with a fresh copy of its image; `None` if there is none to be made, or it would be the same.
    async fn encoded_anew(&self, platform: Platform, post: &Post) -> Option<Post> {
        let limits = self.tenant.image_limits(platform);
        let copy = self.usecase.scaler.reencode(&post.image, limits).await;
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

    async fn publisher(&self, platform: Platform) -> Result<Opened<dyn Publisher>, Outcome> {
        self.tenant
            .publisher(platform, &self.request_id)
            .await
            .map_err(|error| {
                let (reason, retry_after) = match error {
                    ClientUnavailable::Off => (FailureReason::Off, None),
                    ClientUnavailable::Credential(error) => {
                        (FailureReason::Unavailable, error.retry_after())
                    }
                };
                Outcome::Skipped(Failure {
                    reason,
                    text: format!("{platform}: {error}"),
                    retry_after,
                })
            })
    }

    fn failure(&self, platform: Platform, error: &PublishError) -> Outcome {
        // What a platform writes is for the tenant: it may hold anything, hosts for instance.
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
