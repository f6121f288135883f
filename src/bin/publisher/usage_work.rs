//! The background work that reports what tenants use, from the start of the service to its end. For `main`.

use std::{sync::Arc, time::Duration};

use publisher::{
    app::{runtime::usage_recorder::UsageRecorder, usecases::report_usage::ReportUsage},
    ports::UsageOutbox,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::clients::UsageClients;

/// How long the end may take: what is being sent has a second, and the ledger is written.
const END_LIMIT: Duration = Duration::from_secs(5);

/// The sender at work.
pub(crate) struct UsageWork {
    recorder: Arc<UsageRecorder>,
    end: CancellationToken,
    running: JoinHandle<()>,
}

impl UsageWork {
    /// Lets the recorder write to the outbox, and begins to send what is in it.
    pub(crate) fn begin(clients: UsageClients, outbox: &Arc<dyn UsageOutbox>) -> Self {
        let UsageClients {
            recorder,
            reporter,
            outbox_max,
        } = clients;
        recorder.attach(Arc::clone(outbox));
        let end = CancellationToken::new();
        let report = ReportUsage::new(
            Arc::clone(outbox),
            reporter,
            Arc::clone(&recorder),
            outbox_max,
        );
        let running = report.run(end.clone());
        Self {
            running: tokio::spawn(running),
            recorder,
            end,
        }
    }

    /// Where use is recorded.
    pub(crate) fn recorder(&self) -> Arc<UsageRecorder> {
        Arc::clone(&self.recorder)
    }

    /// Ends the sender, and writes what waits in memory. Called once nothing is recorded any more, before the ledger is
    /// closed.
    pub(crate) async fn end(self) {
        self.end.cancel();
        let ended = timeout(END_LIMIT, async {
            self.recorder.finish().await;
            self.running.await
        });
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the sender of usage events has failed"),
            Err(_) => tracing::warn!("usage events were not written in time"),
        }
    }
}
