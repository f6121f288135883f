//! How each fault is brought about, and mended as the runbook says.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use publisher_sandbox::{Fault, Telegram};
use tokio::{net::TcpStream, time::Instant};

use crate::{
    ledger_cases, model_cases,
    prometheus::Prometheus,
    service::{CALLERS, Row, Stage},
    table::Kind,
};

/// Switches the fault on, waits for its alerts, does what the runbook says, and waits until they are over.
/// Notes an alert that was not to fire.
pub(crate) async fn play(
    stage: &Stage,
    prometheus: &Prometheus,
    false_alarms: &AtomicBool,
) -> Vec<Row> {
    let case = stage.case();
    let playing = async {
        stage.is_warm().await;
        let broken = begin(stage).await;
        let began = now();
        let fired = case.alerts.iter().map(async |alert| {
            let fires = prometheus.fires(case.job, alert).await;
            fires.then(|| began.elapsed())
        });
        let fired = join_all(fired).await;
        mend(stage, broken).await;
        let began = now();
        let over = case.alerts.iter().map(async |alert| {
            let is_over = prometheus.is_over(case.job, alert).await;
            is_over.then(|| began.elapsed())
        });
        let over = join_all(over).await;
        for alert in case.silent {
            let has_fired = prometheus.has_fired(case.job, alert).await;
            if has_fired {
                println!(
                    "{alert} of {} was not to fire:\n{}",
                    case.job,
                    stage.requests().await
                );
                false_alarms.store(true, Ordering::Relaxed);
            }
        }
        let alerts = case.alerts.iter().zip(fired).zip(over);
        let row = |((alert, fired_after), over_after): (
            (&&'static str, Option<Duration>),
            Option<Duration>,
        )| Row {
            fault: case.fault,
            alert,
            fired_after,
            done: case.done,
            over_after,
        };
        alerts.map(row).collect()
    };
    let calling = join_all((0..CALLERS).map(|caller| stage.call(caller)));
    tokio::select! {
        rows = playing => rows,
        _ = calling => panic!("callers go on"),
    }
}

/// What has to be kept until the fault is mended.
enum Broken {
    Nothing,
    Token(String),
    /// Connections that stay, and a limit that is high enough.
    Files(Vec<TcpStream>, u64),
    Lock(ledger_cases::Lock),
}

/// Connections that use up files. Less than what the service lets in at a time.
const STEADY: usize = 200;
/// Everything that is asked of Dropbox.
const DROPBOX: [&str; 6] = [
    "token",
    "list_folder",
    "get_metadata",
    "get_temporary_link",
    "download",
    "upload",
];

async fn begin(stage: &Stage) -> Broken {
    let sandbox = &stage.sandbox;
    let orchestrator = sandbox.orchestrator.switches();
    let away = || Fault::status(503);
    match stage.case().kind {
        Kind::Killed => stage.kill().await,
        Kind::KilledWhileSending => {
            let held = sandbox.telegram.switches().hold("sendPhoto");
            held.arrived(1).await;
            stage.publishes.store(false, Ordering::Relaxed);
            stage.kill().await;
            held.release();
            stage.start_again().await;
        }
        Kind::TokenRefused => {
            stage.strangers.store(true, Ordering::Relaxed);
            let token = sandbox.orchestrator.rotate_service_token();
            sandbox.orchestrator.set_service_tokens(&token, None);
            return Broken::Token(token);
        }
        Kind::OrchestratorAway => {
            // Credentials are kept, but one that is asked for just now is not had.
            stage.stop_publishing().await;
            stage.strangers.store(true, Ordering::Relaxed);
            orchestrator.always("by_host", away());
            orchestrator.always("resolve", away());
        }
        Kind::CredentialsAway => orchestrator.always("resolve", away()),
        Kind::DropboxAway => {
            for operation in DROPBOX {
                sandbox.dropbox.switches().always(operation, away());
            }
        }
        Kind::TelegramRejects => {
            let refusal = Telegram::refusal(400, "Bad Request: not enough rights");
            sandbox.telegram.switches().always("sendPhoto", refusal);
        }
        Kind::AnswerLost => {
            let lost = away().after_processing();
            sandbox.telegram.switches().inject("sendPhoto", lost);
        }
        Kind::LedgerBroken => ledger_cases::rename(stage, "ledger_leases", "away").await,
        Kind::LedgerLocked => return Broken::Lock(ledger_cases::lock(stage).await),
        Kind::BillingAway => {
            orchestrator.always("usage", away());
            stage.analyze().await;
            orchestrator.wait_for_calls("usage", 1).await;
            ledger_cases::age_usage(stage).await;
        }
        Kind::BillingRefuses => {
            orchestrator.always("usage", Fault::status(422));
            stage.analyze().await;
        }
        Kind::ModelEnds => model_cases::end(stage),
        Kind::JobsNotCarriedOut => {
            stage.add_job().await;
            ledger_cases::age_jobs(stage, 10).await;
        }
        Kind::JobMissed => {
            stage.add_job().await;
            ledger_cases::age_jobs(stage, 120).await;
        }
        Kind::FewFiles => {
            // At the limit calls fail, and what they have open is closed: most of what is open must
            // be nothing of theirs.
            let connections = stage.connect(STEADY).await;
            let mut open = stage.open_files().await;
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                open = open.min(stage.open_files().await);
            }
            stage.limit_files(open + open / 10).await; // some for those who look at it
            return Broken::Files(connections, open * 10);
        }
        Kind::LogUnread => {
            stage.leave_unread(true).await;
            stage.floods.store(true, Ordering::Relaxed);
        }
    }
    Broken::Nothing
}

