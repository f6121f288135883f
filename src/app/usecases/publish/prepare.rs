//! Preparing the platforms of a publication: for each, its client and an image within its limits.

use futures_util::future::join_all;

use super::{
    delivery::{Delivery, Ready},
    error::PublishImageError,
    publication::Publication,
};
use crate::{
    app::{
        tenancy::access::{ClientUnavailable, Opened},
        usecases::steps::loaded_image::LoadedImage,
    },
    domain::{
        caption::{CaptionRules, PlatformRules},
        image::EncodedImage,
        platform::{ImageLimits, Platform},
        publication::{Failure, FailureReason, PublishStage},
    },
    ports::{PostLimits, Publisher},
};

/// The platforms of a publication, prepared.
pub(super) struct Prepared {
    /// One for each platform whose client could be opened.
    pub(super) deliveries: Vec<Delivery>,
    /// The other platforms, which are not recorded in the ledger.
    pub(super) skipped: Vec<(Platform, Failure)>,
    /// What each platform takes as a caption at the moment.
    pub(super) rules: PlatformRules,
    /// Whether one of them was skipped because the tenant is out of credit.
    is_out_of_credit: bool,
}

impl Publication {
    /// Prepares the image for sending, and these platforms. Nothing has been paid for or recorded before that.
    pub(super) async fn prepare(
        &self,
        image: LoadedImage,
        platforms: &[Platform],
    ) -> Result<(LoadedImage, Prepared), PublishImageError> {
        let prepare = async {
            let scaler = &*self.usecase.work.scaler;
            let image = image.for_sending(scaler, &self.tenant.settings().content);
            let image: Result<_, PublishImageError> = image.await;
            let image = image?;
            let all = platforms
                .iter()
                .map(|platform| self.prepare_one(*platform, &image.encoded));
            let all = join_all(all).await;
            Ok::<_, PublishImageError>((image, all))
        };
        let (image, all) = self.stages().time(PublishStage::Prepare, prepare).await?;
        let mut prepared = Prepared {
            deliveries: Vec::new(),
            skipped: Vec::new(),
            rules: self.tenant.settings().platforms.rules_of(platforms),
            is_out_of_credit: false,
        };
        for (&platform, delivery) in platforms.iter().zip(all) {
            match delivery {
                Ok((delivery, rules)) => {
                    prepared.deliveries.push(delivery);
                    prepared.rules.insert(platform, rules);
                }
                Err(error) => {
                    prepared.is_out_of_credit |= error.is_out_of_credit();
                    prepared.skipped.push((platform, failure(platform, error)));
                }
            }
        }
        Ok((image, prepared))
    }

    /// A delivery, and what the platform takes as a caption. The image is this one, or a smaller copy where the
    /// platform's limits ask for one.
    async fn prepare_one(
        &self,
        platform: Platform,
        image: &EncodedImage,
    ) -> Result<(Delivery, CaptionRules), ClientUnavailable> {
        let publisher = self.tenant.publisher(platform, &self.request_id).await?;
        let (limits, rules) = self.limits(platform, &*publisher.client).await;
        let scaler = &self.usecase.work.scaler;
        let image = match limits {
            None => scaler.fit_within(image, None).await,
            Some(limits) => scaler.meet(image, limits).await,
        };
        let ready = image.map(|image| Ready {
            image,
            publisher,
            connecting: None,
        });
        let ready =
            ready.map_err(|error| Failure::new(FailureReason::ImageUnsuitable, error.to_string()));
        Ok((Delivery::new(platform, ready), rules))
    }

    /// What a platform takes as an image (`None` is anything) and as a caption: as it tells itself, or as the tenant's
    /// config and the platform's documents say.
    pub(super) async fn limits(
        &self,
        platform: Platform,
        client: &dyn Publisher,
    ) -> (Option<ImageLimits>, CaptionRules) {
        let platforms = &self.tenant.settings().platforms;
        if let Some(PostLimits { caption, image }) = client.limits().await {
            return (
                Some(image),
                platforms.as_the_tenant_wants(platform, caption),
            );
        }
        let rules = platforms.caption_rules(platform);
        (self.tenant.image_limits(platform), rules)
    }

    /// The client of a platform, or the reason why there is none.
    pub(super) async fn publisher(
        &self,
        platform: Platform,
    ) -> Result<Opened<dyn Publisher>, Failure> {
        let opened = self.tenant.publisher(platform, &self.request_id).await;
        opened.map_err(|error| failure(platform, error))
    }
}

/// The failure of a platform without a client.
fn failure(platform: Platform, error: ClientUnavailable) -> Failure {
    let (reason, retry_after) = match error {
        ClientUnavailable::Off => (FailureReason::Off, None),
        ClientUnavailable::Credential(error) => (FailureReason::Unavailable, error.retry_after()),
    };
    Failure {
        reason,
        text: format!("{platform}: {error}"),
        retry_after,
    }
}

impl Prepared {
    /// The platforms that the image is sent to.
    pub(super) fn sent_to(&self) -> Vec<Platform> {
        let sent = self.deliveries.iter().filter(|it| it.failure().is_none());
        sent.map(Delivery::platform).collect()
    }

    /// An error if no platform's credential is available at the moment: then nothing is paid for or recorded.
    pub(super) fn ensure_available(&self) -> Result<(), PublishImageError> {
        let is_away = |(_, failure): &(_, Failure)| failure.reason == FailureReason::Unavailable;
        if !self.deliveries.is_empty() || !self.skipped.iter().all(is_away) {
            return Ok(());
        }
        if self.is_out_of_credit {
            return Err(PublishImageError::OutOfCredit);
        }
        let waits = self.skipped.iter().filter_map(|it| it.1.retry_after);
        Err(PublishImageError::NoPlatformAvailable {
            retry_after: waits.min(),
        })
    }

    /// Starts the connections, which are made while captions are written.
    pub(super) fn connect(&mut self) {
        self.deliveries.iter_mut().for_each(Delivery::connect);
    }
}
