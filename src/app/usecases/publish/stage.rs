//! Staging: every platform gets its post up to the step that makes it visible, all at the same time. What takes long is
//! done here, before the intent is recorded.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use tokio::time::timeout;

use super::{
    delivery::{Delivery, Ready, Staged, StagedDelivery},
    publication::Publication,
};
use crate::{
    app::usecases::steps::{captioning::Captions, platform_failure},
    domain::{
        image::{EncodedImage, ImageName},
        ledger::{Prior, PriorState},
        platform::Platform,
        publication::{Failure, LookupKey, Outcome, PublishStage},
    },
    ports::{Post, PublishError},
};

/// How long a platform may stage, so that one that hangs does not hold up the others for longer: an upload at a slow
/// line's pace and half a minute of processing, as Mastodon may take for its media.
const STAGING_LIMIT: Duration = Duration::from_secs(90);

impl Publication {
    /// The keys of earlier attempts that were certainly not posted, which are used again. A forced post is a new one.
    pub(super) fn earlier_keys(&self, prior: &Prior) -> BTreeMap<Platform, LookupKey> {
        let has_failed =
            |platform: &Platform| prior.platforms.get(platform) == Some(&PriorState::Failed);
        let keys = prior.keys.iter();
        keys.filter(|(platform, _)| !self.force && has_failed(platform))
            .map(|(platform, key)| (*platform, key.clone()))
            .collect()
    }

    /// Stages all deliveries. One that fails becomes a delivery with that failure.
    pub(super) async fn stage(
        &self,
        deliveries: Vec<Delivery>,
        name: &ImageName,
        captions: &Captions,
        mut earlier: BTreeMap<Platform, LookupKey>,
    ) -> Vec<StagedDelivery> {
        let mut kept = captions.to_keep();
        let staging = deliveries.into_iter().map(|delivery| {
            let platform = delivery.platform();
            let (earlier, kept) = (earlier.remove(&platform), kept.remove(&platform));
            let staged = self.stage_one(delivery, name, captions, earlier);
            staged.map(|staged| staged.with_caption(kept))
        });
        let staging = join_all(staging.collect::<Vec<_>>());
        self.stages().time(PublishStage::Staging, staging).await
    }

    async fn stage_one(
        &self,
        delivery: Delivery,
        name: &ImageName,
        captions: &Captions,
        earlier: Option<LookupKey>,
    ) -> StagedDelivery {
        let (platform, ready) = delivery.into_parts();
        self.platform_reached(platform, PublishStage::Staging);
        let Ready {
            image,
            publisher,
            connecting,
        } = match ready {
            Ok(ready) => ready,
            Err(failure) => {
                return StagedDelivery::new(platform, earlier, Err(Outcome::Failed(failure)));
            }
        };
        let staged = Staged {
            post: Self::compose(name, image, platform, captions),
            client: connecting.unwrap_or_else(|| Arc::clone(&publisher.client)),
            publisher,
        };
        let staging = self.stage_post(platform, staged, earlier.as_ref());
        let staged = timeout(STAGING_LIMIT, staging).await;
        match staged.unwrap_or_else(|_| Err(self.not_staged(platform, &hung()))) {
            Ok((staged, key)) => StagedDelivery::new(platform, key, Ok(staged)),
            Err(outcome) => StagedDelivery::new(platform, earlier, Err(outcome)),
        }
    }

    fn compose(
        name: &ImageName,
        image: EncodedImage,
        platform: Platform,
        captions: &Captions,
    ) -> Post {
        let analysis = captions.analysis.as_ref();
        Post {
            name: name.clone(),
            image,
            caption: captions.of(platform).to_owned(),
            alt_text: analysis.and_then(|it| it.alt_text.clone()),
            tags: analysis.map_or_else(Vec::new, |it| it.tags.clone()),
        }
    }

    /// Stages one post. A platform that cannot process the image gets a copy that is encoded anew.
    async fn stage_post(
        &self,
        platform: Platform,
        mut staged: Staged,
        earlier: Option<&LookupKey>,
    ) -> Result<(Staged, Option<LookupKey>), Outcome> {
        let skipped = Outcome::Skipped;
        let first = self.stage_with_live_credential(platform, &mut staged, earlier);
        let mut result = first.await.map_err(skipped)?;
        if let Err(PublishError::ImageUnsuitable(_)) = &result
            && let Some(post) = self
                .encoded_anew(platform, &*staged.client, &staged.post)
                .await
        {
            let publisher = self.publisher(platform).await.map_err(skipped)?;
            staged = Staged {
                post,
                client: Arc::clone(&publisher.client),
                publisher,
            };
            let again = self.stage_with_live_credential(platform, &mut staged, earlier);
            result = again.await.map_err(skipped)?;
        }
        match result {
            Ok(key) => Ok((staged, key)),
            Err(error) => Err(self.not_staged(platform, &error)),
        }
    }

    fn not_staged(&self, platform: Platform, error: &PublishError) -> Outcome {
        self.log_failure(
            platform,
            error,
            "platform did not take the post for staging",
        );
        Outcome::Failed(platform_failure::failure(error))
    }

    /// Stages a post. Where the platform refuses the credential, the call is repeated if there is another credential, by
    /// which the post is then published too.
    async fn stage_with_live_credential(
        &self,
        platform: Platform,
        staged: &mut Staged,
        earlier: Option<&LookupKey>,
    ) -> Result<Result<Option<LookupKey>, PublishError>, Failure> {
        let result = staged.client.stage(&staged.post, earlier).await;
        let Err(PublishError::Unauthorized { .. }) = &result else {
            return Ok(result);
        };
        let Some(renewed) = self.renewed(platform, &staged.publisher).await? else {
            return Ok(result);
        };
        staged.client = Arc::clone(&renewed.client);
        staged.publisher = renewed;
        Ok(staged.client.stage(&staged.post, earlier).await)
    }
}

fn hung() -> PublishError {
    let detail = format!("it was not ready within {} s", STAGING_LIMIT.as_secs());
    PublishError::Unavailable {
        source: detail.clone().into(),
        detail,
    }
}
