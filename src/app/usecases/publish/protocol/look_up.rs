//! Looking up the posts of earlier attempts whose answers were lost. Only an image that is claimed by all of its hashes
//! is asked about: then none of these attempts is under way.

use std::collections::BTreeMap;

use super::{Claimed, Identified};
use crate::{
    app::usecases::steps::look_up::{LookUps, StillUnknown, can_ask},
    domain::platform::Platform,
    ports::LedgerError,
};

impl Claimed {
    /// Whether one of these platforms can be asked about a post whose answer was lost.
    pub(in crate::app::usecases::publish) fn can_ask(&self, platforms: &[Platform]) -> bool {
        platforms.iter().any(|it| can_ask(&self.prior, *it))
    }
}

impl Identified {
    /// Asks these platforms about posts whose answers were lost. What they say is recorded, and known from then on.
    /// Returns why others are still unknown.
    ///
    /// # Errors
    /// [`LedgerError`]. The lease is released.
    pub(in crate::app::usecases::publish) async fn look_up(
        mut self,
        look_ups: LookUps<'_>,
        platforms: &[Platform],
    ) -> Result<(Self, BTreeMap<Platform, StillUnknown>), LedgerError> {
        let resolved = look_ups.resolve(&self.lease, &mut self.prior, platforms);
        match resolved.await {
            Ok(doubts) => Ok((self, doubts)),
            Err(error) => {
                self.release().await;
                Err(error)
            }
        }
    }
}
