//! The composition root: settings → adapters → use cases → routes → serve, read from top to
//! bottom. The only place where concrete adapters meet the application.

mod logging;
mod metrics_listener;
#[cfg(feature = "sandbox")]
mod sandbox_command;
mod server;
mod settings;

use std::{
    error::Error,
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Weak},
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};
use poem::{Response, endpoint::BoxEndpoint};
use publisher::{
    adapters::{
        clock::SystemClock,
        dropbox::{DropboxImageStoreFactory, DropboxSettings},
        env::{Environment, SettingProblems},
        http_client::ExtraRoots,
        ledger::OpenLedger,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        orchestrator::OrchestratorClient,
        otlp::Traces,
        smtp::SmtpPublisherFactory,
        telegram::{TelegramApiSettings, TelegramPublisherFactory},
    },
    app::{
        http::{self, HttpDependencies, auth::AuthSettings},
        usecases::{
            analyze::AnalyzeImage,
            credentials::Credentials,
            curate::CurateImage,
            draw_image::DrawImage,
            error_chain::ErrorChain,
            fetch_thumbnail::FetchThumbnail,
            imaging::ImageScaler,
            list_images::ListImages,
            list_publications::ListPublications,
            listings::Listings,
            publish::PublishImage,
            publish_once::PublishOnce,
            readiness::{CheckReadiness, Mode},
            resolve_tenant::{HostRules, ResolveTenant},
            tenant::Providers,
        },
    },
    ports::{Clock, CredentialStore, TenantConfigSource},
};

use self::{
    logging::LogSettings,
    server::{EndSignals, Listening},
    settings::{Settings, Source},
};

/// How often caches are swept of what has expired.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// Publishes images for many tenants from one process.
#[derive(Parser)]
#[command(version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service, configured by the environment (this is the default)
    Serve,
    /// Run the service with everything it needs on loopback, no account needed
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox_command::Options),
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
        Command::Openapi { format } => print_spec(format),
    };
    let code = result.unwrap_or_else(Failure::report);
    logging::flush();
    code
}

async fn serve() -> Result<ExitCode, Failure> {
    let mut environment = Environment::from_process();
    let log = LogSettings::read(&mut environment, "info");
    let mut settings = Settings::read(environment)?;
    let traces = match settings.traces.take() {
        Some(otlp) => Traces::to(otlp, &settings.roots)?,
        None => Traces::off(),
    };
    log.init(io::stdout(), &traces)?;
    if let Some(address) = settings.metrics_listen {
        metrics_listener::start(address).await?;
    }
    let service = Service::compose(settings).await?;
    let signals = EndSignals::catch()?;
    let listening = Listening::on(service.listen).await?;
    tracing::info!(address = %listening.address(), "listening");
    listening
        .serve(service.routes, signals.wait(), service.shutdown_grace)
        .await?;
    service.ledger.close().await;
    traces.end().await;
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
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
    shutdown_grace: Duration,
    routes: BoxEndpoint<'static, Response>,
    ledger: OpenLedger,
}

