//! `publisher check`: whether the service could start as it is configured, and serve, in a line for
//! each thing. Names no host and nothing that a setting holds.

use std::{
    fmt::{self, Display},
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use publisher::{
    adapters::{
        clock::SystemClock,
        env::{Environment, SettingProblems},
        ledger::{self, LedgerSettings},
    },
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::{resolve_tenant::HostRules, tenant::ProviderFactories},
        usecases::{
            check_tenant::{CheckTenant, Finding, Step},
            log_in::LogIn,
        },
    },
    domain::{host::Host, request_id::RequestId},
    ports::IdentityError,
};
use uuid::Uuid;

use crate::{
    Failure,
    clients::{Clients, Sources},
    failure::BAD_SETTINGS,
    logging::{LogSettings, OneLine},
    memory_privacy,
    server::{self, Listening},
    settings::{self, ServiceSettings, Settings},
};

/// What `publisher check --help` ends with.
pub(crate) const HELP: &str = "\
A line for each thing, `ok`, `note` or `WRONG`, with what to do:
  settings      what a start would refuse, and what it would warn of
  source        where tenants come from, and which setting says so
  certificates  which roots are trusted
  listeners     whether the service and its metrics can listen
  login         whether the identity provider of people answers, where there is one
  orchestrator  whether it is one, and takes the service token
  tenant, config, storage, captions, and each platform by its name
                one tenant: its config field by field, its images listed, the OpenAI key and models,
                and whether each platform takes its credential, and would take a post
  ledger        whether it can be opened and written; changed by --migrate alone
  jobs          those in it that have not come to their end, if there are any
Exit code 0, or 2 if a line says WRONG. What ends `serve` with 2 ends this with 2.";

/// What is looked at.
#[derive(Args)]
pub(crate) struct Options {
    /// Go through the tenant of this host, too
    #[arg(long, value_name = "HOST", conflicts_with = "settings_only")]
    host: Option<String>,
    /// Look at the settings alone: contact nobody, and leave the ledger alone
    #[arg(long)]
    settings_only: bool,
    /// Make the ledger's tables, or bring them up to date
    #[arg(long, conflicts_with = "settings_only")]
    migrate: bool,
    /// Look at the ledger alone: no setting but its own is needed, as for its owner who migrates it
    #[arg(long, conflicts_with_all = ["settings_only", "host"])]
    ledger_only: bool,
}

/// A line for each thing that was looked at.
#[derive(Default)]
struct Report(Vec<Step>);

/// Checks what can be checked, prints the report, and returns whether all is well.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let protected = memory_privacy::protect();
    let mut report = Report::default();
    if options.ledger_only {
        match settings::ledger::from_process() {
            Ok(settings) => report.add_ledger(settings, options.migrate).await,
            Err(problems) => report.add_problems(&problems),
        }
        return report.end();
    }
    let mut environment = Environment::from_process();
    LogSettings::read(&mut environment, "info");
    let source = settings::source::choice(&mut environment);
    let settings = Settings::read(environment).map_err(Failure::from);
    let built = settings.and_then(|settings| {
        let clients = Clients::build(settings.upstreams, settings.service.memory_budget)?;
        Ok((settings.service, clients, settings.warnings))
    });
    match built {
        Ok((settings, clients, warnings)) => {
            report.add("settings", Finding::Good("all are good".to_owned()));
            report.add_warnings(warnings);
            report.add_source(source, Finding::Good);
            if protected.is_err() {
                let text = memory_privacy::CAN_BE_DUMPED.to_owned();
                report.add("system", Finding::Note(text));
            }
            report.add_all(settings, clients, options).await;
        }
        Err(Failure::Settings(problems)) => {
            report.add_problems(&problems);
            report.add_source(source, Finding::Note);
        }
        Err(Failure::SetUp(error)) => {
            let text = ErrorChain(&*error).to_string();
            report.add("settings", Finding::Wrong(text));
        }
        Err(other @ Failure::Other(_)) => return Err(other),
    }
    report.end()
}

