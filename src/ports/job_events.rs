//! What happens to a tenant's jobs and publications, for those who watch them.

use std::collections::HashMap;

use async_trait::async_trait;

use super::LedgerError;
use crate::domain::{
    job::{JobEvent, JobEventNumber, StageEvent},
    tenant::TenantName,
};

/// How many events of each tenant are kept, at least.
pub const JOB_EVENTS_KEPT: u32 = 1_000;

/// The events of all tenants, of all processes.
///
/// Each tenant's events have numbers of their own, from 1 on, without a gap, and can be read in their order as soon as they can
/// be read at all. What writes a job adds its event in the same transaction; stages are added here.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait JobEvents: Send + Sync {
    /// Adds stages that publications of the tenant have reached, in this order. Need not survive a power cut.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]. They may have been added all the same.
    async fn add_stages(
        &self,
        tenant: &TenantName,
        stages: &[StageEvent],
    ) -> Result<(), LedgerError>;

    /// The number of the tenant's last event; 0 if there has been none.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn last_event(&self, tenant: &TenantName) -> Result<JobEventNumber, LedgerError>;

    /// The events of each of these tenants behind the number beside it, in their order, at most `limit` of each tenant. Tenants
    /// without any are left out. A job is as it is now, not as it was then; the events of one that is deleted are left out.
    /// Costs one look at a narrow table for all tenants at which nothing has happened.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    async fn events_after(
        &self,
        after: &[(TenantName, JobEventNumber)],
        limit: u32,
    ) -> Result<HashMap<TenantName, EventPage>, LedgerError>;
}

/// Events of a tenant, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<JobEvent>,
    /// Whether events between the number that was given and the first of these are not kept any more, or the number is
    /// greater than that of any event.
    pub has_gap: bool,
    /// The number to ask behind next time.
    pub last: JobEventNumber,
}
