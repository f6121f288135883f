//! The tenant whose posts are taken over.

use std::sync::Arc;

use publisher::{
    adapters::{clock::SystemClock, http_client::ExtraRoots, orchestrator::OrchestratorClient},
    app::tenancy::resolve_tenant::HostRules,
    domain::{request_id::RequestId, tenant::TenantName},
    ports::{ConfigSourceError, TenantConfigSource as _},
};
use uuid::Uuid;

use crate::{Failure, check::host_of, settings::takeover::Tenants};

/// Why it is not known whose posts these are.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoTenant(&'static str);

/// The name of the tenant of a host. Asks the orchestrator, if there is one.
///
/// # Errors
/// [`Failure::SetUp`] where the options are to be changed.
pub(super) async fn named(
    tenants: Tenants,
    host: Option<&str>,
    roots: &ExtraRoots,
) -> Result<TenantName, Failure> {
    let rules = match &tenants {
        Tenants::One(Some(own), _) => HostRules::Only(own.clone()),
        Tenants::One(None, _) => HostRules::Any,
        Tenants::Orchestrator(_) => HostRules::TenantNames,
    };
    if host.is_none() && matches!(tenants, Tenants::Orchestrator(_)) {
        let rule =
            "--host is required with an orchestrator: it names the tenant whose posts these are";
        return Err(Failure::set_up(NoTenant(rule)));
    }
    let host = host_of(&rules, host).map_err(|why| Failure::set_up(NoTenant(why)))?;
    match tenants {
        Tenants::One(_, name) => Ok(name),
        Tenants::Orchestrator(settings) => {
            let client = OrchestratorClient::new(*settings, roots, Arc::new(SystemClock));
            let client = client.map_err(Failure::set_up)?;
            let config = client.fetch(&host, &RequestId::from(Uuid::new_v4())).await;
            let config = config.map_err(|error| match error {
                ConfigSourceError::NotFound => {
                    Failure::set_up(NoTenant("no tenant has the host of --host"))
                }
                other => other.into(),
            })?;
            Ok(config.tenant().clone())
        }
    }
}
