//! `publisher sandbox`: the service with everything that it needs, in one process and without a
//! single account. Everything is spoken to over real sockets, by the adapters of production.

mod env_file;
mod local_tenant;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use publisher::{
    adapters::{
        env::Environment,
        http_client::{self, ExtraRoots},
        otlp::Traces,
    },
    domain::storage::AllowedStorage,
};
use publisher_sandbox::{DemoTenant, Fault, Sandbox, Telegram};

use self::{env_file::EnvFile, local_tenant::LocalTenant};
use crate::{
    Failure, Service,
    clients::Clients,
    life_cycle::ShutdownSignals,
    logging::LogSettings,
    metrics_listener,
    server::Listening,
    settings::{Settings, Source},
};

/// How long the one request of `--once` may take.
const ONCE_LIMIT: Duration = Duration::from_mins(1);

/// What a slow answer is sent in: the whole has about 400 bytes.
const SLOW_CHUNK: usize = 80;
const SLOW_DELAY: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Options {
    /// Publish one image end to end, say what every upstream received, and end
    #[arg(long)]
    once: bool,
    /// Where the service listens [default: 127.0.0.1:8080, with --once any free port]
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Put images that have left their folder back. The ledger still knows what was published: that is
    /// published again only with `"force": true` in the request; everything else can be tried again
    #[arg(long, conflicts_with = "once")]
    restock: bool,
    /// Write the settings of a service of your own that uses this sandbox into a new file, to be read by
    /// its owner alone: as `.env` in a folder in which `publisher check` or `publisher serve` runs then. It is
    /// removed when the sandbox ends, for which its secrets were made up
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    env_file: Option<PathBuf>,
    /// Let Telegram refuse the first post whose caption has this text. Published again, it is taken. May be given
    /// several times
    #[arg(long, value_name = "TEXT", conflicts_with = "once")]
    refuse_once: Vec<String>,
    /// Let Telegram take about five seconds for each post whose caption has this text. May be given several times
    #[arg(long, value_name = "TEXT", conflicts_with = "once")]
    slow: Vec<String>,
}

/// What `publisher sandbox --help` ends with.
pub(crate) const HELP: &str = "\
Metrics are off unless METRICS_LISTEN_ADDRESS says where they are scraped:
  METRICS_LISTEN_ADDRESS=127.0.0.1:9465 publisher sandbox";

pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let Options {
        once,
        listen,
        restock,
        env_file: own_file,
        refuse_once,
        slow,
    } = options;
    let mut process = Environment::from_process();
    // People read standard output here, so the log goes to the other one.
    let log = LogSettings::read(&mut process, if once { "warn" } else { "info" });
    log.init(io::stderr(), &Traces::off())?;
    // Off unless asked for: a sandbox may well run beside a service.
    let metrics = process.text("METRICS_LISTEN_ADDRESS").unwrap_or_default();
    process.finish()?;
    let sandbox = Sandbox::start().await?;
    misbehave(&sandbox, &refuse_once, &slow);
    let default = if once {
        "127.0.0.1:0"
    } else {
        "127.0.0.1:8080"
    };
    let listen = listen.map_or_else(|| default.to_owned(), |address| address.to_string());
    sandbox.let_people_in();
    let issuer = sandbox.issuer.environment();
    let pairs = sandbox.environment().into_iter().chain(issuer).chain([
        ("LISTEN_ADDRESS", listen),
        ("METRICS_LISTEN_ADDRESS", metrics),
        ("WEB_ADMIN_PASSWORD", sandbox.web_password().to_owned()),
        ("WEB_SECURE_COOKIES", "false".to_owned()),
        // What writes captions here need not be spared.
        ("AI_RATE_PER_MINUTE", "10000".to_owned()),
    ]);
    let own_file = own_file.map(|path| EnvFile::write(&path, &sandbox));
    let own_file = own_file.transpose()?;
    let mut settings = Settings::read(Environment::from_pairs(pairs))?;
    if let Source::Orchestrator { settings, .. } = &mut settings.upstreams.source {
        // This orchestrator is of this process.
        settings.storage = AllowedStorage::Any;
    }
    let local = LocalTenant::add(&sandbox)?;
    sandbox.let_person_in(&local.tenant);
    crate::log_warnings(&settings.warnings);
    let clients = Clients::build(settings.upstreams, settings.service.memory_budget)?;
    let metrics = match settings.service.metrics_listen {
        Some(address) => Some(metrics_listener::start(address).await?),
        None => None,
    };
    let service = Service::compose(settings.service, clients).await?;
    let listening = Listening::on(service.listen).await.map_err(|error| {
        let text = format!(
            "{error}; --listen names another address: --listen 127.0.0.1:0 takes a free port"
        );
        io::Error::new(error.kind(), text)
    })?;
    let address = listening.address();
    if once {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let ended = async { ended.await.unwrap_or_default() };
        let serving = service.run(listening, ended);
        let walking = async {
            let result = walk_through(&sandbox, address).await;
            drop(end);
            result
        };
        let (_, walked) = tokio::join!(serving, walking);
        return walked;
    }
    print(&introduction(&sandbox, &local.tenant, address))?;
    print(&beside_it(metrics, own_file.as_ref()))?;
    let signals = ShutdownSignals::catch()?;
    let serving = service.run(listening, signals.wait());
    if restock {
        tokio::select! {
            code = serving => Ok(code),
            never = sandbox.keep_stocked() => match never {},
        }
    } else {
        Ok(serving.await)
    }
}

