//! The limit of an admin's uploads: ten in any minute.

use std::{sync::Arc, time::Duration};

use crate::{
    app::http::{auth::Caller, error::ApiError, problem::ProblemKind},
    ports::{RateLimit, RateLimits},
};

/// The uploads of one admin of a tenant.
pub(in crate::app::http) const UPLOADS: RateLimit = RateLimit {
    name: "uploads",
    turns: 10,
    window: Duration::from_mins(1),
    longest_wait: Duration::ZERO,
};

/// The uploads of each admin.
pub(super) struct UploadRate(Arc<dyn RateLimits>);

impl UploadRate {
    /// A limit that counts in these.
    pub(super) fn new(rates: Arc<dyn RateLimits>) -> Self {
        Self(rates)
    }

    /// Counts an upload.
    ///
    /// # Errors
    /// `rate-limited` if it is one too many.
    pub(super) async fn count(&self, admin: &Caller) -> Result<(), ApiError> {
        let taken = self.0.take(&UPLOADS, &admin.rate_key()).await;
        taken.map(drop).map_err(|too_late| {
            let detail = "An admin may upload ten images a minute.";
            ApiError::new(ProblemKind::RateLimited, detail).retry_after(Some(too_late.wait))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapters::rate_limits::OwnRates, app::usecases::fixtures::clock, domain::tenant::TenantName,
    };

    fn admin(tenant: &str, address: &str) -> Caller {
        Caller::at(TenantName::new(tenant).unwrap(), address.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn each_admin_of_each_tenant_has_ten_uploads_in_any_minute() {
        let rate = UploadRate::new(Arc::new(OwnRates::new(clock())));
        let alice = admin("alice", "192.0.2.1");
        for _ in 0..10 {
            rate.count(&alice).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let refused = rate.count(&alice).await.unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::RateLimited);
        for other in [admin("alice", "192.0.2.2"), admin("bob", "192.0.2.1")] {
            rate.count(&other).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(50)).await;
        rate.count(&alice).await.unwrap();
        assert!(rate.count(&alice).await.is_err(), "one is a minute old");
    }
}
