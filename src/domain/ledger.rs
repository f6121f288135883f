//! The ledger: its entries, and the leases under which they are written.
//!
//! An entry belongs to one tenant, one content and one platform. It begins as an intent, recorded before the platform
//! is called, and ends with the outcome of the call. An intent whose lease has expired is `unknown`: the process ended
//! between the two.

use std::{collections::BTreeMap, time::SystemTime};

use uuid::Uuid;

use super::{
    content_hash::ContentHash,
    content_hashes::ContentHashes,
    image::ImageName,
    platform::Platform,
    publication::{Failure, FailureReason, LookupKey, PublishedPost},
    tenant::TenantName,
    words::words,
};

/// The right to work on one image of one tenant, requested or held. While it is held, no other request publishes, moves
/// or deletes the same content, by whichever of its hashes it knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    tenant: TenantName,
    hashes: ContentHashes,
    holder: String,
}

impl Lease {
    /// A lease for a new holder, to be claimed.
    #[must_use]
    pub fn for_new_holder(tenant: TenantName, hashes: impl Into<ContentHashes>) -> Self {
        Self {
            tenant,
            hashes: hashes.into(),
            holder: Uuid::new_v4().simple().to_string(),
        }
    }

    /// The same holder's lease on these hashes, to be claimed.
    #[must_use]
    pub fn extended_to(&self, hashes: ContentHashes) -> Self {
        Self {
            hashes,
            ..self.clone()
        }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// The known hashes of the image's content.
    #[must_use]
    pub fn hashes(&self) -> &ContentHashes {
        &self.hashes
    }

    /// The holder: a random id, new for each piece of work.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The lease is held now; with what is known of the image at this moment.
    Held(Prior),
    /// Another holder has the lease on one of the hashes.
    HeldByOther,
}

/// What is known of an image before a publication, by any of its hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prior {
    /// The state on each requested platform; a missing platform was never tried.
    pub platforms: BTreeMap<Platform, PriorState>,
    /// The key of the last attempt on each of these platforms that does not have the image for certain, and can be
    /// asked.
    pub keys: BTreeMap<Platform, LookupKey>,
    /// Why the image was passed over; `None` if it was not.
    pub passed_over: Option<FailureReason>,
}

impl From<BTreeMap<Platform, PriorState>> for Prior {
    fn from(platforms: BTreeMap<Platform, PriorState>) -> Self {
        Self {
            platforms,
            ..Self::default()
        }
    }
}

/// The state of an image on a platform before a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriorState {
    /// The platform has it.
    Published(PublishedPost),
    /// The platform certainly does not have it.
    Failed,
    /// The platform may have it.
    Unknown,
}

/// The outcome of an intent. A failed attempt does not change the prior state: after a forced attempt has failed, a
/// platform that has the image still has it, and an unknown post stays unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The platform has taken it.
    Published(PublishedPost),
    /// The platform has not taken it, for this reason.
    Failed(Failure),
    /// The platform may have taken it; with a text for people.
    Unknown(String),
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The place in the list.
    pub position: Position,
    /// The name of the image at the last attempt; `None` if another service sent it, and its name is not known.
    pub image: Option<ImageName>,
    /// The hash of its content, of the kind by which the storage of the last attempt knew it where that is a digest.
    pub content_hash: ContentHash,
    /// The platform; `None` where the state holds for all of them: [`EntryState::Skipped`], or
    /// [`EntryState::Published`] of an image that another service has posted.
    pub platform: Option<Platform>,
    /// The state.
    pub state: EntryState,
    /// The post; `None` if the platform has none that the ledger knows.
    pub post: Option<PublishedPost>,
    /// Why the platform does not certainly have it, for programs; `None` also in entries of versions without reasons.
    pub reason: Option<FailureReason>,
    /// Why the last attempt did not certainly succeed, for people.
    pub error: Option<String>,
    /// The key by which the platform can be asked about the last attempt; `None` if it cannot be asked.
    pub key: Option<LookupKey>,
    /// When the last attempt began.
    pub started: SystemTime,
    /// When it ended; `None` without an outcome.
    pub ended: Option<SystemTime>,
}

words! {
    /// The state of an image on a platform, by its name in requests, answers and the ledger.
    pub enum EntryState {
        /// A request is publishing it.
        InProgress = "in_progress",
        /// The platform has it.
        Published = "published",
        /// The platform does not have it.
        Failed = "failed",
        /// The platform may have it.
        Unknown = "unknown",
        /// The image was passed over when the next one was to be published.
        Skipped = "skipped",
    }
}

impl Entry {
    /// The name of the image, for tests; empty where it is not known.
    #[cfg(test)]
    pub(crate) fn filename(&self) -> &str {
        self.image.as_ref().map_or("", ImageName::as_str)
    }

    /// Whether the entry says something of this platform: it is of this platform, or of an image that is taken to be
    /// published on every platform.
    #[must_use]
    pub fn concerns(&self, platform: Platform) -> bool {
        match self.platform {
            Some(own) => own == platform,
            None => self.state == EntryState::Published,
        }
    }
}

/// The place of an entry in the list, newest first. A new attempt moves the entry to the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When its last attempt began, in milliseconds since 1970.
    pub started_ms: i64,
    /// Its number in the ledger; negative for an image that was passed over.
    pub id: i64,
}

/// A query for entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryQuery {
    /// Only images that had this name at their last attempt.
    pub image: Option<ImageName>,
    /// Only this platform.
    pub platform: Option<Platform>,
    /// Only entries in this state.
    pub state: Option<EntryState>,
    /// Only entries behind this one.
    pub after: Option<Position>,
    /// The most entries.
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_has_a_holder_of_its_own() {
        let lease = || {
            let tenant = TenantName::new("alice").unwrap();
            Lease::for_new_holder(tenant, ContentHash::of(b"image"))
        };
        assert_ne!(lease().holder(), lease().holder());
    }

    #[test]
    fn names_lead_back_to_their_state() {
        for state in EntryState::ALL {
            assert_eq!(EntryState::from_name(state.as_str()), Some(state));
        }
        assert_eq!(EntryState::from_name("intent"), None);
    }
}
