//! What must survive the process: which images have been published where.
//!
//! To add a database: implement [`Ledger`] and [`LedgerReader`] in a new file of
//! `adapters::ledger`, run the tests in `adapters::ledger::tests` against it, and name its URL
//! scheme in `adapters::ledger`.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_trait::async_trait;

use super::Cause;
use crate::domain::{
    caption_history::KeptCaption,
    content_hash::ContentHash,
    content_hashes::ContentHashes,
    image::ImageName,
    ledger::{Claim, Entry, EntryQuery, Lease, Prior, Settlement},
    platform::Platform,
    publication::{Failure, LookupKey},
    tenant::TenantName,
};

/// How long a lease holds without being renewed. Three renewals, one every [`LEASE_RENEWED_EVERY`],
/// can fail before another holder can take it. No longer than the claim on a job
/// ([`JOB_CLAIM_TTL`](super::JOB_CLAIM_TTL)): who claims a job of a process that is gone finds its image free.
pub const LEASE_TTL: Duration = Duration::from_secs(45);
/// How often a holder renews its lease.
pub const LEASE_RENEWED_EVERY: Duration = Duration::from_secs(10);

/// Keeps publications from happening twice. The intents and outcomes that a call has written when
/// it returns survive the end of the process and of the machine. So does a lease, unless it would
/// end with either.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes the lease on all hashes of the content, unless another holder has one of them, and returns what is
    /// known about these platforms at the same moment. A holder that has some of them extends its lease so. Where
    /// several hashes are claimed of a content that the ledger knows, they all lead to it from then on.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The lease may be taken all the same.
    async fn claim(&self, lease: &Lease, platforms: &[Platform]) -> Result<Claim, LedgerError>;

    /// Holds the lease for another [`LEASE_TTL`] from now.
    ///
    /// # Errors
    /// [`LedgerError`].
    async fn renew(&self, lease: &Lease) -> Result<(), LedgerError>;

    /// Writes down that the image is about to be sent to these platforms, with the key of each post that can be looked
    /// up, and the caption of each that has one: for all of them, or, when it fails, for none. A caption is history once
    /// its post is known to have been published.
    ///
    /// # Errors
    /// [`LedgerError`]. Nothing must be sent then.
    async fn record_intent(
        &self,
        lease: &Lease,
        image: &ImageName,
        platforms: &[Platform],
        keys: &BTreeMap<Platform, LookupKey>,
        captions: &BTreeMap<Platform, KeptCaption>,
    ) -> Result<(), LedgerError>;

    /// Records the outcome of this holder's intent. Writing the same again changes nothing. The lease may have ended,
    /// and may be another holder's: an outcome is lost only where another attempt on this platform has begun since.
    ///
    /// # Errors
    /// [`LedgerError`]; `LeaseLost` when the entry is not of this holder's attempt. Unless the outcome is
    /// written later, the entry reads as unknown.
    async fn record_outcome(
        &self,
        lease: &Lease,
        platform: Platform,
        settlement: &Settlement,
    ) -> Result<(), LedgerError>;

    /// Records what a platform says of the attempt with this key, if its outcome is unknown, and its holder gone. An
    /// attempt that was not posted changes no prior state, as one that failed. Returns what is known of the image on
    /// the platform then.
    ///
    /// # Errors
    /// [`LedgerError`]. What was known then holds.
    async fn record_look_up(
        &self,
        lease: &Lease,
        platform: Platform,
        key: &LookupKey,
        settlement: &Settlement,
    ) -> Result<Prior, LedgerError>;

    /// Writes down that an image was passed over, and why: until its content changes, or it is
    /// published by name, what is wrong with it need not be found out again.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn pass_over(
        &self,
        tenant: &TenantName,
        image: &ImageName,
        hashes: &ContentHashes,
        failure: &Failure,
    ) -> Result<(), LedgerError>;

    /// Gives the lease back, on all of its hashes. One that was lost stays lost.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. The lease then ends by itself.
    async fn release(&self, lease: &Lease) -> Result<(), LedgerError>;
}

/// What people and probes ask the ledger.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait LedgerReader: Send + Sync {
    /// Entries of a tenant, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn list(
        &self,
        tenant: &TenantName,
        query: &EntryQuery,
    ) -> Result<Vec<Entry>, LedgerError>;

    /// The tenant's entry with this number, which is negative for an image that was passed over; `None` if there is
    /// none.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn find(&self, tenant: &TenantName, id: i64) -> Result<Option<Entry>, LedgerError>;

    /// All entries of these contents, by the hash that was asked for, in no order. An entry has that hash, or one
    /// that is known to be of the same content.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn entries_of(
        &self,
        tenant: &TenantName,
        contents: &[ContentHash],
    ) -> Result<HashMap<ContentHash, Vec<Entry>>, LedgerError>;

    /// How many entries of all tenants are [unknown](crate::domain::ledger::EntryState::Unknown):
    /// those that were settled so, and intents whose holder is gone.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn count_unknown(&self) -> Result<u64, LedgerError>;

    /// Finds out in one attempt, by a write, whether the ledger can be written.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn probe(&self) -> Result<(), LedgerError>;
}

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The lease has passed to another holder, or has ended: the former holder must not go on.
    #[error("the lease on this image is lost")]
    LeaseLost,
    /// The ledger cannot be read or written at the moment.
    #[error("the ledger is unavailable")]
    Unavailable(#[source] Cause),
}
