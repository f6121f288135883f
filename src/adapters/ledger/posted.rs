//! A list of what the existing service has posted, taken over into the ledger. For `publisher import posted`.

use std::{fmt, sync::Arc};

use super::{
    error::OpenLedgerError, open::OpenLedger, posted_list::PostedList, settings::LedgerSettings,
    takeover::POSTED_AT_A_TIME,
};
use crate::{
    domain::tenant::TenantName,
    ports::{Clock, LedgerError},
};

/// Takes the images of a list to be published on every platform of the tenant, now and later. Can be repeated, and works
/// while the service runs. Makes an `SQLite` ledger that is not there: what was posted is best known before the first
/// start.
///
/// # Errors
/// [`PostedImportError`]. What was taken over until then stays; the rest comes with the next try.
pub async fn import_posted(
    settings: LedgerSettings,
    tenant: &TenantName,
    list: &PostedList,
    clock: Arc<dyn Clock>,
) -> Result<PostedSummary, PostedImportError> {
    let ledger = OpenLedger::open_or_make_beside(settings, clock).await?;
    let taken = async {
        let mut new = 0;
        for hashes in list.hashes().chunks(POSTED_AT_A_TIME) {
            new += ledger.takeover.add_posted(tenant, hashes).await?;
        }
        Ok(new)
    };
    let taken = taken.await;
    ledger.close().await;
    let new = taken.map_err(PostedImportError::Ledger)?;
    Ok(PostedSummary {
        new,
        known: (list.hashes().len() as u64).saturating_sub(new),
    })
}

/// The outcome of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedSummary {
    /// How many hashes were not known to be posted.
    pub new: u64,
    /// How many were.
    pub known: u64,
}

impl fmt::Display for PostedSummary {
    /// For people, in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new, known } = self;
        writeln!(f, "posted           {new} new, {known} with nothing new")
    }
}

/// Why nothing, or not everything, was taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostedImportError {
    /// The ledger does not open.
    #[error(transparent)]
    Open(#[from] OpenLedgerError),
    /// It cannot be written any more.
    #[error("not everything was taken over: mend what follows, and start the import again")]
    Ledger(#[source] LedgerError),
}
