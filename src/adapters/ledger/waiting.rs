//! Opening a ledger whose server is away: it is tried again until it works. Used by `ledger.rs`.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{error::OpenLedgerError, postgres::PostgresLedger};

/// How long a start waits for the first attempt. Longer than connecting may take, so that what no
/// waiting mends is found by then.
const FIRST_ATTEMPT: Duration = Duration::from_secs(8);
/// How long it is waited between attempts, at first and at most.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The same for what a person has to mend.
const FINAL_WAIT: Duration = Duration::from_secs(10);

/// Opens a ledger, and goes on trying until this is dropped.
pub(super) struct Waiting(AbortHandle);

impl Waiting {
    /// Begins, and waits for the first attempt.
    ///
    /// # Errors
    /// It found what no waiting mends.
    pub(super) async fn begin(ledger: &Arc<PostgresLedger>) -> Result<Self, OpenLedgerError> {
        let (found, first) = oneshot::channel();
        let task = tokio::spawn(keep_open(Arc::clone(ledger), found));
        let waiting = Self(task.abort_handle());
        match timeout(FIRST_ATTEMPT, first).await {
            Ok(Ok(error)) => Err(error),
            // It is open, or is tried again.
            Ok(Err(_)) | Err(_) => Ok(waiting),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends `found` the error that ends a start if the first attempt finds one. Drops `found` when
/// that attempt is over.
async fn keep_open(ledger: Arc<PostgresLedger>, found: oneshot::Sender<OpenLedgerError>) {
    let mut found = Some(found);
    let mut told = None;
    let mut wait = SHORTEST_WAIT;
    loop {
        match ledger.prepare().await {
            Ok(()) => {
                if told.take().is_some() {
                    tracing::info!("the ledger is open");
                }
                found = None;
                wait = SHORTEST_WAIT;
                ledger.becomes_unprepared().await;
            }
            Err(error) => {
                let (is_final, cause) = (error.is_final(), error.cause());
                ledger.keep_out(cause.clone());
                if let Some(first) = found.take()
                    && is_final
                    && first.send(error).is_ok()
                {
                    return;
                }
                if told.as_ref() != Some(&cause) {
                    tell(&cause, is_final);
                }
                told = Some(cause);
                sleep(if is_final { FINAL_WAIT } else { wait }).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

fn tell(cause: &str, is_final: bool) {
    if is_final {
        tracing::error!(error = %cause, "the ledger cannot be opened");
    } else {
        tracing::warn!(error = %cause, "the ledger cannot be opened yet: trying again");
    }
}
