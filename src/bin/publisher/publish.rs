//! `publisher publish`: one publication from the shell, by the same use case as the API's, or by the API of a service
//! that runs.

mod summary;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use publisher::{
    adapters::{
        env::Environment,
        ledger::{OpenLedger, OpenLedgerError},
        running_service::{RunningService, ServiceAnswer},
    },
    app::{
        http::{self, dto::publish::caption_rule, error::ApiError},
        runtime::memory_budget::MemoryBudget,
        tenancy::resolve_tenant::HostRules,
        usecases::publish_once::{PublishAnswer, PublishOnceError},
    },
    domain::{
        host::Host,
        image::ImageName,
        platform::Platform,
        publication::{PublicationReport, PublicationRequest, Target},
        request_id::RequestId,
    },
};
use tokio::time::timeout;
use uuid::Uuid;

use self::summary::Outcome;
use crate::{
    Failure, check,
    clients::Clients,
    life_cycle::{self, ShutdownSignals},
    log_warnings,
    logging::LogSettings,
    memory_limit, memory_privacy,
    publishing::{Parts, Publishing, PublishingSettings},
    settings::{Settings, remote, remote::RemoteSettings},
};

/// What `publisher publish --help` ends with.
pub(crate) const HELP: &str = "\
Try it with --dry-run first: it says what would be sent, and writes and sends nothing (the models
are called, at their usual cost). For a schedule, let cron run it: `publisher publish --next`.

The settings are those of `publisher serve`. An SQLite ledger is one process's: while a service
runs with it, set
  PUBLISHER_URL   the address of the running service, such as http://127.0.0.1:8080
  WEB_AUTH_TOKEN  what it is shown, which is the service's own
and the service publishes; no other setting is needed then. With --host, the request has that Host
header. Whenever PUBLISHER_URL is set, the service is asked. A ledger in PostgreSQL needs none of
this.

The outcome is printed to standard output, in lines for people or, with --json, as the API's answer;
the log and errors go to standard error (RUST_LOG, `warn` by default). SIGTERM and Ctrl-C wait for
what has begun, as those of `serve`, for SHUTDOWN_GRACE_SECONDS; a second one ends at once. What AI
was used is reported by the running service, or by the next start of one on this ledger.

Exit code 0 if a platform has the image or there is nothing to publish, 1 if not, 2 if the settings
or the options are bad.";

/// Which image, and whose.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[derive(Args)]
pub(crate) struct Options {
    /// The name of the image; left out: the next one that was not published yet
    #[arg(value_name = "FILE", conflicts_with = "next")]
    file: Option<String>,
    /// Publish the next image that was not published yet, as without FILE
    #[arg(long)]
    next: bool,
    /// The tenant, by its host; not needed without an orchestrator
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The platforms, by their names and with commas between; left out: all that are on
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = platform)]
    platforms: Option<Vec<Platform>>,
    /// Publish with this caption, fitted to each platform, and have none written
    #[arg(long, value_name = "TEXT", value_parser = caption)]
    caption: Option<String>,
    /// Publish without a caption where none can be written
    #[arg(long)]
    allow_empty_caption: bool,
    /// Send FILE also to platforms that have it, or may have it: it may appear there twice
    #[arg(long, requires = "file")]
    force: bool,
    /// Only say what would be sent; nothing is written or sent, and the models are called
    #[arg(long)]
    dry_run: bool,
    /// Print the API's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Options {
    fn request(&self) -> PublicationRequest {
        let platforms = self.platforms.clone().map(|mut platforms| {
            platforms.sort_unstable();
            platforms.dedup();
            platforms
        });
        PublicationRequest {
            platforms,
            caption: self.caption.clone(),
            captions: None,
            dry_run: self.dry_run,
            allow_empty_caption: self.allow_empty_caption,
            force: self.force,
        }
    }
}

