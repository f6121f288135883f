//! The composition root: settings → adapters → use cases → routes → serve, read from top to
//! bottom. The only place where concrete adapters meet the application.

mod check;
mod failure;
mod life_cycle;
mod logging;
mod memory_limit;
mod memory_privacy;
mod metrics_listener;
#[cfg(feature = "sandbox")]
mod sandbox_command;
mod server;
mod settings;
mod shown;
mod start_line;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand, ValueEnum};
use publisher::{
    adapters::{
        clock::SystemClock,
        dropbox::{DropboxImageStoreFactory, DropboxSettings},
        env::Environment,
        http_client::ExtraRoots,
        ledger::OpenLedger,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        orchestrator::OrchestratorClient,
        otlp::Traces,
        smtp::{EhloName, SmtpPublisherFactory},
        telegram::{TelegramApiSettings, TelegramPublisherFactory},
        without_dropbox_app::WithoutDropboxApp,
    },
    app::{
        http::{self, HttpDependencies, Routes},
        usecases::{
            analyze::AnalyzeImage,
            capacity::{Capacity, ImageRoom},
            credentials::Credentials,
            curate::CurateImage,
            fetch_thumbnail::FetchThumbnail,
            imaging::ImageScaler,
            list_images::ListImages,
            list_publications::ListPublications,
            memory_budget::MemoryBudget,
            own_task::OwnTasks,
            publish::PublishImage,
            publish_once::PublishOnce,
            readiness::{CheckReadiness, Mode},
            request_places::RequestPlaces,
            resolve_tenant::{HostRules, ResolveTenant},
            tenant::Providers,
        },
    },
    ports::{Clock, CredentialStore, TenantConfigSource},
};

use self::{
    failure::Failure,
    life_cycle::{EndSignals, ShutdownTimes},
    logging::LogSettings,
    server::Listening,
    settings::{Settings, Source},
    shown::Shown,
    start_line::StartLine,
};

/// Gives the memory of large images back at once. The allocator of the C library keeps it in pieces:
/// the peak of `tests/service/load.rs` is half as high again with it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What `publisher serve --help` ends with. The table of all settings is in `docs/operations.md`.
const SETTINGS_HELP: &str = "\
Settings come from the environment, or from .env in the working directory. The first ones needed:
  ORCHESTRATOR_BASE_URL       where the orchestrator is; unset, one tenant from the environment
  ORCHESTRATOR_SERVICE_TOKEN  what it is shown
  DROPBOX_APP_KEY             the Dropbox app of all tenants
  DROPBOX_APP_SECRET          its secret
  WEB_AUTH_TOKEN              what admins send as a bearer token
  PUBLISH_LEDGER_URL          sqlite://<file> (the default) or postgres://…
  LISTEN_ADDRESS              where it listens, 0.0.0.0:8080 by default
  METRICS_LISTEN_ADDRESS      where metrics are scraped, 127.0.0.1:9464 by default
  STANDALONE_HOST, STORAGE_PATHS, PUBLISHERS, …  the one tenant from the environment
Each secret can also come from a file: NAME_FILE names it. All settings, with defaults and ranges:
docs/operations.md; an example: deploy/publisher.env.example.";

/// Publishes images for many tenants from one process.
#[derive(Parser)]
#[command(
    version = start_line::BUILD,
    about,
    after_help = "`publisher serve --help` tells of the settings."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service, configured by the environment (this is the default)
    #[command(after_help = SETTINGS_HELP)]
    Serve,
    /// Run the service with everything it needs on loopback, no account needed
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox_command::Options),
    /// Tell whether the service could serve as it is configured: exit code 0 or 2
    ///
    /// Reads all settings and tells all problems at once, asks the orchestrator, and opens the
    /// ledger like a start does. Contacts no tenant's services.
    Check,
    /// Print the OpenAPI document
    Openapi {
        /// How it is written
        #[arg(long, value_enum, default_value_t = SpecFormat::Yaml)]
        format: SpecFormat,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum SpecFormat {
    Yaml,
    Json,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match CommandLine::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve().await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(options) => sandbox_command::run(options).await,
        Command::Check => check::run().await,
        Command::Openapi { format } => print_spec(format),
    };
    let code = result.unwrap_or_else(Failure::report);
    logging::flush();
    code
}

