//! Listing a tenant's publications from the ledger.

use std::sync::Arc;

use crate::{
    app::tenancy::tenant::Tenant,
    domain::ledger::{Entry, EntryQuery, Position},
    ports::{LedgerError, LedgerReader},
};

/// One page of a tenant's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPage {
    /// The entries, newest first.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Position>,
}

/// Lists publications.
#[derive(Clone)]
pub struct ListPublications {
    ledger: Arc<dyn LedgerReader>,
}

impl ListPublications {
    /// A use case that reads `ledger`.
    #[must_use]
    pub fn new(ledger: Arc<dyn LedgerReader>) -> Self {
        Self { ledger }
    }

    /// The tenant's entries that a query asks for.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn run(&self, tenant: &Tenant, query: EntryQuery) -> Result<EntryPage, LedgerError> {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        // One more entry tells whether there is another page.
        let query = EntryQuery {
            limit: query.limit.saturating_add(1),
            ..query
        };
        let mut entries = self.ledger.list(tenant.name(), &query).await?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().map(|entry| entry.position);
        Ok(EntryPage {
            next: next.filter(|_| has_more),
            entries,
        })
    }
}