/// The platform of a name.
fn platform(name: &str) -> Result<Platform, String> {
    let all = Platform::ALL.map(Platform::as_str).join(", ");
    Platform::from_name(name.trim()).ok_or_else(|| format!("must be one of: {all}"))
}

/// A caption that somebody gives.
fn caption(text: &str) -> Result<String, String> {
    let way_out = "leave the option out to have one written";
    caption_rule(text, way_out).map(|()| text.to_owned())
}

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
enum NotTried {
    #[error("FILE {0}")]
    Name(#[source] publisher::domain::image::InvalidImageName),
    #[error("--host is required with an orchestrator: it names the tenant")]
    NoHost,
    #[error("{0}")]
    Host(&'static str),
    #[error(
        "PUBLISH_LEDGER_URL: the ledger is in use by a running process, most likely the service: set PUBLISHER_URL to its address, and \
         WEB_AUTH_TOKEN, and it publishes; or stop it first"
    )]
    InUse,
}

/// Publishes, and prints the outcome.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    // Before anything that takes time: as the first process of a container, it would not end otherwise.
    let signals = ShutdownSignals::catch()?;
    let protected = memory_privacy::protect();
    let target = match &options.file {
        Some(name) => Target::Image(
            ImageName::new(name).map_err(|error| Failure::set_up(NotTried::Name(error)))?,
        ),
        None => Target::Next,
    };
    let mut environment = Environment::from_process();
    let log = LogSettings::read(&mut environment, "warn");
    let request_id = RequestId::from(Uuid::new_v4());
    let outcome = if remote::is_named(&mut environment) {
        let settings = RemoteSettings::read(environment)?;
        log.init(io::stderr(), &publisher::adapters::otlp::Traces::off())?;
        by_service(settings, &target, &options, &request_id, signals).await?
    } else {
        let settings = Settings::read(environment)?;
        let clients = Clients::build(settings.upstreams, settings.service.memory_budget)?;
        log.init(io::stderr(), &clients.traces)?;
        if let Err(error) = protected {
            tracing::warn!(%error, "{}", memory_privacy::CAN_BE_DUMPED);
        }
        log_warnings(&settings.warnings);
        life_cycle::ignore_hangups()?;
        let traces = clients.traces.clone();
        let work = Local {
            settings: settings.service,
            clients,
            target,
            request_id,
        };
        let outcome = work.run(&options, signals).await;
        traces.end().await;
        outcome?
    };
    outcome.print(options.json, options.host.is_some())
}

/// Has the running service publish.
async fn by_service(
    settings: RemoteSettings,
    target: &Target,
    options: &Options,
    request_id: &RequestId,
    signals: ShutdownSignals,
) -> Result<Outcome, Failure> {
    log_warnings(&settings.warnings);
    let named = options.host.as_deref().map(Host::normalize_any).transpose();
    let host = named.map_err(|_| Failure::set_up(NotTried::Host(check::NO_HOST)))?;
    let service = RunningService::new(settings.url, settings.token, &settings.roots)?;
    let request = options.request();
    let answer = service.publish(target, host.as_ref(), &request, request_id);
    tokio::select! {
        answer = answer => Ok(match answer? {
            ServiceAnswer::Report(json) => Outcome::Report(json),
            ServiceAnswer::Problem(_, json) => Outcome::Problem(json),
        }),
        () = signals.wait() => Ok(Outcome::Interrupted(
            "Interrupted. The service ends what it has begun: look at GET /api/publications.",
        )),
    }
}

/// A publication by this process.
struct Local {
    settings: crate::settings::ServiceSettings,
    clients: Clients,
    target: Target,
    request_id: RequestId,
}