impl Service {
    /// Puts everything together. Opens the ledger, and contacts nobody else.
    async fn compose(settings: Settings) -> Result<Self, Failure> {
        let Settings {
            listen,
            metrics_listen: _,
            shutdown_grace,
            source,
            tenancy,
            credentials,
            roots,
            dropbox,
            openai,
            telegram,
            ledger,
            capacity,
            auth,
            traces: _,
            without_effect,
        } = settings;
        warn_of(without_effect, &auth);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ledger = OpenLedger::open(ledger, Arc::clone(&clock)).await?;

        let (configs, secrets, host_rules, mode) = match source {
            Source::Standalone(tenant) => {
                let rules = tenant
                    .host()
                    .cloned()
                    .map_or(HostRules::Any, HostRules::Only);
                sources(Arc::new(*tenant), rules, Mode::Standalone)
            }
            Source::Orchestrator {
                settings,
                probe_host,
            } => {
                let client = OrchestratorClient::new(*settings, &roots, Arc::clone(&clock))?;
                let mode = Mode::Orchestrated { probe_host };
                sources(Arc::new(client), HostRules::TenantNames, mode)
            }
        };
        let providers = providers(dropbox, openai, telegram, &roots, &clock)?;
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
        let listings = Arc::new(Listings::new(Arc::clone(&clock))?);
        tokio::spawn(keep_swept(
            Arc::downgrade(&resolve_tenant),
            Arc::downgrade(&listings),
        ));
        let chance = Arc::new(|| fastrand::u64(..));
        let (scaler, room) = (ImageScaler::default(), capacity.room.clone());
        let routes = http::routes(HttpDependencies {
            resolve_tenant,
            list: ListImages::new(Arc::clone(&listings)),
            draw: DrawImage::new(Arc::clone(&listings), Arc::clone(&clock), chance)?,
            thumbnails: FetchThumbnail::new(listings),
            publish: PublishOnce::new(
                PublishImage::new(
                    scaler.clone(),
                    Arc::clone(&clock),
                    Arc::clone(&ledger.ledger),
                    Arc::clone(&ledger.reader),
                    capacity,
                ),
                Arc::clone(&ledger.requests),
            ),
            curate: CurateImage::new(Arc::clone(&ledger.ledger)),
            analyze: AnalyzeImage::new(
                scaler,
                room,
                Arc::clone(&clock),
                Arc::clone(&ledger.ledger),
            ),
            publications: ListPublications::new(Arc::clone(&ledger.reader)),
            readiness: Arc::new(CheckReadiness::new(
                mode,
                configs,
                Arc::clone(&ledger.reader),
                Arc::clone(&clock),
            )?),
            auth,
            clock,
        });
        Ok(Self {
            listen,
            shutdown_grace,
            routes,
            ledger,
        })
    }
}

/// What opens the clients of tenants. Contacts nobody.
fn providers(
    dropbox: DropboxSettings,
    openai: OpenAiSettings,
    telegram: TelegramApiSettings,
    roots: &ExtraRoots,
    clock: &Arc<dyn Clock>,
) -> Result<Providers, Failure> {
    let clock = || Arc::clone(clock);
    Ok(Providers {
        images: Arc::new(DropboxImageStoreFactory::new(dropbox, roots, clock())?),
        captions: Arc::new(OpenAiCaptionWriterFactory::new(openai, roots, clock())?),
        publishers: vec![
            Arc::new(TelegramPublisherFactory::new(telegram, roots, clock())?),
            Arc::new(SmtpPublisherFactory::new(roots, clock())?),
        ],
    })
}

/// Says what an operator may have meant otherwise.
fn warn_of(without_effect: Vec<&'static str>, auth: &AuthSettings) {
    for name in without_effect {
        tracing::warn!(
            name,
            "this setting is set, but has no effect in this version"
        );
    }
    for warning in auth.warnings() {
        tracing::warn!("{warning}");
    }
}

/// Drops what has expired from the caches, for as long as there is anyone who uses them.
async fn keep_swept(resolve_tenant: Weak<ResolveTenant>, listings: Weak<Listings>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let (Some(resolve_tenant), Some(listings)) = (resolve_tenant.upgrade(), listings.upgrade())
        else {
            return;
        };
        resolve_tenant.sweep();
        listings.sweep();
    }
}

type Sources = (
    Arc<dyn TenantConfigSource>,
    Arc<dyn CredentialStore>,
    HostRules,
    Mode,
);

/// One adapter that is the source of both configs and credentials.
fn sources<S>(source: Arc<S>, host_rules: HostRules, mode: Mode) -> Sources
where
    S: TenantConfigSource + CredentialStore + 'static,
{
    (Arc::clone(&source) as _, source, host_rules, mode)
}

/// Why the process ends other than well.
enum Failure {
    /// The settings are bad: ends with 2.
    Settings(SettingProblems),
    /// Anything else: ends with 1.
    Other(Box<dyn Error>),
}

impl Failure {
    fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Settings(problems) => (format!("The settings are bad:\n{problems}"), 2),
            Self::Other(error) => (ErrorChain(&*error).to_string(), 1),
        };
        // Where standard error is closed, the exit code has to do.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(code)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn Error> = error.into();
        match error.downcast() {
            Ok(problems) => Self::Settings(*problems),
            Err(error) => Self::Other(error),
        }
    }
}
