//! The protocol of a publication, as a chain of values. Each of them owns the lease on the image.
//!
//! | state | holds | next |
//! | --- | --- | --- |
//! | [`Claimed`] | the lease on the hash of the listing, and what is known by it | [`identify`](Claimed::identify); [`send_nothing`](Claimed::send_nothing) |
//! | [`Identified`] | the lease on all hashes of the bytes, and what is known by any of them, which platforms may be asked about | [`record_intent`](Identified::record_intent); [`send_nothing`](Identified::send_nothing) |
//! | [`Intended`] | the lease, and an [`Intent`] in the ledger for each platform | [`deliver`](Intended::deliver) |
//! | [`Settled`] | the lease, and the outcome of each intent | [`release`](Settled::release) |
//!
//! Deliveries are staged, with nothing to be seen of them yet, before their intent is recorded.
//!
//! Each step takes the state by value, and only this file can make a state: an image is posted after its
//! intent is in the ledger, once, and while the lease is held. A state that is dropped on the way releases its
//! lease; with outcomes that the ledger does not have yet, after these are written. What compiles:
//!
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::{content_hashes::*, image::*, publication::*}, ports::*};
//! # async fn post(intent: Intent) -> (PlatformResult, Option<String>) { todo!() }
//! async fn publish(
//!     claimed: Claimed,
//!     hashes: ComputedHashes,
//!     image: &ImageName,
//!     deliveries: Vec<StagedDelivery>,
//! ) -> Result<(), LedgerError> {
//!     let Some(identified) = claimed.identify(hashes).await? else {
//!         return Ok(()); // another request has the image
//!     };
//!     let intended = identified.record_intent(image, deliveries).await?;
//!     let settled = intended.deliver(post).await;
//!     settled.release().await;
//!     Ok(())
//! }
//! ```
//!
//! What does not: recording an intent for an image that was not looked for by all of its hashes …
//! ```compile_fail,E0599
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn unseen(claimed: Claimed, image: &ImageName) -> Result<Intended, LedgerError> {
//!     claimed.record_intent(image, Vec::new()).await
//! }
//! ```
//! … where it is fine once that is done:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn seen(identified: Identified, image: &ImageName) -> Result<Intended, LedgerError> {
//!     identified.record_intent(image, Vec::new()).await
//! }
//! ```
//!
//! Identifying an image by the hash of its listing, without its bytes …
//! ```compile_fail,E0308
//! # use publisher::{app::usecases::publish::protocol::*, domain::content_hashes::*, ports::*};
//! async fn unread(claimed: Claimed, listed: ContentHashes) -> Result<Option<Identified>, LedgerError> {
//!     claimed.identify(listed).await
//! }
//! ```
//! … where doing it with what was computed from the bytes is fine:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::content_hashes::*, ports::*};
//! async fn read(claimed: Claimed, hashes: ComputedHashes) -> Result<Option<Identified>, LedgerError> {
//!     claimed.identify(hashes).await
//! }
//! ```
//!
//! Recording an intent of what is not staged, so that the ledger would not know its key …
//! ```compile_fail,E0308
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn keyless(identified: Identified, image: &ImageName, delivery: Delivery) -> Result<Intended, LedgerError> {
//!     identified.record_intent(image, vec![delivery]).await
//! }
//! ```
//! … where it is fine once that is done:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn keyed(identified: Identified, image: &ImageName, staged: StagedDelivery) -> Result<Intended, LedgerError> {
//!     identified.record_intent(image, vec![staged]).await
//! }
//! ```
//!
//! Delivering what is only identified …
//! ```compile_fail,E0599
//! # use publisher::{app::usecases::publish::protocol::*, domain::{content_hashes::*, image::*, publication::*}, ports::*};
//! # async fn post(intent: Intent) -> (PlatformResult, Option<String>) { todo!() }
//! async fn skip(identified: Identified) -> Settled {
//!     identified.deliver(post).await
//! }
//! ```
//! … where delivering what is intended is fine:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::{content_hashes::*, image::*, publication::*}, ports::*};
//! # async fn post(intent: Intent) -> (PlatformResult, Option<String>) { todo!() }
//! async fn in_order(intended: Intended) -> Settled {
//!     intended.deliver(post).await
//! }
//! ```
//!
//! Making an intent by hand, to post a delivery that the ledger does not know …
//! ```compile_fail,E0423
//! # use publisher::app::usecases::publish::protocol::*;
//! fn forge(staged: StagedDelivery) -> Intent {
//!     Intent(staged)
//! }
//! ```
//! … where having it recorded is fine:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn record(identified: Identified, image: &ImageName, staged: StagedDelivery) -> Result<Intended, LedgerError> {
//!     identified.record_intent(image, vec![staged]).await
//! }
//! ```
//!
//! Recording an intent twice under one lease …
//! ```compile_fail,E0382
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn twice(identified: Identified, image: &ImageName) -> Result<(), LedgerError> {
//!     identified.record_intent(image, Vec::new()).await?;
//!     identified.record_intent(image, Vec::new()).await?;
//!     Ok(())
//! }
//! ```
//! … where once is fine:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn once(identified: Identified, image: &ImageName) -> Result<(), LedgerError> {
//!     identified.record_intent(image, Vec::new()).await?;
//!     Ok(())
//! }
//! ```
//!
//! Delivering, and with it settling, twice …
//! ```compile_fail,E0382
//! # use publisher::{app::usecases::publish::protocol::*, domain::{content_hashes::*, image::*, publication::*}, ports::*};
//! # async fn post(intent: Intent) -> (PlatformResult, Option<String>) { todo!() }
//! async fn twice(intended: Intended) {
//!     intended.deliver(post).await;
//!     intended.deliver(post).await;
//! }
//! ```
//! … where once is fine:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::{content_hashes::*, image::*, publication::*}, ports::*};
//! # async fn post(intent: Intent) -> (PlatformResult, Option<String>) { todo!() }
//! async fn once(intended: Intended) {
//!     intended.deliver(post).await;
//! }
//! ```
//!
//! Going on under a lease that was released …
//! ```compile_fail,E0382
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn too_late(identified: Identified, image: &ImageName) -> Result<Intended, LedgerError> {
//!     identified.release().await;
//!     identified.record_intent(image, Vec::new()).await
//! }
//! ```
//! … where releasing it last is fine:
//! ```
//! # use publisher::{app::usecases::publish::protocol::*, domain::image::*, ports::*};
//! async fn at_the_end(identified: Identified) {
//!     identified.send_nothing().release().await;
//! }
//! ```
//!
//! Copying a state, and the lease with it …
//! ```compile_fail,E0599
//! # use publisher::app::usecases::publish::protocol::*;
//! fn copy(intended: &Intended) -> Intended {
//!     Intended::clone(intended)
//! }
//! ```
//! … where handing it on is fine:
//! ```
//! # use publisher::app::usecases::publish::protocol::*;
//! fn hand_on(intended: Intended) -> Intended {
//!     intended
//! }
//! ```

mod look_up;
mod outcome;

use std::collections::BTreeMap;

use futures_util::future::join_all;

pub use super::delivery::{Delivery, StagedDelivery};

use self::outcome::record_outcome;
use super::delivery::Staged;
use crate::{
    app::runtime::held_lease::{HeldLease, Leases},
    domain::{
        content_hash::ContentHash,
        content_hashes::ComputedHashes,
        image::ImageName,
        ledger::{Prior, PriorState},
        platform::Platform,
        publication::{LookupKey, Outcome, PlatformResult},
        tenant::TenantName,
    },
    ports::LedgerError,
};

/// An image that no other request can publish, move or delete, as far as the hash of its listing tells.
pub struct Claimed {
    lease: HeldLease,
    prior: Prior,
}

/// An image that no other request can publish, move or delete, by whichever hash it knows it.
pub struct Identified {
    lease: HeldLease,
    prior: Prior,
}

/// An image whose intents are in the ledger: what is delivered.
pub struct Intended {
    lease: HeldLease,
    intents: Vec<Intent>,
}

/// An image that has been delivered, with the outcome of each intent in the ledger or on its way there.
pub struct Settled {
    lease: HeldLease,
    results: Vec<PlatformResult>,
    warnings: Vec<String>,
}

/// A delivery that is in the ledger as about to be sent.
pub struct Intent(StagedDelivery);

impl Claimed {
    /// Takes the lease on an image; `None` if another request has it. The prior state is that on every platform, asked
    /// for or not: it says whether captions were written for the image before.
    pub(super) async fn claim(
        leases: &Leases,
        tenant: TenantName,
        listed: ContentHash,
    ) -> Result<Option<Self>, LedgerError> {
        let claimed = leases.claim(tenant, listed, &Platform::ALL);
        Ok(claimed.await?.map(|(lease, prior)| Self { lease, prior }))
    }

    /// The image's state on each platform before this publication, as far as the hash of its listing tells.
    #[must_use]
    pub fn prior(&self) -> &BTreeMap<Platform, PriorState> {
        &self.prior.platforms
    }

    /// Extends the lease to all hashes of the bytes, and looks for the image by each of them; `None` if another
    /// request has an image with one of them. The ledger leads from all of them to what it knows of the image.
    ///
    /// # Errors
    /// [`LedgerError`]. The lease is released, as it is for `None`.
    pub async fn identify(self, hashes: ComputedHashes) -> Result<Option<Identified>, LedgerError> {
        let Self {
            mut lease,
            prior: _,
        } = self;
        match lease.extend(hashes.into(), &Platform::ALL).await {
            Ok(Some(prior)) => Ok(Some(Identified { lease, prior })),
            other => {
                lease.release().await;
                other.map(|_| None)
            }
        }
    }

    /// The state after sending nothing.
    #[must_use]
    pub fn send_nothing(self) -> Settled {
        Settled::without_posts(self.lease)
    }

    /// Releases the lease.
    pub async fn release(self) {
        self.lease.release().await;
    }
}

impl Identified {
    /// What is known of the image by any of its hashes.
    #[must_use]
    pub fn prior(&self) -> &Prior {
        &self.prior
    }

    /// Runs work under the lease; an error releases it.
    pub(super) async fn hold_during<T, E>(
        self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(Self, T), E> {
        match work.await {
            Ok(done) => Ok((self, done)),
            Err(error) => {
                self.release().await;
                Err(error)
            }
        }
    }

    /// Records that these deliveries are about to be sent, with their captions: all of them, or, with an error, none.
    ///
    /// # Errors
    /// [`LedgerError`]. The lease is released, and nothing must be sent.
    pub async fn record_intent(
        self,
        image: &ImageName,
        deliveries: Vec<StagedDelivery>,
    ) -> Result<Intended, LedgerError> {
        let platforms: Vec<_> = deliveries.iter().map(StagedDelivery::platform).collect();
        let all = || deliveries.iter();
        let keys = all().filter_map(|it| Some((it.platform(), it.key()?.clone())));
        let captions = all().filter_map(|it| Some((it.platform(), it.caption()?.clone())));
        let (keys, captions) = (keys.collect(), captions.collect());
        let Self { lease, prior: _ } = self;
        let recorded = lease.record_intent(image, &platforms, &keys, &captions);
        if let Err(error) = recorded.await {
            lease.release().await;
            return Err(error);
        }
        Ok(Intended {
            lease,
            intents: deliveries.into_iter().map(Intent).collect(),
        })
    }

    /// The state after sending nothing.
    #[must_use]
    pub fn send_nothing(self) -> Settled {
        Settled::without_posts(self.lease)
    }

    /// Releases the lease.
    pub async fn release(self) {
        self.lease.release().await;
    }
}

impl Intended {
    /// Posts all deliveries side by side; a failure of one does not stop the others. `post` returns the result, and
    /// a warning for people. Each outcome is recorded as soon as its platform has answered.
    pub async fn deliver<F>(self, mut post: impl FnMut(Intent) -> F) -> Settled
    where
        F: Future<Output = (PlatformResult, Option<String>)>,
    {
        let Self { lease, intents } = self;
        let held = &lease;
        let one = move |intent| {
            let posted = post(intent);
            async move {
                let (result, warning) = posted.await;
                let unrecorded = record_outcome(held, &result).await;
                (result, warning.into_iter().chain(unrecorded))
            }
        };
        let settled = join_all(intents.into_iter().map(one)).await;
        let (results, warnings): (_, Vec<_>) = settled.into_iter().unzip();
        Settled {
            lease,
            results,
            warnings: warnings.into_iter().flatten().collect(),
        }
    }
}

impl Settled {
    fn without_posts(lease: HeldLease) -> Self {
        Self {
            lease,
            results: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The results of the deliveries.
    #[must_use]
    pub fn results(&self) -> &[PlatformResult] {
        &self.results
    }

    /// Releases the lease, and returns the results with warnings for people.
    pub async fn release(self) -> (Vec<PlatformResult>, Vec<String>) {
        self.lease.release().await;
        (self.results, self.warnings)
    }
}

impl Intent {
    /// The platform, the key, and what is posted.
    pub(super) fn into_parts(self) -> (Platform, Option<LookupKey>, Result<Staged, Outcome>) {
        self.0.into_parts()
    }
}
