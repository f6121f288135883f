//! Who debits tenants for what they use.

use std::time::Duration;

use async_trait::async_trait;

use super::Cause;
use crate::domain::{request_id::RequestId, usage::UsageEvent};

/// Sends usage events to the orchestrator's billing.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait UsageReporter: Send + Sync {
    /// Sends one event, in one attempt. An event that was taken before is taken again without a second debit.
    ///
    /// # Errors
    /// [`UsageReportError`].
    async fn report(
        &self,
        event: &UsageEvent,
        request_id: &RequestId,
    ) -> Result<(), UsageReportError>;
}

/// Why an event was not taken, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum UsageReportError {
    /// It is never taken: its body or metric is refused.
    #[error("the event was refused")]
    Refused,
    /// It is not taken as it is, without a word that it never is. Others may be.
    #[error("the event was not accepted")]
    NotAccepted,
    /// The orchestrator does not know the tenant.
    #[error("the tenant is unknown")]
    UnknownTenant,
    /// The service token is not accepted.
    #[error("the service token was refused")]
    Unauthorized(#[source] Cause),
    /// It may be taken later.
    #[error("billing is unavailable")]
    Unavailable {
        /// When it asked to be called again.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        cause: Cause,
    },
}