impl Report {
    fn add(&mut self, thing: &str, finding: Finding) {
        self.0.push((thing.to_owned(), finding));
    }

    fn add_source(&mut self, source: Option<&str>, finding: impl FnOnce(String) -> Finding) {
        if let Some(source) = source {
            self.add("source", finding(source.to_owned()));
        }
    }

    /// Prints it; the code says whether all is well.
    fn end(&self) -> Result<ExitCode, Failure> {
        write!(io::stdout(), "{self}")?;
        Ok(if self.is_good() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(BAD_SETTINGS)
        })
    }

    fn add_warnings(&mut self, warnings: impl IntoIterator<Item = impl ToString>) {
        for warning in warnings {
            self.add("settings", Finding::Note(warning.to_string()));
        }
    }

    fn add_problems(&mut self, problems: &SettingProblems) {
        for problem in problems.as_slice() {
            // A field's name comes from outside: it must not break the line.
            let name = problem.name().escape_debug().to_string();
            self.add(&name, Finding::Wrong(problem.rule().to_owned()));
        }
        self.add_warnings(problems.warnings());
    }

    fn is_good(&self) -> bool {
        let is_wrong = |(_, finding): &Step| matches!(finding, Finding::Wrong(_));
        !self.0.iter().any(is_wrong)
    }

    async fn add_all(&mut self, settings: ServiceSettings, clients: Clients, options: Options) {
        let added = if clients.has_extra_roots {
            "the system's, and those of EXTRA_CA_CERTS_FILE"
        } else {
            "the system's, and no others"
        };
        self.add("certificates", Finding::Good(added.to_owned()));
        if !server::has_files_enough(settings.max_requests) {
            self.add("system", Finding::Note(server::FEW_FILES.to_owned()));
        }
        if !options.settings_only {
            let listeners = listeners(settings.listen, settings.metrics_listen).await;
            self.add("listeners", listeners);
            if let Some(log_in) = &clients.log_in {
                self.add("login", login(log_in).await);
            }
            self.add_tenants(clients.sources, clients.providers, options.host)
                .await;
            self.add_ledger(settings.ledger, options.migrate).await;
        }
        clients.traces.end().await;
    }

    /// The ledger, and the jobs in it.
    async fn add_ledger(&mut self, settings: LedgerSettings, migrate: bool) {
        let jobs = ledger::inspect_jobs(&settings, Arc::new(SystemClock)).await;
        let finding = ledger(settings, migrate).await;
        let is_wrong = matches!(finding, Finding::Wrong(_));
        self.add("ledger", finding);
        match jobs {
            Ok(Some(jobs)) if jobs.is_behind() => self.add("jobs", Finding::Note(jobs.to_string())),
            Ok(Some(jobs)) if !jobs.is_empty() => self.add("jobs", Finding::Good(jobs.to_string())),
            Ok(_) => {}
            // Whatever is wrong is of the ledger.
            Err(_) if is_wrong => {}
            Err(error) => self.add("jobs", Finding::Wrong(ErrorChain(&error).to_string())),
        }
    }

    /// The source of tenants, and one of them.
    async fn add_tenants(
        &mut self,
        sources: Sources,
        providers: ProviderFactories,
        host: Option<String>,
    ) {
        let request_id = || RequestId::from(Uuid::new_v4());
        if let Some((client, probe_host)) = &sources.orchestrator {
            let finding = match client.check(probe_host, &request_id()).await {
                Ok(()) => Finding::Good("it answers, and takes the service token".to_owned()),
                Err(fault) => Finding::Wrong(fault.to_string()),
            };
            let is_wrong = matches!(finding, Finding::Wrong(_));
            self.add("orchestrator", finding);
            if host.is_none() || is_wrong {
                return;
            }
        }
        let host = match host_of(&sources.host_rules, host.as_deref()) {
            Ok(host) => host,
            Err(why) => return self.add("tenant", Finding::Wrong(why.to_owned())),
        };
        let tenants = CheckTenant {
            configs: sources.configs,
            credentials: sources.secrets,
            providers,
        };
        self.0.extend(tenants.run(&host, &request_id()).await);
    }
}