async fn serve() -> Result<ExitCode, Failure> {
    let protected = memory_privacy::protect();
    let mut environment = Environment::from_process();
    let log = LogSettings::read(&mut environment, "info");
    let settings = Settings::read(environment)?;
    let traces = match &settings.traces {
        Some(otlp) => Traces::to(otlp, &settings.roots)?,
        None => Traces::off(),
    };
    log.init(io::stdout(), &traces)?;
    if let Err(error) = protected {
        tracing::warn!(%error, "memory can be dumped: the system does not let it be protected");
    }
    life_cycle::ignore_hangups()?;
    let metrics_address = match settings.metrics_listen {
        Some(address) => Some(metrics_listener::start(address).await?),
        None => None,
    };
    let config_source = settings.source.name();
    let service = Service::compose(settings).await?;
    let signals = EndSignals::catch()?;
    let listening = Listening::on(service.listen).await?;
    let start = StartLine {
        config_source,
        ledger: service.ledger.kind(),
        memory_budget_mb: service.memory_budget.mib(),
        address: listening.address(),
        metrics_address,
    };
    start.log();
    let code = service.run(listening, signals.wait()).await;
    traces.end().await;
    Ok(code)
}

fn print_spec(format: SpecFormat) -> Result<ExitCode, Failure> {
    let text = match format {
        SpecFormat::Yaml => http::spec::yaml(),
        SpecFormat::Json => http::spec::json(),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The service, ready to be served.
struct Service {
    listen: SocketAddr,
    max_connections: usize,
    shutdown: ShutdownTimes,
    memory_budget: MemoryBudget,
    routes: Routes,
    readiness: Arc<CheckReadiness>,
    work: OwnTasks,
    ledger: OpenLedger,
}

impl Service {
    /// Puts everything together. Opens the ledger, and contacts nobody else.
    async fn compose(settings: Settings) -> Result<Self, Failure> {
        warn_of(&settings);
        let Settings {
            listen,
            metrics_listen: _,
            max_requests,
            shutdown,
            source,
            tenancy,
            credentials,
            roots,
            dropbox,
            has_dropbox_app,
            openai,
            telegram,
            ehlo_name,
            ledger,
            publishes,
            memory_budget,
            thumbnail_cache_bytes,
            auth,
            trusted_proxies,
            traces,
            without_effect: _,
        } = settings;
        let records_traces = traces.is_some();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ledger = OpenLedger::open(ledger, Arc::clone(&clock)).await?;

        let (configs, secrets, host_rules, mode) = sources(source, &roots, &clock)?;
        let memory_budget = memory_limit::budget_within_limit(memory_budget);
        let (places, room) = match mode {
            Mode::Standalone => (
                RequestPlaces::for_one_tenant(max_requests),
                ImageRoom::for_one_tenant(memory_budget),
            ),
            Mode::Orchestrated { .. } => (
                RequestPlaces::for_many_tenants(max_requests),
                ImageRoom::for_many_tenants(memory_budget),
            ),
        };
        let capacity = Capacity {
            slots: publishes,
            room,
        };
        let secrets = of_use(secrets, has_dropbox_app);
        let providers = providers(dropbox, openai, telegram, ehlo_name, &roots, &clock)?;
        let credentials = Credentials::new(secrets, Arc::clone(&clock), credentials)?;
        let resolve_tenant = ResolveTenant::new(
            host_rules,
            Arc::clone(&configs),
            Arc::new(credentials),
            providers,
            &clock,
            tenancy,
        )?;
        let resolve_tenant = Arc::new(resolve_tenant);
        let shown = Shown::new(thumbnail_cache_bytes, &clock)?;
        tokio::spawn(shown::keep_swept(
            Arc::downgrade(&resolve_tenant),
            shown.clone(),
        ));
        let chance = Arc::new(|| fastrand::u64(..));
        let scaler = ImageScaler::within_budget(memory_budget);
        let work = OwnTasks::default();
        let readiness = CheckReadiness::new(
            mode,
            configs,
            Arc::clone(&ledger.reader),
            Arc::clone(&clock),
        )?;
        let readiness = Arc::new(readiness);
        let routes = http::routes(HttpDependencies {
            resolve_tenant,
            list: ListImages::new(Arc::clone(&shown.listings)),
            draw: shown.draw(&clock, chance)?,
            describe: shown.describe,
            thumbnails: FetchThumbnail::new(shown.thumbnails),
            publish: PublishOnce::new(
                PublishImage::new(
                    scaler.clone(),
                    Arc::clone(&clock),
                    Arc::clone(&ledger.ledger),
                    Arc::clone(&ledger.reader),
                    capacity.clone(),
                    work.clone(),
                ),
                Arc::clone(&ledger.requests),
            ),
            curate: CurateImage::new(Arc::clone(&ledger.ledger), work.clone()),
            analyze: AnalyzeImage::new(
                scaler,
                capacity,
                Arc::clone(&clock),
                Arc::clone(&ledger.ledger),
                work.clone(),
            ),
            publications: ListPublications::new(Arc::clone(&ledger.reader)),
            readiness: Arc::clone(&readiness),
            places,
            auth,
            trusted_proxies,
            clock,
            records_traces,
        });
        Ok(Self {
            listen,
            max_connections: server::connections_within_limits(max_requests),
            shutdown,
            memory_budget,
            routes,
            readiness,
            work,
            ledger,
        })
    }
}

/// What opens the clients of tenants. Contacts nobody.
fn providers(
    dropbox: DropboxSettings,
    openai: OpenAiSettings,
    telegram: TelegramApiSettings,
    ehlo_name: EhloName,
    roots: &ExtraRoots,
    clock: &Arc<dyn Clock>,
) -> Result<Providers, Failure> {
    let clock = || Arc::clone(clock);
    Ok(Providers {
        images: Arc::new(DropboxImageStoreFactory::new(dropbox, roots, clock())?),
        captions: Arc::new(OpenAiCaptionWriterFactory::new(openai, roots, clock())?),
        publishers: vec![
            Arc::new(TelegramPublisherFactory::new(telegram, roots, clock())?),
            Arc::new(SmtpPublisherFactory::new(roots, clock())?.with_ehlo_name(ehlo_name)),
        ],
    })
}

/// Says what has no effect, or may have been meant otherwise.
fn warn_of(settings: &Settings) {
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
}

/// The secrets that something can be done with: without the Dropbox app none of Dropbox.
fn of_use(secrets: Arc<dyn CredentialStore>, has_dropbox_app: bool) -> Arc<dyn CredentialStore> {
    if has_dropbox_app {
        secrets
    } else {
        Arc::new(WithoutDropboxApp(secrets))
    }
}

type Sources = (
    Arc<dyn TenantConfigSource>,
    Arc<dyn CredentialStore>,
    HostRules,
    Mode,
);

/// Where configs and credentials come from: one adapter is the source of both. Contacts nobody.
fn sources(source: Source, roots: &ExtraRoots, clock: &Arc<dyn Clock>) -> Result<Sources, Failure> {
    Ok(match source {
        Source::Standalone(tenant) => {
            let rules = tenant
                .host()
                .cloned()
                .map_or(HostRules::Any, HostRules::Only);
            let tenant = Arc::new(*tenant);
            (Arc::clone(&tenant) as _, tenant, rules, Mode::Standalone)
        }
        Source::Orchestrator {
            settings,
            probe_host,
            readiness_asks,
        } => {
            let client = OrchestratorClient::new(*settings, roots, Arc::clone(clock))?;
            let probe_host = readiness_asks.then_some(probe_host);
            let (client, mode) = (Arc::new(client), Mode::Orchestrated { probe_host });
            (
                Arc::clone(&client) as _,
                client,
                HostRules::TenantNames,
                mode,
            )
        }
    })
}
