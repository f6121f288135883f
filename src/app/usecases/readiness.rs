//! Readiness: whether this process can serve tenants. In both modes the ledger must answer: without it, nothing is
//! published.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    app::runtime::{
        error_chain::ErrorChain,
        refreshing_cache::RefreshingCache,
        single_flight::Aborted,
        timed_cache::{Loaded, TimedCache},
    },
    domain::{host::Host, request_id::RequestId},
    ports::{Clock, ConfigSourceError, LedgerReader, TenantConfigSource},
};

/// How long an answer is cached, so that probes do not load an orchestrator that is down.
const CACHED_FOR: Duration = Duration::from_secs(5);
/// How long the orchestrator may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// The limit of both probes together, with some slack.
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// How long the ledger may take: shorter, so that it is named where both fail.
const LEDGER_LIMIT: Duration = Duration::from_millis(1_500);

/// The source of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// One tenant from the environment.
    Standalone,
    /// The orchestrator.
    Orchestrated {
        /// The host of the probe: any host under the base domain, not necessarily a tenant's. `None`: the orchestrator
        /// is not probed.
        probe_host: Option<Host>,
    },
}

/// Why this process cannot serve tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The orchestrator does not answer.
    #[error("the orchestrator does not answer")]
    OrchestratorUnavailable,
    /// The orchestrator refuses our service token.
    #[error("the orchestrator refuses the service token")]
    OrchestratorUnauthorized,
    /// The ledger does not answer.
    #[error("the ledger does not answer")]
    LedgerUnavailable,
    /// The process received SIGTERM or SIGINT.
    #[error("the process is shutting down")]
    ShuttingDown,
}

impl From<Aborted> for NotReady {
    fn from(_: Aborted) -> Self {
        Self::OrchestratorUnavailable
    }
}

/// Checks whether this process can serve tenants.
pub struct CheckReadiness {
    mode: Mode,
    source: Arc<dyn TenantConfigSource>,
    ledger: Arc<dyn LedgerReader>,
    is_ending: AtomicBool,
    cached: RefreshingCache<(), Result<(), NotReady>, NotReady>,
}

impl CheckReadiness {
    /// A use case that probes `ledger`, and `source` where the mode asks for it.
    #[must_use]
    pub fn new(
        mode: Mode,
        source: Arc<dyn TenantConfigSource>,
        ledger: Arc<dyn LedgerReader>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let cached = TimedCache::uncounted(1, clock);
        Self {
            mode,
            source,
            ledger,
            is_ending: AtomicBool::new(false),
            cached: RefreshingCache::new(cached, CALL_LIMIT),
        }
    }

    /// The source of tenants.
    #[must_use]
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Makes the process not ready from now on.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Whether tenants can be served. Probes at most once in five seconds.
    ///
    /// # Errors
    /// [`NotReady`].
    pub async fn run(&self, request_id: &RequestId) -> Result<(), NotReady> {
        if self.is_ending.load(Ordering::Relaxed) {
            return Err(NotReady::ShuttingDown);
        }
        let probe = |_| {
            let (mode, source) = (self.mode.clone(), Arc::clone(&self.source));
            let (ledger, request_id) = (Arc::clone(&self.ledger), request_id.clone());
            async move {
                let ledger = ask_ledger(&*ledger, &request_id);
                let source = ask_source(&mode, &*source, &request_id);
                let both = async { tokio::join!(ledger, source) };
                let answer = match tokio::time::timeout(PROBE_LIMIT, both).await {
                    Ok((ledger, source)) => ledger.and(source),
                    Err(_) => Err(NotReady::OrchestratorUnavailable),
                };
                Ok(Loaded::new(answer, CACHED_FOR))
            }
        };
        self.cached.get(&(), probe).await?
    }
}

async fn ask_ledger(ledger: &dyn LedgerReader, request_id: &RequestId) -> Result<(), NotReady> {
    match tokio::time::timeout(LEDGER_LIMIT, ledger.probe()).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => tracing::warn!(%request_id, error = %ErrorChain(&error), "not ready"),
        Err(_) => tracing::warn!(%request_id, "not ready: the ledger did not answer in time"),
    }
    Err(NotReady::LedgerUnavailable)
}

