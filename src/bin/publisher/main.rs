//! The composition root: settings → adapters → use cases → routes → serve, read from top to
//! bottom. The only place where concrete adapters meet the application.

mod allocator;
mod backup;
mod build_info;
mod cache_sweep;
mod captions;
mod check;
mod clients;
mod failure;
mod import;
mod job_work;
mod known_series;
mod life_cycle;
mod logging;
mod memory_limit;
mod memory_privacy;
mod metrics_listener;
mod migrate;
mod pictures;
mod publish;
mod publishing;
#[cfg(feature = "sandbox")]
mod sandbox;
mod server;
mod settings;
mod usage_work;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};
use publisher::{
    adapters::{env::Environment, ledger::OpenLedger},
    app::{
        http::{self, HttpDependencies, Routes},
        runtime::{
            background_tasks::BackgroundTasks, concurrency_limit::ConcurrencyLimit,
            event_hub::EventHub, memory_budget::MemoryBudget,
        },
        tenancy::listing_cache::ListingCache,
        usecases::{
            analyze::AnalyzeImage,
            check_publication::CheckPublication,
            curate::CurateImage,
            list_images::ListImages,
            list_library::ListLibrary,
            list_publications::ListPublications,
            readiness::{CheckReadiness, Mode},
            sweep_ledger::SweepLedger,
            upload_image::UploadImage,
            voice_profile::{ShowVoiceProfile, StoreVoiceProfile},
        },
    },
    domain::image_memory::ImageMemory,
    ports::KeptFor,
};
use tokio::task::AbortHandle;

use self::{
    clients::Clients,
    failure::Failure,
    job_work::JobWork,
    life_cycle::{ShutdownSignals, ShutdownTimes},
    logging::LogSettings,
    pictures::Pictures,
    publishing::{Parts, Publishing, PublishingSettings},
    server::Listening,
    settings::{ServiceSettings, Settings},
    usage_work::UsageWork,
};

/// What `publisher serve --help` ends with. The table of all settings is in `docs/operations.md`.
const SETTINGS_HELP: &str = "\
Settings come from the environment, or from .env in the working directory. The first ones needed:
  ORCHESTRATOR_BASE_URL       where the orchestrator is; unset, one tenant from the environment
  ORCHESTRATOR_SERVICE_TOKEN  what it is shown
  ORCHESTRATOR_BASE_DOMAIN    the domain of the tenants' hosts, shibari.photo by default
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
    version = build_info::BUILD,
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
    #[command(after_help = sandbox::HELP)]
    Sandbox(sandbox::Options),
    /// Tell whether the service could serve as it is configured: exit code 0 or 2
    ///
    /// Reads all settings and tells all problems at once, and all that a start would warn of; asks the
    /// orchestrator, and looks at the ledger without changing it. With --host, and where the environment has
    /// the one tenant, goes through that tenant: config, storage, captions, platforms. Publishes and
    /// writes nothing, and makes no call that is paid for.
    #[command(after_help = check::HELP)]
    Check(check::Options),
    /// Publish one image, and print the outcome: exit code 0, 1 or 2
    ///
    /// FILE is the name of an image in the tenant's root folder; without it, the next image is published that was not
    /// published yet. Everything is done as `serve` does it, with the same settings and the same ledger: captions are
    /// written and paid for, and nothing is sent twice.
    #[command(after_help = publish::HELP)]
    Publish(publish::Options),
    /// Copy the SQLite ledger into a new file, while the service runs or not
    Backup {
        /// The copy, which must not be there yet
        file: PathBuf,
    },
    /// Take over what was posted according to another service, or another ledger
    Import {
        #[command(subcommand)]
        source: import::Source,
    },
    /// Copy a tenant's images and sidecars from one kind of storage to another
    #[command(after_help = migrate::HELP)]
    Migrate(migrate::Options),
    /// Measure captions
    Captions {
        #[command(subcommand)]
        command: captions::Command,
    },
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

fn main() -> ExitCode {
    allocator::set_up();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    let result = match CommandLine::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve().await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(options) => sandbox::run(options).await,
        Command::Check(options) => check::run(options).await,
        Command::Publish(options) => publish::run(options).await,
        Command::Backup { file } => backup::run(&file).await,
        Command::Import { source } => import::run(source).await,
        Command::Migrate(options) => migrate::run(options).await,
        Command::Captions { command } => captions::run(command).await,
        Command::Openapi { format } => print_spec(format),
    };
    let code = result.unwrap_or_else(Failure::report);
    logging::flush();
    code
}

