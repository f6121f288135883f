//! The settings of `publisher import`, where it takes over from the existing service: the ledger, and where tenants
//! come from. The rest of the service's may still be missing.

use publisher::{
    adapters::{
        env::{Environment, SettingProblems, StandaloneTenant},
        http_client::ExtraRoots,
        ledger::LedgerSettings,
        orchestrator::OrchestratorSettings,
    },
    domain::{host::Host, tenant::TenantName},
};

use super::{
    extra_roots, ledger, other_names,
    source::{Chosen, Source},
};
use crate::logging::LogSettings;

/// What an import needs.
pub(crate) struct TakeoverSettings {
    pub(crate) ledger: LedgerSettings,
    /// Roots that are trusted beside the system's.
    pub(crate) roots: ExtraRoots,
    pub(crate) tenants: Tenants,
}

/// Whose ledger is written.
pub(crate) enum Tenants {
    /// The one tenant of the environment, and its host if it has one.
    One(Option<Host>, TenantName),
    /// Those of an orchestrator.
    Orchestrator(Box<OrchestratorSettings>),
}

/// Reads them from the environment of the process.
///
/// # Errors
/// All problems of these alone.
pub(crate) fn from_process() -> Result<TakeoverSettings, SettingProblems> {
    let mut environment = Environment::from_process();
    LogSettings::read(&mut environment, "info");
    other_names::take(&mut environment);
    let roots = extra_roots(&mut environment);
    let ledger = ledger::location(&mut environment, &roots);
    let tenants = tenants(&mut environment);
    let settings = ledger.zip(tenants);
    let settings = settings.map(|(ledger, tenants)| TakeoverSettings {
        ledger,
        roots,
        tenants,
    });
    environment.finish_with(settings)
}

fn tenants(environment: &mut Environment) -> Option<Tenants> {
    let chosen = Chosen::read(environment)?;
    if chosen == Chosen::Standalone {
        let (host, name) = StandaloneTenant::host_and_name(environment)?;
        return Some(Tenants::One(host, name));
    }
    match Source::read(environment, Some(chosen))? {
        Source::Orchestrator { settings, .. } => Some(Tenants::Orchestrator(settings)),
        Source::Standalone(tenant) => {
            let host = tenant.host().cloned();
            Some(Tenants::One(host, tenant.name().clone()))
        }
    }
}
