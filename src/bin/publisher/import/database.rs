//! `publisher import database`: the existing service's database.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use publisher::{
    adapters::{
        clock::SystemClock,
        ledger::{ExistingDatabase, import_database},
    },
    domain::secret::Secret,
};

use super::{code, print_target};
use crate::{
    Failure,
    settings::{self, takeover::Tenants},
};

/// What `publisher import database --help` ends with.
pub(super) const HELP: &str = "\
Reads, in one transaction that changes nothing:
  pv2_publish_record   what is `published` stays so, with the post's id and time; what is `leased`
                       or `unknown` becomes `unknown`, and is not sent until somebody has looked;
                       what is `failed` is left
  pv2_caption_history  the captions that were sent
What is in doubt is listed. Records that cannot be taken over are named. With one tenant from the
environment, records of other tenants are counted, and the exit code is 1.
Platforms that there are not here are counted and left. Errors are not taken over: they may quote
addresses with secrets.

A password in the URL can be seen in the list of processes: leave it out, and set PGPASSWORD.

Exit code 0 if everything was taken over, 1 if not, 2 if the settings or the URL are bad.";

/// Which database.
#[derive(Args)]
pub(crate) struct Options {
    /// Where it is: postgres://, postgresql:// or postgresql+asyncpg://, as `DATABASE_URL` of the existing service
    url: String,
}

/// What is wrong with the URL; never a part of it.
#[derive(Debug, thiserror::Error)]
#[error("the URL {0}")]
struct BadUrl(String);

/// Takes over, and prints the outcome.
pub(super) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let url = Secret::new(options.url);
    let settings = settings::takeover::from_process()?;
    let database = ExistingDatabase::at(&url, &settings.roots);
    let database = database.map_err(|rule| Failure::set_up(BadUrl(rule)))?;
    if let Some(warning) = database.warning() {
        writeln!(io::stderr(), "warning: the URL {warning}")?;
    }
    print_target(&settings.ledger)?;
    let own = match &settings.tenants {
        Tenants::One(_, name) => Some(name),
        Tenants::Orchestrator(_) => None,
    };
    let clock = Arc::new(SystemClock);
    let summary = import_database(settings.ledger, &database, own, clock).await?;
    write!(io::stdout(), "{summary}")?;
    Ok(code(summary.is_complete()))
}