/// Plans what Telegram's stand-in does to posts with these texts.
fn misbehave(sandbox: &Sandbox, refused_once: &[String], slow: &[String]) {
    let switches = sandbox.telegram.switches();
    let refusal = "Bad Request: not enough rights to send photos to the chat";
    for text in refused_once {
        switches.inject_matching("sendPhoto", 1, text, Telegram::refusal(400, refusal));
    }
    let answer = Fault::SlowBody {
        chunk_bytes: SLOW_CHUNK,
        delay: SLOW_DELAY,
    };
    for text in slow {
        switches.always_matching("sendPhoto", text, answer.clone());
    }
}

async fn walk_through(sandbox: &Sandbox, address: SocketAddr) -> Result<ExitCode, Failure> {
    let roots = ExtraRoots::from_pem(sandbox.ca_pem().as_bytes())?;
    let client = http_client::build(ONCE_LIMIT, &roots)?;
    let walkthrough = sandbox
        .walk_through(&client, &format!("http://{address}"))
        .await?;
    print(&format!(
        "One image, from storage to every platform:\n\n{}\n",
        walkthrough.report
    ))?;
    if walkthrough.complaints.is_empty() {
        print("All is as it should be.\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    for complaint in &walkthrough.complaints {
        print(&format!("NOT as it should be: {complaint}\n"))?;
    }
    Ok(ExitCode::FAILURE)
}

fn introduction(sandbox: &Sandbox, local: &DemoTenant, address: SocketAddr) -> String {
    let port = address.port();
    let tenants = sandbox.tenants().iter().chain([local]);
    let tenants: String = tenants.map(|tenant| tenant_lines(tenant, port)).collect();
    let (token, password) = (sandbox.web_token(), sandbox.web_password());
    let host = sandbox
        .tenants()
        .first()
        .map_or("", |tenant| tenant.host.as_str());
    let image = sandbox
        .tenants()
        .first()
        .and_then(|tenant| tenant.images.first());
    let image = image.map_or("", String::as_str);
    let networks = networks_lines(sandbox, port);
    format!(
        "Publisher's sandbox is running; Ctrl-C ends it.

The page   http://{host}:{port}/
Password   {password}
Accounts   the page's Log in leads to one of the name of each tenant, which that tenant lets in; mallory, una and noel
           are let in by none: not on a list, not verified, without an e-mail address

Tenants
{tenants}
Try
  export TOKEN={token}
  curl http://{host}:{port}/api/config/features
  curl -H \"Authorization: Bearer $TOKEN\" http://{host}:{port}/api/images/list
  curl -H \"Authorization: Bearer $TOKEN\" http://{host}:{port}/api/images/random
  curl -H \"Authorization: Bearer $TOKEN\" -o thumbnail.jpg http://{host}:{port}/api/images/{image}/thumbnail
  curl -H \"Authorization: Bearer $TOKEN\" -X POST http://{host}:{port}/api/images/{image}/publish
  curl -H \"Authorization: Bearer $TOKEN\" http://{host}:{port}/api/publications
  curl -H \"Authorization: Bearer $TOKEN\" -H \"Prefer: respond-async\" -X POST http://{host}:{port}/api/publish
  curl -H \"Authorization: Bearer $TOKEN\" http://{host}:{port}/api/jobs
  curl -NH \"Authorization: Bearer $TOKEN\" http://{host}:{port}/api/jobs/events
{networks}  curl -H \"Content-Type: application/json\" -d '{{\"password\": \"{password}\"}}' http://{host}:{port}/api/admin/login
  curl http://nobody.{domain}:{port}/api/config/features

Addresses of posts (post_url) are made up by the stand-ins, and lead nowhere.

Read   http://{host}:{port}/docs

Where names below localhost are not resolved: curl http://{address}/… -H 'Host: {host}'

",
        domain = publisher_sandbox::BASE_DOMAIN,
    )
}

/// Two publications to the first tenant with accounts at social networks, the second with a caption for each.
fn networks_lines(sandbox: &Sandbox, port: u16) -> String {
    let tenant = sandbox.tenants().iter().find(|it| !it.accounts.is_empty());
    tenant.map_or_else(String::new, |tenant| {
        let url = format!("http://{}:{port}/api/publish", tenant.host);
        let captions = tenant.platforms().into_iter();
        let captions: Vec<_> = captions
            .map(|it| format!("\"{it}\": \"For {it}\""))
            .collect();
        let body = format!("{{\"captions\": {{{}}}}}", captions.join(", "));
        format!(
            "  curl -H \"Authorization: Bearer $TOKEN\" -X POST {url}
  curl -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/json\" -d '{body}' {url}\n"
        )
    })
}

/// Where metrics are, and the settings of a service of one's own.
fn beside_it(metrics: Option<SocketAddr>, own_file: Option<&EnvFile>) -> String {
    let metrics = match metrics {
        Some(address) => format!("http://{address}/metrics"),
        None => "off; METRICS_LISTEN_ADDRESS=127.0.0.1:9465 publisher sandbox has them".to_owned(),
    };
    let own = own_file.map_or_else(String::new, |file| {
        format!(
            "A service of your own: {} has its settings while this runs; in its folder, if it is called .env:
  publisher check
  publisher serve
  CONFIG_SOURCE=env publisher check

",
            file.0.display()
        )
    });
    format!("Metrics: {metrics}\n\n{own}")
}

fn tenant_lines(tenant: &DemoTenant, port: u16) -> String {
    let images = tenant.images.join(", ");
    let platforms = tenant.platforms().join(", ");
    format!(
        "  http://{}:{port}\n    posts to {platforms}; images in {}: {images}\n",
        tenant.host, tenant.root
    )
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
