//! Where tenants come from, as the environment says.

use publisher::{
    adapters::{
        env::{Environment, StandaloneTenant},
        orchestrator::OrchestratorSettings,
    },
    domain::host::Host,
};

use super::required_secret;

/// Where tenants come from.
pub(crate) enum Source {
    /// The environment itself: one tenant.
    Standalone(Box<StandaloneTenant>),
    /// The orchestrator.
    Orchestrator {
        /// How it is reached.
        settings: OrchestratorSettings,
        /// A host that tells whether it answers, and need not be a tenant's.
        probe_host: Host,
    },
}

impl Source {
    /// The environment unless an orchestrator is named, or as `CONFIG_SOURCE` says.
    pub(super) fn read(environment: &mut Environment) -> Option<Self> {
        let is_named = environment.text("ORCHESTRATOR_BASE_URL").is_some();
        match environment.text("CONFIG_SOURCE").as_deref() {
            Some("orchestrator") => orchestrator(environment),
            None if is_named => orchestrator(environment),
            Some("env") | None => standalone(environment),
            Some(_) => {
                environment.reject("CONFIG_SOURCE", "must be `env` or `orchestrator`");
                None
            }
        }
    }
}

fn standalone(environment: &mut Environment) -> Option<Source> {
    StandaloneTenant::from_environment(environment)
        .map(Box::new)
        .map(Source::Standalone)
}

fn orchestrator(environment: &mut Environment) -> Option<Source> {
    let base_url = environment.url("ORCHESTRATOR_BASE_URL", None);
    if base_url.is_none() && !environment.has_problem("ORCHESTRATOR_BASE_URL") {
        environment.reject(
            "ORCHESTRATOR_BASE_URL",
            "is required when CONFIG_SOURCE=orchestrator",
        );
    }
    let service_token = required_secret(environment, "ORCHESTRATOR_SERVICE_TOKEN");
    let prefer_post = environment.boolean("ORCHESTRATOR_PREFER_POST", true);
    let base_domain = environment.text("ORCHESTRATOR_BASE_DOMAIN");
    let base_domain = base_domain.as_deref().unwrap_or("shibari.photo");
    let probe_host = Host::normalise(&format!("healthcheck.{base_domain}")).ok();
    if probe_host.is_none() {
        environment.reject("ORCHESTRATOR_BASE_DOMAIN", "must be a domain name");
    }
    let (base_url, service_token) = (base_url?, service_token?);
    let settings = OrchestratorSettings {
        base_url,
        service_token,
        prefer_post,
    };
    Some(Source::Orchestrator {
        settings,
        probe_host: probe_host?,
    })
}
