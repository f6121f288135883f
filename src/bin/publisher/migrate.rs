//! `publisher migrate`: a tenant's images and sidecars, copied from one kind of storage to another.

mod options;
mod progress;
mod sides;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use publisher::{
    adapters::{env::Environment, ledger::OpenLedger, storages},
    app::{
        runtime::{
            background_tasks::BackgroundTasks, error_chain::ErrorChain, held_lease::Leases,
            memory_budget::MemoryBudget,
        },
        usecases::migrate_storage::{
            Event, LedgerCounts, MigrateStorage, PublishedBefore, Stopped, Summary,
        },
    },
};

pub(crate) use self::options::Options;
use self::{progress::Progress, sides::Sides};
use crate::{
    Failure,
    clients::Clients,
    logging::{LogSettings, OneLine},
    memory_limit,
    settings::Settings,
};

/// What `publisher migrate --help` ends with.
pub(crate) const HELP: &str = "\
Copies the images of the root, archive, keep and remove folders with their sidecars, byte for byte, checks each copy by
its hash, overwrites nothing, and leaves the source as it is. Can be cut off and run again: it copies only what is
missing. Other files, and sub-folders, are not copied. What the ledger of PUBLISH_LEDGER_URL knows of a copied image it
knows by the hashes of the copy from then on; it may be in use by a service. No ledger is made.

With an orchestrator, --host names the tenant, and the storage that is copied to is the one that its config names: --to
and --to-root can be left out, and may not say otherwise. Without, it is what --to and --to-root say, or else what
STORAGE_PROVIDER and STORAGE_PATHS say. The credential of the storage that is copied from comes from the environment:
DROPBOX_REFRESH_TOKEN, or R2_ACCESS_KEY_ID and so on, as does that of --to.

Exit code 0 if all is there now, 1 if not, 2 if the settings or the options are bad.";

/// Copies what is missing, and prints the outcome.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let mut environment = Environment::from_process();
    LogSettings::read(&mut environment, "info");
    let settings = Settings::read(environment)?;
    let secrets = sides::Secrets::read(&options, settings.upstreams.has_dropbox_app)?;
    let clients = Clients::build(settings.upstreams, settings.service.memory_budget)?;
    let Sides {
        tenant,
        source,
        target,
    } = sides::open(&options, secrets, &clients).await?;
    memory_limit::log_if_less(settings.service.memory_budget);
    let memory = memory_limit::budget_within_limit(settings.service.memory_budget);
    let ledger = settings.service.ledger;
    let ledger = if options.dry_run || ledger.missing_file().is_some() {
        None
    } else {
        Some(OpenLedger::open_beside(ledger, Arc::clone(&clients.clock)).await?)
    };
    let recorder = ledger.as_ref().zip(clients.usage.as_ref());
    let recorder = recorder.map(|(ledger, usage)| {
        usage.recorder.attach(Arc::clone(&ledger.usage));
        Arc::clone(&usage.recorder)
    });
    let tasks = BackgroundTasks::default();
    let published = |ledger: &OpenLedger| PublishedBefore {
        reader: Arc::clone(&ledger.reader),
        leases: Leases {
            ledger: Arc::clone(&ledger.ledger),
            tasks: tasks.clone(),
        },
    };
    let migration = MigrateStorage {
        tenant,
        source,
        target,
        hash_kinds: storages::hash_kinds().into(),
        ledger: ledger.as_ref().map(published),
        memory: MemoryBudget::for_one_tenant(memory),
        dry_run: options.dry_run,
        limit: options.limit,
    };
    let ended = copy(&migration).await;
    drop(migration);
    let has_ledger = ledger.is_some();
    tasks.ended().await;
    if let Some(recorder) = recorder {
        recorder.finish().await;
    }
    if let Some(ledger) = ledger {
        ledger.close().await;
    }
    match ended? {
        Some(Ok(summary)) => end(&summary, options.dry_run, has_ledger),
        Some(Err(stopped)) => {
            tell(&stopped)?;
            Ok(ExitCode::FAILURE)
        }
        None => {
            writeln!(
                io::stderr(),
                "Interrupted. Run it again: it copies only what is missing."
            )?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Copies, and shows how far that is; `None` if it was interrupted.
async fn copy(migration: &MigrateStorage) -> io::Result<Option<Result<Summary, Stopped>>> {
    let progress = Progress::new(migration.dry_run);
    let say = |event: &Event| progress.show(event);
    let ended = tokio::select! {
        ended = migration.run(&say) => Ok(Some(ended)),
        // What is under way ends half-way, as it would with the process.
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| None),
    };
    progress.end();
    ended
}

fn tell(stopped: &Stopped) -> io::Result<()> {
    let why = ErrorChain(stopped).to_string();
    writeln!(
        io::stderr(),
        "{}\nStopped. Run it again when that is mended: it copies only what is missing.",
        OneLine(why)
    )
}

fn end(summary: &Summary, dry_run: bool, has_ledger: bool) -> Result<ExitCode, Failure> {
    let mut out = io::stdout();
    let copied = if dry_run { "to be copied" } else { "copied" };
    for (what, counts) in [("images", summary.images), ("sidecars", summary.sidecars)] {
        writeln!(
            out,
            "{what:<9} {} {copied}, {} there already, {} different, {} failed, {} left by --limit",
            counts.copied, counts.present, counts.different, counts.failed, counts.left
        )?;
    }
    writeln!(out, "{:<9} {} {copied}", "bytes", summary.bytes)?;
    let LedgerCounts {
        written,
        known,
        in_use,
    } = summary.ledger;
    match (dry_run, has_ledger) {
        (true, _) => {}
        (false, true) => writeln!(
            out,
            "{:<9} {written} images known by more hashes now, {known} known by all already, {in_use} in use by a service",
            "ledger"
        )?,
        (false, false) => writeln!(
            out,
            "{:<9} there is none at PUBLISH_LEDGER_URL: nothing was written into it",
            "ledger"
        )?,
    }
    if summary.is_complete() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "Not everything is at the target and known by the ledger: what is different or has failed is named above, and is still at the source. What a \
         service had in use another run can finish."
    )?;
    Ok(ExitCode::FAILURE)
}
