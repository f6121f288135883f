//! `publisher import posted`: a list of what the existing service has posted.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use publisher::adapters::{
    clock::SystemClock,
    ledger::{PostedList, PostedListError, import_posted},
};

use super::{code, print_target, tenant};
use crate::{Failure, logging::OneLine, settings};

/// What `publisher import posted --help` ends with.
pub(super) const HELP: &str = "\
The file is JSON, in UTF-8, of 64 MiB at most (900,000 hashes):
  {\"hashes\": [\"<SHA-256>\", …], \"dropbox_content_hashes\": [\"<content_hash>\", …]}
or a list of `hashes` alone. `hashes` also takes MD5 (32 hex digits), which is the ETag of an object
in a bucket that was put in one request. Upper or lower case does not matter.

Entries that are no hashes are named and counted, and the others are taken over: so fewer images
could be posted twice than if nothing was. The exit code is 1 then. A file of another shape is
refused, and nothing is taken over.

Exit code 0 if everything was taken over, 1 if not, 2 if the settings or the options are bad.";

/// Which list, and whose.
#[derive(Args)]
pub(crate) struct Options {
    /// The file with the hashes
    file: PathBuf,
    /// The tenant, by its host; needed with an orchestrator only
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

/// Why a file is not taken over from.
#[derive(Debug, thiserror::Error)]
#[error("nothing was taken over from {}", .path.display())]
struct Unusable {
    path: PathBuf,
    source: PostedListError,
}

/// Takes over, and prints the outcome.
pub(super) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let Options { file: path, host } = options;
    let settings = settings::takeover::from_process()?;
    let list = PostedList::from_file(&path).map_err(|source| Unusable { path, source })?;
    let tenant = tenant::named(settings.tenants, host.as_deref(), &settings.roots).await?;
    print_target(&settings.ledger)?;
    let mut out = io::stdout();
    writeln!(out, "{:<16} {tenant}", "tenant")?;
    let summary = import_posted(settings.ledger, &tenant, &list, Arc::new(SystemClock)).await?;
    write!(out, "{summary}")?;
    if list.repeated() > 0 {
        writeln!(out, "{:<16} {}", "repeated", entries(list.repeated()))?;
    }
    for name in list.ignored() {
        writeln!(out, "{:<16} the field `{}`", "ignored", OneLine(name))?;
    }
    for bad in list.named() {
        writeln!(out, "{:<16} {bad}", "no hash")?;
    }
    match list.bad() {
        0 => {}
        1 => writeln!(
            out,
            "1 entry is no hash and was not taken over: what it stands for may be posted again"
        )?,
        bad => writeln!(
            out,
            "{bad} entries are no hashes and were not taken over: what they stand for may be posted again"
        )?,
    }
    Ok(code(list.bad() == 0))
}

fn entries(count: u64) -> String {
    if count == 1 {
        "1 entry".to_owned()
    } else {
        format!("{count} entries")
    }
}
