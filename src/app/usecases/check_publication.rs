//! Asking a platform whether it has a post whose answer was lost. Sends nothing.

use std::sync::Arc;

use super::steps::look_up::{LookUps, StillUnknown};
use crate::{
    app::{
        runtime::{background_tasks::TaskAborted, held_lease::Leases},
        tenancy::{access::ClientUnavailable, credentials::CredentialUnavailable, tenant::Tenant},
    },
    domain::{
        ledger::{Entry, EntryState},
        platform::Platform,
        publication::LookupKey,
        request_id::RequestId,
    },
    ports::{LedgerError, LedgerReader, PublishError},
};

/// Checks publications.
#[derive(Clone)]
pub struct CheckPublication {
    leases: Leases,
    reader: Arc<dyn LedgerReader>,
}

/// Why there is no answer. Nothing was sent, and nothing is known that was not known before.
#[derive(Debug, thiserror::Error)]
pub enum CheckPublicationError {
    /// The tenant has no such entry.
    #[error("the ledger has no entry of this number")]
    NotFound,
    /// Another request is working on the image.
    #[error("somebody is working on this image already")]
    InProgress,
    /// There is nobody to ask, or nothing to ask about.
    #[error("{0}")]
    CannotBeAsked(&'static str),
    /// The platform's credential is not available at the moment.
    #[error(transparent)]
    NoCredential(CredentialUnavailable),
    /// The platform did not answer the question.
    #[error(transparent)]
    Platform(PublishError),
    /// The ledger is unavailable.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The check ended without an answer.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// A lease that was lost belongs to another request now.
impl From<LedgerError> for CheckPublicationError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::LeaseLost => Self::InProgress,
            LedgerError::Unavailable(_) => Self::Ledger(error),
        }
    }
}

impl CheckPublication {
    /// A use case that works under `leases`; `reader` reads the same ledger.
    #[must_use]
    pub fn new(leases: Leases, reader: Arc<dyn LedgerReader>) -> Self {
        Self { leases, reader }
    }

    /// The tenant's entry of this number, after its platform was asked where the entry is unknown. A caller that goes
    /// away does not stop it between the question and the ledger. The platform waits for a request that may still be on
    /// its way, so that the answer may take a minute.
    ///
    /// # Errors
    /// [`CheckPublicationError`]. A platform that cannot tell is no error: the entry says so.
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        id: i64,
        request_id: RequestId,
    ) -> Result<Entry, CheckPublicationError> {
        let usecase = self.clone();
        let check = async move { usecase.check(&tenant, id, &request_id).await };
        self.leases.tasks.run_to_completion(check).await?
    }

    async fn check(
        &self,
        tenant: &Tenant,
        id: i64,
        request_id: &RequestId,
    ) -> Result<Entry, CheckPublicationError> {
        let entry = self.find(tenant, id).await?;
        if !is_in_doubt(&entry)? {
            return Ok(entry);
        }
        question(&entry)?;
        // The holder of an attempt has the lease on the hash that its entry shows.
        let hash = entry.content_hash;
        let claimed = self.leases.claim(tenant.name().clone(), hash, &[]);
        let (lease, _) = claimed.await?.ok_or(CheckPublicationError::InProgress)?;
        let asked = async {
            let entry = self.find(tenant, id).await?;
            if !is_in_doubt(&entry)? {
                return Ok(entry);
            }
            let (platform, key) = question(&entry)?;
            let look_ups = LookUps { tenant, request_id };
            let (_, doubt) = look_ups.resolve_one(&lease, platform, key).await?;
            let mut entry = self.find(tenant, id).await?;
            if let Some(doubt) = doubt {
                still_unknown(&mut entry, doubt)?;
            }
            Ok(entry)
        };
        let asked = asked.await;
        lease.release().await;
        asked
    }

    async fn find(&self, tenant: &Tenant, id: i64) -> Result<Entry, CheckPublicationError> {
        let found = self.reader.find(tenant.name(), id).await?;
        found.ok_or(CheckPublicationError::NotFound)
    }
}

/// Whether it is to be asked about: an image that was passed over as well, so that a caller learns that nobody can be.
fn is_in_doubt(entry: &Entry) -> Result<bool, CheckPublicationError> {
    match entry.state {
        EntryState::Published | EntryState::Failed => Ok(false),
        EntryState::InProgress => Err(CheckPublicationError::InProgress),
        EntryState::Unknown | EntryState::Skipped => Ok(true),
    }
}

/// The platform to ask, and the key to ask with.
fn question(entry: &Entry) -> Result<(Platform, &LookupKey), CheckPublicationError> {
    let platform = entry.platform.ok_or(CheckPublicationError::CannotBeAsked(
        "The image was passed over, and sent to no platform.",
    ))?;
    let key = entry.key.as_ref();
    let key = key.ok_or(CheckPublicationError::CannotBeAsked(
        "The platform has no way to look up this post.",
    ))?;
    Ok((platform, key))
}

/// Says in an entry why it is still unknown, where the platform was asked.
fn still_unknown(entry: &mut Entry, doubt: StillUnknown) -> Result<(), CheckPublicationError> {
    match doubt {
        // The ledger says so.
        StillUnknown::Undetermined => Ok(()),
        doubt @ StillUnknown::NoKey => {
            let error = entry.error.take().unwrap_or_default();
            entry.error = Some(format!("{error}; {doubt}"));
            Ok(())
        }
        StillUnknown::NoClient(ClientUnavailable::Off) => Err(
            CheckPublicationError::CannotBeAsked("The platform is off for this tenant."),
        ),
        StillUnknown::NoClient(ClientUnavailable::Credential(error)) => {
            Err(CheckPublicationError::NoCredential(error))
        }
        StillUnknown::NoAnswer(error) => Err(CheckPublicationError::Platform(error)),
    }
}

#[cfg(test)]
mod tests;