fn log_warnings(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

async fn serve() -> Result<ExitCode, Failure> {
    // Before anything that takes time: as the first process of a container, it would not end otherwise.
    let mut signals = pin!(ShutdownSignals::catch()?.wait());
    let protected = memory_privacy::protect();
    let mut environment = Environment::from_process();
    let log = LogSettings::read(&mut environment, "info");
    let settings = Settings::read(environment)?;
    let clients = Clients::build(settings.upstreams, settings.service.memory_budget)?;
    let traces = clients.traces.clone();
    log.init(io::stdout(), &traces)?;
    if let Err(error) = protected {
        tracing::warn!(%error, "{}", memory_privacy::CAN_BE_DUMPED);
    }
    log_warnings(&settings.warnings);
    life_cycle::ignore_hangups()?;
    let metrics_address = match settings.service.metrics_listen {
        Some(address) => Some(metrics_listener::start(address).await?),
        None => None,
    };
    let config_source = clients.config_source;
    let service = tokio::select! {
        service = Service::compose(settings.service, clients) => service?,
        () = &mut signals => {
            tracing::info!("ended before it served");
            traces.end().await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let listening = Listening::on(service.listen).await;
    let listening = listening.map_err(Failure::of_listening)?;
    tracing::info!(
        version = build_info::VERSION,
        commit = build_info::COMMIT,
        config_source,
        ledger = service.ledger.kind(),
        ledger_connections = service.ledger.connections(),
        memory_budget_mb = service.memory_budget.mib(),
        address = %listening.address(),
        metrics_address = metrics_address.map(tracing::field::display),
        "listening"
    );
    let code = service.run(listening, signals).await;
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
    connections: server::ConnectionLimits,
    shutdown: ShutdownTimes,
    memory_budget: ImageMemory,
    routes: Routes,
    readiness: Arc<CheckReadiness>,
    listings: Arc<ListingCache>,
    work: BackgroundTasks,
    ledger: OpenLedger,
    sweeper: AbortHandle,
    usage: Option<UsageWork>,
    jobs: JobWork,
}

impl Service {
    /// Wires clients, use cases and routes. Opens the ledger, or has it opened as soon as its server can be
    /// reached; makes no other connection.
    async fn compose(settings: ServiceSettings, clients: Clients) -> Result<Self, Failure> {
        let Clients {
            sources,
            providers,
            scaler,
            clock,
            rates,
            records_traces,
            log_in,
            usage,
            ..
        } = clients;
        let ledger = OpenLedger::open_or_wait(settings.ledger, Arc::clone(&clock)).await?;
        rates.share(ledger.rates.clone());
        let usage = usage.map(|usage| UsageWork::begin(usage, &ledger.usage));

        let hub = EventHub::new(Arc::clone(&ledger.job_events));
        memory_limit::log_if_less(settings.memory_budget);
        let memory_budget = memory_limit::budget_within_limit(settings.memory_budget);
        let (concurrency, memory) = shares(&sources.mode, settings.max_requests, memory_budget);
        let publishing = Publishing::compose(Parts {
            settings: PublishingSettings {
                tenancy: settings.tenancy,
                credentials: settings.credentials,
                publishes: settings.publishes,
            },
            configs: Arc::clone(&sources.configs),
            secrets: sources.secrets,
            host_rules: sources.host_rules,
            providers,
            scaler,
            clock: &clock,
            ledger: &ledger,
            hub: Some(Arc::clone(&hub)),
            recorder: usage.as_ref().map(UsageWork::recorder),
            memory,
        });
        let manage = job_work::manage(settings.jobs, &ledger, &hub, &publishing);
        let jobs = JobWork::begin(settings.jobs, &ledger, &hub, &publishing);
        let Pictures {
            describe,
            thumbnails,
            draw,
        } = Pictures::begin(&publishing, settings.thumbnail_cache_bytes, &clock);
        let Publishing {
            resolve_tenant,
            work,
            image_work,
            listings,
            publish,
            ..
        } = publishing;
        let voices = Arc::clone(&image_work.voices);
        let sweeper = sweep(&ledger, (settings.kept_for, settings.jobs.kept_for));
        let (reader, time) = (Arc::clone(&ledger.reader), Arc::clone(&clock));
        let readiness = CheckReadiness::new(sources.mode, sources.configs, reader, time);
        let readiness = Arc::new(readiness);
        let routes = http::routes(HttpDependencies {
            resolve_tenant,
            list: ListImages::new(Arc::clone(&listings)),
            draw,
            describe,
            thumbnails,
            publish,
            check: CheckPublication::new(image_work.leases.clone(), Arc::clone(&ledger.reader)),
            curate: CurateImage::new(image_work.leases.clone()),
            library: ListLibrary::new(Arc::clone(&listings)),
            upload: UploadImage::new(&image_work),
            max_upload_bytes: settings.max_upload_bytes,
            analyze: AnalyzeImage::new(image_work),
            publications: ListPublications::new(Arc::clone(&ledger.reader)),
            jobs: manage,
            hub,
            show_voice: ShowVoiceProfile::new(Arc::clone(&voices)),
            store_voice: StoreVoiceProfile::new(voices, work.clone()),
            readiness: Arc::clone(&readiness),
            concurrency,
            auth: settings.auth,
            log_in,
            trusted_proxies: settings.trusted_proxies,
            rates,
            clock,
            records_traces,
        });
        Ok(Self {
            listen: settings.listen,
            connections: server::connections_within_limits(settings.max_requests),
            shutdown: settings.shutdown,
            memory_budget,
            routes,
            readiness,
            listings,
            work,
            ledger,
            sweeper,
            usage,
            jobs,
        })
    }
}

/// Removes what need not stay in the ledger, from now on.
fn sweep(ledger: &OpenLedger, kept_for: (KeptFor, Duration)) -> AbortHandle {
    let (retention, queue) = (Arc::clone(&ledger.retention), Arc::clone(&ledger.job_queue));
    tokio::spawn(SweepLedger::new(retention, queue, kept_for).run()).abort_handle()
}

/// What is shared by one tenant, or by many: requests, and images in memory.
fn shares(
    mode: &Mode,
    max_requests: NonZeroUsize,
    memory_budget: ImageMemory,
) -> (ConcurrencyLimit, MemoryBudget) {
    match mode {
        Mode::Standalone => (
            ConcurrencyLimit::for_one_tenant(max_requests),
            MemoryBudget::for_one_tenant(memory_budget),
        ),
        Mode::Orchestrated { .. } => (
            ConcurrencyLimit::for_many_tenants(max_requests),
            MemoryBudget::for_many_tenants(memory_budget),
        ),
    }
}
