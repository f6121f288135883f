//! The end of the access of a stream's admin. Other requests are judged when they come; a stream is open for long.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    app::{
        http::auth::Access,
        tenancy::{resolve_error::ResolveTenantError, resolve_tenant::ResolveTenant},
    },
    domain::{host::Host, request_id::RequestId, tenant::TenantName},
};

/// How often the tenant and its people are checked.
const CHECKED_EVERY: Duration = Duration::from_secs(15);

/// Where a stream was asked for, and by whom.
pub(super) struct Watcher {
    /// By name alone: what the tenant was opened with is not kept for as long as the stream is open.
    pub(super) tenant: TenantName,
    pub(super) host: Host,
    pub(super) request_id: RequestId,
    pub(super) access: Access,
}

impl Watcher {
    /// Waits until the admin's session ends, the tenant is gone, or it does not admit the admin any more.
    pub(super) async fn access_end(self, resolve_tenant: Arc<ResolveTenant>) {
        let rest = self.access.rest();
        let session_end = async {
            match rest {
                Some(rest) => sleep(rest).await,
                None => pending().await,
            }
        };
        let refusal = async {
            loop {
                sleep(CHECKED_EVERY).await;
                if !self.has_access(&resolve_tenant).await {
                    break;
                }
            }
        };
        tokio::select! {
            () = session_end => {}
            () = refusal => {}
        }
    }

    async fn has_access(&self, resolve_tenant: &ResolveTenant) -> bool {
        let found = resolve_tenant.by_host(Some(&self.host), &self.request_id);
        match found.await {
            Ok(tenant) => *tenant.name() == self.tenant && self.access.is_granted_by(&tenant),
            Err(ResolveTenantError::Unknown) => false,
            // Not known: access does not end because an upstream is away.
            Err(ResolveTenantError::Unavailable { .. }) => true,
        }
    }
}
