//! The clients of upstreams, built from the settings before any connection is made. `serve`, `sandbox` and `check` all
//! build them here, so that what keeps the service from starting keeps the check from succeeding.

use std::sync::Arc;

use publisher::{
    adapters::{
        clock::SystemClock,
        dropbox::WithoutDropboxApp,
        http_client::ExtraRoots,
        imaging::ImageScaler,
        openai::OpenAiCaptionWriterFactory,
        openid::OpenIdClient,
        orchestrator::OrchestratorClient,
        otlp::Traces,
        platforms,
        rate_limits::RatesOfAll,
        registration::Setup,
        storages::{self, Storages},
    },
    app::{
        runtime::usage_recorder::UsageRecorder,
        tenancy::{resolve_tenant::HostRules, tenant::ProviderFactories},
        usecases::{log_in::LogIn, readiness::Mode},
    },
    domain::{host::Host, image_memory::ImageMemory},
    ports::{Clock, CredentialStore, TenantConfigSource, UsageReporter},
};

use crate::{
    failure::Failure,
    memory_limit,
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
    /// Makes all copies of images, of which platforms make some themselves.
    pub(crate) scaler: ImageScaler,
    pub(crate) clock: Arc<dyn Clock>,
    /// Counts what is limited in a time; of this process, until the count of all is shared with it.
    pub(crate) rates: Arc<RatesOfAll>,
    /// Logs people in with accounts of their own, where an identity provider is configured.
    pub(crate) log_in: Option<LogIn>,
    /// What is debited, where that is reported.
    pub(crate) usage: Option<UsageClients>,
}

/// Where the use of AI and of managed storage is recorded, and who debits tenants for it.
pub(crate) struct UsageClients {
    pub(crate) recorder: Arc<UsageRecorder>,
    pub(crate) reporter: Arc<dyn UsageReporter>,
    /// How many events may wait.
    pub(crate) outbox_max: u32,
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
    /// Builds all clients, without a connection. Copies of images are made within the memory that is configured for
    /// images.
    ///
    /// # Errors
    /// [`Failure::SetUp`].
    pub(crate) fn build(settings: UpstreamSettings, memory: ImageMemory) -> Result<Self, Failure> {
        let UpstreamSettings {
            source,
            roots,
            dropbox,
            has_dropbox_app,
            openai,
            telegram_api_url,
            ehlo_name,
            accounts,
            traces,
        } = settings;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let records_traces = traces.is_some();
        let traces = match traces {
            Some(otlp) => Traces::to(&otlp, &roots).map_err(Failure::set_up)?,
            None => Traces::off(),
        };
        let is_standalone = matches!(source, Source::Standalone(_));
        let config_source = source.name();
        let usage_outbox = source.usage_outbox();
        let sources = sources(source, has_dropbox_app, &roots, &clock)?;
        let usage = sources.usage(usage_outbox, &clock);
        let recorder = usage.as_ref().map(|usage| Arc::clone(&usage.recorder));
        let images = Storages::new(dropbox, is_standalone, &roots, Arc::clone(&clock));
        let images = images.map_err(Failure::set_up)?;
        let images = images.metered_by(recorder.clone().map(|it| it as _));
        let rates = Arc::new(RatesOfAll::new(Arc::clone(&clock)));
        let counted = Arc::clone(&rates) as _;
        let captions = OpenAiCaptionWriterFactory::new(openai, &roots, Arc::clone(&clock), counted);
        let captions = captions.map_err(Failure::set_up)?;
        let captions = captions.reporting_to(recorder.map(|it| it as _));
        let scaler = ImageScaler::within(memory_limit::budget_within_limit(memory).copies());
        let setup = Setup {
            roots: roots.clone(),
            clock: Arc::clone(&clock),
            images: Arc::new(scaler.clone()),
            telegram_api_url,
            ehlo_name,
        };
        let providers = providers(images, captions, &setup)?;
        let log_in = accounts.map(|accounts| {
            let client = OpenIdClient::new(accounts.client, &roots, Arc::clone(&clock));
            let client = client.map_err(Failure::set_up)?;
            Ok::<_, Failure>(LogIn::new(Arc::new(client), accounts.rules))
        });
        Ok(Self {
            config_source,
            traces,
            records_traces,
            has_extra_roots: !roots.pem().is_empty(),
            sources,
            providers,
            scaler,
            clock,
            rates,
            log_in: log_in.transpose()?,
            usage,
        })
    }
}

impl Sources {
    /// What reports use, if up to `outbox_max` events may wait: only an orchestrator debits.
    fn usage(&self, outbox_max: Option<u32>, clock: &Arc<dyn Clock>) -> Option<UsageClients> {
        let (client, _) = self.orchestrator.as_ref()?;
        Some(UsageClients {
            recorder: Arc::new(UsageRecorder::new(Arc::clone(clock))),
            reporter: Arc::clone(client) as _,
            outbox_max: outbox_max?,
        })
    }
}

/// What opens the clients of tenants.
fn providers(
    images: Storages,
    captions: OpenAiCaptionWriterFactory,
    setup: &Setup,
) -> Result<ProviderFactories, Failure> {
    Ok(ProviderFactories {
        images: Arc::new(images),
        content_hashes: storages::content_hash,
        takes_uploads: storages::takes_uploads,
        captions: Arc::new(captions),
        platforms: platforms::spec,
        publishers: platforms::factories(setup).map_err(|error| Failure::SetUp(error))?,
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
            usage_outbox: _,
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