impl Local {
    async fn run(self, options: &Options, signals: ShutdownSignals) -> Result<Outcome, Failure> {
        let Self {
            settings,
            clients,
            target,
            request_id,
        } = self;
        let Clients {
            sources,
            providers,
            scaler,
            clock,
            rates,
            usage,
            ..
        } = clients;
        let host = host(&sources.host_rules, options.host.as_deref())?;
        memory_limit::log_if_less(settings.memory_budget);
        let memory = memory_limit::budget_within_limit(settings.memory_budget);
        let ledger = OpenLedger::open(settings.ledger, Arc::clone(&clock)).await;
        let ledger = ledger.map_err(|error| match error {
            OpenLedgerError::InUse(_) => Failure::Other(Box::new(NotTried::InUse)),
            other => other.into(),
        })?;
        rates.share(ledger.rates.clone());
        let recorder = usage.map(|usage| usage.recorder);
        if let Some(recorder) = &recorder {
            recorder.attach(Arc::clone(&ledger.usage));
        }
        let publishing = Publishing::compose(Parts {
            settings: PublishingSettings {
                tenancy: settings.tenancy,
                credentials: settings.credentials,
                publishes: settings.publishes,
            },
            configs: sources.configs,
            secrets: sources.secrets,
            host_rules: sources.host_rules,
            providers,
            scaler,
            clock: &clock,
            ledger: &ledger,
            hub: None,
            recorder: recorder.clone(),
            memory: MemoryBudget::for_one_tenant(memory),
        });
        let request = options.request();
        // Boxed: the future of a publication is large.
        let published = publish(&publishing, &host, target, request, &request_id);
        let published = Box::pin(published);
        let grace = settings.shutdown.drain_timeout;
        let outcome = until_signal(published, signals, grace).await;
        // The writes that the ledger did not take at once.
        if timeout(grace, publishing.work.ended()).await.is_err() {
            publishing.work.report_unwritten();
        }
        if let Some(recorder) = recorder {
            recorder.finish().await;
        }
        drop(publishing);
        ledger.close().await;
        Ok(outcome)
    }
}

/// The host that names the tenant.
fn host(rules: &HostRules, named: Option<&str>) -> Result<Host, Failure> {
    if named.is_none() && matches!(rules, HostRules::TenantNames) {
        return Err(Failure::set_up(NotTried::NoHost));
    }
    check::host_of(rules, named).map_err(|why| Failure::set_up(NotTried::Host(why)))
}

/// Waits for a publication; after a signal, for as long as the end may take.
async fn until_signal(
    mut published: impl Future<Output = Outcome> + Unpin,
    signals: ShutdownSignals,
    grace: Duration,
) -> Outcome {
    tokio::select! {
        outcome = &mut published => return outcome,
        () = signals.wait() => {}
    }
    // Where standard error is closed, the exit code has to do.
    let _ = writeln!(
        io::stderr(),
        "Interrupted: what has begun is brought to its end, for {} s at most.",
        grace.as_secs()
    );
    let ended = timeout(grace, published).await;
    ended.unwrap_or(Outcome::Interrupted(
        "It did not end in time. The ledger has what was sent, or may have been: the next run sends none of it again.",
    ))
}

async fn publish(
    publishing: &Publishing,
    host: &Host,
    target: Target,
    request: PublicationRequest,
    request_id: &RequestId,
) -> Outcome {
    let resolved = publishing.resolve_tenant.by_host(Some(host), request_id);
    let tenant = match resolved.await {
        Ok(tenant) => tenant,
        Err(error) => return Outcome::Problem(ApiError::from(error).into_json(request_id)),
    };
    let id = request_id.clone();
    let answer = publishing
        .publish
        .run(tenant, target, request, id, None, in_json);
    outcome_of(answer.await, request_id)
}

fn outcome_of(answer: Result<PublishAnswer, PublishOnceError>, request_id: &RequestId) -> Outcome {
    match answer {
        Ok(PublishAnswer::First(report)) => Outcome::Report(in_json(&report)),
        Ok(PublishAnswer::Replayed(json)) => Outcome::Report(json),
        Err(error) => Outcome::Problem(ApiError::from(error).into_json(request_id)),
    }
}

fn in_json(report: &PublicationReport) -> String {
    http::publish_answer(report)
}