async fn mend(stage: &Stage, broken: Broken) {
    let sandbox = &stage.sandbox;
    match (stage.case().kind, broken) {
        (Kind::Killed, _) => stage.start_again().await,
        (Kind::KilledWhileSending | Kind::AnswerLost, _) => {
            stage.publishes.store(true, Ordering::Relaxed);
        }
        (Kind::TokenRefused, Broken::Token(token)) => stage.write_token(&token),
        (Kind::OrchestratorAway | Kind::CredentialsAway, _) => {
            // A life of a second, which brings the fault about soon, ends again and again.
            sandbox.orchestrator.set_ttl(&stage.tenant.host, Some(600));
            sandbox.orchestrator.switches().clear("by_host");
            sandbox.orchestrator.switches().clear("resolve");
        }
        (Kind::BillingAway, _) => {
            sandbox.orchestrator.switches().clear("usage");
            stage.kill().await;
            stage.start_again().await;
        }
        (Kind::ModelEnds, _) => model_cases::replace(stage),
        (Kind::JobsNotCarriedOut, _) => {
            stage.kill().await;
            stage.start_again_with(&[]).await;
        }
        // It is over by itself.
        (Kind::JobMissed, _) => {}
        (Kind::BillingRefuses, _) => sandbox.orchestrator.switches().clear("usage"),
        (Kind::DropboxAway, _) => {
            for operation in DROPBOX {
                sandbox.dropbox.switches().clear(operation);
            }
        }
        (Kind::TelegramRejects, _) => sandbox.telegram.switches().clear("sendPhoto"),
        (Kind::LedgerBroken, _) => ledger_cases::rename(stage, "away", "ledger_leases").await,
        (Kind::LedgerLocked, Broken::Lock(lock)) => lock.end().await,
        (Kind::FewFiles, Broken::Files(connections, limit)) => {
            stage.limit_files(limit).await;
            drop(connections);
        }
        (Kind::LogUnread, _) => {
            stage.floods.store(false, Ordering::Relaxed);
            stage.leave_unread(false).await;
        }
        _ => panic!("{} was not begun", stage.case().job),
    }
}

/// The time, for the table alone: nothing is held against it.
#[expect(
    clippy::disallowed_methods,
    reason = "Prometheus and the services run on clocks of their own"
)]
fn now() -> Instant {
    Instant::now()
}
