//! The clients of upstreams, built from the settings before any connection is made. `serve`, `sandbox` and `check` all
//! build them here, so that what keeps the service from starting keeps the check from succeeding.

use std::sync::Arc;

use publisher::{
    adapters::{
        clock::SystemClock,
        dropbox::WithoutDropboxApp,
        http_client::ExtraRoots,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        orchestrator::OrchestratorClient,
        otlp::Traces,
        platforms,
        registration::Setup,
        smtp::EhloName,
        storages::{self, Storages},
    },
    app::{
        tenancy::{resolve_tenant::HostRules, tenant::ProviderFactories},
        usecases::readiness::Mode,
    },
    domain::host::Host,
    ports::{Clock, CredentialStore, TenantConfigSource},
};
use url::Url;

use crate::{
    failure::Failure,
    settings::{Source, UpstreamSettings},
};

/// The clients of everything that the service calls, but for the ledger.
pub(crate) struct Clients {
    /// The value of `CONFIG_SOURCE` that was chosen.
    pub(crate) config_source: &'static str,
    pub(crate) traces: Traces,
    pub(crate) records_traces: bool,
    pub(crate) has_extra_roots: bool,
    pub(crate) sources: Sources,
    pub(crate) providers: ProviderFactories,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where configs and credentials come from: one adapter is the source of both.
pub(crate) struct Sources {
    pub(crate) configs: Arc<dyn TenantConfigSource>,
    pub(crate) secrets: Arc<dyn CredentialStore>,
    pub(crate) host_rules: HostRules,
    pub(crate) mode: Mode,
    /// The orchestrator, where that is the source, and a host to try it with.
    pub(crate) orchestrator: Option<(Arc<OrchestratorClient>, Host)>,
}

impl Clients {
    /// Builds all clients, without a connection.
    ///
    /// # Errors
    /// [`Failure::SetUp`].
    pub(crate) fn build(settings: UpstreamSettings) -> Result<Self, Failure> {
        let UpstreamSettings {
            source,
            roots,
            dropbox,
            has_dropbox_app,
            openai,
            telegram_api_url,
            ehlo_name,
            traces,
        } = settings;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let records_traces = traces.is_some();
        let traces = match traces {
            Some(otlp) => Traces::to(&otlp, &roots).map_err(Failure::set_up)?,
            None => Traces::off(),
        };
        let is_standalone = matches!(source, Source::Standalone(_));
        let images = Storages::new(dropbox, is_standalone, &roots, Arc::clone(&clock));
        let images = images.map_err(Failure::set_up)?;
        let providers = providers(images, openai, &roots, &clock, telegram_api_url, ehlo_name)?;
        Ok(Self {
            config_source: source.name(),
            traces,
            records_traces,
            has_extra_roots: !roots.pem().is_empty(),
            sources: sources(source, has_dropbox_app, &roots, &clock)?,
            providers,
            clock,
        })
    }
}

/// What opens the clients of tenants.
fn providers(
    images: Storages,
    openai: OpenAiSettings,
    roots: &ExtraRoots,
    clock: &Arc<dyn Clock>,
    telegram_api_url: Url,
    ehlo_name: EhloName,
) -> Result<ProviderFactories, Failure> {
    let clock = || Arc::clone(clock);
    let captions =
        OpenAiCaptionWriterFactory::new(openai, roots, clock()).map_err(Failure::set_up)?;
    let setup = Setup {
        roots: roots.clone(),
        clock: clock(),
        telegram_api_url,
        ehlo_name,
    };
    Ok(ProviderFactories {
        images: Arc::new(images),
        content_hashes: storages::content_hash,
        takes_uploads: storages::takes_uploads,
        captions: Arc::new(captions),
        platforms: platforms::spec,
        publishers: platforms::factories(&setup).map_err(|error| Failure::SetUp(error))?,
    })
}

fn sources(
    source: Source,
    has_dropbox_app: bool,
    roots: &ExtraRoots,
    clock: &Arc<dyn Clock>,
) -> Result<Sources, Failure> {
    let sources = match source {
        Source::Standalone(tenant) => {
            let host_rules = tenant
                .host()
                .cloned()
                .map_or(HostRules::Any, HostRules::Only);
            let tenant = Arc::new(*tenant);
            Sources {
                configs: Arc::clone(&tenant) as _,
                secrets: tenant,
                host_rules,
                mode: Mode::Standalone,
                orchestrator: None,
            }
        }
        Source::Orchestrator {
            settings,
            probe_host,
            readiness_asks,
        } => {
            let client = OrchestratorClient::new(*settings, roots, Arc::clone(clock));
            let client = Arc::new(client.map_err(Failure::set_up)?);
            Sources {
                configs: Arc::clone(&client) as _,
                secrets: Arc::clone(&client) as _,
                host_rules: HostRules::TenantNames,
                mode: Mode::Orchestrated {
                    probe_host: readiness_asks.then(|| probe_host.clone()),
                },
                orchestrator: Some((client, probe_host)),
            }
        }
    };
    if has_dropbox_app {
        return Ok(sources);
    }
    Ok(Sources {
        secrets: Arc::new(WithoutDropboxApp(sources.secrets)),
        ..sources
    })
}
