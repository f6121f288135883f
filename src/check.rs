//! `publisher check`: whether the service could start as it is configured, and serve, in a line for
//! each thing. Names no host and nothing that a setting holds.

use std::{
    fmt::{self, Display},
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use publisher::{
    adapters::{
        clock::SystemClock,
        env::Environment,
        http_client::ExtraRoots,
        ledger::{LedgerSettings, OpenLedger, OpenLedgerError},
        orchestrator::OrchestratorClient,
    },
    app::usecases::error_chain::ErrorChain,
    domain::request_id::RequestId,
    ports::{ConfigSourceError, TenantConfigSource as _},
};

use uuid::Uuid;

use crate::{
    Failure,
    logging::{LogSettings, OneLine},
    settings::{Settings, Source},
};

/// The code of a check that has found something wrong: the one of a start with bad settings.
const SOMETHING_WRONG: u8 = 2;

/// What was found of one thing.
enum Finding {
    Good(String),
    /// Nothing that keeps the service from serving, but worth a look.
    Note(String),
    Wrong(String),
}

/// A line for each thing that was looked at.
#[derive(Default)]
struct Report(Vec<(String, Finding)>);

/// Checks what can be checked without a tenant, prints the report, and tells whether all is well.
pub(crate) async fn run() -> Result<ExitCode, Failure> {
    let mut environment = Environment::from_process();
    LogSettings::read(&mut environment, "info");
    let mut report = Report::default();
    match Settings::read(environment) {
        Ok(settings) => report.add_all(settings).await,
        Err(problems) => {
            for problem in problems.as_slice() {
                // A field's name comes from outside: it must not break the line.
                let name = problem.name().escape_debug().to_string();
                report.add(&name, Finding::Wrong(problem.rule().to_owned()));
            }
            for warning in problems.warnings() {
                report.add("settings", Finding::Note(warning.to_string()));
            }
        }
    }
    write!(io::stdout(), "{report}")?;
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOMETHING_WRONG)
    })
}

impl Report {
    fn add(&mut self, thing: &str, finding: Finding) {
        self.0.push((thing.to_owned(), finding));
    }

    fn is_good(&self) -> bool {
        let is_wrong = |(_, finding): &(_, Finding)| matches!(finding, Finding::Wrong(_));
        !self.0.iter().any(is_wrong)
    }

    async fn add_all(&mut self, settings: Settings) {
        self.add("settings", Finding::Good("all are good".to_owned()));
        for warning in settings.warnings() {
            self.add("settings", Finding::Note(warning));
        }
        let added = if settings.roots.pem().is_empty() {
            "the system's, and no others"
        } else {
            "the system's, and those of EXTRA_CA_CERTS_FILE"
        };
        self.add("certificates", Finding::Good(added.to_owned()));
        self.add("tenants", tenants(settings.source, &settings.roots).await);
        self.add("ledger", ledger(settings.ledger).await);
    }
}

async fn tenants(source: Source, roots: &ExtraRoots) -> Finding {
    let (settings, probe_host) = match source {
        Source::Standalone(_) => {
            return Finding::Good("one, from the environment; there is no orchestrator".to_owned());
        }
        Source::Orchestrator {
            settings,
            probe_host,
            readiness_asks: _,
        } => (settings, probe_host),
    };
    let client = match OrchestratorClient::new(*settings, roots, Arc::new(SystemClock)) {
        Ok(client) => client,
        Err(error) => return Finding::Wrong(ErrorChain(&error).to_string()),
    };
    match client
        .probe(&probe_host, &RequestId::from(Uuid::new_v4()))
        .await
    {
        Ok(()) | Err(ConfigSourceError::NotFound) => {
            Finding::Good("from the orchestrator, which answers".to_owned())
        }
        Err(error @ ConfigSourceError::Unauthorized(_)) => Finding::Wrong(format!(
            "the orchestrator refuses ORCHESTRATOR_SERVICE_TOKEN: {}",
            ErrorChain(&error)
        )),
        Err(error) => Finding::Wrong(format!(
            "the orchestrator at ORCHESTRATOR_BASE_URL gives no answer that is of use: {}",
            ErrorChain(&error)
        )),
    }
}

/// Opens the ledger like a start does: it is made where there is none, and its tables are brought up
/// to date.
async fn ledger(settings: LedgerSettings) -> Finding {
    match OpenLedger::open(settings, Arc::new(SystemClock)).await {
        Ok(ledger) => {
            ledger.close().await;
            Finding::Good("it opens, and can be written".to_owned())
        }
        // Most likely this very service is running: nothing is wrong with that.
        Err(OpenLedgerError::InUse(_)) => {
            Finding::Note("a running process has it, so that it was not opened".to_owned())
        }
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