/// The host whose tenant is looked at.
pub(crate) fn host_of(rules: &HostRules, named: Option<&str>) -> Result<Host, &'static str> {
    let own = match (rules, named) {
        (HostRules::Only(own), _) => own.clone(),
        (HostRules::Any | HostRules::TenantNames, Some(named)) => {
            Host::normalize_any(named).map_err(|_| NO_HOST)?
        }
        (HostRules::Any | HostRules::TenantNames, None) => {
            Host::normalize_any("localhost").map_err(|_| NO_HOST)?
        }
    };
    let is_other = |named| Host::normalize_any(named).ok().as_ref() != Some(&own);
    match rules {
        HostRules::Only(_) if named.is_some_and(is_other) => {
            Err("the host of --host is not served: STANDALONE_HOST is another one")
        }
        HostRules::TenantNames if !own.can_be_tenants() => Err(NO_HOST),
        HostRules::Only(_) | HostRules::Any | HostRules::TenantNames => Ok(own),
    }
}

pub(crate) const NO_HOST: &str = "the host of --host is none that a tenant can have: name it as browsers do, \
                       without https:// and path";

/// Whether the identity provider can be used. A note where it does not answer: the service starts without it.
async fn login(log_in: &LogIn) -> Finding {
    match log_in.try_provider("http://localhost/auth/callback").await {
        Ok(()) => Finding::Good(
            "the identity provider answers; whether it takes the client, a login says".to_owned(),
        ),
        Err(error @ IdentityError::Unavailable(_)) => Finding::Note(ErrorChain(&error).to_string()),
        Err(error) => Finding::Wrong(ErrorChain(&error).to_string()),
    }
}

/// Whether both addresses can be bound. No connection is accepted meanwhile.
async fn listeners(listen: SocketAddr, metrics: Option<SocketAddr>) -> Finding {
    let mut taken = Vec::new();
    let metrics = metrics.map(|address| ("METRICS_LISTEN_ADDRESS", address));
    for (name, address) in [("LISTEN_ADDRESS", listen)].into_iter().chain(metrics) {
        match Listening::on(address).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken.push(name),
            Err(error) => {
                let advice = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "ports below 1024 need a right of their own: use another"
                    }
                    io::ErrorKind::AddrNotAvailable => "this machine does not have the address",
                    _ => "it cannot be listened on",
                };
                return Finding::Wrong(format!("{name}: {advice} ({})", error.kind()));
            }
        }
    }
    if taken.is_empty() {
        return Finding::Good("the addresses are free".to_owned());
    }
    // Most likely this very service is running.
    Finding::Note(format!(
        "{}: a running process listens there; unless that is this service, choose another port",
        taken.join(", ")
    ))
}

/// Looks at the ledger. Creates and changes nothing unless `migrate` is set.
async fn ledger(settings: LedgerSettings, migrate: bool) -> Finding {
    match ledger::inspect(settings, migrate, Arc::new(SystemClock)).await {
        Ok(state) if state.is_ready() => Finding::Good(state.to_string()),
        Ok(state) => Finding::Note(state.to_string()),
        Err(error) => Finding::Wrong(ErrorChain(&error).to_string()),
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(thing, _)| thing.len()).max();
        let width = width.unwrap_or_default();
        for (thing, finding) in &self.0 {
            let (verdict, text) = match finding {
                Finding::Good(text) => ("ok", text),
                Finding::Note(text) => ("note", text),
                Finding::Wrong(text) => ("WRONG", text),
            };
            // An upstream's words, or a database's, may be in it.
            let text = OneLine(text);
            writeln!(f, "{verdict:<5}  {thing:<width$}  {text}")?;
        }
        f.write_str(if self.is_good() {
            "All is well.\n"
        } else {
            "The service would not serve like this.\n"
        })
    }
}
