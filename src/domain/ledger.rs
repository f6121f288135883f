//! What the ledger remembers of an image on a platform, and who may write it down.
//!
//! An entry belongs to one tenant, one content and one platform. It begins as an intent, written
//! before the platform is called, and ends with what came of the call. An intent that nobody
//! works on any more is `unknown`: the process ended between the two.

use std::{collections::BTreeMap, time::SystemTime};

use uuid::Uuid;

use super::{
    image::{ContentHash, ImageName},
    platform::Platform,
    publication::{Failure, FailureReason, PostId},
    tenant::TenantName,
    words::words,
};

/// The right to work on one image of one tenant, asked for or held. Nobody else publishes, moves or
/// deletes the same content while it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    tenant: TenantName,
    content_hash: ContentHash,
    holder: String,
}

impl Lease {
    /// A lease for a new holder, who does not have it until a ledger says so.
    #[must_use]
    pub fn for_new_holder(tenant: TenantName, content_hash: ContentHash) -> Self {
        Self {
            tenant,
            content_hash,
            holder: Uuid::new_v4().simple().to_string(),
        }
    }

    /// Whose image.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// Which image, whatever it is called.
    #[must_use]
    pub fn content_hash(&self) -> &ContentHash {
        &self.content_hash
    }

    /// The holder: random, and a new one for each piece of work.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }
}

/// What a claim brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The lease is held now. What the ledger knows of each platform that was asked about; one
    /// that is missing has never been tried.
    Held(BTreeMap<Platform, PriorState>),
    /// Somebody else holds it.
    HeldByOther,
}

/// What is known of an image on a platform before it is published there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriorState {
    /// The platform has it.
    Published(PostId),
    /// The platform certainly does not have it.
    Failed,
    /// Nobody can tell.
    Unknown,
}

/// What came of an intent. An attempt that failed changes nothing of what was known before it: a
/// platform that has the image still has it after a forced repetition failed, and an unknown post
/// stays unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The platform has taken it.
    Published(PostId),
    /// The platform has not taken it, for this reason.
    Failed(Failure),
    /// The platform may have taken it, for all that is known; in words for people.
    Unknown(String),
}

/// One entry, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the list.
    pub position: Position,
    /// The name that the image had at the last attempt.
    pub image: ImageName,
    /// The hash of its content.
    pub content_hash: ContentHash,
    /// The platform; `None` where the state is [`EntryState::Skipped`], which holds for all of them.
    pub platform: Option<Platform>,
    /// How things stand.
    pub state: EntryState,
    /// The name that the platform gave it.
    pub post_id: Option<PostId>,
    /// Why the platform does not certainly have it, for programs; `None` also where it was written
    /// down by a version that knew no reasons.
    pub reason: Option<FailureReason>,
    /// Why the last attempt did not certainly succeed, for people.
    pub error: Option<String>,
    /// When the last attempt began.
    pub started: SystemTime,
    /// When it ended; `None` if nobody has said so.
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

impl EntryState {
    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Where an entry stands in the list, newest first. An entry that is tried again moves to the
/// front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When its last attempt began, in milliseconds since 1970.
    pub started_ms: i64,
    /// Its number in the ledger; negative for an image that was passed over.
    pub id: i64,
}

/// Which entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryQuery {
    /// Only images that had this name at their last attempt.
    pub image: Option<ImageName>,
    /// Only this platform.
    pub platform: Option<Platform>,
    /// Only entries in this state.
    pub state: Option<EntryState>,
    /// Only entries that stand behind this one.
    pub after: Option<Position>,
    /// At most so many.
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