async fn ask_source(
    mode: &Mode,
    source: &dyn TenantConfigSource,
    request_id: &RequestId,
) -> Result<(), NotReady> {
    let Mode::Orchestrated {
        probe_host: Some(probe_host),
    } = mode
    else {
        return Ok(());
    };
    source.probe(probe_host, request_id).await.map_err(|error| {
        tracing::warn!(%request_id, error = %ErrorChain(&error), "not ready");
        match error {
            ConfigSourceError::Unauthorized(_) => NotReady::OrchestratorUnauthorized,
            _ => NotReady::OrchestratorUnavailable,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{LedgerError, MockClock, MockLedgerReader, MockTenantConfigSource};

    fn readiness(source: MockTenantConfigSource) -> CheckReadiness {
        let mut clock = MockClock::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "the paused clock of the test runtime"
        )]
        clock
            .expect_now()
            .returning(|| tokio::time::Instant::now().into_std());
        let probe_host = Host::normalize("healthcheck.example.org").ok();
        let mode = Mode::Orchestrated { probe_host };
        let ledger = Arc::new(ledger(true));
        CheckReadiness::new(mode, Arc::new(source), ledger, Arc::new(clock))
    }

    fn ledger(answers: bool) -> MockLedgerReader {
        let mut ledger = MockLedgerReader::new();
        ledger.expect_probe().returning(move || {
            let failed = || LedgerError::Unavailable("the disk is gone".into());
            answers.then_some(()).ok_or_else(failed)
        });
        ledger
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_five_seconds() {
        let mut source = MockTenantConfigSource::new();
        source
            .expect_probe()
            .times(2)
            .returning(|_, _| Err(ConfigSourceError::Unauthorized("403".into())));
        let readiness = readiness(source);
        let id = RequestId::from_caller("id").unwrap();
        for _ in 0..3 {
            assert_eq!(
                readiness.run(&id).await,
                Err(NotReady::OrchestratorUnauthorized)
            );
        }
        tokio::time::advance(CACHED_FOR).await;
        assert!(readiness.run(&id).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_ends_is_not_ready_whatever_was_known() {
        let mut source = MockTenantConfigSource::new();
        source.expect_probe().times(1).returning(|_, _| Ok(()));
        let readiness = readiness(source);
        let id = RequestId::from_caller("id").unwrap();
        assert_eq!(readiness.run(&id).await, Ok(()));
        readiness.end();
        assert_eq!(readiness.run(&id).await, Err(NotReady::ShuttingDown));
    }

    #[tokio::test]
    async fn no_orchestrator_is_asked_where_there_is_none_or_its_answer_is_not_required() {
        let not_required = Mode::Orchestrated { probe_host: None };
        for mode in [Mode::Standalone, not_required] {
            let mut source = MockTenantConfigSource::new();
            source.expect_probe().never();
            let readiness = CheckReadiness {
                mode,
                ..readiness(source)
            };
            let id = RequestId::from_caller("id").unwrap();
            assert_eq!(readiness.run(&id).await, Ok(()), "{:?}", readiness.mode);
            readiness.end();
            assert_eq!(readiness.run(&id).await, Err(NotReady::ShuttingDown));
        }
    }

    #[tokio::test]
    async fn a_ledger_that_does_not_answer_is_told_in_both_modes() {
        for mode in [None, Some(Mode::Standalone)] {
            let mut source = MockTenantConfigSource::new();
            source.expect_probe().returning(|_, _| Ok(()));
            let readiness = readiness(source);
            let readiness = CheckReadiness {
                mode: mode.unwrap_or_else(|| readiness.mode.clone()),
                ledger: Arc::new(ledger(false)),
                ..readiness
            };
            let answer = readiness.run(&RequestId::from_caller("id").unwrap()).await;
            assert_eq!(answer, Err(NotReady::LedgerUnavailable));
        }
    }
}
