//! From listening to the end: the service runs until it receives SIGTERM or SIGINT, finishes what it has
//! begun, and closes the ledger. `docs/decisions/0008-serving-and-ending.md` says why in this order.

use std::{io, process::ExitCode, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{Service, server::Listening};

/// How long closing the ledger may take: by then there is hardly anything left to be written.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// How long ending takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShutdownTimes {
    /// From the signal until unfinished work is cut off.
    pub(crate) drain_timeout: Duration,
    /// The beginning of that, in which new connections are still accepted, so that load balancers can read the
    /// readiness first. Shorter than the drain timeout.
    pub(crate) pre_stop_delay: Duration,
}

impl Service {
    /// Serves until `shutdown_signal`, and drains: ends with success if all work is finished.
    pub(crate) async fn run(
        self,
        listening: Listening,
        shutdown_signal: impl Future<Output = ()>,
    ) -> ExitCode {
        let Self {
            listen: _,
            connections: limits,
            shutdown,
            memory_budget: _,
            routes,
            readiness,
            listings,
            work,
            ledger,
            sweeper,
            usage,
            jobs,
        } = self;
        tokio::spawn(ledger.watch());
        let drain = async {
            shutdown_signal.await;
            readiness.end();
            listings.close();
            jobs.end_claiming();
        };
        let connections = listening
            .serve(routes, limits, drain, shutdown.pre_stop_delay)
            .await;
        // Work goes on when its caller has disconnected, so it is waited for by itself.
        let finished = async {
            connections.ended().await;
            work.ended().await;
        };
        let left = shutdown
            .drain_timeout
            .saturating_sub(shutdown.pre_stop_delay);
        let is_finished = timeout(left, finished).await.is_ok();
        if !is_finished {
            tracing::warn!(
                requests = connections.requests(),
                work = work.count(),
                "the drain timeout is over: what still runs is cut off"
            );
            work.report_unwritten();
        }
        sweeper.abort();
        jobs.ended().await;
        if let Some(usage) = usage {
            usage.end().await;
        }
        let is_closed = timeout(CLOSE_LIMIT, ledger.close()).await.is_ok();
        if !is_closed {
            tracing::warn!("the ledger did not close in time");
        }
        tracing::info!("ended");
        if is_finished && is_closed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Logs and ignores SIGHUP from now on: by default it would end the process, and its sender wants settings to be
/// read again.
///
/// # Errors
/// The handler cannot be installed.
pub(crate) fn ignore_hangups() -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            tracing::warn!(
                "received SIGHUP, which has no effect: settings are read at the start; restart the service \
                 to have them read again"
            );
        }
    });
    Ok(())
}

/// SIGTERM and SIGINT, caught from now on.
pub(crate) struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl ShutdownSignals {
    /// Starts to catch them.
    ///
    /// # Errors
    /// A handler cannot be installed.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them. The next one ends the process at once.
    pub(crate) async fn wait(mut self) {
        let signal = self.next().await;
        tracing::info!(signal, "received signal, draining");
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!(signal, "received a second signal: ending at once");
            crate::logging::flush();
            std::process::exit(1);
        });
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
