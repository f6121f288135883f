//! Asking platforms about posts whose answers were lost, before anything is sent. Not in dry runs, which write nothing,
//! nor by force, which sends the image anyway.

use std::collections::BTreeMap;

use super::{
    error::PublishImageError,
    protocol::Claimed,
    publication::{Loaded, Publication},
};
use crate::{
    app::usecases::steps::look_up::{LookUps, StillUnknown},
    domain::{idempotency::ChosenImage, platform::Platform},
};

impl Publication {
    fn look_ups(&self) -> LookUps<'_> {
        LookUps {
            tenant: &self.tenant,
            request_id: &self.request_id,
        }
    }

    /// Whether there is a platform to ask about a claimed image.
    pub(super) fn can_ask(&self, claimed: &Claimed) -> bool {
        !self.force && claimed.can_ask(self.plan.platforms())
    }

    /// Asks the platforms about the posts of this image that are in doubt. Returns why some are still unknown.
    pub(super) async fn look_up(
        &self,
        loaded: Loaded,
    ) -> Result<(Loaded, BTreeMap<Platform, StillUnknown>), PublishImageError> {
        if self.force {
            return Ok((loaded, BTreeMap::new()));
        }
        let Loaded {
            identified,
            image,
            hashes,
        } = loaded;
        let asked = identified.look_up(self.look_ups(), self.plan.platforms());
        let (identified, doubts) = asked.await?;
        let loaded = Loaded {
            identified,
            image,
            hashes,
        };
        Ok((loaded, doubts))
    }

    /// The same for an image that is no longer where it was: no question needs its bytes.
    pub(super) async fn look_up_chosen(
        &self,
        chosen: &ChosenImage,
    ) -> Result<BTreeMap<Platform, StillUnknown>, PublishImageError> {
        let leases = &self.usecase.work.leases;
        let (tenant, hashes) = (self.tenant.name().clone(), chosen.hashes.clone());
        let claimed = leases.claim(tenant, hashes, &Platform::ALL).await?;
        let (lease, mut prior) = claimed.ok_or(PublishImageError::InProgress)?;
        let platforms = self.plan.platforms();
        let resolved = self.look_ups().resolve(&lease, &mut prior, platforms).await;
        lease.release().await;
        Ok(resolved?)
    }
}
